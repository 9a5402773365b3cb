//! Valid and invalid deliveries, signed with keys of the tests.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use http::{HeaderMap, HeaderName, HeaderValue};
use proptest::prelude::*;
use ring::{
    digest::{SHA256, digest},
    signature::{Ed25519KeyPair, KeyPair},
};
use serde_json::json;

use super::{Rejection, Verifier, response_status};
use crate::{Error, ErrorKind, untyped::Any};

/// The time of all tests.
const NOW: u64 = 1_790_000_000;
const BODY: &[u8] = br#"{"request_id":"r1","gateway_request_id":"g1","status":"OK","payload":{"seed": 7}}"#;

fn key(seed: u8) -> Ed25519KeyPair {
    Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap()
}

fn jwks(keys: &[&Ed25519KeyPair]) -> String {
    let key = |key: &&Ed25519KeyPair| json!({"kty": "OKP", "crv": "Ed25519", "x": URL_SAFE_NO_PAD.encode(key.public_key())});
    json!({"keys": keys.iter().map(key).collect::<Vec<_>>()}).to_string()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn signed(key: &Ed25519KeyPair, timestamp: &str, body: &[u8]) -> HeaderMap {
    let message = format!("r1\nauth0|7\n{timestamp}\n{}", hex(digest(&SHA256, body).as_ref()));
    headers(&[
        ("x-fal-webhook-request-id", "r1"),
        ("x-fal-webhook-user-id", "auth0|7"),
        ("x-fal-webhook-timestamp", timestamp),
        ("x-fal-webhook-signature", &hex(key.sign(message.as_bytes()).as_ref())),
    ])
}

fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
    let header = |(name, value): &(&'static str, &str)| {
        (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())
    };
    pairs.iter().map(header).collect()
}

fn verifier() -> Verifier {
    Verifier::from_jwks(jwks(&[&key(1), &key(2)])).unwrap().clock(|| UNIX_EPOCH + Duration::from_secs(NOW))
}

/// Verifies without a runtime: with fixed keys there is nothing to wait for.
fn verify(verifier: &Verifier, headers: &HeaderMap, body: &[u8]) -> Result<super::Delivery, Error> {
    use futures_util::FutureExt;

    verifier.verify(headers, body.to_vec()).now_or_never().unwrap()
}

