//! A request in the queue.

use std::{fmt, marker::PhantomData, time::Duration};

use fal_core::Endpoint;

use super::{Ticket, Update, Updates, WaitRequest, request_handle::RequestHandle};
use crate::{Client, Pending, Reply, Result, Retry};

/// A request in the queue, typed by the endpoint that answers it. Cloning is cheap.
///
/// From [`Client::submit`], [`Client::job`] or [`Client::resume`].
pub struct Job<E> {
    queued: RequestHandle,
    typed: PhantomData<fn() -> E>,
}

/// What became of a request to cancel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Cancelled {
    /// It was accepted. A queued request is gone; a running one stops if its app knows how to, and
    /// completes otherwise.
    Requested,
    /// It came too late: the result can be fetched.
    AlreadyCompleted,
    /// The queue knows no such request, or no longer.
    NotFound,
}

impl<E: Endpoint> Job<E> {
    pub(crate) fn from_ticket(client: Client, ticket: Ticket<E>) -> Self {
        Self::of(ticket.queued(client))
    }

    pub(super) fn of(queued: RequestHandle) -> Self {
        Self { queued, typed: PhantomData }
    }

    /// How far the request is, without logs. `GET …/requests/{request_id}/status`.
    ///
    /// # Errors
    ///
    /// `NotFound` for a request that never was or is no longer kept; as any call otherwise.
    pub async fn status(&self) -> Result<Update> {
        self.queued.status(false).await
    }

    /// How far the request is, with every line it has logged so far.
    ///
    /// # Errors
    ///
    /// As [`status`](Self::status).
    pub async fn status_with_logs(&self) -> Result<Update> {
        self.queued.status(true).await
    }

    /// The output. `GET …/requests/{request_id}`.
    ///
    /// Does not wait: see [`wait`](Self::wait).
    ///
    /// # Errors
    ///
    /// `NotReady` while the request is queued or running. When the model failed, its error, with status,
    /// body and request id: `Validation` for a refused input, `Cancelled`, `Timeout` when it did not start
    /// in time, `Api` otherwise.
    pub async fn result(&self) -> Result<Reply<E::Output>> {
        Pending::reply(self.endpoint().to_owned().into(), self.queued.result()).await
    }

    /// Waits for the output.
    pub fn wait(&self) -> WaitRequest<E> {
        WaitRequest::new(self.queued.clone())
    }

    /// What happens to the request, with logs, until it is completed.
    pub fn updates(&self) -> Updates {
        Updates::new(self.queued.clone())
    }

    /// Asks to cancel. `PUT …/requests/{request_id}/cancel`.
    ///
    /// # Errors
    ///
    /// As any call. That there is nothing to cancel is none.
    pub async fn cancel(&self) -> Result<Cancelled> {
        self.queued.cancel().await
    }

    /// Sends one more header with every request about this job. A header that makes no sense is an error of
    /// those requests.
    #[must_use]
    pub fn header(mut self, name: impl AsRef<str>, value: impl AsRef<str>) -> Self {
        self.queued.set_header(name.as_ref(), value.as_ref());
        self
    }

    /// How long `status`, `result` and `cancel` may take, retries included, and all of
    /// [`updates`](Self::updates). No limit unless the client has one. [`wait`](Self::wait) has its own.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.queued.set_timeout(timeout);
        self
    }

    /// When requests about this job are sent again.
    #[must_use]
    pub fn retry(mut self, retry: Retry) -> Self {
        self.queued.set_retry(retry);
        self
    }

    /// What to keep of the request to come back for it later.
    #[must_use]
    pub fn ticket(&self) -> Ticket<E> {
        Ticket::from(&self.queued)
    }
}

impl<E> Job<E> {
    /// The id of the request.
    #[must_use]
    pub fn request_id(&self) -> &str {
        self.queued.request_id()
    }

    /// The id of the endpoint.
    #[must_use]
    pub fn endpoint(&self) -> &str {
        self.queued.endpoint()
    }
}

// By hand, because `E` need be none of these.
impl<E> Clone for Job<E> {
    fn clone(&self) -> Self {
        Self { queued: self.queued.clone(), typed: PhantomData }
    }
}

impl<E> fmt::Debug for Job<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Job")
            .field("endpoint", &self.endpoint())
            .field("request_id", &self.request_id())
            .finish_non_exhaustive()
    }
}
