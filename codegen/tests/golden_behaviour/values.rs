//! Null, absent fields and integers, as programs use them.

use super::{golden::*, keeps_unchanged, received, refuses, sends_unchanged, sent};
use fal_core::Nullable;

#[test]
fn null_and_absent_differ_where_null_switches_a_default_off() {
    use tri_state::{Input, Model};
    sends_unchanged::<Model>(&[
        r#"{"folder":null}"#,
        r#"{"copies":null,"border":null,"paper":null,"folder":"a"}"#,
        r#"{"copies":2,"border":0.0,"paper":"matte","caption":"c","folder":"a"}"#,
        r#"{"caption":null,"folder":null}"#,
    ]);
    refuses::<Model>(&[
        ("{}", "missing field `folder`"),
        (r#"{"border":21,"folder":null}"#, "must be between 0.0 and 20.0, not 21"),
        (r#"{"paper":"thin","folder":null}"#, "`thin` is not allowed here"),
    ]);
    let input = |builder: fn(tri_state::Builder<Option<String>>) -> tri_state::Builder<Option<String>>| {
        serde_json::to_string(&builder(Input::builder().folder(None)).build()).unwrap()
    };
    assert_eq!(input(|builder| builder), r#"{"folder":null}"#);
    assert_eq!(input(|builder| builder.copies(Nullable::Null)), r#"{"copies":null,"folder":null}"#);
    assert_eq!(input(|builder| builder.copies(3)), r#"{"copies":3,"folder":null}"#);
    assert_eq!(input(|builder| builder.copies(None::<i64>)), r#"{"folder":null}"#);
    keeps_unchanged::<Model>(&[r#"{"copies":null,"folder":null}"#, r#"{"folder":null}"#]);
}

#[test]
fn null_is_taken_wherever_the_schema_has_it() {
    use null_values::Model;
    sends_unchanged::<Model>(&[
        r#"{"mode":"a"}"#,
        r#"{"labels":[null,"x"],"size":"s","mode":null}"#,
        r#"{"size":3,"box":{"width":1},"mode":"b","nothing":null}"#,
        r#"{"label":null,"size":null,"box":null,"mode":null}"#,
        r#"{"mode":"a","joined":null,"short":null}"#,
        r#"{"mode":"a","free":null}"#,
        r#"{"mode":"a","free":1}"#,
        r#"{"mode":"a","free":[null]}"#,
        r#"{"mode":"a","joined":{"width":1,"depth":2},"short":"abc"}"#,
    ]);
    refuses::<Model>(&[
        (r#"{"mode":"c"}"#, "`c` is not allowed here"),
        ("{}", "missing field `mode`"),
        (r#"{"mode":"a","nothing":1}"#, "expected unit"),
        (r#"{"mode":"a","short":"abcdef"}"#, "must have 1 to 5 characters, not 6"),
    ]);
    keeps_unchanged::<Model>(&[
        r#"{"anything":null,"kind":null,"box":null}"#,
        r#"{"anything":[1],"kind":"a","box":{"width":2},"inner":{"note":null,"count":null}}"#,
        r#"{"anything":{},"kind":"new","box":null,"label":"l","inner":{"note":"n","count":2}}"#,
        r#"{"anything":1,"kind":"new","box":null,"label":null,"inner":{}}"#,
        r#"{"anything":1,"kind":"a","box":null,"joined":null,"loose":null}"#,
        r#"{"anything":1,"kind":"a","box":null,"free":null}"#,
        r#"{"anything":1,"kind":"a","box":null,"free":"f"}"#,
    ]);
    assert!(
        received::<Model>(r#"{"kind":"a","box":null}"#).unwrap_err().contains("missing field `anything`")
    );
}

#[test]
fn a_reply_can_be_null() {
    use nullable_reply::Model;
    keeps_unchanged::<Model>(&["null", r#"{"width":1}"#]);
    assert!(received::<Model>("{}").unwrap_err().contains("missing field `width`"));
}

#[test]
fn integers_have_the_size_that_their_bounds_need() {
    use wide_integers::Model;
    sends_unchanged::<Model>(&[
        r#"{"seed":18446744073709551615,"written_as_float":18446744073709551615,"signed":-1,"even":10}"#,
        r#"{"signed":18446744073709551615,"between":1,"seeds":[0,9223372036854775808],"half":3}"#,
        r#"{"between":3,"points":"p"}"#,
    ]);
    assert_eq!(
        sent::<Model>(r#"{"seeds":[257.0],"points":[-999,257.0]}"#).unwrap(),
        r#"{"seeds":[257],"points":[-999,257]}"#
    );
    refuses::<Model>(&[
        (r#"{"seed":-1}"#, "must be between 0 and 18446744073709551615, not -1"),
        (r#"{"signed":-2}"#, "must be between -1 and 18446744073709551615, not -2"),
        (r#"{"signed":1.5}"#, "expected an integer"),
        (r#"{"even":11}"#, "and a multiple of 2"),
        (r#"{"even":8}"#, "between 10 and 10000000000000000000"),
        (r#"{"between":0}"#, "must be between 1 and 3, not 0"),
        (r#"{"between":4}"#, "must be between 1 and 3, not 4"),
    ]);
    keeps_unchanged::<Model>(&[r#"{"seed":18446744073709551615}"#]);
}

#[test]
fn integers_without_bounds_are_read_and_written_without_loss() {
    use wide_integers::Model;
    let large = r#"{"any":18446744073709551615,"least":18446744073709551615,"map":{"a":18446744073709551615},"pair":[18446744073709551615,""],"mixed":{"a":-9223372036854775808}}"#;
    sends_unchanged::<Model>(&[large, r#"{"any":1e+300}"#]);
    let floats =
        r#"{"any":1e3,"least":257.0,"map":{"a":1.8446744073709552e19},"pair":[-0.0,""],"mixed":{"a":28.0}}"#;
    assert_eq!(
        sent::<Model>(floats).unwrap(),
        r#"{"any":1000,"least":257,"map":{"a":1.8446744073709552e+19},"pair":[0,""],"mixed":{"a":28}}"#
    );
    refuses::<Model>(&[
        (r#"{"any":1.5}"#, "expected an integer"),
        (r#"{"least":0}"#, "must be at least 1, not 0"),
        (r#"{"map":{"a":0.5}}"#, "expected an integer"),
        (r#"{"pair":[0.5,""]}"#, "expected an integer"),
        (r#"{"mixed":{"a":0.5}}"#, "matches no form of Mixed"),
    ]);
    keeps_unchanged::<Model>(&[
        r#"{"any":18446744073709551615,"pair":[18446744073709551615,"a"],"map":{"a":-1},"mixed":{"a":18446744073709551615},"seeds":[null,18446744073709551615]}"#,
    ]);
    let read = received::<Model>(
        r#"{"any":257.0,"pair":[1e3,"a"],"map":{"a":2.0},"mixed":{"a":3.0},"seeds":[4.0]}"#,
    );
    assert_eq!(read.unwrap(), r#"{"any":257,"pair":[1000,"a"],"map":{"a":2},"mixed":{"a":3},"seeds":[4]}"#);
    assert!(received::<Model>(r#"{"any":0.5}"#).is_err());
}

#[test]
fn null_items_are_kept_in_lists_and_maps() {
    use nullable_items::Model;
    sends_unchanged::<Model>(&[
        r#"{"values":[1.0,null],"names":[null,"a"],"labels":{"a":1,"b":null}}"#,
        r#"{"values":[]}"#,
    ]);
    refuses::<Model>(&[
        (r#"{"values":null}"#, "invalid type: null"),
        (r#"{"values":[],"names":[null,""]}"#, "body.names.1: "),
    ]);
    keeps_unchanged::<Model>(&[r#"{"values":[null,2.0]}"#]);
}

#[test]
fn a_tag_with_a_default_may_be_absent_outside_of_its_union() {
    use default_tags::{Input, Model, Pet};
    sends_unchanged::<Model>(&[
        r#"{"pet":{"kind":"cat"},"cats":[{"lives":1},{"kind":"cat","lives":2},{}]}"#,
        r#"{"pet":{"kind":"dog","name":"Rex"}}"#,
    ]);
    refuses::<Model>(&[
        (r#"{"pet":{"lives":1}}"#, "matches no form of Pet"),
        (r#"{"pet":{"kind":"cat"},"cats":[{"kind":"dog"}]}"#, "is not the value of `kind`"),
    ]);
    // The union writes the tag of an object that was read without it.
    let cat = serde_json::from_str(r#"{"lives":1}"#).unwrap();
    let input = Input::builder().pet(Pet::Cat(cat)).build();
    let written = serde_json::to_value(&input).unwrap();
    assert_eq!(written, serde_json::json!({ "pet": { "kind": "cat", "lives": 1 } }));
}

#[test]
fn secrets_are_sent_and_not_shown() {
    use secrets::{Input, Output, types::Proxy};
    let proxy = Proxy::builder().host("example.com").secret("hunter2").extra("key", "hunter2").build();
    let builder =
        Input::builder().user("me").password("correct horse").token("hunter2").pin(4711).proxy(proxy);
    assert_eq!(format!("{builder:?}"), "Builder { .. }");
    let input = builder.build();
    assert_eq!(
        serde_json::to_value(&input).unwrap(),
        serde_json::json!({
            "user": "me", "password": "correct horse", "token": "hunter2", "pin": 4711,
            "proxy": { "host": "example.com", "secret": "hunter2", "key": "hunter2" },
        })
    );
    let shown = format!("{input:?}");
    let pair: Input = serde_json::from_str(r#"{"user":"","password":"","pair":[1,"hunter2"]}"#).unwrap();
    assert!(!format!("{pair:?}").contains("hunter2"), "{pair:?}");
    for secret in ["correct horse", "hunter2", "4711"] {
        assert!(!shown.contains(secret), "{shown}");
    }
    assert!(shown.contains(r#"user: "me", password: "***", token: Some("***"), codes: None"#), "{shown}");
    let short = Input::builder().user("me").password("hunter2").build().validate().unwrap_err();
    assert!(short.to_string().contains("must have at least 8 characters, not 7"), "{short}");
    assert!(!format!("{short:?}").contains("hunter2"), "{short:?}");
    let output: Output = serde_json::from_str(r#"{"id":"1","cookie":"hunter2"}"#).unwrap();
    assert!(
        format!("{output:?}").starts_with(r#"Output { id: Some("1"), cookie: Some("***")"#),
        "{output:?}"
    );
}
