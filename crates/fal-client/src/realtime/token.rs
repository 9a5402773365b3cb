//! Short-lived tokens, for connections that must not have the key.

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

/// A call that fetches a token, from [`EndpointHandle::realtime_token`](crate::EndpointHandle::realtime_token). Sent by awaiting it.
///
/// A backend gives such tokens to browsers and apps, which open connections with them and never see the key.
#[derive(Debug)]
#[must_use = "nothing is sent until this is awaited"]
pub struct TokenRequest {
    client: Client,
    endpoint: Cow<'static, str>,
    life: Duration,
    route: Option<String>,
}

/// A token that opens connections to one app for a short time. Printing it does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl TokenRequest {
    pub(crate) fn new(client: Client, endpoint: Cow<'static, str>) -> Self {
        Self { client, endpoint, life: Duration::from_secs(120), route: None }
    }

    /// How long the token is good for, in whole seconds; 120 s unless this says otherwise. It matters when a
    /// connection is opened, not while it is open.
    pub fn expires_in(mut self, life: Duration) -> Self {
        self.life = life;
        self
    }

    /// Makes the token good for one route of the endpoint, such as `/realtime`, and not for the whole app.
    pub fn for_route(mut self, path: impl Into<String>) -> Self {
        self.route = Some(path.into());
        self
    }

    async fn send(self) -> Result<Token> {
        let id = EndpointId::parse(&self.endpoint)?;
        let rest = &self.client.hosts().rest;
        let seconds = self.life.as_secs().max(1);
        // The trailing slash is the official clients'; the other is what the documentation says.
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
        let answer = self.client.0.transport.send(&request).await;
        let answer =
            answer.map_err(|error| error.with_context("no token").with_endpoint(self.endpoint.as_ref()))?;
        read(&answer).map_err(|error| error.with_endpoint(self.endpoint.as_ref()))
    }
}

/// A text, or an object with the text in `token` or `detail`.
fn read(answer: &Response) -> Result<Token> {
    let token = match answer.json::<Value>()? {
        Value::String(token) => Some(token),
        Value::Object(mut object) => ["token", "detail"].iter().find_map(|name| match object.remove(*name) {
            Some(Value::String(token)) => Some(token),
            _ => None,
        }),
        _ => None,
    };
    // The body is not kept: it may hold a secret under another name.
    token
        .filter(|token| !token.is_empty())
        .map(Token)
        .ok_or_else(|| Error::new(ErrorKind::Decode { path: ".".to_owned() }, "the answer holds no token"))
}

impl IntoFuture for TokenRequest {
    type Output = Result<Token>;
    type IntoFuture = Pending<Token>;

    fn into_future(self) -> Self::IntoFuture {
        Pending::new(self.send())
    }
}

impl Token {
    /// A token that somebody else has fetched.
    pub fn new(token: impl Into<String>) -> Self {
        Self(token.into())
    }

    /// The token itself, to be handed on. A secret as long as it lives.
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
