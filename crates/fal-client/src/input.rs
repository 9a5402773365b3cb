//! Encoding inputs: check, find local files, write JSON.

use std::{mem, time::Instant};

use bytes::Bytes;
use fal_core::{File, Parameters, limited_files, validate};
use serde::Serialize;

use crate::{
    BoxFuture, Client, Error, ErrorKind, Result, Retry,
    file_check::{self, FilesToCheck},
    storage::{self, UploadOptions, is_data_uri},
};

/// An input as JSON, or ready to become JSON once its local files are uploaded.
///
/// [`encode`] knows the type of the input. Everything after it does not, and so is compiled once rather than for
/// each model that an app calls.
pub(crate) enum EncodedInput {
    Json(Bytes),
    /// Boxed, so that an app that calls no model with files does not contain the code that uploads them
    /// (the row `hello-FLUX` of the sizes in BENCHMARKS.md).
    WithFiles(Box<LocalFiles>),
}

/// The local files of an input, and the rest of it.
pub(crate) struct LocalFiles {
    /// Those to check before they are uploaded, and data URIs.
    limited: Vec<FilesToCheck>,
    local: Vec<File>,
    upload: UploadFiles,
    encode: EncodeUploaded,
}

/// Checks files, and uploads others.
type UploadFiles = fn(
    Client,
    Vec<FilesToCheck>,
    Vec<File>,
    UploadOptions,
    Retry,
    Option<Instant>,
) -> BoxFuture<'static, Result<Vec<File>>>;

/// The checks of an input before it is sent.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Checks {
    /// Checks the rules that types cannot express.
    pub(crate) rules: bool,
    /// Checks local files against the limits of the endpoint.
    pub(crate) files: bool,
}

/// Encodes an input, given its local files and the uploaded ones that replace them.
type EncodeUploaded = Box<dyn FnOnce(&[File], &[File]) -> Result<Bytes> + Send>;

/// Checks `input`, and encodes it.
pub(crate) fn encode<P>(mut input: P, checks: Checks) -> Result<EncodedInput>
where
    P: Parameters + Serialize + Send + 'static,
{
    if checks.rules {
        validate(&input).map_err(Error::violations)?;
    }
    let has_data_uri = has_file(&mut input, |file| file.as_url().is_some_and(is_data_uri));
    let local = local_files(&mut input);
    let limited = match checks.files && (has_data_uri || !local.is_empty()) {
        true => limited_files(&input).into_iter().map(FilesToCheck::from).collect(),
        false => Vec::new(),
    };
    if local.is_empty() && limited.is_empty() {
        return Ok(EncodedInput::Json(to_json(&input)?));
    }
    let encode = move |local: &[File], uploaded: &[File]| {
        replace_files(&mut input, local, uploaded);
        to_json(&input)
    };
    let files = LocalFiles { limited, local, upload: check_and_upload, encode: Box::new(encode) };
    Ok(EncodedInput::WithFiles(Box::new(files)))
}

/// Checks `limited`, and uploads `files`. As a closure of [`encode`], it would be compiled for each input of an app.
fn check_and_upload(
    client: Client,
    limited: Vec<FilesToCheck>,
    files: Vec<File>,
    options: UploadOptions,
    retry: Retry,
    deadline: Option<Instant>,
) -> BoxFuture<'static, Result<Vec<File>>> {
    Box::pin(async move {
        file_check::check(limited).await?;
        storage::upload_all(client, files, options, retry, deadline).await
    })
}

/// Returns true if one of the files of an input is wanted.
pub(crate) fn has_file(input: &mut impl Parameters, is_wanted: impl Fn(&File) -> bool) -> bool {
    let mut has_file = false;
    input.visit_files(&mut |file| has_file |= is_wanted(file));
    has_file
}

/// Returns the files of an input that have no URL, each once.
pub(crate) fn local_files(input: &mut impl Parameters) -> Vec<File> {
    let mut local: Vec<File> = Vec::new();
    input.visit_files(&mut |file| {
        if file.as_url().is_none() && !local.contains(file) {
            local.push(file.clone());
        }
    });
    local
}

/// Replaces each of the `local` files of an input by the one of `replacements` at the same place.
pub(crate) fn replace_files(input: &mut impl Parameters, local: &[File], replacements: &[File]) {
    input.visit_files(&mut |file| {
        if let Some(index) = local.iter().position(|candidate| candidate == file)
            && let Some(replacement) = replacements.get(index)
        {
            *file = replacement.clone();
        }
    });
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
    /// Returns the JSON, after checking and uploading local files. A file that occurs twice is uploaded once.
    #[cfg(feature = "realtime")]
    pub(crate) async fn into_json(
        self,
        client: &Client,
        uploads: UploadOptions,
        retry: &Retry,
        deadline: Option<Instant>,
    ) -> Result<Bytes> {
        self.upload(client, uploads, retry, deadline).await.map_err(|(error, _)| error)
    }

    /// Returns the JSON, after checking and uploading local files. Gives the input back if an upload fails, so that it
    /// can be tried again.
    pub(crate) async fn upload(
        self,
        client: &Client,
        uploads: UploadOptions,
        retry: &Retry,
        deadline: Option<Instant>,
    ) -> Result<Bytes, (Error, Option<Self>)> {
        let mut files = match self {
            Self::Json(json) => return Ok(json),
            Self::WithFiles(files) => files,
        };
        // Files that have passed the checks need none when the upload is tried again.
        let limited = mem::take(&mut files.limited);
        match (files.upload)(client.clone(), limited, files.local.clone(), uploads, retry.clone(), deadline)
            .await
        {
            Ok(uploaded) => (files.encode)(&files.local, &uploaded).map_err(|error| (error, None)),
            Err(error) => Err((error, Some(Self::WithFiles(files)))),
        }
    }
}
