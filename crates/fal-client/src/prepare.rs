//! From an input to the bytes that are sent: check, upload, write.

use bytes::Bytes;
use fal_core::{File, Parameters, validate};
use serde::Serialize;

use crate::{Client, Error, ErrorKind, Result, call::CallOptions, storage};

/// The body of a request. Local files are uploaded and replaced by their URLs.
pub(crate) async fn body<P: Parameters + Serialize>(
    client: &Client,
    mut input: P,
    options: &CallOptions,
) -> Result<Bytes> {
    if !options.unchecked {
        validate(&input).map_err(Error::violations)?;
    }
    upload_files(client, &mut input, options).await?;
    let body = serde_json::to_vec(&input).map_err(|error| {
        Error::new(ErrorKind::Encode, format!("the input cannot be written as JSON: {error}"))
            .caused_by(error)
    })?;
    Ok(body.into())
}

/// Uploads side by side, a file that is given twice once.
async fn upload_files<P: Parameters>(client: &Client, input: &mut P, options: &CallOptions) -> Result<()> {
    let mut local: Vec<File> = Vec::new();
    input.visit_files(&mut |file| {
        if file.as_url().is_none() && !local.contains(file) {
            local.push(file.clone());
        }
    });
    if local.is_empty() {
        return Ok(());
    }
    let online = storage::upload_all(client, local.clone(), &options.retry(client)).await?;
    input.visit_files(&mut |file| {
        if let Some(index) = local.iter().position(|candidate| candidate == file)
            && let Some(uploaded) = online.get(index)
        {
            *file = uploaded.clone();
        }
    });
    Ok(())
}
