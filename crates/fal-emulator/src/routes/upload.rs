//! Uploads to the CDN: whole files, and files in parts.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde_json::{Value, json};

use super::storage::{self, DEFAULT_NAME, DEFAULT_TYPE};
use super::{auth, intercept, not_found};
use crate::app::App;
use crate::reply::Reply;
use crate::store::{FileContent, IncompleteUpload, UploadError, UploadMetadata};
use crate::validate;

/// The largest number of parts of a file.
const MAX_PARTS: u16 = 10_000;

/// Handles `PUT <upload_url>`: stores the bytes of an initiated upload.
///
/// No key is checked, because only the initiator knows the URL.
pub(super) async fn put(
    State(app): State<Arc<App>>,
    Path(path): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Reply, Reply> {
    let unknown = || Reply::detail(StatusCode::NOT_FOUND, "Upload not found; initiate it first");
    if !app.store.is_reserved(&path) {
        return Err(unknown());
    }
    let content = receive(&app, body).await?;
    let etag = etag(&content);
    if app.store.fill(&path, content_type(&headers), content) {
        app.store.archive(&path).await;
        Ok(Reply::ok(json!({})).with_header(header::ETAG, etag))
    } else {
        Err(unknown())
    }
}

/// Handles `POST /cdn/files/upload`: stores a whole file.
pub(super) async fn upload_file(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    body: Body,
) -> Result<Reply, Reply> {
    auth::check_upload(&app, &headers)?;
    app.scripts.account.check_lock()?;
    let upload = metadata(&app, &headers)?;
    let content = receive(&app, body).await?;
    let path = app.store.add_upload(upload, content);
    app.store.archive(&path).await;
    Ok(Reply::ok(json!({"access_url": format!("{}/files/{path}", app.base_urls(&headers).cdn())})))
}

/// Handles `POST /cdn/files/upload/multipart`: initiates an upload in parts.
pub(super) async fn initiate_multipart(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
) -> Result<Reply, Reply> {
    auth::check_upload(&app, &headers)?;
    app.scripts.account.check_lock()?;
    let (path, id) = app.store.start_multipart(metadata(&app, &headers)?);
    let url = format!("{}/files/{path}", app.base_urls(&headers).cdn());
    Ok(Reply::ok(json!({"access_url": url, "uploadId": id})))
}

/// Handles `PUT` of a part, `POST` of the completion and `DELETE` of an upload in parts, below the URL of the file.
///
/// No key is checked, because only the initiator knows the id of the upload.
pub(super) async fn handle_file_url(
    State(app): State<Arc<App>>,
    Path(path): Path<String>,
    method: axum::http::Method,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let action = path
        .rsplit_once("/multipart/")
        .map(|(file, rest)| (file, rest.split_once('/').map_or((rest, ""), |(id, rest)| (id, rest))));
    let response = match (method.as_str(), action) {
        ("PUT", Some((file, (id, number)))) => {
            put_part(&app, file, id, number, body).await.map(Reply::into_response)
        }
        ("POST", Some((file, (id, "complete")))) => {
            complete(&app, &headers, file, id, body).await.map(Reply::into_response)
        }
        ("POST", Some((file, (id, number)))) => {
            part_url(&app, &headers, file, id, number).map(Reply::into_response)
        }
        ("DELETE", Some((file, (id, "")))) if app.store.abort_multipart(file, id) => {
            Ok(StatusCode::NO_CONTENT.into_response())
        }
        ("DELETE", Some(_)) => Err(no_upload()),
        ("POST", None) => match path.strip_suffix("/sign") {
            Some(file) => match read_json_body(body).await {
                Ok(body) => storage::sign_at_cdn(&app, &headers, file, body),
                Err(refusal) => Err(refusal),
            },
            None => Err(not_found::method_not_allowed()),
        },
        _ => Err(not_found::method_not_allowed()),
    };
    response.unwrap_or_else(Reply::into_response)
}

/// Stores a part.
async fn put_part(app: &App, file: &str, id: &str, number: &str, body: Body) -> Result<Reply, Reply> {
    let number = parse_part_number(number)?;
    if !app.store.has_multipart(file, id) {
        return Err(no_upload());
    }
    let content = receive(app, body).await?;
    let tag = etag(&content);
    let quoted = json!(format!("\"{}\"", content.etag()));
    if !app.store.put_part(file, id, number, content) {
        return Err(no_upload());
    }
    // One of the official clients reads the header, and the other one the body.
    Ok(Reply::ok(json!({"partNumber": number, "etag": quoted})).with_header(header::ETAG, tag))
}

/// Returns the URL for a part, for clients that ask for it before each part.
fn part_url(app: &App, headers: &HeaderMap, file: &str, id: &str, number: &str) -> Result<Reply, Reply> {
    let number = parse_part_number(number)?;
    if !app.store.has_multipart(file, id) {
        return Err(no_upload());
    }
    let url = format!("{}/files/{file}/multipart/{id}/{number}", app.base_urls(headers).cdn());
    Ok(Reply::ok(json!({"upload_url": url})))
}

/// Completes an upload with the listed parts.
async fn complete(app: &App, headers: &HeaderMap, file: &str, id: &str, body: Body) -> Result<Reply, Reply> {
    let request = validate::parse_body(&read_json_body(body).await?).map_err(Reply::invalid)?;
    let listed = request
        .get("parts")
        .and_then(Value::as_array)
        .and_then(|parts| parts.iter().map(parse_listed_part).collect::<Option<Vec<_>>>())
        .ok_or_else(|| {
            Reply::invalid(vec![json!({
                "type": "list_type", "loc": ["body", "parts"], "input": request,
                "msg": "Input should be a list of {partNumber, etag}",
            })])
        })?;
    let refused = |text: String| Reply::detail(StatusCode::BAD_REQUEST, text);
    app.store.complete_multipart(file, id, &listed).map_err(|problem| match problem {
        IncompleteUpload::NoSuchUpload => no_upload(),
        IncompleteUpload::NoParts => refused("No part is listed".to_owned()),
        IncompleteUpload::Part(number) => {
            refused(format!("Part {number} was not uploaded, or its etag is not the one that was given"))
        }
        IncompleteUpload::Twice(number) => refused(format!("Part {number} is listed twice")),
    })?;
    app.store.archive(file).await;
    let url = format!("{}/files/{file}", app.base_urls(headers).cdn());
    Ok(Reply::ok(json!({"access_url": url, "file_url": url})))
}

/// Parses `{partNumber, etag}`, or `{part_number, etag}` of clients that ask for the URL of each part.
fn parse_listed_part(part: &Value) -> Option<(u16, String)> {
    let number = part.get("partNumber").or_else(|| part.get("part_number"))?.as_u64()?;
    let etag = part.get("etag").or_else(|| part.get("ETag"))?.as_str()?;
    Some((u16::try_from(number).ok()?, etag.trim_matches('"').to_owned()))
}

/// Parses the number of a part.
fn parse_part_number(text: &str) -> Result<u16, Reply> {
    text.parse().ok().filter(|number| (1..=MAX_PARTS).contains(number)).ok_or_else(|| {
        Reply::detail(StatusCode::BAD_REQUEST, format!("Part numbers go from 1 to {MAX_PARTS}"))
    })
}

/// Reads the metadata of a file from the headers of its upload.
fn metadata(app: &App, headers: &HeaderMap) -> Result<UploadMetadata, Reply> {
    // Header values are bytes. Clients that do not encode the name send UTF-8.
    let name =
        headers.get("x-fal-file-name").map(|name| String::from_utf8_lossy(name.as_bytes()).into_owned());
    Ok(UploadMetadata {
        name: name.filter(|name| !name.is_empty()).unwrap_or_else(|| DEFAULT_NAME.to_owned()),
        content_type: content_type(headers).unwrap_or_else(|| DEFAULT_TYPE.to_owned()),
        lifecycle: storage::lifecycle(app, headers)?,
    })
}

/// Returns the content type if it can be sent back as a header.
fn content_type(headers: &HeaderMap) -> Option<String> {
    headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).map(str::to_owned)
}

