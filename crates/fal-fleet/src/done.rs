//! An output that is handed to the handler.

use std::{fmt, marker::PhantomData};

use fal_client::{Client, Endpoint, Reply, Usd};

use crate::{MediaFile, ledger::Offered};

/// The output of a request, as the handler of a [`Worker`](crate::Worker) receives it.
///
/// It is offered until the handler has returned `Ok` once. It may be offered twice, for example if a machine fails after
/// the handler's work and before the answer is written down, so the work should be repeatable: write files and rows under
/// the [`key`](Self::key).
pub struct Done<M: Endpoint> {
    offered: Offered,
    client: Client,
    endpoint: PhantomData<fn() -> M>,
}

impl<M: Endpoint> Done<M> {
    pub(crate) fn new(offered: Offered, client: Client) -> Self {
        Self { offered, client, endpoint: PhantomData }
    }

    /// Returns the key of the request in its batch.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.offered.collected.key
    }

    /// Returns the name of the batch.
    #[must_use]
    pub fn batch(&self) -> &str {
        &self.offered.collected.batch
    }

    /// Returns the id of the endpoint.
    #[must_use]
    pub fn endpoint(&self) -> &str {
        &self.offered.collected.endpoint
    }

    /// Returns true if the output is one of an earlier request with the same input, and no request was sent for it, as
    /// [`Batch::reuse`](crate::Batch::reuse) allows.
    #[must_use]
    pub fn is_reused(&self) -> bool {
        self.offered.is_reused
    }

    /// Returns the id of the request at fal. Of a [reused](Self::is_reused) output, it is the id of the earlier request.
    #[must_use]
    pub fn request_id(&self) -> &str {
        &self.offered.collected.request_id
    }

    /// Returns the cost of the request, or `None` if fal named no units or has no price.
    #[must_use]
    pub fn cost(&self) -> Option<Usd> {
        self.offered.collected.cost
    }

    /// Returns the units that fal charges, as decimal text, if it named them.
    #[must_use]
    pub fn billable_units(&self) -> Option<&str> {
        self.offered.collected.units.as_deref()
    }

    /// Returns the number of this offer, from 1. It rises each time that the handler fails.
    #[must_use]
    pub fn offer(&self) -> u32 {
        u32::try_from(self.offered.offer).unwrap_or(1)
    }

    /// Returns the input as JSON text.
    #[must_use]
    pub fn input_json(&self) -> &str {
        &self.offered.collected.input
    }

    /// Returns the output as JSON text, with fields that the type does not have.
    #[must_use]
    pub fn output_json(&self) -> &str {
        &self.offered.collected.output
    }

    /// Returns the files of the output that were saved, in the order of the output. Empty if no worker saves files; see
    /// `Worker::save_media`.
    #[must_use]
    pub fn media(&self) -> &[MediaFile] {
        &self.offered.media
    }

    /// Returns the client of the worker, to download files.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Returns the output with its request id. It has no headers.
    ///
    /// # Errors
    ///
    /// `Decode` if the output is not of the type of the endpoint.
    pub fn reply(&self) -> fal_client::Result<Reply<M::Output>> {
        Reply::from_raw(self.request_id(), self.offered.collected.output.clone())
    }
}

impl<M: Endpoint> fmt::Debug for Done<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Done")
            .field("batch", &self.batch())
            .field("key", &self.key())
            .field("request_id", &self.request_id())
            .finish_non_exhaustive()
    }
}
