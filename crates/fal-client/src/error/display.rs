//! Printing errors.

use std::fmt::{self, Write as _};

use super::{Error, ErrorKind, FieldError};
use crate::redact::{MAX_DEBUG, Shown, redact, shorten, single_line};

/// The maximum length of a printed message, in bytes. Services sometimes send stack traces, which [`Error::message`]
/// returns whole.
const MAX_MESSAGE: usize = 500;

/// The maximum length of all refused parameters together, in bytes.
const MAX_FIELDS: usize = 1000;

/// The maximum length of an id or a name, in bytes.
const MAX_NAME: usize = 100;

/// The maximum length of a value in `Debug` output, in bytes.
const MAX_VALUE: usize = 200;

/// Prints one line of at most 2,000 bytes, without secrets.
impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(endpoint) = &self.0.endpoint {
            write!(f, "{}: ", single_line(endpoint, MAX_NAME))?;
        }
        if let Some(status) = self.0.status {
            write!(f, "{} ", status.as_u16())?;
        }
        match &self.0.kind {
            ErrorKind::Validation(fields) => f.write_str(&join(fields))?,
            _ => f.write_str(&single_line(&self.0.message, MAX_MESSAGE))?,
        }
        if let (Some(error_type), false) = (&self.0.error_type, self.is_validation()) {
            write!(f, " [{}]", single_line(error_type, MAX_NAME))?;
        }
        if let Some(request_id) = &self.0.request_id {
            write!(f, " (request {})", single_line(request_id, MAX_NAME))?;
        }
        Ok(())
    }
}

/// Returns refused parameters and their messages on one line, as many as there is room for.
fn join(fields: &[FieldError]) -> String {
    let mut line = String::new();
    for (index, field) in fields.iter().enumerate() {
        let path = single_line(&field.path, MAX_NAME);
        let shown = format!("{path}: {}", single_line(&field.message, MAX_MESSAGE));
        if line.len() + shown.len() > MAX_FIELDS {
            // Writing into a string cannot fail.
            let _ = write!(line, "; and {} more", fields.len() - index);
            break;
        }
        line.push_str(if index == 0 { "" } else { "; " });
        line.push_str(&shown);
    }
    line
}

/// Prints at most 2,000 bytes, and no secrets. Of the body, prints only the length, because it may be an image.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Shown::new(&Unbounded(self), MAX_DEBUG).fmt(f)
    }
}

struct Unbounded<'a>(&'a Error);

impl fmt::Debug for Unbounded<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let error = &*self.0.0;
        let mut debug = f.debug_struct("Error");
        debug.field("kind", &error.kind);
        debug.field("message", &shorten(&redact(&error.message), MAX_MESSAGE));
        for (name, text) in [
            ("endpoint", &error.endpoint),
            ("request_id", &error.request_id),
            ("error_type", &error.error_type),
        ] {
            if let Some(text) = text {
                debug.field(name, &shorten(&redact(text), MAX_NAME));
            }
        }
        if let Some(status) = &error.status {
            debug.field("status", status);
        }
        if let Some(retry_after) = &error.retry_after {
            debug.field("retry_after", retry_after);
        }
        if let Some(body) = &error.body {
            debug.field("body", &format_args!("{} bytes", body.len()));
        }
        if let Some(source) = &error.source {
            debug.field("source", source);
        }
        debug.finish()
    }
}

impl fmt::Debug for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Shown::new(&UnboundedKind(self), MAX_FIELDS).fmt(f)
    }
}

struct UnboundedKind<'a>(&'a ErrorKind);

impl fmt::Debug for UnboundedKind<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            ErrorKind::Config => f.write_str("Config"),
            ErrorKind::Auth => f.write_str("Auth"),
            ErrorKind::Locked { reason } => f.debug_struct("Locked").field("reason", reason).finish(),
            ErrorKind::InvalidInput(violations) => f.debug_tuple("InvalidInput").field(violations).finish(),
            ErrorKind::Encode => f.write_str("Encode"),
            ErrorKind::Validation(fields) => f.debug_tuple("Validation").field(&Fields(fields)).finish(),
            ErrorKind::Api => f.write_str("Api"),
            ErrorKind::NotFound => f.write_str("NotFound"),
            ErrorKind::RateLimited => f.write_str("RateLimited"),
            ErrorKind::NotReady => f.write_str("NotReady"),
            ErrorKind::Timeout => f.write_str("Timeout"),
            ErrorKind::InDoubt { reason } => f.debug_struct("InDoubt").field("reason", reason).finish(),
            ErrorKind::Unsent => f.write_str("Unsent"),
            ErrorKind::Cancelled => f.write_str("Cancelled"),
            ErrorKind::Transport => f.write_str("Transport"),
            ErrorKind::Decode { path } => f.debug_struct("Decode").field("path", path).finish(),
            ErrorKind::TooLarge { limit } => f.debug_struct("TooLarge").field("limit", limit).finish(),
            ErrorKind::File => f.write_str("File"),
            #[cfg(feature = "webhook")]
            ErrorKind::Webhook(rejection) => f.debug_tuple("Webhook").field(rejection).finish(),
        }
    }
}

