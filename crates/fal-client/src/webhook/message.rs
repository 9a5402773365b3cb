//! The headers of a delivery, and the message that is signed.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::HeaderMap;
use ring::digest::{SHA256, digest};

use super::Rejection;

const REQUEST_ID: &str = "x-fal-webhook-request-id";
const USER_ID: &str = "x-fal-webhook-user-id";
const TIMESTAMP: &str = "x-fal-webhook-timestamp";
const SIGNATURE: &str = "x-fal-webhook-signature";

/// The headers of a delivery: well-formed, but not verified.
#[derive(Debug)]
pub(super) struct Claims<'a> {
    pub(super) request_id: &'a str,
    pub(super) user_id: &'a str,
    /// The text that was sent, which is signed.
    timestamp: &'a str,
    pub(super) sent_at: SystemTime,
    pub(super) signature: [u8; 64],
}

impl<'a> Claims<'a> {
    pub(super) fn parse(headers: &'a HeaderMap) -> Result<Self, Rejection> {
        let text = |name| text(headers, name);
        let (request_id, user_id) = (text(REQUEST_ID)?, text(USER_ID)?);
        let (timestamp, signature) = (text(TIMESTAMP)?, text(SIGNATURE)?);
        let sent_at = parse_seconds(timestamp)
            .and_then(|seconds| UNIX_EPOCH.checked_add(Duration::from_secs(seconds)))
            .ok_or(Rejection::BadHeader(TIMESTAMP))?;
        let signature = parse_hex(signature).ok_or(Rejection::BadHeader(SIGNATURE))?;
        Ok(Self { request_id, user_id, timestamp, sent_at, signature })
    }

    /// Rejects a delivery that was signed too long before or after `now`.
    pub(super) fn check_time(&self, now: SystemTime, tolerance: Duration) -> Result<(), Rejection> {
        match now.duration_since(self.sent_at) {
            Ok(age) if age > tolerance => Err(Rejection::TooOld(age)),
            Err(ahead) if ahead.duration() > tolerance => Err(Rejection::FromTheFuture(ahead.duration())),
            _ => Ok(()),
        }
    }

    /// Returns the message that is signed: the headers as they were sent, and the digest of the body.
    pub(super) fn signed_message(&self, body: &[u8]) -> Vec<u8> {
        let digest = format_hex(digest(&SHA256, body).as_ref());
        [self.request_id, self.user_id, self.timestamp, &digest].join("\n").into_bytes()
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &'static str) -> Result<&'a str, Rejection> {
    let mut values = headers.get_all(name).iter();
    let value = values.next().ok_or(Rejection::MissingHeader(name))?;
    // Of two values, other software may read the other one.
    let value = if values.next().is_none() { value.to_str().ok() } else { None };
    value.filter(|value| !value.is_empty()).ok_or(Rejection::BadHeader(name))
}

/// Parses a number of decimal digits, without a sign.
fn parse_seconds(text: &str) -> Option<u64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

fn parse_hex(text: &str) -> Option<[u8; 64]> {
    let digits = text.as_bytes();
    let mut bytes = [0; 64];
    if digits.len() != 2 * bytes.len() {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        let digit = |digit: &u8| char::from(*digit).to_digit(16);
        let [high, low] = pair else { return None };
        *byte = u8::try_from(digit(high)? << 4 | digit(low)?).ok()?;
    }
    Some(bytes)
}

fn format_hex(bytes: &[u8]) -> String {
    let digit = |value: u8| char::from_digit(value.into(), 16).unwrap_or_default();
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}
