//! The list of past requests of the platform API.

use std::time::SystemTime;

use http::{Method, header::DATE};
use serde::Deserialize;
use serde_json::Value;

use super::{Digest, DoubtReason};
use crate::{
    Client, Error, ErrorKind, Result,
    hosts::{Service, join},
    retry::RetryClass,
    timestamp,
    transport::Request,
};

/// The number of requests on a page, the largest that fal allows.
const PAGE: &str = "100";
/// The largest number of pages of one look. A request of the list takes about 130 bytes.
const MAX_PAGES: usize = 2_000;

/// The requests since some time, as one look has found them.
pub(super) struct Listing {
    pub(super) requests: Vec<ListedRequest>,
    /// The time of the answer by fal's clock.
    pub(super) time: Option<SystemTime>,
}

/// A request in the list.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct ListedRequest {
    pub(super) request_id: String,
    pub(super) sent_at: Option<SystemTime>,
    /// `None` if the list does not show the input.
    pub(super) input: Option<Digest>,
}

// The types of the feature `platform` are stricter, and without the client's retries and hooks.
#[derive(Deserialize)]
struct Page {
    items: Vec<Item>,
    #[serde(default)]
    next_cursor: Option<String>,
}

#[derive(Deserialize)]
struct Item {
    request_id: String,
    #[serde(default)]
    sent_at: Option<String>,
    #[serde(default)]
    json_input: Option<Value>,
}

/// Fetches all requests to an endpoint since `start`.
///
/// Sets no end: fal's documents do not say if it compares the submission or the end of a request.
pub(super) async fn fetch(
    client: &Client,
    endpoint: &str,
    start: SystemTime,
) -> Result<Listing, DoubtReason> {
    if client.0.transport.proxy.is_some() {
        let why = "`proxy_url` forwards only calls of models; use a client without one";
        return Err(DoubtReason::NoAccess(why.to_owned()));
    }
    let mut listing = Listing { requests: Vec::new(), time: None };
    let mut cursor = None;
    for _ in 0..MAX_PAGES {
        let (page, time) = fetch_page(client, endpoint, start, cursor.as_deref()).await.map_err(reason)?;
        listing.requests.extend(page.items.into_iter().map(ListedRequest::from));
        listing.time = time;
        let next = page.next_cursor.filter(|next| cursor.as_ref() != Some(next));
        if next.is_none() {
            return Ok(listing);
        }
        cursor = next;
    }
    Err(DoubtReason::Outage(format!("it has more than {MAX_PAGES} pages since {}", timestamp::format(start))))
}

async fn fetch_page(
    client: &Client,
    endpoint: &str,
    start: SystemTime,
    cursor: Option<&str>,
) -> Result<(Page, Option<SystemTime>)> {
    let base = client.hosts().base(Service::Platform);
    let mut url = join(base, ["v1", "models", "requests", "by-endpoint"]);
    url.query_pairs_mut()
        .append_pair("endpoint_id", endpoint)
        .append_pair("start", &timestamp::format(start))
        .append_pair("expand", "payloads")
        .append_pair("limit", PAGE)
        .extend_pairs(cursor.map(|cursor| ("cursor", cursor)));
    let mut request = Request::to_fal(Method::GET, url, RetryClass::Idempotent);
    request.retry = client.0.retry.clone();
    let response = client.0.transport.send(&request).await?;
    let date = response.headers.get(DATE).and_then(|date| date.to_str().ok());
    let time = date.and_then(|date| httpdate::parse_http_date(date).ok());
    Ok((response.json()?, time))
}

fn reason(error: Error) -> DoubtReason {
    match error.kind() {
        ErrorKind::Auth | ErrorKind::Locked { .. } | ErrorKind::Config => {
            DoubtReason::NoAccess(error.to_string())
        }
        _ => DoubtReason::Outage(error.to_string()),
    }
}

impl From<Item> for ListedRequest {
    fn from(item: Item) -> Self {
        Self {
            request_id: item.request_id,
            sent_at: item.sent_at.as_deref().and_then(timestamp::parse),
            input: item.json_input.as_ref().map(Digest::from_value),
        }
    }
}
