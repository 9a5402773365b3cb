//! Uploads of a whole file in one request.

use std::time::Duration;

use http::{Method, header::CONTENT_TYPE};
use serde::Deserialize;
use tokio::time::Instant;

use super::{
    byte_source::ByteSource,
    options::Repository,
    progress::Meter,
    upload_context::{FileMetadata, UploadContext, check_file_url, is_expired},
};
use crate::{Result, hosts::join, retry::RetryClass, transport::Request};

/// The shortest time for which an upload URL can be expected to be valid. fal's are for two minutes.
const SIGNED_FOR: Duration = Duration::from_secs(60);

/// The largest number of further URLs for one file. On a line so slow that each expires before the end, more would only
/// send the file for ever.
const MAX_RENEWALS: u32 = 3;

/// Uploads a file in one request and returns its URL.
pub(super) async fn upload(
    context: &UploadContext,
    repository: Repository,
    metadata: &FileMetadata,
    source: &ByteSource,
    meter: Option<&Meter>,
) -> Result<String> {
    if repository == Repository::Rest {
        return to_rest(context, metadata, source, meter).await;
    }
    match to_cdn(context, metadata, source, meter).await {
        Err(error) if context.should_fall_back(&error) => {
            tracing::warn!(%error, "the CDN does not take a file: asking the REST service");
            to_rest(context, metadata, source, meter).await.map_err(|second| {
                let also = format!("; by way of the REST service: {}", second.message());
                error.with_suffix(&also)
            })
        }
        uploaded => uploaded,
    }
}

#[derive(Deserialize)]
struct Uploaded {
    access_url: String,
}

async fn to_cdn(
    context: &UploadContext,
    metadata: &FileMetadata,
    source: &ByteSource,
    meter: Option<&Meter>,
) -> Result<String> {
    let url = join(&context.client.hosts().cdn, ["files", "upload"]);
    let response = context.send_to_cdn(|_| {
        let mut request = context.cdn_request(url.clone(), metadata)?;
        request.content = source.to_content(meter.map(Meter::part));
        Ok(request)
    });
    let uploaded: Uploaded = response.await?.json()?;
    check_file_url(uploaded.access_url)
}

async fn to_rest(
    context: &UploadContext,
    metadata: &FileMetadata,
    source: &ByteSource,
    meter: Option<&Meter>,
) -> Result<String> {
    let progress = meter.map(Meter::part);
    let mut renewals = 0;
    loop {
        let start = Instant::now();
        let (upload_url, file_url) = context.initiate(metadata, "initiate").await?;
        // The URL carries its own signature and may be anyone's, so the key is not sent.
        let mut put = context.prepare(Request::to_anyone(Method::PUT, upload_url, RetryClass::Idempotent));
        put.headers.insert(CONTENT_TYPE, metadata.content_type.clone());
        put.content = source.to_content(progress.clone());
        match context.client.0.transport.send(&put).await {
            Ok(_) => return Ok(file_url),
            // A URL that is refused at once, twice, was not refused for its age.
            Err(error)
                if is_expired(&error)
                    && renewals < MAX_RENEWALS
                    && (renewals == 0 || start.elapsed() >= SIGNED_FOR) =>
            {
                tracing::debug!(%error, "the signed URL was refused: asking for another");
                renewals += 1;
            }
            Err(error) => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    };

    use serde_json::json;

    use crate::{
        Client, File,
        storage::{Repository, UploadOptions},
        transport::simulation,
    };

    #[tokio::test(start_paused = true)]
    async fn file_that_no_signed_url_outlives_is_not_sent_for_ever() {
        for (seconds, expected) in [(70, 4), (5, 2)] {
            let puts = Arc::new(AtomicUsize::new(0));
            let counter = puts.clone();
            let client = simulation::client(Client::builder(), move |request: &reqwest::Request| {
                let is_put = request.method() == http::Method::PUT;
                counter.fetch_add(usize::from(is_put), Ordering::Relaxed);
                async move {
                    if is_put {
                        tokio::time::sleep(std::time::Duration::from_secs(seconds)).await;
                        return simulation::response(403, "text/plain", "Request has expired");
                    }
                    let (upload_url, file_url) = ("https://files.example/1?sig=x", "https://files.example/1");
                    simulation::json(200, &json!({"upload_url": upload_url, "file_url": file_url}))
                }
            });
            let rest = UploadOptions::default().repository(Repository::Rest);
            let upload = client.upload(File::bytes(vec![7; 100], "image/png")).options(rest);
            assert!(upload.await.unwrap_err().to_string().contains("expired"));
            assert_eq!(puts.load(Ordering::Relaxed), expected);
        }
    }
}
