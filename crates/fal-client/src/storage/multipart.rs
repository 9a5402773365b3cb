//! Uploads of a file in parts.

use std::collections::BTreeMap;

use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use http::{Method, header};
use serde::{Deserialize, Serialize};
use url::Url;

use super::{
    byte_source::{ByteSource, FileVersion},
    checkpoint::{Checkpoint, PartialUpload},
    options::{MAX_PARTS, Repository},
    progress::Meter,
    reader::TakenReader,
    upload_context::{FileMetadata, UploadContext, is_expired, parse_upload_url},
    upload_source::reader_failed,
};
use crate::{
    Error, ErrorKind, Result,
    hosts::join,
    retry::RetryClass,
    transport::{Content, Request, Response},
};

/// An upload that was begun, and the URLs that belong to it.
struct MultipartUpload {
    repository: Repository,
    /// The URL above the parts: `…/multipart/{id}`, with the query that signs it.
    url: Url,
    file_url: String,
}

/// A part of a file: its number, from 1, and its content.
type Part = (u32, ByteSource);

/// Uploads a file of known length in parts and returns its URL. Continues the upload in `checkpoint`, if there is one
/// of this version of the file.
pub(super) async fn upload(
    context: &UploadContext,
    repository: Repository,
    metadata: &FileMetadata,
    source: &ByteSource,
    meter: Option<&Meter>,
    checkpoint: Option<&Checkpoint>,
) -> Result<String> {
    let checkpoint = checkpoint.zip(metadata.version);
    if let Some((checkpoint, version)) = checkpoint
        && let Some(partial) = checkpoint.get(version)
        // Continuing at the CDN needs its token, which a client that uploads to the REST service must not fetch.
        && (repository, partial.repository()) != (Repository::Rest, Repository::Cdn)
    {
        match resume(context, source, meter, checkpoint, partial).await {
            // fal does not know the upload any more, or its signed URL has expired.
            Err(error) if error.is_not_found() || is_expired(&error) => {
                checkpoint.clear();
                restart(meter);
            }
            result => return result,
        }
    }
    let upload = initiate(context, repository, metadata).await?;
    // Not the chosen one: the REST service takes the place of a CDN that does not take the file.
    let repository = upload.repository;
    match upload_anew(context, upload, source, meter, checkpoint).await {
        // The parts of an upload whose signed URL has expired cannot be taken over by another.
        Err(error) if repository == Repository::Rest && is_expired(&error) => {
            tracing::debug!(%error, "the signed URL was refused: starting again with another");
            restart(meter);
            let upload = initiate(context, repository, metadata).await?;
            upload_anew(context, upload, source, meter, checkpoint).await
        }
        result => result,
    }
}

/// Takes back the progress of an upload that starts again.
fn restart(meter: Option<&Meter>) {
    if let Some(meter) = meter {
        meter.restart();
    }
}

/// Uploads all parts of a file.
async fn upload_anew(
    context: &UploadContext,
    upload: MultipartUpload,
    source: &ByteSource,
    meter: Option<&Meter>,
    checkpoint: Option<(&Checkpoint, FileVersion)>,
) -> Result<String> {
    let part_size = context.options.part_size_for(source.length());
    if let Some((checkpoint, version)) = checkpoint {
        let partial =
            PartialUpload::new(version, part_size, upload.repository, &upload.url, &upload.file_url);
        checkpoint.start(partial);
    }
    let parts = stream::iter(split(source, part_size).map(Ok));
    let checkpoint = checkpoint.map(|(checkpoint, _)| checkpoint);
    send_parts(context, upload, parts, BTreeMap::new(), meter, checkpoint).await
}

/// Continues an interrupted upload with the parts that fal does not have.
async fn resume(
    context: &UploadContext,
    source: &ByteSource,
    meter: Option<&Meter>,
    checkpoint: &Checkpoint,
    partial: PartialUpload,
) -> Result<String> {
    let upload = MultipartUpload {
        repository: partial.repository(),
        url: parse_upload_url(&partial.target, context.client.hosts())?,
        file_url: partial.file_url.clone(),
    };
    let uploaded = partial.parts;
    let parts: Vec<Part> = split(source, partial.part_size).collect();
    if let Some(meter) = meter {
        let skipped = parts.iter().filter(|(number, _)| uploaded.contains_key(number));
        meter.add(skipped.map(|(_, part)| part.length()).sum());
    }
    let missing: Vec<_> =
        parts.into_iter().filter(|(number, _)| !uploaded.contains_key(number)).map(Ok).collect();
    send_parts(context, upload, stream::iter(missing), uploaded, meter, Some(checkpoint)).await
}

