//! A file that is sent in parts.

use std::collections::BTreeMap;

use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use http::{Method, header};
use serde::{Deserialize, Serialize};
use url::Url;

use super::{
    checkpoint::{Checkpoint, Noted},
    meter::Meter,
    options::{MOST_PARTS, Repository},
    piece::Piece,
    reader::Taken,
    single,
    source::unreadable,
    token,
    upload::{About, Task},
};
use crate::{
    Error, ErrorKind, Result,
    hosts::join,
    retry::RetryClass,
    transport::{Content, Request, Response},
};

/// Where the parts of one file go.
pub(super) struct Place {
    repository: Repository,
    /// Above the parts: `…/multipart/{id}`, with the query that signs it.
    target: Url,
    file_url: String,
}

/// A part of a file: its number, from 1, and its content.
type Part = (u32, Piece);

/// Sends a file whose length is known.
pub(super) async fn send(
    task: &Task,
    repository: Repository,
    about: &About,
    piece: &Piece,
    meter: Option<&Meter>,
    checkpoint: Option<&Checkpoint>,
) -> Result<String> {
    let notes = checkpoint.zip(about.version);
    if let Some((checkpoint, version)) = notes
        && let Some(noted) = checkpoint.of(version)
    {
        match go_on(task, piece, meter, checkpoint, noted).await {
            // fal has forgotten the upload.
            Err(error) if error.is_not_found() => checkpoint.clear(),
            done => return done,
        }
    }
    let place = begin(task, repository, about).await?;
    let part_size = task.options.part_size_for(piece.length());
    if let Some((checkpoint, version)) = notes {
        checkpoint.begin(Noted::new(version, part_size, place.repository, &place.target, &place.file_url));
    }
    let parts = stream::iter(cut(piece, part_size).map(Ok));
    finish(task, place, parts, BTreeMap::new(), meter, notes.map(|(checkpoint, _)| checkpoint)).await
}

/// Goes on where an upload was interrupted.
async fn go_on(
    task: &Task,
    piece: &Piece,
    meter: Option<&Meter>,
    checkpoint: &Checkpoint,
    noted: Noted,
) -> Result<String> {
    let place = Place {
        repository: noted.repository(),
        target: single::target(&noted.target)?,
        file_url: noted.file_url.clone(),
    };
    let there = noted.parts;
    let all: Vec<Part> = cut(piece, noted.part_size).collect();
    if let Some(meter) = meter {
        let skipped = all.iter().filter(|(number, _)| there.contains_key(number));
        meter.add(skipped.map(|(_, piece)| piece.length()).sum());
    }
    let missing: Vec<_> = all.into_iter().filter(|(number, _)| !there.contains_key(number)).map(Ok).collect();
    finish(task, place, stream::iter(missing), there, meter, Some(checkpoint)).await
}

/// Sends a file whose end is not known, which stays in memory part by part.
pub(super) async fn send_rest(
    task: &Task,
    repository: Repository,
    about: &About,
    first: Bytes,
    rest: Taken,
    meter: Option<&Meter>,
) -> Result<String> {
    let place = begin(task, repository, about).await?;
    let part_size = task.options.part_size;
    let first = stream::iter([Ok((1, Piece::Memory(first)))]);
    let more = stream::unfold(Some((rest, 2)), move |state| async move {
        let (mut rest, number) = state?;
        match rest.read(part_size).await {
            Ok(bytes) if bytes.is_empty() => None,
            Ok(bytes) => Some((Ok((number, Piece::Memory(bytes))), Some((rest, number + 1)))),
            Err(cause) => Some((Err(unreadable(cause)), None)),
        }
    });
    finish(task, place, first.chain(more), BTreeMap::new(), meter, None).await
}

/// The parts of a piece, in order. A file that is empty has one part, which is empty.
fn cut(piece: &Piece, part_size: u64) -> impl Iterator<Item = Part> + use<'_> {
    let count = piece.length().div_ceil(part_size).max(1);
    (1_u32..).zip(0..count).map(move |(number, index)| (number, piece.part(index * part_size, part_size)))
}