fn etag(content: &FileContent) -> HeaderValue {
    // A digest in hexadecimal digits is always a valid header value.
    HeaderValue::from_str(&format!("\"{}\"", content.etag())).unwrap_or(HeaderValue::from_static("\"\""))
}

/// Receives the body of an upload.
async fn receive(app: &App, body: Body) -> Result<FileContent, Reply> {
    app.store.space.receive(body).await.map_err(|error| match error {
        UploadError::Full(limit) => Reply::detail(
            StatusCode::PAYLOAD_TOO_LARGE,
            format!("fal-emulator keeps {} MiB of uploads, and this one does not fit", limit >> 20),
        ),
        UploadError::Broken => {
            Reply::detail(StatusCode::BAD_REQUEST, "The body ended before it was complete")
        }
        UploadError::Disk(error) => Reply::detail(
            StatusCode::INSUFFICIENT_STORAGE,
            format!("fal-emulator cannot write an upload to a temporary file: {error}"),
        ),
    })
}

/// Reads a JSON body.
async fn read_json_body(body: Body) -> Result<axum::body::Bytes, Reply> {
    intercept::read_whole(body).await.map_err(|_| intercept::malformed())?.ok_or_else(super::too_large)
}

fn no_upload() -> Reply {
    Reply::detail(StatusCode::NOT_FOUND, "Upload not found: initiate it first, and complete it once")
}