/// Uploads a reader of unknown length, part by part, and returns the URL of the file.
pub(super) async fn upload_reader(
    context: &UploadContext,
    repository: Repository,
    metadata: &FileMetadata,
    first: Bytes,
    rest: TakenReader,
    meter: Option<&Meter>,
) -> Result<String> {
    let upload = initiate(context, repository, metadata).await?;
    let part_size = context.options.part_size;
    let first = stream::iter([Ok((1, ByteSource::Memory(first)))]);
    let more = stream::unfold(Some((rest, 2)), move |state| async move {
        let (mut rest, number) = state?;
        match rest.read(part_size).await {
            Ok(bytes) if bytes.is_empty() => None,
            Ok(bytes) => Some((Ok((number, ByteSource::Memory(bytes))), Some((rest, number + 1)))),
            Err(cause) => Some((Err(reader_failed(cause)), None)),
        }
    });
    send_parts(context, upload, first.chain(more), BTreeMap::new(), meter, None).await
}

/// Splits content into parts, in order. Empty content has one empty part.
fn split(source: &ByteSource, part_size: u64) -> impl Iterator<Item = Part> + use<'_> {
    let count = source.length().div_ceil(part_size).max(1);
    (1_u32..).zip(0..count).map(move |(number, index)| (number, source.slice(index * part_size, part_size)))
}

