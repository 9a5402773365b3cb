//! The submit that a call has sent last.

use std::sync::{Arc, Mutex};

use super::{Digest, SentRequest, recent_requests::MAX_INPUT};
use crate::{Client, Error, sync::lock};

/// The record of the request that a call has sent last, also if the call was dropped by its timeout.
#[derive(Clone, Default)]
pub(crate) struct SentSlot(Arc<Mutex<Option<Arc<SentRequest>>>>);

impl SentSlot {
    /// Notes that a request is about to be sent. Returns its record, for the transport to note what is sent.
    pub(crate) fn begin(&self, client: &Client, sent: SentRequest) -> Arc<SentRequest> {
        let sent = Arc::new(sent);
        client.0.recent.add_unanswered(&sent);
        *lock(&self.0) = Some(sent.clone());
        sent
    }

    /// Notes that the request was accepted. Releases its body, and returns its digest unless it is large.
    pub(crate) fn accept(&self, client: &Client, request_id: &str) -> Option<Digest> {
        let sent = lock(&self.0).take()?;
        let is_known = sent.length() <= MAX_INPUT && !sent.may_differ();
        let digest = if is_known { sent.digest() } else { None };
        client.0.recent.add_accepted(request_id, digest);
        sent.resolve();
        digest
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
}