#[test]
fn a_signed_delivery_is_accepted() {
    for key in [key(1), key(2)] {
        let delivery = verify(&verifier(), &signed(&key, &NOW.to_string(), BODY), BODY).unwrap();
        assert_eq!((delivery.request_id(), delivery.gateway_request_id()), ("r1", Some("g1")));
        assert_eq!((delivery.user_id(), delivery.is_ok(), delivery.error()), ("auth0|7", true, None));
        assert_eq!(delivery.sent_at(), UNIX_EPOCH + Duration::from_secs(NOW));
        assert_eq!((delivery.payload().as_ref(), delivery.body().as_ref()), (&br#"{"seed": 7}"#[..], BODY));
        assert_eq!(delivery.parse::<Any>().unwrap(), json!({"seed": 7}));
    }
}

type Spoil = fn(&mut HeaderMap, &mut Vec<u8>);

#[test]
fn an_invalid_delivery_is_rejected_with_its_reason() {
    fn set(headers: &mut HeaderMap, name: &'static str, value: &'static str) {
        headers.insert(name, HeaderValue::from_static(value));
    }
    const ID: &str = "x-fal-webhook-request-id";
    const USER: &str = "x-fal-webhook-user-id";
    const TIME: &str = "x-fal-webhook-timestamp";
    const SIGNATURE: &str = "x-fal-webhook-signature";
    let table: &[(&str, Spoil, Rejection)] = &[
        ("no request id", |h, _| drop(h.remove(ID)), Rejection::MissingHeader(ID)),
        ("no user id", |h, _| drop(h.remove(USER)), Rejection::MissingHeader(USER)),
        ("no timestamp", |h, _| drop(h.remove(TIME)), Rejection::MissingHeader(TIME)),
        ("no signature", |h, _| drop(h.remove(SIGNATURE)), Rejection::MissingHeader(SIGNATURE)),
        ("an empty request id", |h, _| set(h, ID, ""), Rejection::BadHeader(ID)),
        (
            "a request id twice",
            |h, _| assert!(h.append(ID, HeaderValue::from_static("r1"))),
            Rejection::BadHeader(ID),
        ),
        (
            "a user id that is not text",
            |h, _| drop(h.insert(USER, HeaderValue::from_bytes(b"\xff").unwrap())),
            Rejection::BadHeader(USER),
        ),
        ("a timestamp in words", |h, _| set(h, TIME, "now"), Rejection::BadHeader(TIME)),
        ("a timestamp with a sign", |h, _| set(h, TIME, "+1790000000"), Rejection::BadHeader(TIME)),
        ("a timestamp with a fraction", |h, _| set(h, TIME, "1790000000.0"), Rejection::BadHeader(TIME)),
        ("a timestamp with a space", |h, _| set(h, TIME, "1790000000 "), Rejection::BadHeader(TIME)),
        ("a timestamp of 20 digits", |h, _| set(h, TIME, "99999999999999999999"), Rejection::BadHeader(TIME)),
        (
            "a timestamp beyond the end of time",
            |h, _| set(h, TIME, "18446744073709551615"),
            Rejection::BadHeader(TIME),
        ),
        ("a signature in words", |h, _| set(h, SIGNATURE, "valid"), Rejection::BadHeader(SIGNATURE)),
        (
            "half a signature",
            |h, _| {
                let half = h[SIGNATURE].to_str().unwrap()[..64].to_owned();
                h.insert(SIGNATURE, half.parse().unwrap());
            },
            Rejection::BadHeader(SIGNATURE),
        ),
        (
            "a signature with a letter that is no digit",
            |h, _| {
                let text = format!("g{}", &h[SIGNATURE].to_str().unwrap()[1..]);
                h.insert(SIGNATURE, text.parse().unwrap());
            },
            Rejection::BadHeader(SIGNATURE),
        ),
        (
            "a signature of zeros",
            |h, _| drop(h.insert(SIGNATURE, "0".repeat(128).parse().unwrap())),
            Rejection::BadSignature,
        ),
        ("another request id", |h, _| set(h, ID, "r2"), Rejection::BadSignature),
        ("another user id", |h, _| set(h, USER, "auth0|8"), Rejection::BadSignature),
        ("another timestamp", |h, _| set(h, TIME, "1790000001"), Rejection::BadSignature),
        ("a timestamp with a zero in front", |h, _| set(h, TIME, "01790000000"), Rejection::BadSignature),
        ("one bit of the body", |_, body| body[40] ^= 1, Rejection::BadSignature),
        ("a byte more", |_, body| body.push(b' '), Rejection::BadSignature),
        ("no body", |_, body| body.clear(), Rejection::BadSignature),
        ("another key", |h, body| *h = signed(&key(3), &NOW.to_string(), body), Rejection::BadSignature),
        (
            "signed too long ago",
            |h, body| *h = signed(&key(1), &(NOW - 301).to_string(), body),
            Rejection::TooOld(Duration::from_secs(301)),
        ),
        (
            "signed in the future",
            |h, body| *h = signed(&key(1), &(NOW + 301).to_string(), body),
            Rejection::FromTheFuture(Duration::from_secs(301)),
        ),
        (
            "signed in 1970",
            |h, body| *h = signed(&key(1), "0", body),
            Rejection::TooOld(Duration::from_secs(NOW)),
        ),
        ("huge", |_, body| body.resize(65 << 20, b' '), Rejection::TooLarge(64 << 20)),
    ];
    for (what, spoil, rejection) in table {
        let mut body = BODY.to_vec();
        let mut headers = signed(&key(1), &NOW.to_string(), &body);
        spoil(&mut headers, &mut body);
        let error = verify(&verifier(), &headers, &body).unwrap_err();
        assert_eq!(error.rejection(), Some(*rejection), "{what}: {error}");
        assert_eq!(response_status(&error), rejection.status(), "{what}");
        assert!(error.to_string().contains(&rejection.to_string()), "{what}: {error}");
    }
}

#[test]
fn a_delivery_is_accepted_within_the_tolerance() {
    for timestamp in [NOW - 300, NOW, NOW + 300] {
        let headers = signed(&key(1), &timestamp.to_string(), BODY);
        assert!(verify(&verifier(), &headers, BODY).is_ok(), "{timestamp}");
        let strict = verifier().tolerance(Duration::ZERO);
        assert_eq!(verify(&strict, &headers, BODY).is_ok(), timestamp == NOW);
    }
    let before_1970 = verifier().clock(|| SystemTime::UNIX_EPOCH - Duration::from_secs(9));
    let error = verify(&before_1970, &signed(&key(1), &NOW.to_string(), BODY), BODY).unwrap_err();
    assert!(matches!(error.rejection(), Some(Rejection::FromTheFuture(_))), "{error}");
}

#[test]
fn an_acknowledged_request_is_rejected() {
    let verifier = verifier().remember(10);
    let headers = signed(&key(1), &NOW.to_string(), BODY);
    let first = verify(&verifier, &headers, BODY).unwrap();
    let error = verify(&verifier.clone(), &headers, BODY).unwrap_err();
    assert_eq!((error.rejection(), response_status(&error).as_u16()), (Some(Rejection::InProgress), 503));
    drop(first);
    verify(&verifier, &headers, BODY).unwrap().acknowledge();
    let error = verify(&verifier, &headers, BODY).unwrap_err();
    assert_eq!((error.rejection(), response_status(&error).as_u16()), (Some(Rejection::Duplicate), 200));
}

#[test]
fn a_failed_request_gives_the_error_of_its_result() {
    let parse = |body: &str| {
        let headers = signed(&key(1), &NOW.to_string(), body.as_bytes());
        let delivery = verify(&verifier(), &headers, body.as_bytes()).unwrap();
        assert!(!format!("{delivery:?}").contains("auth0"));
        delivery.parse::<Any>().unwrap_err()
    };
    let error = parse(
        r#"{"request_id":"r1","status":"ERROR","error":"Invalid status code: 422",
            "payload":{"detail":[{"loc":["body","prompt"],"msg":"Field required","type":"missing"}]}}"#,
    );
    assert!(error.is_validation());
    assert!(error.to_string().ends_with("422 body.prompt: Field required (request r1)"), "{error}");
    let error =
        parse(r#"{"request_id":"r1","status":"ERROR","error":"Invalid status code: 499","payload":null}"#);
    assert!(error.is_cancelled(), "{error:?}");
    for (body, message) in [
        (r#"{"request_id":"r1","status":"ERROR","error":"it exploded","payload":null}"#, "it exploded"),
        (r#"{"request_id":"r1","status":"ERROR"}"#, "failed without a reason"),
        (
            r#"{"request_id":"r1","status":"ERROR","error":"Invalid status code: 200"}"#,
            "Invalid status code: 200",
        ),
        (r#"{"request_id":"r1","status":"LOST","error":"Invalid status code: 9999"}"#, "9999"),
    ] {
        let error = parse(body);
        assert!(matches!(error.kind(), ErrorKind::Api) && error.to_string().contains(message), "{error}");
        assert_eq!(error.request_id(), Some("r1"));
    }
    let error = parse(r#"{"request_id":"r1","status":"OK","payload":null,"payload_error":"not JSON"}"#);
    assert!(error.is_decode() && error.to_string().contains("not JSON; fetch it"), "{error}");
}

#[test]
fn a_signed_body_that_is_malformed_is_a_decode_error() {
    for body in [
        "",
        "null",
        "[]",
        "{}",
        r#"{"request_id":7}"#,
        r#"{"request_id":"r1"}"#,
        "\u{0}",
        &"[".repeat(100_000),
    ] {
        let headers = signed(&key(1), &NOW.to_string(), body.as_bytes());
        let error = verify(&verifier(), &headers, body.as_bytes()).unwrap_err();
        assert!(error.is_decode() && error.rejection().is_none(), "{error}");
        assert_eq!((response_status(&error).as_u16(), error.request_id()), (400, Some("r1")));
    }
}

#[test]
fn key_sets_are_parsed_with_optional_fields() {
    let x = URL_SAFE_NO_PAD.encode(key(1).public_key());
    let good = [
        json!({"keys": [{"x": x}]}),
        json!({"keys": [{"x": format!("{x}=")}], "more": 1}),
        json!({"keys": [{"kty": "RSA", "n": "AQAB"}, {"kty": "OKP", "crv": "Ed25519", "kid": "a", "x": x}]}),
        json!({"keys": [{"x": "short"}, {"x": x}]}),
    ];
    for set in good {
        let verifier =
            Verifier::from_jwks(set.to_string()).unwrap().clock(|| UNIX_EPOCH + Duration::from_secs(NOW));
        assert!(verify(&verifier, &signed(&key(1), &NOW.to_string(), BODY), BODY).is_ok(), "{set}");
    }
    let many: Vec<_> = (0..33).map(|_| json!({"x": x})).collect();
    let bad = [
        json!({"keys": []}).to_string(),
        json!({"keys": [{"kty": "OKP", "crv": "X25519", "x": x}]}).to_string(),
        json!({"keys": [{"kty": "EC", "x": x}]}).to_string(),
        json!({"keys": [{"x": URL_SAFE_NO_PAD.encode([1; 31])}]}).to_string(),
        json!({"keys": many}).to_string(),
        json!({"keys": {}}).to_string(),
        "<html>".to_owned(),
        String::new(),
    ];
    for set in bad {
        assert!(Verifier::from_jwks(&set).unwrap_err().is_decode(), "{set}");
    }
}

proptest! {
    /// A delivery is rejected after a change of any single bit.
    #[test]
    fn a_changed_bit_is_rejected(place in any::<prop::sample::Index>(), bit in 0_u32..8) {
        let mut body = BODY.to_vec();
        let mut headers = signed(&key(1), &NOW.to_string(), &body);
        let values: Vec<_> = headers.iter().map(|(name, value)| (name.clone(), value.as_bytes().to_vec())).collect();
        let lengths: Vec<_> = values.iter().map(|(_, value)| value.len()).collect();
        let mut offset = place.index(body.len() + lengths.iter().sum::<usize>());
        let mut changed = None;
        for (name, mut value) in values {
            if offset < value.len() {
                value[offset] ^= 1 << bit;
                changed = Some((name, value));
                break;
            }
            offset -= value.len();
        }
        let mut same = false;
        match changed {
            None => body[offset] ^= 1 << bit,
            Some((name, value)) => {
                // A signature may be written in upper case.
                same = value.eq_ignore_ascii_case(headers[&name].as_bytes()) && name == "x-fal-webhook-signature";
                match HeaderValue::from_bytes(&value) {
                    Ok(value) => drop(headers.insert(name, value)),
                    // HTTP cannot carry this value, so it would not arrive.
                    Err(_) => drop(headers.remove(&name)),
                }
            }
        }
        prop_assert_eq!(verify(&verifier(), &headers, &body).is_ok(), same);
    }

    /// Arbitrary headers are rejected with a reason, without a panic.
    #[test]
    fn noise_is_rejected(
        id in prop::option::of("[ -~\u{80}-\u{ff}]{0,20}"),
        time in prop::option::of("(-?[0-9]{0,25}|[ -~]{0,10})"),
        signature in prop::option::of("([0-9a-fA-F]{126,130}|[ -~]{0,140})"),
        body in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        let mut headers = HeaderMap::new();
        let given = [
            ("x-fal-webhook-request-id", id.clone()),
            ("x-fal-webhook-user-id", id),
            ("x-fal-webhook-timestamp", time),
            ("x-fal-webhook-signature", signature),
        ];
        for (name, value) in given {
            if let Some(value) = value.and_then(|value| HeaderValue::from_bytes(value.as_bytes()).ok()) {
                headers.insert(name, value);
            }
        }
        let error = verify(&verifier().tolerance(Duration::MAX), &headers, &body).unwrap_err();
        prop_assert!(error.rejection().is_some(), "{error}");
    }
}
