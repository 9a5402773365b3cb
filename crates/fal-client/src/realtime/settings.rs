//! The settings of a connection, with which it is opened, and opened again after a loss.

use std::{borrow::Cow, sync::Arc, time::Duration};

use super::{
    message::Format,
    token::{Token, TokenRequest},
};
use crate::{
    BoxFuture, Client, Error, ErrorKind, Result,
    endpoint_id::EndpointId,
    options::CallOptions,
    socket::{self, Socket},
    timeout::within,
};

pub(super) type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// The credentials for opening a connection.
#[derive(Clone)]
pub(super) enum Access {
    /// The client's key, in a header of the handshake.
    Key,
    /// A token that the client fetches with its key.
    Token,
    /// A token from a function of the caller.
    TokenFrom(TokenProvider),
}

type TokenProvider = Arc<dyn Fn() -> BoxFuture<'static, Result<Token, BoxError>> + Send + Sync>;

/// The settings of a connection.
pub(super) struct ConnectionSettings {
    pub(super) client: Client,
    pub(super) endpoint: Cow<'static, str>,
    pub(super) path: Option<String>,
    pub(super) max_buffering: Option<u8>,
    pub(super) access: Access,
    pub(super) options: CallOptions,
    pub(super) format: Format,
    pub(super) max_message_bytes: usize,
    pub(super) throttle: Option<Duration>,
    pub(super) reconnects: bool,
    pub(super) keep_alive: Option<Duration>,
    /// The key under which the socket is kept for reuse.
    pub(super) reuse_key: Option<String>,
}

impl ConnectionSettings {
    pub(super) fn new(client: Client, endpoint: Cow<'static, str>) -> Self {
        let access = if client.0.transport.proxy.is_some() { Access::Token } else { Access::Key };
        Self {
            client,
            endpoint,
            path: None,
            max_buffering: None,
            access,
            options: CallOptions::default(),
            format: Format::default(),
            max_message_bytes: 64 << 20,
            throttle: None,
            reconnects: false,
            keep_alive: Some(Duration::from_secs(20)),
            reuse_key: None,
        }
    }

    /// Opens a socket, with a new token if one is needed.
    pub(super) async fn open_socket(&self) -> Result<Socket> {
        let limit = self.options.timeout(&self.client);
        let opened = within(limit, &self.endpoint, self.handshake()).await;
        opened.map_err(|error| self.add_endpoint(error))
    }

    async fn handshake(&self) -> Result<Socket> {
        let run = &self.client.hosts().run;
        let default_path = (!self.endpoint.ends_with("/realtime")).then_some("/realtime");
        let path = self.path.as_deref().or(default_path);
        let mut url = EndpointId::parse(&self.endpoint)?.call_url(run, path)?;
        let token = match &self.access {
            Access::Key => None,
            Access::Token => Some(TokenRequest::new(self.client.clone(), self.endpoint.clone()).await?),
            Access::TokenFrom(provide) => Some(provide().await.map_err(|cause| {
                let message = format!("the provider of realtime tokens failed: {cause}");
                Error::new(ErrorKind::Auth, message).with_source(cause)
            })?),
        };
        if let Some(token) = &token {
            self.client.0.transport.secrets.remember(token.secret());
            url.query_pairs_mut().append_pair("fal_jwt_token", token.secret());
        }
        if let Some(inputs) = self.max_buffering {
            url.query_pairs_mut().append_pair("max_buffering", &inputs.to_string());
        }
        let mut request = socket::upgrade_request(url, token.is_none());
        request.retry = self.options.retry(&self.client);
        request.deadline = self.options.deadline(&self.client);
        request.headers = self.options.headers(request.deadline)?;
        Socket::open(&self.client.0.transport, request, self.max_message_bytes).await
    }

    /// Adds the endpoint to an error, and removes the secrets that the service may have repeated.
    pub(super) fn add_endpoint(&self, error: Error) -> Error {
        error.with_endpoint(self.endpoint.as_ref()).hide(&self.client.0.transport.secrets())
    }
}
