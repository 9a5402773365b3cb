//! A call of an endpoint, without the types of the endpoint.

use std::{
    borrow::Cow,
    mem,
    time::{Duration, Instant},
};

use bytes::Bytes;
use fal_core::Parameters;
use http::Method;
use serde::Serialize;
use serde_json::Value;
use url::Url;

use crate::{
    Client, Error, ErrorKind, Result, Retry,
    endpoint_id::EndpointId,
    hosts::Service,
    input::{self, EncodedInput},
    options::CallOptions,
    queue::RequestHandle,
    reconcile::SentRequest,
    retry::RetryClass,
    transport::{Content, Request},
};

/// Is called with a request as soon as the queue has accepted it.
pub(crate) type OnQueued = Box<dyn FnOnce(&RequestHandle) + Send>;

/// A call of an endpoint whose input is encoded: where the types of the endpoint end.
pub(crate) struct Call {
    pub(crate) client: Client,
    pub(crate) endpoint: Cow<'static, str>,
    pub(crate) options: CallOptions,
    /// For calls through the queue.
    pub(crate) on_queued: Option<OnQueued>,
    input: Result<EncodedInput>,
}

impl Call {
    /// Encodes `input`. An input that cannot be encoded is an error of [`into_request`](Self::into_request).
    pub(crate) fn new<P>(client: Client, endpoint: Cow<'static, str>, input: P, options: CallOptions) -> Self
    where
        P: Parameters + Serialize + Send + 'static,
    {
        let input = input::encode(input, options.checks(&client));
        Self { client, endpoint, options, on_queued: None, input }
    }

    /// Returns the record of the call, which is about to be sent with this body.
    pub(crate) fn sent_request(&self, body: Bytes) -> SentRequest {
        let (path, webhook) = (self.options.path.clone(), self.options.webhook().map(str::to_owned));
        SentRequest::new(self.endpoint.clone(), path, webhook, body)
    }

    /// Returns the time that the whole call may take.
    pub(crate) fn limit(&self) -> Option<Duration> {
        self.options.timeout(&self.client)
    }

    /// Builds the request to `service`, after uploading local files. The time of the call begins when it is polled.
    pub(crate) async fn into_request(mut self, service: Service) -> Result<Request> {
        self.prepare(service).await
    }

    /// Does the same for a call that may have to be sent again. Files are uploaded once.
    pub(crate) async fn prepare(&mut self, service: Service) -> Result<Request> {
        let client = &self.client;
        let base = client.hosts().base(service);
        let mut url = EndpointId::parse(&self.endpoint)?.call_url(base, self.options.path.as_deref())?;
        if !self.options.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&self.options.query);
        }
        let method = self.options.method.clone().unwrap_or(Method::POST);
        let mut request = Request::to_fal(method, url, RetryClass::Billable);
        request.retry = self.options.retry(client);
        request.deadline = self.options.deadline(client);
        request.idle_timeout = self.options.idle_timeout;
        self.options.check(request.deadline)?; // Before anything is uploaded.
        let json = match &self.input {
            Ok(EncodedInput::Json(json)) => json.clone(),
            // Boxed, so that a call without files has no room for an upload.
            _ => Box::pin(self.upload_files(&request.retry, request.deadline)).await?,
        };
        request.headers = self.options.headers(request.deadline)?;
        if [Method::GET, Method::HEAD].contains(&request.method) {
            append_to_query(&mut request.url, &json)?;
        } else {
            request.content = Content::Json(json);
        }
        Ok(request)
    }

    /// Returns the input as JSON, after uploading the local files that have not been uploaded.
    async fn upload_files(&mut self, retry: &Retry, deadline: Option<Instant>) -> Result<Bytes> {
        let taken = || Err(Error::new(ErrorKind::Encode, "the input could not be encoded"));
        let input = mem::replace(&mut self.input, taken())?;
        match input.upload(&self.client, self.options.uploads(&self.client), retry, deadline).await {
            Ok(json) => {
                self.input = Ok(EncodedInput::Json(json.clone()));
                Ok(json)
            }
            Err((error, rest)) => {
                self.input = rest.map_or_else(taken, Ok);
                Err(error)
            }
        }
    }
}

/// Adds the parameters of an encoded input to the query of `url`.
fn append_to_query(url: &mut Url, input: &Bytes) -> Result<()> {
    let parameters = match serde_json::from_slice(input).map_err(input::encode_error)? {
        Value::Null => return Ok(()),
        Value::Object(parameters) => parameters,
        _ => return Err(Error::new(ErrorKind::Encode, "only an object can be sent as a query")),
    };
    let mut query = url.query_pairs_mut();
    for (name, value) in parameters {
        match value {
            Value::Null => {}
            Value::String(text) => {
                query.append_pair(&name, &text);
            }
            other => {
                query.append_pair(&name, &other.to_string());
            }
        }
    }
    Ok(())
}
