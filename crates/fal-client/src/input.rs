//! Encoding inputs: check, find local files, write JSON.

use std::time::Instant;

use bytes::Bytes;
use fal_core::{File, Parameters, validate};
use serde::Serialize;

use crate::{BoxFuture, Client, Error, ErrorKind, Result, Retry, storage};

/// An input as JSON, or ready to become JSON once its local files are uploaded.
///
/// [`encode`] knows the type of the input. Everything after it does not, and so is compiled once rather than for
/// each model that an app calls.
pub(crate) enum EncodedInput {
    Json(Bytes),
    /// Boxed, so that an app that calls no model with files does not contain the code that uploads them
    /// (the row `hello-FLUX` of the sizes in BENCHMARKS.md).
    WithFiles(UploadFiles),
}

/// Uploads the local files of an input, and encodes it with their URLs.
type UploadFiles =
    Box<dyn FnOnce(Client, Retry, Option<Instant>) -> BoxFuture<'static, Result<Bytes>> + Send>;

/// Encodes an input, given its local files and the uploaded ones that replace them.
type EncodeUploaded = Box<dyn FnOnce(&[File], &[File]) -> Result<Bytes> + Send>;

/// Checks `input` unless `skip_validation`, and encodes it.
pub(crate) fn encode<P>(mut input: P, skip_validation: bool) -> Result<EncodedInput>
where
    P: Parameters + Serialize + Send + 'static,
{
    if !skip_validation {
        validate(&input).map_err(Error::violations)?;
    }
    let mut local: Vec<File> = Vec::new();
    input.visit_files(&mut |file| {
        if file.as_url().is_none() && !local.contains(file) {
            local.push(file.clone());
        }
    });
    if local.is_empty() {
        return Ok(EncodedInput::Json(to_json(&input)?));
    }
    Ok(EncodedInput::with_files(
        local,
        Box::new(move |local, uploaded| {
            input.visit_files(&mut |file| {
                if let Some(index) = local.iter().position(|candidate| candidate == file)
                    && let Some(uploaded) = uploaded.get(index)
                {
                    *file = uploaded.clone();
                }
            });
            to_json(&input)
        }),
    ))
}

/// Encodes an input as it is.
pub(crate) fn to_json(input: &impl Serialize) -> Result<Bytes> {
    match serde_json::to_vec(input) {
        Ok(json) => Ok(json.into()),
        Err(error) => Err(encode_error(error)),
    }
}

pub(crate) fn encode_error(error: serde_json::Error) -> Error {
    let message = format!("the input cannot be written as JSON: {error}");
    Error::new(ErrorKind::Encode, message).with_source(error)
}

impl EncodedInput {
    fn with_files(local: Vec<File>, encode: EncodeUploaded) -> Self {
        Self::WithFiles(Box::new(move |client, retry, deadline| {
            Box::pin(async move {
                let uploaded = storage::upload_all(client, local.clone(), retry, deadline).await?;
                encode(&local, &uploaded)
            })
        }))
    }

    /// Returns the JSON, after uploading local files. A file that occurs twice is uploaded once.
    pub(crate) async fn into_json(
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
