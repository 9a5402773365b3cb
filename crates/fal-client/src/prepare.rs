//! From an input to the request that is sent: check, upload, write.

use std::time::Instant;

use fal_core::{File, Parameters, validate};
use http::Method;
use serde::Serialize;
use serde_json::Value;
use url::Url;

use crate::{
    Client, Error, ErrorKind, Result, Retry,
    call::CallOptions,
    endpoint_id::EndpointId,
    retry::Repeat,
    storage,
    transport::{Content, Request},
};

/// The request that gives `input` to an endpoint of the service at `base`.
///
/// Local files are uploaded and replaced by their URLs.
pub(crate) async fn request<P: Parameters + Serialize>(
    client: &Client,
    base: &Url,
    endpoint: &str,
    mut input: P,
    options: &mut CallOptions,
) -> Result<Request> {
    let deadline = options.deadline(client);
    let mut url = EndpointId::parse(endpoint)?.call_url(base, options.path.as_deref())?;
    if !options.query.is_empty() {
        url.query_pairs_mut().extend_pairs(&options.query);
    }
    let headers = options.headers()?;
    if !options.unchecked {
        validate(&input).map_err(Error::violations)?;
    }
    upload_files(client, &mut input, &options.retry(client), deadline).await?;
    let method = options.method.take().unwrap_or(Method::POST);
    let content = if [Method::GET, Method::HEAD].contains(&method) {
        in_query(&mut url, &input)?;
        Content::None
    } else {
        Content::Json(serde_json::to_vec(&input).map_err(unwritable)?.into())
    };
    let mut request = Request::to_fal(method, url, Repeat::WhenUnaccepted);
    request.headers = headers;
    request.content = content;
    request.retry = options.retry(client);
    request.deadline = deadline;
    Ok(request)
}

/// The parameters as pairs of the query.
fn in_query(url: &mut Url, input: &impl Serialize) -> Result<()> {
    let parameters = match serde_json::to_value(input).map_err(unwritable)? {
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

pub(crate) fn unwritable(error: serde_json::Error) -> Error {
    let message = format!("the input cannot be written as JSON: {error}");
    Error::new(ErrorKind::Encode, message).caused_by(error)
}

/// Uploads side by side, a file that is given twice once.
pub(crate) async fn upload_files<P: Parameters>(
    client: &Client,
    input: &mut P,
    retry: &Retry,
    deadline: Option<Instant>,
) -> Result<()> {
    let mut local: Vec<File> = Vec::new();
    input.visit_files(&mut |file| {
        if file.as_url().is_none() && !local.contains(file) {
            local.push(file.clone());
        }
    });
    if local.is_empty() {
        return Ok(());
    }
    // In a box, because most calls have no files and should not be as large as if they had.
    let online = Box::pin(storage::upload_all(client, local.clone(), retry, deadline)).await?;
    input.visit_files(&mut |file| {
        if let Some(index) = local.iter().position(|candidate| candidate == file)
            && let Some(uploaded) = online.get(index)
        {
            *file = uploaded.clone();
        }
    });
    Ok(())
}
