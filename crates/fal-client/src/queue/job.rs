//! A request in the queue.

use std::{fmt, marker::PhantomData, time::Duration};

use fal_core::Endpoint;

use super::{
    Ticket, Update, Updates, WaitRequest,
    request_handle::{Cancelled, RequestHandle},
};
use crate::{Client, Pending, Reply, Result, Retry};

/// A request in the queue, typed by the endpoint that answers it. Cloning is cheap.
///
/// Created by [`Client::submit`], [`EndpointHandle::job`](crate::EndpointHandle::job) and [`Client::resume`].
#[doc(alias("handler", "SyncRequestHandle", "AsyncRequestHandle", "request handle"))]
pub struct Job<E> {
    handle: RequestHandle,
    endpoint: PhantomData<fn() -> E>,
}

impl<E: Endpoint> Job<E> {
    pub(crate) fn from_ticket(client: Client, ticket: Ticket<E>) -> Self {
        Self::new(ticket.into_handle(client))
    }

    pub(super) fn new(handle: RequestHandle) -> Self {
        Self { handle, endpoint: PhantomData }
    }

    /// Fetches the status of the request. `GET …/requests/{request_id}/status`.
    ///
    /// # Errors
    ///
    /// `NotFound` for a request that never existed or is no longer kept.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example<E: fal_client::Endpoint>(job: fal_client::queue::Job<E>) -> fal_client::Result<()> {
    /// let update = job.status().logs().await?;
    /// println!("completed: {}, {} log lines", update.is_completed(), update.logs().len());
    /// # Ok(())
    /// # }
    /// ```
    #[doc(alias = "queue.status")]
    pub fn status(&self) -> StatusRequest {
        StatusRequest { handle: self.handle.clone(), logs: false }
    }

    /// Fetches the output of a completed request, without waiting for it. `GET …/requests/{request_id}`.
    ///
    /// [`wait`](Self::wait) waits.
    ///
    /// # Errors
    ///
    /// `NotReady` while the request is queued or running. If the model failed, its error, with status,
    /// body and request id: `Validation` for a refused input, `Cancelled`, `Timeout` if it did not start
    /// in time, `Api` otherwise.
    #[doc(alias("queue.result", "get"))]
    pub fn result(&self) -> ResultRequest<E> {
        ResultRequest { handle: self.handle.clone(), endpoint: PhantomData }
    }

    /// Waits until the request is completed, and fetches its output.
    ///
    /// # Errors
    ///
    /// As [`result`](Self::result), and `Timeout`, which leaves the request running.
    #[doc(alias = "subscribeToStatus")]
    pub fn wait(&self) -> WaitRequest<E> {
        WaitRequest::new(self.handle.clone())
    }

    /// Streams every change of the request, with logs, until it is completed.
    #[doc(alias("iter_events", "iter_events_async", "streamStatus"))]
    pub fn updates(&self) -> Updates {
        Updates::new(self.handle.clone())
    }

    /// Asks the queue to cancel the request. `PUT …/requests/{request_id}/cancel`.
    ///
    /// A request that has already finished is not an error; see [`Cancelled`].
    #[doc(alias = "queue.cancel")]
    pub fn cancel(&self) -> CancelRequest {
        CancelRequest { handle: self.handle.clone() }
    }

    /// Adds a header to every request about this job. An invalid header is an error of those requests.
    #[must_use]
    pub fn header(mut self, name: impl AsRef<str>, value: impl AsRef<str>) -> Self {
        self.handle.set_header(name.as_ref(), value.as_ref());
        self
    }

    /// Limits each `status`, `result` and `cancel`, retries included, and all of [`updates`](Self::updates).
    ///
    /// Defaults to the client's timeout, and to no limit without one. [`wait`](Self::wait) has its own.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.handle.set_timeout(timeout);
        self
    }

    /// Sets the retry policy of requests about this job. Defaults to that of the submit, or else of the client.
    #[must_use]
    pub fn retry(mut self, retry: Retry) -> Self {
        self.handle.set_retry(retry);
        self
    }

    /// Returns the ticket of the request, to store and [resume](Client::resume) it later.
    #[must_use]
    pub fn ticket(&self) -> Ticket<E> {
        Ticket::from(&self.handle)
    }
}

impl<E> Job<E> {
    /// Returns the id of the request.
    #[must_use]
    pub fn request_id(&self) -> &str {
        self.handle.request_id()
    }

    /// Returns the id of the endpoint.
    #[must_use]
    pub fn endpoint(&self) -> &str {
        self.handle.endpoint()
    }
}

/// A request for the status of a [`Job`], from [`Job::status`]. Sent by awaiting it.
#[derive(Debug)]
#[must_use = "nothing is sent until this is awaited"]
pub struct StatusRequest {
    handle: RequestHandle,
    logs: bool,
}

/// A request for the output of a completed [`Job`], from [`Job::result`]. Sent by awaiting it.
#[must_use = "nothing is sent until this is awaited"]
pub struct ResultRequest<E> {
    handle: RequestHandle,
    endpoint: PhantomData<fn() -> E>,
}

/// A request to cancel a [`Job`], from [`Job::cancel`]. Sent by awaiting it.
#[derive(Debug)]
#[must_use = "nothing is sent until this is awaited"]
pub struct CancelRequest {
    handle: RequestHandle,
}

impl StatusRequest {
    /// Includes every line that the request has logged so far.
    pub fn logs(mut self) -> Self {
        self.logs = true;
        self
    }
}

/// The options that requests about a job share. The type has a field `handle: RequestHandle`.
macro_rules! job_options {
    ($($implementation:tt)*) => {
        $($implementation)* {
            /// Limits this request, retries included. Defaults to the timeout of the job.
            pub fn timeout(mut self, timeout: Duration) -> Self {
                self.handle.set_timeout(timeout);
                self
            }

            /// Sets the retry policy of this request. Defaults to that of the job.
            pub fn retry(mut self, retry: Retry) -> Self {
                self.handle.set_retry(retry);
                self
            }
        }
    };
}

job_options!(impl StatusRequest);
job_options!(impl<E> ResultRequest<E>);
job_options!(impl CancelRequest);

impl IntoFuture for StatusRequest {
    type Output = Result<Update>;
    type IntoFuture = Pending<Update>;

    fn into_future(self) -> Self::IntoFuture {
        Pending::new(self.handle.status(self.logs))
    }
}

impl<E: Endpoint> IntoFuture for ResultRequest<E> {
    type Output = Result<Reply<E::Output>>;
    type IntoFuture = Pending<Reply<E::Output>>;

    fn into_future(self) -> Self::IntoFuture {
        Pending::reply(self.handle.endpoint().to_owned().into(), self.handle.result())
    }
}

impl IntoFuture for CancelRequest {
    type Output = Result<Cancelled>;
    type IntoFuture = Pending<Cancelled>;

    fn into_future(self) -> Self::IntoFuture {
        Pending::new(self.handle.cancel())
    }
}

// By hand, because `E` need be none of these.
impl<E> Clone for Job<E> {
    fn clone(&self) -> Self {
        Self { handle: self.handle.clone(), endpoint: PhantomData }
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

impl<E> fmt::Debug for ResultRequest<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResultRequest").field("handle", &self.handle).finish()
    }
}
