//! Authentication of callers.

use axum::http::{HeaderMap, StatusCode, header};

use super::parameters::Parameters;
use crate::app::App;
use crate::endpoint_id::EndpointId;
use crate::reply::Reply;
use crate::tokens::TokenError;

/// Checks `Authorization: Key <key>` if the emulator requires a key. `resource` is named in the refusal.
///
/// # Errors
///
/// Returns a 401.
pub(super) fn check_key(app: &App, headers: &HeaderMap, resource: &str) -> Result<(), Reply> {
    let Some(key) = &app.key else {
        return Ok(());
    };
    match credentials(headers) {
        Some((scheme, sent)) if scheme.eq_ignore_ascii_case("key") && is_valid(app, key, sent) => Ok(()),
        Some(_) => Err(unauthorized("Invalid key credentials".to_owned())),
        None => Err(unauthorized(format!(
            "Cannot access {resource}. Authentication is required: send `Authorization: Key <key>`"
        ))),
    }
}

/// Returns true for the key, for keys that the platform API created, and in a scope for the name of the scope with the secret of the key.
fn is_valid(app: &App, key: &str, sent: &str) -> bool {
    let secret = key.split_once(':').map_or(key, |(_, secret)| secret);
    let is_of_scope =
        |scope: &str| sent.strip_prefix(scope).and_then(|rest| rest.strip_prefix(':')) == Some(secret);
    sent == key || app.keys.accepts(sent) || app.scope.as_deref().is_some_and(is_of_scope)
}

/// Checks the key of a call to an endpoint. See [`check_key`].
pub(super) fn check_endpoint(app: &App, headers: &HeaderMap, id: &EndpointId) -> Result<(), Reply> {
    check_key(app, headers, &format!("application \"{}\"", id.app))
}

/// Checks a caller that may send a token in place of the key: `?fal_jwt_token=…`.
///
/// A token must be valid even if no key is required.
///
/// # Errors
///
/// Returns a 401.
pub(super) fn check_key_or_token(
    app: &App,
    headers: &HeaderMap,
    parameters: &Parameters,
    id: &EndpointId,
) -> Result<(), Reply> {
    match parameters.get("fal_jwt_token") {
        Some(token) => app.tokens.check(token, &id.token_names()).map(drop).map_err(|reason| {
            unauthorized(match reason {
                TokenError::Unknown => "Invalid token".to_owned(),
                TokenError::Expired => "Token has expired".to_owned(),
                TokenError::OtherApp => format!("The token is not for application \"{}\"", id.app),
            })
        }),
        None => check_endpoint(app, headers, id),
    }
}

/// Checks an upload to the CDN, which has the token of the CDN or the key itself.
///
/// # Errors
///
/// Returns a 401.
pub(super) fn check_upload(app: &App, headers: &HeaderMap) -> Result<(), Reply> {
    match credentials(headers) {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") && token == app.cdn_token => Ok(()),
        _ => check_key(app, headers, "the CDN"),
    }
}

/// Returns true if the reader of a file is the account, and not an anonymous reader.
pub(super) fn is_account(app: &App, headers: &HeaderMap) -> bool {
    credentials(headers).is_some() && check_upload(app, headers).is_ok()
}

fn credentials(headers: &HeaderMap) -> Option<(&str, &str)> {
    let (scheme, key) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    Some((scheme, key.trim()))
}

fn unauthorized(text: String) -> Reply {
    Reply::detail(StatusCode::UNAUTHORIZED, text)
}
