//! From an input to the request that is sent: check, upload, write.

use std::time::{Duration, Instant};

use bytes::Bytes;
use fal_core::{File, Parameters, validate};
use http::Method;
use serde::Serialize;
use serde_json::Value;
use url::Url;

use crate::{
    BoxFuture, Client, Error, ErrorKind, Result, Retry,
    call::{CallOptions, deadline},
    endpoint_id::EndpointId,
    retry::RetryClass,
    storage,
    transport::{Content, Request},
};

/// An input as it is sent.
///
/// Made where its type is known, and sent where it is not: what lies between is compiled once, and not for each
/// model that an app calls.
pub(crate) enum Written {
    Json(Bytes),
    /// Has local files, which are uploaded first. In a box that only inputs with files make: an app that calls no
    /// model with files then need not contain what uploads them.
    WithFiles(Upload),
}

type Upload = Box<dyn FnOnce(Client, Retry, Option<Instant>) -> BoxFuture<'static, Result<Bytes>> + Send>;

/// Checks the input, and writes it.
pub(crate) fn write<P>(mut input: P, unchecked: bool) -> Result<Written>
where
    P: Parameters + Serialize + Send + 'static,
{
    if !unchecked {
        validate(&input).map_err(Error::violations)?;
    }
    let mut local: Vec<File> = Vec::new();
    input.visit_files(&mut |file| {
        if file.as_url().is_none() && !local.contains(file) {
            local.push(file.clone());
        }
    });
    if local.is_empty() {
        return Ok(Written::Json(json(&input)?));
    }
    Ok(Written::with_files(
        local,
        Box::new(move |local, online| {
            input.visit_files(&mut |file| {
                if let Some(index) = local.iter().position(|candidate| candidate == file)
                    && let Some(uploaded) = online.get(index)
                {
                    *file = uploaded.clone();
                }
            });
            json(&input)
        }),
    ))
}

pub(crate) fn json(input: &impl Serialize) -> Result<Bytes> {
    match serde_json::to_vec(input) {
        Ok(json) => Ok(json.into()),
        Err(error) => Err(unwritable(error)),
    }
}

fn unwritable(error: serde_json::Error) -> Error {
    let message = format!("the input cannot be written as JSON: {error}");
    Error::new(ErrorKind::Encode, message).with_source(error)
}

/// Writes an input whose local files, the first, are online as the second.
type WriteOnline = Box<dyn FnOnce(&[File], &[File]) -> Result<Bytes> + Send>;

impl Written {
    /// Uploads side by side, a file that is given twice once.
    fn with_files(local: Vec<File>, write: WriteOnline) -> Self {
        Self::WithFiles(Box::new(move |client, retry, deadline| {
            Box::pin(async move {
                let online = storage::upload_all(client, local.clone(), retry, deadline).await?;
                write(&local, &online)
            })
        }))
    }

    /// The JSON, once its files are online.
    pub(crate) async fn json(
        self,
        client: &Client,
        retry: &Retry,
        deadline: Option<Instant>,
    ) -> Result<Bytes> {
        match self {
            Self::Json(json) => Ok(json),
            Self::WithFiles(upload) => upload(client.clone(), retry.clone(), deadline).await,
        }
    }
}

/// A request to an endpoint, whose input may have files that are not online yet.
// Made before the future that sends it, and completed in place: a future holds what is moved within it twice.
pub(crate) struct Draft {
    pub(crate) request: Request,
    input: Option<Written>,
    /// How long the whole call may take.
    limit: Option<Duration>,
}

impl Draft {
    /// The request that gives `input` to an endpoint of the service at `base`.
    pub(crate) fn new(
        client: &Client,
        base: &Url,
        endpoint: &str,
        input: Result<Written>,
        mut options: CallOptions,
    ) -> Result<Self> {
        let mut url = EndpointId::parse(endpoint)?.call_url(base, options.path.as_deref())?;
        if !options.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&options.query);
        }
        let method = options.method.take().unwrap_or(Method::POST);
        let mut request = Request::to_fal(method, url, RetryClass::Billable);
        request.headers = options.headers()?;
        request.retry = options.retry(client);
        Ok(Self { request, input: Some(input?), limit: options.timeout(client) })
    }

    /// The whole request: local files are uploaded and replaced by their URLs. The time of the call begins here.
    pub(crate) async fn complete(&mut self, client: &Client) -> Result<&Request> {
        let Self { request, input, limit } = self;
        request.deadline = deadline(*limit);
        if let Some(input) = input.take() {
            let json = input.json(client, &request.retry, request.deadline).await?;
            if [Method::GET, Method::HEAD].contains(&request.method) {
                in_query(&mut request.url, &json)?;
            } else {
                request.content = Content::Json(json);
            }
        }
        Ok(request)
    }
}

/// The parameters as pairs of the query.
fn in_query(url: &mut Url, input: &[u8]) -> Result<()> {
    let parameters = match serde_json::from_slice(input).map_err(unwritable)? {
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
