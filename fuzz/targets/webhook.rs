//! Verifies webhook deliveries with forged signatures. All must be refused.
#![no_main]

use std::sync::LazyLock;

use fal_client::webhook::Verifier;
use http::{HeaderMap, HeaderValue};

const KEYS: &str =
    r#"{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;
const HEADERS: [&str; 4] = [
    "x-fal-webhook-request-id",
    "x-fal-webhook-user-id",
    "x-fal-webhook-timestamp",
    "x-fal-webhook-signature",
];

static VERIFIER: LazyLock<Verifier> = LazyLock::new(|| Verifier::from_jwks(KEYS).expect("the keys are valid"));

// The input is a line for each header, then the body.
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let mut parts = bytes.splitn(HEADERS.len() + 1, |byte| *byte == b'\n');
    let mut headers = HeaderMap::new();
    for name in HEADERS {
        if let Some(Ok(value)) = parts.next().map(HeaderValue::from_bytes) {
            headers.insert(name, value);
        }
    }
    let body = parts.next().unwrap_or_default().to_vec();
    assert!(pollster::block_on(VERIFIER.verify(&headers, body)).is_err(), "a forged delivery was accepted");
    let _ = Verifier::from_jwks(bytes);
});
