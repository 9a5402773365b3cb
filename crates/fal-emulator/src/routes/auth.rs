//! Who may call.

use axum::http::{HeaderMap, StatusCode, header};

use super::endpoint::EndpointId;
use super::query;
use crate::app::App;
use crate::reply::Reply;
use crate::tokens::Refused;

/// Checks `Authorization: Key <key>` when the emulator requires a key.
///
/// # Errors
///
/// The 401 reply.
pub(super) fn check(app: &App, headers: &HeaderMap, what: &str) -> Result<(), Reply> {
    let Some(key) = &app.key else {
        return Ok(());
    };
    match credentials(headers) {
        Some((scheme, sent)) if scheme.eq_ignore_ascii_case("key") && sent == key => Ok(()),
        Some(_) => Err(refused("Invalid key credentials".to_owned())),
        None => Err(refused(format!(
            "Cannot access {what}. Authentication is required: send `Authorization: Key <key>`"
        ))),
    }
}

/// Checks whoever may bring a token instead of the key: `?fal_jwt_token=…`. A token that is brought must be
/// good, also where no key is required.
///
/// # Errors
///
/// The 401 reply.
pub(super) fn check_caller(
    app: &App,
    headers: &HeaderMap,
    query: &str,
    id: &EndpointId,
) -> Result<(), Reply> {
    match query::value(query, "fal_jwt_token") {
        Some(token) => app.tokens.check(&token, &id.names()).map(drop).map_err(|reason| {
            refused(match reason {
                Refused::Unknown => "Invalid token".to_owned(),
                Refused::Expired => "Token has expired".to_owned(),
                Refused::OtherApp => format!("The token is not for application \"{}\"", id.app),
            })
        }),
        None => check(app, headers, &format!("application \"{}\"", id.app)),
    }
}

/// Checks a CDN upload, which brings the token of the token route or the key itself.
///
/// # Errors
///
/// The 401 reply.
pub(super) fn check_upload(app: &App, headers: &HeaderMap) -> Result<(), Reply> {
    match credentials(headers) {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") && token == app.cdn_token => Ok(()),
        _ => check(app, headers, "the CDN"),
    }
}

/// Whether a reader of files is the account, and not anybody.
pub(super) fn is_account(app: &App, headers: &HeaderMap) -> bool {
    credentials(headers).is_some() && check_upload(app, headers).is_ok()
}

fn credentials(headers: &HeaderMap) -> Option<(&str, &str)> {
    let (scheme, key) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    Some((scheme, key.trim()))
}

fn refused(text: String) -> Reply {
    Reply::detail(StatusCode::UNAUTHORIZED, text)
}
