//! Webhooks of a fleet.

use std::fmt;

use bytes::Bytes;
use fal_client::webhook::{Verifier, response_status};
use http::{HeaderMap, StatusCode, Uri};
use url::{Url, form_urlencoded};

use crate::{
    Error, Result,
    ledger::{Claimed, Delivered, Ledger},
};

const BATCH: &str = "fleet_batch";
const KEY: &str = "fleet_key";
const ATTEMPT: &str = "fleet_attempt";
const TOKEN: &str = "fleet_token";

/// The receiver of the webhooks of a fleet, from [`Fleet::webhooks`](crate::Fleet::webhooks). Cloning is cheap.
///
/// A delivery that fal has signed lets a worker fetch the output at once, and decides a submit whose answer was lost. The same
/// delivery may come any number of times, at any of several servers.
///
/// With the feature `axum`:
///
/// ```no_run
/// # #[cfg(feature = "axum")]
/// # async fn example(fleet: fal_fleet::Fleet, client: fal_client::Client) -> std::io::Result<()> {
/// use fal_client::webhook::Verifier;
///
/// let app = axum::Router::new().nest("/fal", fleet.webhooks(Verifier::new(&client)).into_router());
/// let listener = tokio::net::TcpListener::bind("0.0.0.0:8080").await?;
/// axum::serve(listener, app).await
/// # }
/// ```
#[derive(Clone)]
pub struct Webhooks {
    ledger: Ledger,
    verifier: Verifier,
}

impl Webhooks {
    pub(crate) fn new(ledger: Ledger, verifier: Verifier) -> Self {
        Self { ledger, verifier }
    }

    /// Handles one delivery, with any web framework, and returns the status to respond with. `uri` has the query with which the
    /// delivery came, and may lack the host.
    ///
    /// The status is 200 for a delivery that was written down or concerns no request of this fleet, 4xx for one that fal has
    /// not signed, and 503 if the database cannot be used, after which fal delivers it again.
    pub async fn handle(&self, uri: &Uri, headers: &HeaderMap, body: impl Into<Bytes>) -> StatusCode {
        let delivery = match self.verifier.verify(headers, body).await {
            Ok(delivery) => delivery,
            Err(error) => {
                tracing::warn!(%error, "a delivery was rejected");
                return response_status(&error);
            }
        };
        let Some(place) = Place::parse(uri) else {
            tracing::warn!("a delivery does not name its request: its URL has lost its query");
            return StatusCode::OK;
        };
        let delivered = Delivered {
            batch: &place.batch,
            key: &place.key,
            token: &place.token,
            attempt: place.attempt,
            request_id: delivery.request_id(),
        };
        match self.ledger.delivered(&delivered).await {
            Ok(is_known) => {
                tracing::debug!(batch = place.batch, key = place.key, is_known, "a delivery was received");
                StatusCode::OK
            }
            Err(error) => {
                tracing::warn!(%error, "a delivery was not written down");
                StatusCode::SERVICE_UNAVAILABLE
            }
        }
    }

    /// Returns a router of axum with one route, `POST /`.
    #[cfg(feature = "axum")]
    pub fn into_router(self) -> axum::Router {
        use axum::{extract::State, routing::post};

        /// The largest body, in bytes, as the verifier limits it by default.
        const MAX_BODY: usize = 64 << 20;

        async fn receive(
            State(webhooks): State<Webhooks>,
            uri: Uri,
            headers: HeaderMap,
            body: Bytes,
        ) -> StatusCode {
            webhooks.handle(&uri, &headers, body).await
        }
        let limit = axum::extract::DefaultBodyLimit::max(MAX_BODY);
        axum::Router::new().route("/", post(receive)).layer(limit).with_state(self)
    }
}

impl fmt::Debug for Webhooks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Webhooks").field("verifier", &self.verifier).finish_non_exhaustive()
    }
}

/// The request that a URL names.
#[derive(Debug, PartialEq, Eq)]
struct Place {
    batch: String,
    key: String,
    attempt: i32,
    token: String,
}

impl Place {
    fn parse(uri: &Uri) -> Option<Self> {
        let pairs: Vec<_> = form_urlencoded::parse(uri.query()?.as_bytes()).collect();
        // The last one, because those of the fleet are appended.
        let get = |name: &str| {
            pairs.iter().rev().find(|(known, _)| known == name).map(|(_, value)| value.to_string())
        };
        Some(Self {
            batch: get(BATCH)?,
            key: get(KEY)?,
            attempt: get(ATTEMPT)?.parse().ok()?,
            token: get(TOKEN)?,
        })
    }
}

/// Returns the webhook of a submit, or `None` if its batch has none.
///
/// # Errors
///
/// `Config` if the URL of the batch is not one that a webhook can be sent to.
pub(crate) fn webhook_of(claimed: &Claimed) -> Result<Option<String>> {
    let Some(base) = &claimed.webhook else { return Ok(None) };
    let mut url = check_url(base)?;
    url.query_pairs_mut()
        .append_pair(BATCH, &claimed.batch)
        .append_pair(KEY, &claimed.key)
        .append_pair(ATTEMPT, &claimed.attempt.to_string())
        .append_pair(TOKEN, &claimed.token);
    Ok(Some(url.into()))
}

/// Returns the URL if a webhook can be sent to it.
pub(crate) fn check_url(base: &str) -> Result<Url> {
    let url = Url::parse(base).ok().filter(|url| matches!(url.scheme(), "https" | "http") && url.has_host());
    url.ok_or_else(|| {
        Error::config(format!(
            "`{}` is not a URL that a webhook can be sent to, such as `https://me.example/fal`",
            base.escape_debug()
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_webhook_names_its_request() {
        let claimed = Claimed {
            id: 1,
            epoch: 1,
            batch: "cats & dogs".to_owned(),
            key: "a=b/c?ü".to_owned(),
            endpoint: "acme/app".to_owned(),
            input: "{}".to_owned(),
            attempt: 2,
            token: "t".to_owned(),
            webhook: Some("https://me.example/fal?fleet_key=mine".to_owned()),
            is_probe: false,
            traceparent: None,
        };
        let url: Uri = webhook_of(&claimed).unwrap().unwrap().parse().unwrap();
        let place = Place {
            batch: claimed.batch.clone(),
            key: claimed.key.clone(),
            attempt: 2,
            token: "t".to_owned(),
        };
        assert_eq!(Place::parse(&url), Some(place));
        for bad in ["me.example/fal", "ftp://me.example", "data:,", ""] {
            let claimed = Claimed { webhook: Some(bad.to_owned()), ..claimed.clone() };
            assert!(webhook_of(&claimed).is_err(), "{bad}");
        }
        assert_eq!(Place::parse(&Uri::from_static("/fal?fleet_key=a")), None);
    }
}
