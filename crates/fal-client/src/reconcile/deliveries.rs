//! Webhook deliveries, by the URL to which they came.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex},
};

use crate::sync::lock;

/// The ids of delivered requests, by the URL of their webhook. Clones share the deliveries.
///
/// If each request has a webhook URL of its own, such as one that ends in `?key=cats/17`, a delivery to that URL names the
/// request id even if the answer to the submit was lost.
///
/// ```
/// use fal_client::reconcile::{Deliveries, Reconcile};
///
/// let deliveries = Deliveries::default();
/// let settings = Reconcile::default().deliveries(deliveries.clone());
/// // In the handler of the webhook, once the signature is verified:
/// deliveries.record("/fal?key=cats/17", "764cabcf-b745-4b3e-ae38-1200304cf45b");
/// ```
#[derive(Clone, Default)]
pub struct Deliveries(Arc<Mutex<HashMap<String, Vec<String>>>>);

impl Deliveries {
    /// Records the request id of a delivery to `url`, which may lack its scheme and host.
    pub fn record(&self, url: &str, request_id: &str) {
        let mut deliveries = lock(&self.0);
        let ids = deliveries.entry(path_and_query(url).to_owned()).or_default();
        if !ids.iter().any(|id| id == request_id) {
            ids.push(request_id.to_owned());
        }
    }

    /// Returns the id of the one request that was delivered to `url`.
    pub(super) fn request_id(&self, url: &str) -> Option<String> {
        match lock(&self.0).get(path_and_query(url))?.as_slice() {
            [id] => Some(id.clone()),
            _ => None,
        }
    }
}

impl fmt::Debug for Deliveries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Deliveries").field(&lock(&self.0).len()).finish()
    }
}

/// Returns `url` without its scheme and host, which a server behind a proxy does not know.
fn path_and_query(url: &str) -> &str {
    let Some((_, rest)) = url.split_once("://") else { return url };
    rest.find(['/', '?']).map_or("/", |start| &rest[start..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_single_delivery_to_the_same_path_and_query_counts() {
        let deliveries = Deliveries::default();
        deliveries.record("/fal?key=1", "a");
        deliveries.record("https://me.example/fal?key=1", "a");
        deliveries.record("/fal?key=2", "b");
        assert_eq!(deliveries.request_id("https://me.example/fal?key=1").as_deref(), Some("a"));
        assert_eq!(deliveries.request_id("https://me.example/fal?key=2").as_deref(), Some("b"));
        assert_eq!(deliveries.request_id("https://me.example/fal"), None);
        deliveries.record("/fal?key=2", "c");
        assert_eq!(deliveries.request_id("https://me.example/fal?key=2"), None);
    }
}
