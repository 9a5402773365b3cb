//! Tuples, patterns, names and other forms of schemas, as programs use them.

use super::{files, golden::*, keeps_unchanged, refuses, sends_unchanged};

#[test]
fn tuples_of_every_length_accept_what_their_schema_accepts() {
    use tuple_shapes::Model;
    sends_unchanged::<Model>(&[
        r#"{"single":[1]}"#,
        r#"{"empty":[]}"#,
        r#"{"matrix":[1.0,2.0,3.0,4.0,5.0,6.0,7.0,8.0,9.0,10.0,11.0,12.0,13.0]}"#,
        r#"{"open":[]}"#,
        r#"{"open":[1]}"#,
        r#"{"open":[1,"a",2,null,{"b":[]}]}"#,
        r#"{"closed":[1,"a"]}"#,
        r#"{"half":[1]}"#,
        r#"{"rest":["a"]}"#,
        r#"{"rest":["a",1,2]}"#,
        r#"{"few":["a","bb","cc"]}"#,
        r#"{"older":[1,null]}"#,
        r#"{"nested":[[1,"a"],"b"]}"#,
        r#"{"rules":["ab",5,"abc"]}"#,
        r#"{"rules":["ab",5,null]}"#,
        r#"{"tree":{"value":1,"children":[{"value":2},{"value":3}]}}"#,
    ]);
    refuses::<Model>(&[
        (r#"{"single":1}"#, "invalid type"),
        (r#"{"single":[1,2]}"#, "trailing"),
        (r#"{"empty":[1]}"#, "Empty has too many items"),
        (r#"{"matrix":[1.0]}"#, "too few items: 1"),
        (r#"{"open":["a"]}"#, "invalid type"),
        (r#"{"closed":[1,"a",2]}"#, "Closed has too many items"),
        (r#"{"half":[]}"#, "too few items: 0"),
        (r#"{"rest":["a","b"]}"#, "invalid type"),
        (r#"{"few":["a"]}"#, "must have 1 to 2 items after the first 1"),
        (r#"{"few":["a","b","c","d"]}"#, "must have 1 to 2 items after the first 1"),
        (
            r#"{"few":["a","b","ccc"]}"#,
            "body.few.2: `few` of acme/tuple-shapes must have at most 2 characters",
        ),
        (
            r#"{"rules":["abc",5,null]}"#,
            "body.rules.0: `rules` of acme/tuple-shapes must have at most 2 characters",
        ),
        (r#"{"rules":["ab",6,null]}"#, "must be at most 5, not 6"),
        (r#"{"rules":["ab",5,"b"]}"#, "body.rules.2: `rules` of acme/tuple-shapes must match `^a`"),
    ]);
    keeps_unchanged::<Model>(&[r#"{"single":[1],"open":[1],"rest":["a",1],"pair":[1,null]}"#]);
    assert_eq!(
        files::<Model>(r#"{"pair_urls":["a:1","a:2"],"layer_urls":[["b:1","b:2","b:3"],["c:1"]]}"#),
        ["a:1", "a:2", "b:1", "b:2", "b:3", "c:1"]
    );
}

#[test]
fn an_item_after_an_absent_one_cannot_be_written() {
    let list = tuple_shapes::Half(1.into(), Some("a".to_owned()));
    assert_eq!(serde_json::to_string(&list).unwrap(), r#"[1,"a"]"#);
    let list = tuple_shapes::Open(None, Some("a".to_owned()), Vec::new());
    assert!(serde_json::to_string(&list).unwrap_err().to_string().contains("follows one that is absent"));
}

#[test]
fn patterns_of_several_languages_are_checked() {
    use pattern_dialects::Model;
    sends_unchanged::<Model>(&[
        r#"{"letters":"žluť","word":"é_1","price":"1.50","password":"abC1","python":"ab"}"#,
        r#"{"middle":"ab","broken":"A"}"#,
        r#"{"video_url":"https://a.b/c","image_urls":["https://a.b/c.png"]}"#,
    ]);
    refuses::<Model>(&[
        (r#"{"letters":"a1"}"#, r"must match `^\p{L}+$`"),
        (r#"{"word":"a-b"}"#, "body.word"),
        (r#"{"price":"."}"#, "body.price"),
        (r#"{"price":"1.2.3"}"#, "body.price"),
        (r#"{"password":"abc1"}"#, "body.password"),
        (r#"{"python":"abc"}"#, "body.python"),
        (
            r#"{"video_url":"ftp://a.b/c"}"#,
            "body.video_url: `video_url` of acme/pattern-dialects must match `^https://`",
        ),
        (r#"{"image_urls":["https://a.b/c.png","https://a.b/c"]}"#, "body.image_urls.1"),
    ]);
}

#[test]
fn schemas_in_other_forms_mean_the_same() {
    use schema_forms::Model;
    sends_unchanged::<Model>(&[
        r#"{"anything":[1,{"a":null}],"implied":{"a":1},"either":"abc","slashed":{"v":1},"listed":[1]}"#,
        r#"{"either":1,"defined":{"w":1},"inside":{"size":1},"strict":{"name":"a","age":1},"short":"abcd","fraction":3}"#,
    ]);
    refuses::<Model>(&[
        (r#"{"implied":{}}"#, "missing field `a`"),
        (r#"{"either":"abcd"}"#, "at most 3 characters"),
        (r#"{"either":0}"#, "matches no form"),
        (r#"{"slashed":{}}"#, "missing field `v`"),
        (r#"{"defined":{}}"#, "missing field `w`"),
        (r#"{"inside":{}}"#, "missing field `size`"),
        (r#"{"strict":{"name":"a"}}"#, "missing field `age`"),
        (r#"{"short":"a"}"#, "must have 2 to 4 characters"),
        (r#"{"short":"abcde"}"#, "must have 2 to 4 characters"),
        (r#"{"fraction":0}"#, "must be between 1 and 3, not 0"),
    ]);
    keeps_unchanged::<Model>(&[r#"{"anything":1,"whole":{"part":{"size":1}}}"#]);
}

#[test]
fn names_of_generated_code_are_no_obstacle() {
    use names_of_generated_code::Model;
    sends_unchanged::<Model>(&[concat!(
        r#"{"object":1,"object_":2,"key":3,"key_":4,"optional":5,"optional_":6,"builder":7,"a":"x","s":1,"d":{"x":1},"#,
        r#""slot":{"x":1},"time":{"x":2},"mode":"Self","pick":{"y":"a"},"c_hasa":{"x":3}}"#
    )]);
}