/// The first of many refused parameters.
struct Fields<'a>(&'a [FieldError]);

impl fmt::Debug for Fields<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 5;
        let mut list = f.debug_list();
        list.entries(self.0.iter().take(SHOWN));
        if let Some(rest) = self.0.len().checked_sub(SHOWN).filter(|rest| *rest > 0) {
            list.entry(&format_args!("and {rest} more"));
        }
        list.finish()
    }
}

impl fmt::Debug for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |text, max| shorten(&redact(text), max).into_owned();
        f.debug_struct("FieldError")
            .field("path", &shown(&self.path, MAX_NAME))
            .field("message", &shown(&self.message, MAX_VALUE))
            .field("error_type", &shown(&self.error_type, MAX_NAME))
            .field("input", &Shown::new(&self.input, MAX_VALUE))
            .field("ctx", &Shown::new(&self.ctx, MAX_VALUE))
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::{HeaderMap, StatusCode};

    use super::*;

    fn error(status: u16, headers: &[(&'static str, &'static str)], body: &'static str) -> Error {
        let headers: HeaderMap =
            headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
        let status = StatusCode::from_u16(status).unwrap();
        Error::from_response(status, &headers, Bytes::from_static(body.as_bytes())).with_endpoint("acme/app")
    }

    #[test]
    fn display_is_one_line_with_endpoint_and_request() {
        let id = &[("x-fal-request-id", "764")];
        let table = [
            (
                error(422, id, r#"{"detail":[{"loc":["body","num_images"],"msg":"Too many","type":"t"}]}"#),
                "acme/app: 422 body.num_images: Too many (request 764)",
            ),
            (error(422, id, r#"{"detail":"no"}"#), "acme/app: 422 body: no (request 764)"),
            (
                error(503, &[("x-fal-error-type", "runner_disconnected")], r#"{"detail":"gone"}"#),
                "acme/app: 503 gone [runner_disconnected]",
            ),
            (error(500, &[], ""), "acme/app: 500 Internal Server Error"),
            (error(418, &[], "a\r\nb"), "acme/app: 418 a  b"),
            (error(599, &[], ""), "acme/app: 599 no message"),
            (
                error(302, &[("location", "https://evil.example")], ""),
                "acme/app: 302 a redirect to https://evil.example, which is not followed because the key would go along",
            ),
            (error(304, &[], ""), "acme/app: 304 Not Modified"),
            (error(307, &[], r#"{"detail":"moved"}"#), "acme/app: 307 moved"),
        ];
        for (error, line) in table {
            assert_eq!(error.to_string(), line);
        }
    }

    #[test]
    fn kind_follows_the_status() {
        assert!(error(401, &[], "").is_auth());
        assert!(error(403, &[], "").is_auth());
        assert!(error(404, &[], "").is_not_found());
        assert!(error(429, &[("retry-after", "3")], "").is_rate_limited());
        assert_eq!(error(429, &[("retry-after", "3")], "").retry_after().unwrap().as_secs(), 3);
        assert!(error(499, &[], "").is_cancelled());
        assert!(error(504, &[("x-fal-request-timeout-type", "user")], "").is_timeout());
        assert!(!error(504, &[], "").is_timeout());
        assert!(error(400, &[], r#"{"errors":[{"field":"a","message":"b"}]}"#).is_validation());
        assert!(!error(400, &[], r#"{"detail":"bad_request"}"#).is_validation());
        let policy =
            error(422, &[], r#"{"detail":[{"loc":["body"],"msg":"m","type":"content_policy_violation"}]}"#);
        assert_eq!(policy.error_type(), Some("content_policy_violation"));
        let text = error(422, &[], r#"{"detail":"plain"}"#);
        let ErrorKind::Validation(fields) = text.kind() else { panic!("{text:?}") };
        assert_eq!((fields[0].path.as_str(), fields[0].message.as_str()), ("body", "plain"));
    }

    #[test]
    fn long_messages_are_cut_and_bodies_summarized() {
        let error = error(500, &[], "x").with_context(&"y".repeat(1000));
        assert!(error.to_string().len() < 600);
        assert!(format!("{error:?}").contains("body: 1 bytes"));
    }
}
