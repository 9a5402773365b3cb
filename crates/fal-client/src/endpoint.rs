//! One endpoint of a client, known by its type or by its id.

use std::{borrow::Cow, fmt, marker::PhantomData};

use fal_core::Endpoint;
#[cfg(feature = "realtime")]
use fal_core::Realtime;

#[cfg(feature = "realtime")]
use crate::realtime::{ConnectRequest, TokenRequest, WebSocketRequest};
use crate::{
    Client,
    endpoint_id::without_url,
    queue::{Job, Ticket},
    untyped,
};

/// One endpoint of a [`Client`], for calls that begin without an input.
///
/// Returned by [`Client::endpoint`] for an endpoint that has a crate, and by [`Client::endpoint_id`] for any
/// other. Creating one sends nothing.
#[must_use = "a handle does nothing by itself"]
pub struct EndpointHandle<E> {
    client: Client,
    id: Cow<'static, str>,
    endpoint: PhantomData<fn() -> E>,
}

impl Client {
    /// Returns a handle for the endpoint `E` of a model crate.
    ///
    /// ```no_run
    /// # async fn example<E: fal_client::Endpoint>(client: fal_client::Client) -> fal_client::Result<()> {
    /// let job = client.endpoint::<E>().job("764cabcf-b745-4b3e-ae38-1200304cf45b");
    /// let reply = job.wait().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn endpoint<E: Endpoint>(&self) -> EndpointHandle<E> {
        EndpointHandle::new(self.clone(), E::ID.into())
    }

    /// Returns a handle for the endpoint `id`, such as `my-user/my-app`, with JSON in and out.
    ///
    /// An id that is not one is an error of the calls made with the handle.
    ///
    /// ```no_run
    /// # async fn example(client: fal_client::Client) -> fal_client::Result<()> {
    /// let job = client.endpoint_id("my-user/my-app").job("764cabcf-b745-4b3e-ae38-1200304cf45b");
    /// println!("{:?}", job.status().await?);
    /// # Ok(())
    /// # }
    /// ```
    pub fn endpoint_id(&self, id: impl Into<String>) -> EndpointHandle<untyped::Any> {
        EndpointHandle::new(self.clone(), without_url(id.into()).into())
    }
}

impl<E: Endpoint> EndpointHandle<E> {
    fn new(client: Client, id: Cow<'static, str>) -> Self {
        Self { client, id, endpoint: PhantomData }
    }

    /// Returns the id of the endpoint, such as `fal-ai/flux/dev`.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Returns the request `request_id` of this endpoint, which is in the queue already. Sends nothing.
    ///
    /// A request of another endpoint is noticed when its status or result is fetched.
    #[doc(alias = "get_handle")]
    #[must_use]
    pub fn job(&self, request_id: impl Into<String>) -> Job<E> {
        self.client.resume(Ticket::with_endpoint(self.id.as_ref(), request_id))
    }

    /// Opens a WebSocket for many small direct calls, which saves the cost of an HTTP request for each.
    /// `ws.fal.run/{endpoint}`. With the feature `realtime`.
    ///
    /// ```no_run
    /// # use serde_json::json;
    /// # async fn example(client: fal_client::Client) -> fal_client::Result<()> {
    /// let runner = client.endpoint_id("my-user/my-app").over_websocket().await?;
    /// let reply = runner.run(fal_client::untyped::input("my-user/my-app", json!({ "scale": 4 }))).await?;
    /// # Ok(())
    /// # }
    /// ```
    #[cfg(feature = "realtime")]
    pub fn over_websocket(&self) -> WebSocketRequest<E> {
        WebSocketRequest::new(self.client.clone(), self.id.clone())
    }

    /// Fetches a short-lived token that opens realtime connections to this app, for a browser or another
    /// program that must not have the key. With the feature `realtime`.
    ///
    /// ```no_run
    /// # async fn example(client: fal_client::Client) -> fal_client::Result<()> {
    /// let token = client.endpoint_id("fal-ai/flux-2/klein/realtime").realtime_token().await?;
    /// println!("{{\"token\": {:?}}}", token.secret()); // to the browser
    /// # Ok(())
    /// # }
    /// ```
    #[doc(alias("getTemporaryAuthToken", "jwt"))]
    #[cfg(feature = "realtime")]
    pub fn realtime_token(&self) -> TokenRequest {
        TokenRequest::new(self.client.clone(), self.id.clone())
    }
}

#[cfg(feature = "realtime")]
impl<E: Realtime> EndpointHandle<E> {
    /// Opens a connection that exchanges messages with the model. `fal.run/{endpoint}/realtime`. With the
    /// feature `realtime`.
    ///
    /// The handshake carries the key; [`ConnectRequest::with_token`] is for connections that must not.
    ///
    /// ```no_run
    /// # async fn example<M: fal_client::Realtime>(client: fal_client::Client) -> fal_client::Result<()> {
    /// let mut connection = client.endpoint::<M>().realtime().await?;
    /// while let Some(message) = connection.recv().await? {
    ///     println!("{} bytes", message.raw().len());
    /// }
    /// # Ok(())
    /// # }
    /// ```
    #[doc(alias("realtime_async", "fal.realtime", "ws_connect"))]
    pub fn realtime(&self) -> ConnectRequest<E> {
        ConnectRequest::new(self.client.clone(), self.id.clone())
    }
}

impl EndpointHandle<untyped::Any> {
    /// Gives the outputs of jobs a type of your own, in place of JSON.
    ///
    /// ```no_run
    /// # async fn example(client: fal_client::Client) -> fal_client::Result<()> {
    /// #[derive(serde::Deserialize)]
    /// struct Answer {
    ///     area: f64,
    /// }
    ///
    /// let job = client.endpoint_id("my-user/my-app").with_output::<Answer>().job("764cabcf");
    /// println!("{}", job.wait().await?.area);
    /// # Ok(())
    /// # }
    /// ```
    pub fn with_output<O>(self) -> EndpointHandle<untyped::Typed<O>>
    where
        untyped::Typed<O>: Endpoint,
    {
        EndpointHandle::new(self.client, self.id)
    }
}

#[cfg(feature = "realtime")]
impl EndpointHandle<untyped::Any> {
    /// Gives messages types: `S` is sent and `R` received. With the feature `realtime`.
    ///
    /// Any types that serde knows will do: JSON values, or structs, in which fields of bytes stay bytes.
    ///
    /// ```no_run
    /// # use fal_client::Client;
    /// # async fn example(client: Client) -> fal_client::Result<()> {
    /// use serde_json::{Value, json};
    ///
    /// let mut connection = client.endpoint_id("my-user/my-app").messages::<Value, Value>().realtime().await?;
    /// let answer = connection.request_message(&json!({ "prompt": "Hello, world!" })).await?;
    /// println!("{}", *answer);
    /// connection.close().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn messages<S, R>(self) -> EndpointHandle<untyped::Messages<S, R>>
    where
        untyped::Messages<S, R>: Realtime,
    {
        EndpointHandle::new(self.client, self.id)
    }
}

impl<E> Clone for EndpointHandle<E> {
    fn clone(&self) -> Self {
        Self { client: self.client.clone(), id: self.id.clone(), endpoint: PhantomData }
    }
}

impl<E> fmt::Debug for EndpointHandle<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EndpointHandle").field("id", &self.id).finish_non_exhaustive()
    }
}
