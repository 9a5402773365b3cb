//! Bodies of every size and form, with planted secrets.

use std::error::Error as _;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::redact::SecretStore;

const KEY: &str = "0a1b2c3d-key-id:PLANTED-half-of-the-key";

fn secrets() -> Secrets {
    let store = SecretStore::default();
    store.remember_header(&HeaderValue::try_from(format!("Key {KEY}")).unwrap());
    store.get()
}

fn refused(status: u16, headers: &[(&'static str, &str)], body: impl Into<Bytes>) -> Error {
    let headers: HeaderMap =
        headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
    Error::from_response(StatusCode::from_u16(status).unwrap(), &headers, body.into()).hide(&secrets())
}

/// Returns everything that an app may print of an error.
fn printed(error: &Error) -> Vec<String> {
    let mut texts = vec![format!("{error}"), format!("{error:?}"), format!("{error:#?}")];
    texts.push(format!("{:?} {:?}", error.kind(), error.headers()));
    texts.push(format!("{:#?}", error.kind()));
    if let ErrorKind::Validation(fields) = error.kind() {
        texts.extend(fields.iter().take(3).map(|field| format!("{field:?} {field:#?}")));
    }
    let mut source = error.source();
    while let Some(cause) = source {
        texts.push(format!("{cause} {cause:?}"));
        source = cause.source();
    }
    texts
}

fn assert_printable(error: &Error) {
    let line = error.to_string();
    assert!(!line.contains(['\n', '\r']), "{line}");
    for text in printed(error) {
        assert!(text.len() <= 4000, "{} bytes: {}", text.len(), &text[..500]);
        assert!(!text.contains("PLANTED"), "{text}");
    }
    for text in [line, format!("{error:?}"), format!("{error:#?}")] {
        assert!(text.len() <= 2000, "{} bytes", text.len());
    }
}

#[test]
fn refusal_that_repeats_an_input_of_any_size_keeps_its_type_field_and_body() {
    for size in [1_000, 700_000, 1_100_000, 3_000_000] {
        let content = "iVBOR".repeat(size / 5);
        let body = format!(
            r#"{{"detail":[{{"loc":["body","image_urls",0],"msg":"The images provided are refused",
            "type":"content_policy_violation","input":"data:image/png;base64,{content}"}}]}}"#
        );
        // Also when the answer breaks off within the input.
        for end in [body.len(), body.len() - 10] {
            let body = Bytes::copy_from_slice(&body.as_bytes()[..end]);
            let error = refused(422, &[("x-fal-request-id", "r1")], body.clone());
            assert_eq!(error.body(), Some(&body));
            assert_eq!(
                (error.error_type(), error.request_id()),
                (Some("content_policy_violation"), Some("r1"))
            );
            let ErrorKind::Validation(fields) = error.kind() else { panic!("{error:?}") };
            assert_eq!(fields[0].path, "body.image_urls.0");
            assert_printable(&error);
        }
    }
}

#[test]
fn many_refused_parameters_are_still_one_short_line() {
    let detail: Vec<_> =
        (0..2000).map(|index| json!({"loc": ["body", index], "msg": "no", "type": "t"})).collect();
    let error = refused(422, &[], json!({"detail": detail}).to_string());
    assert!(matches!(error.kind(), ErrorKind::Validation(fields) if fields.len() == 2000));
    assert!(error.to_string().ends_with(" more"), "{error}");
    assert_printable(&error);
}

#[test]
fn echoed_key_is_removed_from_everything_but_the_body() {
    let half = KEY.split_once(':').unwrap().1;
    for (status, body) in [
        (401, json!({"detail": format!("bad key Key {KEY}")})),
        (403, json!({"detail": format!("User is locked. Reason: {half}")})),
        (
            422,
            json!({"detail": [{"loc": ["body", KEY], "msg": KEY, "type": half, "input": {"a": [KEY], KEY: 1}, "ctx": KEY}]}),
        ),
        (500, json!({"error": {"message": KEY, "type": KEY, "request_id": KEY}})),
        (500, json!({"x": KEY})),
        (500, json!(KEY)),
    ] {
        let body = Bytes::from(body.to_string());
        let error = refused(status, &[("x-fal-error-type", KEY), ("x-echo", KEY)], body.clone());
        assert_printable(&error);
        assert!(
            !error.message().contains("PLANTED")
                && !error.error_type().unwrap_or_default().contains("PLANTED")
        );
        if let ErrorKind::Validation(fields) = error.kind() {
            assert!(!format!("{:?}", (&fields[0].input, &fields[0].ctx)).contains("PLANTED"));
        }
        assert_eq!(error.body(), Some(&body));
    }
    for body in
        [format!("<html><title>{KEY}</title>"), format!("<Error><Code>{KEY}</Code></Error>"), KEY.to_owned()]
    {
        assert_printable(&refused(502, &[("location", KEY)], body));
    }
    assert_printable(&refused(302, &[("location", "https://u:PLANTED@h/x?sig=PLANTED")], ""));
}