async fn begin(task: &Task, repository: Repository, about: &About) -> Result<Place> {
    if repository == Repository::Rest {
        return begin_at_rest(task, about).await;
    }
    match begin_at_cdn(task, about).await {
        Err(error) if task.options.fallback && single::elsewhere(&error) => {
            tracing::warn!(%error, "the CDN does not take a file: asking the REST service");
            begin_at_rest(task, about).await.map_err(|_| error)
        }
        begun => begun,
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Begun {
    #[serde(rename = "access_url")]
    access_url: String,
    upload_id: String,
}

async fn begin_at_cdn(task: &Task, about: &About) -> Result<Place> {
    let answer = token::send(task, |token| {
        let mut request = single::to_token(task, join(&token.base, ["files", "upload", "multipart"]), about)?;
        request.content = Content::Bytes(Bytes::new());
        Ok(request)
    });
    let begun: Begun = answer.await?.json()?;
    let target = join(&single::target(&begun.access_url)?, ["multipart", &begun.upload_id]);
    Ok(Place { repository: Repository::Cdn, target, file_url: begun.access_url })
}

async fn begin_at_rest(task: &Task, about: &About) -> Result<Place> {
    let (target, file_url) = single::initiate(task, about, "initiate-multipart").await?;
    Ok(Place { repository: Repository::Rest, target, file_url })
}

#[derive(Serialize)]
struct Complete {
    parts: Vec<Listed>,
}

#[derive(Serialize)]
struct Listed {
    #[serde(rename = "partNumber")]
    number: u32,
    etag: String,
}

/// Sends the parts, some at a time, and lists them in order.
async fn finish(
    task: &Task,
    place: Place,
    parts: impl Stream<Item = Result<Part>>,
    mut tags: BTreeMap<u32, String>,
    meter: Option<&Meter>,
    checkpoint: Option<&Checkpoint>,
) -> Result<String> {
    let place = &place;
    let sent = parts.map(|part| async move {
        let (number, piece) = part?;
        if u64::from(number) > MOST_PARTS {
            let message =
                format!("the file has more than {MOST_PARTS} parts: a larger `part_size` makes fewer");
            return Err(Error::new(ErrorKind::File, message));
        }
        let tag = put(task, place, number, &piece, meter).await;
        tag.map(|tag| (number, tag)).map_err(|error| error.with_context(&format!("part {number}")))
    });
    let mut sent = std::pin::pin!(sent.buffer_unordered(task.options.parts_at_once));
    while let Some(part) = sent.next().await {
        let (number, tag) = part?;
        if let Some(checkpoint) = checkpoint {
            checkpoint.note(number, &tag);
        }
        tags.insert(number, tag);
    }
    let parts = tags.into_iter().map(|(number, etag)| Listed { number, etag }).collect();
    let list = serde_json::to_vec(&Complete { parts })
        .map_err(|cause| Error::new(ErrorKind::Encode, cause.to_string()).with_source(cause))?;
    let list = Bytes::from(list);
    to_place(task, place, || {
        let mut request = Request::to_anyone(Method::POST, place.below("complete"), RetryClass::Idempotent);
        request.content = Content::Json(list.clone());
        request
    })
    .await?;
    if let Some(checkpoint) = checkpoint {
        checkpoint.clear();
    }
    Ok(place.file_url.clone())
}

#[derive(Deserialize)]
struct Stored {
    etag: String,
}

/// Sends one part, and returns the tag that the service knows it by.
async fn put(
    task: &Task,
    place: &Place,
    number: u32,
    piece: &Piece,
    meter: Option<&Meter>,
) -> Result<String> {
    let number = number.to_string();
    let meter = meter.map(Meter::piece);
    let answer = to_place(task, place, || {
        let mut request = Request::to_anyone(Method::PUT, place.below(&number), RetryClass::Idempotent);
        request.content = piece.content(meter.clone());
        request
    })
    .await?;
    // The official clients disagree about where the tag is.
    let in_header = answer.headers.get(header::ETAG).and_then(|tag| tag.to_str().ok()).map(str::to_owned);
    let in_body = || serde_json::from_slice(&answer.body).ok().map(|stored: Stored| stored.etag);
    in_header.or_else(in_body).ok_or_else(|| {
        let kind = ErrorKind::Decode { path: "etag".to_owned() };
        Error::new(kind, "the service does not say what tag the part has")
    })
}

/// Sends a request about an upload, with the token where that is what opens it.
async fn to_place(task: &Task, place: &Place, build: impl Fn() -> Request) -> Result<Response> {
    match place.repository {
        Repository::Cdn => token::send(task, |_| Ok(task.request(build()))).await,
        Repository::Rest => task.client.0.transport.send(&task.request(build())).await,
    }
}

impl Place {
    /// The URL of a part, or of the end. The query is part of the signature.
    fn below(&self, segment: &str) -> Url {
        join(&self.target, [segment])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_is_in_one_part() {
        for (length, part_size, expected) in [
            (0, 10, vec![0]),
            (1, 10, vec![1]),
            (9, 10, vec![9]),
            (10, 10, vec![10]),
            (11, 10, vec![10, 1]),
            (35, 10, vec![10, 10, 10, 5]),
        ] {
            let content: Vec<u8> = (0..length).collect();
            let piece = Piece::Memory(content.clone().into());
            let parts: Vec<_> = cut(&piece, part_size).collect();
            assert_eq!(parts.iter().map(|(_, piece)| piece.length()).collect::<Vec<_>>(), expected);
            assert!(parts.iter().map(|(number, _)| *number).eq(1..=expected.len() as u32));
            let joined: Vec<u8> = parts
                .into_iter()
                .flat_map(|(_, piece)| match piece {
                    Piece::Memory(bytes) => bytes.to_vec(),
                    Piece::Disk { .. } => unreachable!(),
                })
                .collect();
            assert_eq!(joined, content);
        }
    }
}
