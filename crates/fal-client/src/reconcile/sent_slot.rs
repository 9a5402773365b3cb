//! The submit that a call has sent last.

use std::sync::{Arc, Mutex};

use bytes::Bytes;

use super::SentRequest;
use crate::{Client, Error, sync::lock};

/// The record of the request that a call has sent last, also if the call was dropped by its timeout.
#[derive(Clone, Default)]
pub(crate) struct SentSlot(Arc<Mutex<Option<Arc<SentRequest>>>>);

impl SentSlot {
    /// Notes that a request is about to be sent.
    pub(crate) fn begin(&self, client: &Client, sent: SentRequest) {
        let sent = Arc::new(sent);
        client.0.recent.add_unanswered(&sent);
        *lock(&self.0) = Some(sent);
    }

    /// Notes that the request was accepted. Releases its body.
    pub(crate) fn accept(&self, client: &Client, request_id: &str, body: &Bytes) {
        client.0.recent.add_accepted(request_id, body);
        if let Some(sent) = lock(&self.0).take() {
            sent.resolve();
        }
    }

    /// Notes that the request has failed, and adds it to the error if it may have been accepted.
    pub(crate) fn attach(&self, error: Error) -> Error {
        let Some(sent) = lock(&self.0).clone() else { return error };
        if !error.may_be_accepted() {
            sent.resolve();
            return error;
        }
        sent.end();
        error.with_sent_request(sent)
    }

    pub(crate) fn get(&self) -> Option<Arc<SentRequest>> {
        lock(&self.0).clone()
    }
}
