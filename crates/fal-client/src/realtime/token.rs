//! Short-lived tokens that open connections without the key.

use std::{borrow::Cow, fmt, time::Duration};

use http::Method;
use serde_json::{Value, json};

use crate::{
    Client, Error, ErrorKind, Pending, Result,
    endpoint_id::EndpointId,
    hosts::join,
    retry::RetryClass,
    transport::{Content, Request, Response},
};

/// A request for a token, from [`EndpointHandle::realtime_token`](crate::EndpointHandle::realtime_token). Await it to send
/// it and to get a [`Token`].
///
/// A backend gives tokens to browsers and apps, which open connections with them and never see the key.
#[derive(Debug)]
#[must_use = "nothing is sent until this is awaited"]
pub struct TokenRequest {
    client: Client,
    endpoint: Cow<'static, str>,
    expires_in: Duration,
    route: Option<String>,
}

/// A short-lived token that opens connections to one app. Its `Debug` does not show the secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl TokenRequest {
    pub(crate) fn new(client: Client, endpoint: Cow<'static, str>) -> Self {
        Self { client, endpoint, expires_in: Duration::from_secs(120), route: None }
    }

    /// Sets the time for which the token opens connections, in whole seconds. 120 s by default. A connection that is open
    /// already is not closed when its token expires.
    #[doc(alias = "tokenExpirationSeconds")]
    pub fn expires_in(mut self, time: Duration) -> Self {
        self.expires_in = time;
        self
    }

    /// Restricts the token to one route of the endpoint, such as `/realtime`, instead of the whole app.
    pub fn for_route(mut self, path: impl Into<String>) -> Self {
        self.route = Some(path.into());
        self
    }

    async fn send(self) -> Result<Token> {
        let id = EndpointId::parse(&self.endpoint)?;
        let rest = &self.client.hosts().rest;
        let seconds = self.expires_in.as_secs().max(1);
        // The first form, with its trailing slash, is that of fal's official clients. The second is documented.
        let (url, body) = match &self.route {
            None => {
                let body = json!({"allowed_apps": [id.alias()], "token_expiration": seconds});
                (join(rest, ["tokens", ""]), body)
            }
            Some(path) => {
                let route = format!("{id}/{}", path.trim_matches('/'));
                (join(rest, ["tokens", "realtime"]), json!({"allowed_apps": [route], "duration": seconds}))
            }
        };
        let mut request = Request::to_fal(Method::POST, url, RetryClass::Idempotent);
        request.content = Content::Json(body.to_string().into());
        request.retry = self.client.0.retry.clone();
        request.timeout = Some(Duration::from_secs(30));
        let response = self.client.0.transport.send(&request).await;
        let response =
            response.map_err(|error| error.with_context("no token").with_endpoint(self.endpoint.as_ref()))?;
        parse_token(&response).map_err(|error| error.with_endpoint(self.endpoint.as_ref()))
    }
}

/// Parses a token: a string, or an object with the string in `token` or `detail`.
fn parse_token(response: &Response) -> Result<Token> {
    let token = match response.json::<Value>()? {
        Value::String(token) => Some(token),
        Value::Object(mut object) => ["token", "detail"].iter().find_map(|name| match object.remove(*name) {
            Some(Value::String(token)) => Some(token),
            _ => None,
        }),
        _ => None,
    };
    // The error leaves out the body, which may hold the secret under another name.
    token
        .filter(|token| !token.is_empty())
        .map(Token)
        .ok_or_else(|| Error::new(ErrorKind::Decode { path: ".".to_owned() }, "the response holds no token"))
}

impl IntoFuture for TokenRequest {
    type Output = Result<Token>;
    type IntoFuture = Pending<Token>;

    fn into_future(self) -> Self::IntoFuture {
        Pending::new(self.send())
    }
}

impl Token {
    /// Wraps a token that was fetched elsewhere.
    pub fn new(token: impl Into<String>) -> Self {
        Self(token.into())
    }

    /// Returns the secret, for the program that opens the connection.
    #[must_use]
    pub fn secret(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token")
    }
}