#[test]
fn causes_that_repeat_secrets_or_content_are_replaced_by_their_printable_text() {
    let long = format!("\"{}\"", "word ".repeat(100_000));
    for body in [
        format!("{{\"width\":\"{KEY}\"}}"),
        format!("{{\"width\":{long}}}"),
        "{\"width\":\"Bearer PLANTED-x\"}".to_owned(),
    ] {
        #[derive(Debug, serde::Deserialize)]
        struct Output {
            #[serde(rename = "width")]
            _width: u32,
        }
        let cause = serde_json::from_str::<Output>(&body).unwrap_err();
        let error = Error::new(ErrorKind::Decode { path: "width".into() }, cause.to_string());
        let error = error.with_source(cause).hide(&secrets());
        assert!(error.source().unwrap().to_string().starts_with("invalid type"), "{error:?}");
        assert_printable(&error);
    }
    let harmless = Error::new(ErrorKind::File, "m").with_source(std::io::Error::other("disk full"));
    assert!(harmless.source().unwrap().is::<std::io::Error>());
}

#[test]
fn refusal_by_a_store_for_files_is_in_its_own_words_and_no_matter_of_the_key() {
    let body = "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Error><Code>AccessDenied</Code><Message>Request has expired; check billing</Message></Error>";
    let error = refused(403, &[], body).without_auth();
    assert!(!error.is_auth() && !error.is_locked() && !error.is_account_wide(), "{error:?}");
    assert_eq!(error.to_string(), "403 Request has expired; check billing [AccessDenied]");
}

#[test]
fn compressed_refusal_names_its_encoding() {
    let error = refused(422, &[("content-encoding", "gzip")], vec![0x1f, 0x8b, 8, 0, 0xff]);
    assert!(error.to_string().contains("5 bytes that are compressed with `gzip`"), "{error}");
    let text = refused(422, &[("content-encoding", "identity")], r#"{"detail":"no"}"#);
    assert_eq!(text.message(), "no");
}

#[test]
fn request_or_endpoint_that_is_gone_is_not_found() {
    assert!(refused(410, &[], r#"{"detail":"expired"}"#).is_not_found());
}

#[test]
fn endpoint_without_an_id_is_not_named() {
    let error = refused(404, &[], r#"{"detail":"Path /x not found"}"#).with_endpoint("");
    assert_eq!((error.endpoint(), error.to_string().as_str()), (None, "404 Path /x not found"));
}

/// Returns texts that hold a secret, in the forms in which services repeat them.
fn planted() -> impl Strategy<Value = String> {
    let around = ("[ -~]{0,40}", "[ -~]{0,40}");
    let secret = prop_oneof![
        Just(format!("Key {KEY}")),
        Just(KEY.to_owned()),
        Just("PLANTED-half-of-the-key".to_owned()),
        Just("Authorization: Bearer PLANTED.token".to_owned()),
        Just("https://user:PLANTED@host.example/path".to_owned()),
        Just("https://b.s3.example/k?X-Amz-Credential=PLANTED&X-Amz-Signature=PLANTED".to_owned()),
        Just("data:image/png;base64,".to_owned() + &"PLANTED".repeat(1000)),
    ];
    (around, secret).prop_map(|((before, after), secret)| format!("{before} {secret} {after}"))
}

fn body() -> impl Strategy<Value = Value> {
    let leaf =
        prop_oneof![planted().prop_map(Value::from), any::<i64>().prop_map(Value::from), Just(Value::Null)];
    leaf.prop_recursive(3, 24, 6, |inner| {
        let name = prop_oneof![
            Just("detail"),
            Just("error"),
            Just("errors"),
            Just("message"),
            Just("msg"),
            Just("loc"),
            Just("type"),
            Just("input"),
            Just("ctx"),
            Just("error_type"),
            Just("request_id"),
            Just("reason"),
            Just("field"),
            Just("status"),
        ];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map(name.prop_map(str::to_owned), inner, 0..6)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn nothing_planted_in_a_body_or_header_is_printed(
        body in body(),
        header in planted(),
        status in prop_oneof![Just(200_u16), Just(302), Just(400), Just(401), Just(403), Just(422), Just(500)],
        cut in 0.5..1.0_f64,
    ) {
        let whole = body.to_string();
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "any place")]
        let end = (whole.len() as f64 * cut) as usize;
        for body in [whole.as_bytes(), &whole.as_bytes()[..end], format!("<Error><Code>{whole}</Code>").as_bytes()] {
            let body = Bytes::copy_from_slice(body);
            let headers = [("x-fal-request-id", &*header), ("x-fal-error-type", &header), ("location", &header)];
            let error = refused(status, &headers, body.clone());
            assert_printable(&error);
            prop_assert_eq!(error.body(), Some(&body));
        }
    }
}
