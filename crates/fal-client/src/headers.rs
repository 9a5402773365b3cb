//! Headers: those that callers may set, and those that are handed to them.

use http::{HeaderMap, HeaderName, HeaderValue, header};

/// Response headers that let their bearer act for the caller.
const SECRET: [&str; 2] = ["x-fal-cdn-token", "set-cookie"];

/// Parses a header that callers may set themselves; fails with the reason why they may not.
pub(crate) fn custom_header(name: &str, value: &str) -> Result<(HeaderName, HeaderValue), String> {
    let Ok(header) = HeaderName::try_from(name) else {
        return Err(format!("`{}` is not the name of a header", name.escape_debug()));
    };
    if [header::AUTHORIZATION, header::HOST, header::CONTENT_LENGTH, header::TRANSFER_ENCODING]
        .contains(&header)
    {
        return Err(format!("the header `{header}` is the client's own"));
    }
    match HeaderValue::try_from(value) {
        Ok(value) => Ok((header, value)),
        Err(_) => Err(format!("the value given for the header `{header}` is not one")),
    }
}

/// Returns the encoding of a body that the HTTP client has not decoded, such as `gzip`. It was not asked for.
pub(crate) fn foreign_encoding(headers: &HeaderMap) -> Option<&str> {
    let encoding = headers.get(header::CONTENT_ENCODING)?.to_str().ok()?.trim();
    (!encoding.is_empty() && !encoding.eq_ignore_ascii_case("identity")).then_some(encoding)
}

/// Returns true if the headers name JSON as the type of the body.
pub(crate) fn is_json(headers: &HeaderMap) -> bool {
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    content_type.is_some_and(|value| value.contains("json"))
}

/// Removes headers that must not end up in a log by accident.
pub(crate) fn without_secrets(mut headers: HeaderMap) -> HeaderMap {
    for name in SECRET {
        headers.remove(name);
    }
    headers
}
