//! Printing errors.

use std::fmt;

use super::{Error, ErrorKind};

/// The maximum length of a printed message. Services sometimes send stack traces, which [`Error::message`] returns
/// whole.
const MAX_CHARS: usize = 500;

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(endpoint) = &self.0.endpoint {
            write!(f, "{endpoint}: ")?;
        }
        if let Some(status) = self.0.status {
            write!(f, "{} ", status.as_u16())?;
        }
        match &self.0.kind {
            ErrorKind::Validation(fields) => {
                for (index, field) in fields.iter().enumerate() {
                    f.write_str(if index == 0 { "" } else { "; " })?;
                    write!(f, "{}: {}", single_line(&field.path), single_line(&field.message))?;
                }
            }
            _ => f.write_str(&single_line(&self.0.message))?,
        }
        if let (Some(error_type), false) = (&self.0.error_type, self.is_validation()) {
            write!(f, " [{}]", single_line(error_type))?;
        }
        if let Some(request_id) = &self.0.request_id {
            write!(f, " (request {})", single_line(request_id))?;
        }
        Ok(())
    }
}

/// Returns text from outside as part of one line.
fn single_line(text: &str) -> String {
    let mut line: String = text
        .chars()
        .take(MAX_CHARS)
        .map(|character| if character.is_control() { ' ' } else { character })
        .collect();
    if text.chars().nth(MAX_CHARS).is_some() {
        line.push('…');
    }
    line
}

/// Prints only the length of the body, which may be an image.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Error");
        debug.field("kind", &self.0.kind).field("message", &self.0.message);
        if let Some(endpoint) = &self.0.endpoint {
            debug.field("endpoint", endpoint);
        }
        if let Some(request_id) = &self.0.request_id {
            debug.field("request_id", request_id);
        }
        if let Some(status) = &self.0.status {
            debug.field("status", status);
        }
        if let Some(error_type) = &self.0.error_type {
            debug.field("error_type", error_type);
        }
        if let Some(retry_after) = &self.0.retry_after {
            debug.field("retry_after", retry_after);
        }
        if let Some(body) = &self.0.body {
            debug.field("body", &format_args!("{} bytes", body.len()));
        }
        if let Some(source) = &self.0.source {
            debug.field("source", source);
        }
        debug.finish()
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
