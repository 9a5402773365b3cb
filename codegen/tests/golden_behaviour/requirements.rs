//! Rules about the parameters that an input has together.

use fal_core::input;

use super::{golden::requirements, sent};

#[test]
fn inputs_keep_the_rules_about_their_parameters() {
    for text in [
        r#"{"prompt":"a cat"}"#,
        r#"{"prompt":null,"shots":["a cat"]}"#,
        r#"{"prompt":"a cat","image_url":"https://a.b/c","mask_url":"https://a.b/d"}"#,
        r#"{"prompt":"a cat","follow":false}"#,
        r#"{"prompt":"a cat","follow":true,"path":[0.5]}"#,
    ] {
        assert_eq!(sent::<requirements::Model>(text), Ok(text.to_owned()));
    }
    for (text, message) in [
        (r"{}", "Exactly one of `prompt` and `shots` must be given for acme/requirements, and none is"),
        (
            r#"{"prompt":null}"#,
            "Exactly one of `prompt` and `shots` must be given for acme/requirements, and none is",
        ),
        (
            r#"{"prompt":"a cat","shots":[]}"#,
            "Exactly one of `prompt` and `shots` must be given for acme/requirements, not 2",
        ),
        (
            r#"{"prompt":"a cat","mask_url":"https://a.b/d"}"#,
            "`image_url` is required if `mask_url` is given for acme/requirements",
        ),
        (
            r#"{"prompt":"a cat","follow":true}"#,
            "`path` is required if `follow` is `true` for acme/requirements",
        ),
        (
            r#"{"prompt":"a cat","image_url":"https://a.b/c","mask_url":"https://a.b/d","path":[]}"#,
            "`mask_url` and `path` cannot be given together for acme/requirements",
        ),
    ] {
        assert_eq!(sent::<requirements::Model>(text), Err(format!("body: {message}")), "{text}");
    }
}

#[test]
fn several_broken_rules_are_reported_at_once() {
    let input = input!(requirements { mask_url: "https://a.b/d", path: [1.0] });
    assert_eq!(input.validate().unwrap_err().as_slice().len(), 3);
}
