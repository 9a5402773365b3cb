//! A file that is sent as a whole.

use http::{HeaderValue, Method, header::CONTENT_TYPE};
use serde::{Deserialize, Serialize};
use url::Url;

use super::{
    meter::Meter,
    options::Repository,
    piece::Piece,
    token,
    upload::{About, Task},
};
use crate::{
    Error, ErrorKind, Result,
    hosts::{is_loopback, join},
    retry::RetryClass,
    transport::{Content, Request},
};

pub(super) async fn send(
    task: &Task,
    repository: Repository,
    about: &About,
    piece: &Piece,
    meter: Option<&Meter>,
) -> Result<String> {
    if repository == Repository::Rest {
        return to_rest(task, about, piece, meter).await;
    }
    match to_cdn(task, about, piece, meter).await {
        Err(error) if task.options.fallback && elsewhere(&error) => {
            tracing::warn!(%error, "the CDN does not take a file: asking the REST service");
            to_rest(task, about, piece, meter).await.map_err(|second| {
                let also = format!("; by way of the REST service: {}", second.message());
                error.with_suffix(&also)
            })
        }
        sent => sent,
    }
}

/// Whether another repository may do better.
pub(super) fn elsewhere(error: &Error) -> bool {
    match error.kind() {
        ErrorKind::Api
        | ErrorKind::NotFound
        | ErrorKind::RateLimited
        | ErrorKind::Transport
        | ErrorKind::Decode { .. } => true,
        // The key is the same there, the file on disk too, and time that has passed is over.
        _ => false,
    }
}

#[derive(Deserialize)]
struct Kept {
    access_url: String,
}

async fn to_cdn(task: &Task, about: &About, piece: &Piece, meter: Option<&Meter>) -> Result<String> {
    let url = join(&task.client.hosts().cdn, ["files", "upload"]);
    let answer = token::send(task, |_| {
        let mut request = to_token(task, url.clone(), about)?;
        request.content = piece.content(meter.map(Meter::piece));
        Ok(request)
    });
    let kept: Kept = answer.await?.json()?;
    Ok(kept.access_url)
}

/// A request that tells the CDN about a file. What comes of it twice is one file that nobody uses.
pub(super) fn to_token(task: &Task, url: Url, about: &About) -> Result<Request> {
    let mut request = task.request(Request::to_anyone(Method::POST, url, RetryClass::Idempotent));
    request.headers.insert(CONTENT_TYPE, about.content_type.clone());
    let name = header(&about.file_name).ok_or_else(|| {
        let message =
            format!("no HTTP header can carry the name {:?}; the REST service can", about.file_name);
        Error::new(ErrorKind::File, message)
    })?;
    request.headers.insert("x-fal-file-name", name);
    task.lifecycle(&mut request.headers)?;
    Ok(request)
}

/// A name as a header. Those of other letters are read in different ways on the way.
pub(super) fn header(name: &str) -> Option<HeaderValue> {
    HeaderValue::from_str(name).ok().filter(|_| name.is_ascii())
}

#[derive(Serialize)]
struct Initiate<'a> {
    content_type: &'a str,
    file_name: &'a str,
}

/// Where the REST service wants a file.
#[derive(Deserialize)]
pub(super) struct Initiated {
    pub(super) upload_url: String,
    pub(super) file_url: String,
}

/// Asks the REST service for a URL: `initiate`, or `initiate-multipart`.
pub(super) async fn initiate(task: &Task, about: &About, how: &str) -> Result<(Url, String)> {
    let mut url = join(&task.client.hosts().rest, ["storage", "upload", how]);
    url.query_pairs_mut().append_pair("storage_type", "fal-cdn-v3");
    // An upload that was begun twice is one URL that nobody uses.
    let mut request = task.request(Request::to_fal(Method::POST, url, RetryClass::Idempotent));
    let content_type = about.content_type.to_str().unwrap_or_default();
    let body = serde_json::to_vec(&Initiate { content_type, file_name: &about.file_name })
        .map_err(|cause| Error::new(ErrorKind::Encode, cause.to_string()).with_source(cause))?;
    request.content = Content::Json(body.into());
    task.lifecycle(&mut request.headers)?;
    let Initiated { upload_url, file_url } = task.client.0.transport.send(&request).await?.json()?;
    Ok((target(&upload_url)?, file_url))
}

async fn to_rest(task: &Task, about: &About, piece: &Piece, meter: Option<&Meter>) -> Result<String> {
    let (target, file_url) = initiate(task, about, "initiate").await?;
    // The URL is signed. Whoever it belongs to, the key is none of their business.
    let mut put = task.request(Request::to_anyone(Method::PUT, target, RetryClass::Idempotent));
    put.headers.insert(CONTENT_TYPE, about.content_type.clone());
    put.content = piece.content(meter.map(Meter::piece));
    task.client.0.transport.send(&put).await?;
    Ok(file_url)
}

pub(super) fn target(given: &str) -> Result<Url> {
    let url = Url::parse(given).ok();
    url.filter(|url| url.scheme() == "https" || (url.scheme() == "http" && is_loopback(url))).ok_or_else(
        || {
            let kind = ErrorKind::Decode { path: "upload_url".to_owned() };
            Error::new(kind, "the service gave an upload URL that is not https")
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uploads_go_over_https_or_stay_here() {
        for good in ["https://anywhere.example/x?sig=1", "http://127.0.0.1:9/x", "http://localhost/x"] {
            assert!(target(good).is_ok(), "{good}");
        }
        for bad in ["http://anywhere.example/x", "ftp://127.0.0.1/x", "/x", ""] {
            assert!(target(bad).unwrap_err().is_decode(), "{bad}");
        }
    }
}