async fn initiate(
    context: &UploadContext,
    repository: Repository,
    metadata: &FileMetadata,
) -> Result<MultipartUpload> {
    if repository == Repository::Rest {
        return initiate_at_rest(context, metadata).await;
    }
    match initiate_at_cdn(context, metadata).await {
        Err(error) if context.should_fall_back(&error) => {
            tracing::warn!(%error, "the CDN does not take a file: asking the REST service");
            initiate_at_rest(context, metadata).await.map_err(|_| error)
        }
        initiated => initiated,
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Initiated {
    #[serde(rename = "access_url")]
    access_url: String,
    upload_id: String,
}

async fn initiate_at_cdn(context: &UploadContext, metadata: &FileMetadata) -> Result<MultipartUpload> {
    let response = context.send_to_cdn(|token| {
        let url = join(&token.base, ["files", "upload", "multipart"]);
        let mut request = context.cdn_request(url, metadata)?;
        request.content = Content::Bytes(Bytes::new());
        Ok(request)
    });
    let initiated: Initiated = response.await?.json()?;
    let access_url = parse_upload_url(&initiated.access_url, context.client.hosts())?;
    let url = join(&access_url, ["multipart", &initiated.upload_id]);
    Ok(MultipartUpload { repository: Repository::Cdn, url, file_url: initiated.access_url })
}

async fn initiate_at_rest(context: &UploadContext, metadata: &FileMetadata) -> Result<MultipartUpload> {
    let (url, file_url) = context.initiate(metadata, "initiate-multipart").await?;
    Ok(MultipartUpload { repository: Repository::Rest, url, file_url })
}

#[derive(Serialize)]
struct Complete {
    parts: Vec<CompletedPart>,
}

#[derive(Serialize)]
struct CompletedPart {
    #[serde(rename = "partNumber")]
    number: u32,
    etag: String,
}

/// Sends the parts, several at a time, and completes the upload with all of them in order.
async fn send_parts(
    context: &UploadContext,
    upload: MultipartUpload,
    parts: impl Stream<Item = Result<Part>>,
    mut tags: BTreeMap<u32, String>,
    meter: Option<&Meter>,
    checkpoint: Option<&Checkpoint>,
) -> Result<String> {
    let upload = &upload;
    let sent = parts.map(|part| async move {
        let (number, source) = part?;
        check_number(number)?;
        let tag = send_part(context, upload, number, &source, meter).await;
        tag.map(|tag| (number, tag)).map_err(|error| error.with_context(&format!("part {number}")))
    });
    let mut sent = std::pin::pin!(sent.buffer_unordered(context.options.part_concurrency));
    while let Some(part) = sent.next().await {
        let (number, tag) = part?;
        if let Some(checkpoint) = checkpoint {
            checkpoint.add_part(number, &tag);
        }
        tags.insert(number, tag);
    }
    let parts = tags.into_iter().map(|(number, etag)| CompletedPart { number, etag }).collect();
    let list = serde_json::to_vec(&Complete { parts })
        .map_err(|cause| Error::new(ErrorKind::Encode, cause.to_string()).with_source(cause))?;
    let list = Bytes::from(list);
    upload
        .send(context, || {
            let mut request =
                Request::to_anyone(Method::POST, upload.url("complete"), RetryClass::Idempotent);
            request.content = Content::Json(list.clone());
            request
        })
        .await?;
    if let Some(checkpoint) = checkpoint {
        checkpoint.clear();
    }
    Ok(upload.file_url.clone())
}

/// Fails for a part beyond the largest number of parts.
fn check_number(number: u32) -> Result<()> {
    if u64::from(number) > MAX_PARTS {
        let message = format!("the file has more than {MAX_PARTS} parts: a larger `part_size` makes fewer");
        return Err(Error::new(ErrorKind::File, message));
    }
    Ok(())
}

#[derive(Deserialize)]
struct StoredPart {
    etag: String,
}

/// Sends one part and returns the tag that the service gave it.
async fn send_part(
    context: &UploadContext,
    upload: &MultipartUpload,
    number: u32,
    source: &ByteSource,
    meter: Option<&Meter>,
) -> Result<String> {
    let number = number.to_string();
    let progress = meter.map(Meter::part);
    let response = upload
        .send(context, || {
            let mut request = Request::to_anyone(Method::PUT, upload.url(&number), RetryClass::Idempotent);
            request.content = source.to_content(progress.clone());
            request
        })
        .await?;
    // fal's official clients disagree about this: one reads the header, the other the body.
    let in_header = response.headers.get(header::ETAG).and_then(|tag| tag.to_str().ok()).map(str::to_owned);
    let in_body = || serde_json::from_slice(&response.body).ok().map(|stored: StoredPart| stored.etag);
    in_header.or_else(in_body).ok_or_else(|| {
        let kind = ErrorKind::Decode { path: "etag".to_owned() };
        Error::new(kind, "the service does not say what tag the part has")
    })
}

impl MultipartUpload {
    /// Returns the URL of a part or of the completion. It keeps the query, which is part of the signature.
    fn url(&self, segment: &str) -> Url {
        join(&self.url, [segment])
    }

    /// Sends a request of this upload, with the token for the CDN and without one for the REST service.
    async fn send(&self, context: &UploadContext, build: impl Fn() -> Request) -> Result<Response> {
        match self.repository {
            Repository::Cdn => context.send_to_cdn(|_| Ok(context.prepare(build()))).await,
            Repository::Rest => context.client.0.transport.send(&context.prepare(build())).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_beyond_the_last_number_is_an_error() {
        assert!(check_number(10_000).is_ok());
        assert!(check_number(10_001).unwrap_err().to_string().contains("larger `part_size`"));
    }

    #[test]
    fn parts_cover_every_byte_once() {
        for (length, part_size, expected) in [
            (0, 10, vec![0]),
            (1, 10, vec![1]),
            (9, 10, vec![9]),
            (10, 10, vec![10]),
            (11, 10, vec![10, 1]),
            (35, 10, vec![10, 10, 10, 5]),
        ] {
            let content: Vec<u8> = (0..length).collect();
            let source = ByteSource::Memory(content.clone().into());
            let parts: Vec<_> = split(&source, part_size).collect();
            assert_eq!(parts.iter().map(|(_, part)| part.length()).collect::<Vec<_>>(), expected);
            assert!(parts.iter().map(|(number, _)| *number).eq(1..=expected.len() as u32));
            let joined: Vec<u8> = parts
                .into_iter()
                .flat_map(|(_, part)| match part {
                    ByteSource::Memory(bytes) => bytes.to_vec(),
                    ByteSource::Disk { .. } => unreachable!(),
                })
                .collect();
            assert_eq!(joined, content);
        }
    }
}
