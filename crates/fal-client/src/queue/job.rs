//! A request in the queue.

use std::{fmt, marker::PhantomData, sync::Arc, time::Duration};

use fal_core::Endpoint;
use http::{HeaderMap, Method, StatusCode};
use serde_json::Value;
use tracing::Instrument;
use url::Url;

use super::{
    Ticket, Update, Updates, Wait,
    urls::{Given, Urls},
};
use crate::{
    Client, Error, ErrorKind, Reply, Result, Retry,
    call::{custom_header, within},
    retry::Repeat,
    transport::{Answer, Request},
};

/// How long one request to the queue may take. Its answers are short and made at once.
const ANSWER: Duration = Duration::from_secs(30);

/// How long it may take to hand over an input, or to fetch a result, either of which may be large.
pub(super) const TRANSFER: Duration = Duration::from_secs(600);

/// A request in the queue, typed by the endpoint that answers it. Cloning is cheap.
///
/// From [`Client::submit`], [`Client::job`] or [`Client::resume`].
pub struct Job<E> {
    pub(super) client: Client,
    target: Arc<Target>,
    typed: PhantomData<fn() -> E>,
}

#[derive(Clone)]
struct Target {
    endpoint: String,
    request_id: String,
    /// Made from the ids, or why they cannot be.
    urls: Result<Urls, String>,
    retry: Option<Retry>,
    timeout: Option<Duration>,
    headers: HeaderMap,
    /// The first thing that was wrong with them.
    wrong: Option<String>,
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
        let Ticket { endpoint, request_id, given, .. } = ticket;
        Self::new(client, endpoint, request_id, &given, None)
    }

    pub(super) fn new(
        client: Client,
        endpoint: String,
        request_id: String,
        given: &Given,
        retry: Option<Retry>,
    ) -> Self {
        let urls = Urls::made(&client, &endpoint, &request_id)
            .map(|made| made.prefer(&client, given))
            .map_err(|error| error.message().to_owned());
        let target = Target {
            endpoint,
            request_id,
            urls,
            retry,
            timeout: None,
            headers: HeaderMap::new(),
            wrong: None,
        };
        Self { client, target: Arc::new(target), typed: PhantomData }
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
        self.within_limit(self.early_result()).await
    }

    async fn early_result(&self) -> Result<Reply<E::Output>> {
        match self.fetch_result(Repeat::Result).await {
            // How the queue refuses a result that is not there yet is not documented, so the status
            // decides what the refusal meant.
            Err(error) if error.status().is_some_and(may_mean_not_ready) => {
                match self.fetch_status(false).await {
                    // The request may have been completed between the two, and then there is a result now.
                    Ok(Update::Completed { .. }) => self.fetch_result(Repeat::Failure).await,
                    Err(_) => Err(error),
                    Ok(_) => {
                        let message = "the result is not ready: `Job::wait` waits for it";
                        Err(self.named(Error::new(ErrorKind::NotReady, message).caused_by(error)))
                    }
                }
            }
            other => other,
        }
    }

    /// Waits for the output.
    pub fn wait(&self) -> Wait<E> {
        Wait::new(self.clone())
    }

    /// What happens to the request, with logs, until it is completed.
    pub fn updates(&self) -> Updates {
        Updates::new(self.clone())
    }

    /// Asks to cancel. `PUT …/requests/{request_id}/cancel`.
    ///
    /// # Errors
    ///
    /// As any call. That there is nothing to cancel is none.
    pub async fn cancel(&self) -> Result<Cancelled> {
        self.within_limit(self.ask_to_cancel()).await
    }

    pub(super) async fn ask_to_cancel(&self) -> Result<Cancelled> {
        let request = self.request(Method::PUT, |urls| urls.cancel.clone())?;
        match self.send(&request).await {
            Ok(_) => Ok(Cancelled::Requested),
            Err(error) if error.status() == Some(StatusCode::BAD_REQUEST) && is_completed(&error) => {
                Ok(Cancelled::AlreadyCompleted)
            }
            Err(error) if error.is_not_found() => Ok(Cancelled::NotFound),
            Err(error) => Err(error),
        }
    }

    /// Sends one more header with every request about this job. A header that makes no sense is an error of
    /// those requests.
    #[must_use]
    pub fn header(mut self, name: impl AsRef<str>, value: impl AsRef<str>) -> Self {
        let target = Arc::make_mut(&mut self.target);
        match custom_header(name.as_ref(), value.as_ref()) {
            Ok((name, value)) => {
                target.headers.insert(name, value);
            }
            Err(message) => {
                target.wrong.get_or_insert(message);
            }
        }
        self
    }

    /// How long `status`, `result` and `cancel` may take, retries included, and all of
    /// [`updates`](Self::updates). No limit unless the client has one. [`wait`](Self::wait) has its own.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        Arc::make_mut(&mut self.target).timeout = Some(timeout);
        self
    }

    pub(super) fn limit(&self) -> Option<Duration> {
        self.target.timeout.or(self.client.0.timeout)
    }

    pub(super) async fn within_limit<T>(&self, call: impl Future<Output = Result<T>>) -> Result<T> {
        within(self.limit(), self.endpoint(), call).await.map_err(|error| self.named(error))
    }

    /// When requests about this job are sent again.
    #[must_use]
    pub fn retry(mut self, retry: Retry) -> Self {
        Arc::make_mut(&mut self.target).retry = Some(retry);
        self
    }

    /// What to keep of the request to come back for it later.
    #[must_use]
    pub fn ticket(&self) -> Ticket<E> {
        let made = Urls::made(&self.client, &self.target.endpoint, &self.target.request_id);
        let given = match (&self.target.urls, made) {
            (Ok(urls), Ok(made)) => urls.beyond(&made),
            _ => Given::default(),
        };
        Ticket::of(self.target.endpoint.clone(), self.target.request_id.clone()).with_urls(given)
    }

    pub(super) async fn fetch_status(&self, logs: bool) -> Result<Update> {
        let request = self.status_request(logs)?;
        self.read_status(&request).await
    }

    /// The status, for who waits: with more patience.
    pub(super) async fn look(&self, logs: bool) -> Result<Update> {
        let mut request = self.status_request(logs)?;
        request.retry = request.retry.patient();
        self.read_status(&request).await
    }

    fn status_request(&self, logs: bool) -> Result<Request> {
        let mut request = self.request(Method::GET, |urls| urls.status.clone())?;
        request.url.query_pairs_mut().append_pair("logs", if logs { "1" } else { "0" });
        Ok(request)
    }

    async fn read_status(&self, request: &Request) -> Result<Update> {
        let answer = self.send(request).await?;
        Update::read(&answer).map_err(|error| self.named(error))
    }

    async fn fetch_result(&self, repeat: Repeat) -> Result<Reply<E::Output>> {
        let mut request = self.request(Method::GET, |urls| urls.result.clone())?;
        request.repeat = repeat;
        request.timeout = Some(TRANSFER);
        self.read_result(&request).await
    }

    /// The result of a completed request, for who has waited: with more patience.
    pub(super) async fn collect(&self, repeat: Repeat) -> Result<Reply<E::Output>> {
        let mut request = self.request(Method::GET, |urls| urls.result.clone())?;
        request.repeat = repeat;
        request.timeout = Some(TRANSFER);
        request.retry = request.retry.patient();
        self.read_result(&request).await
    }

    async fn read_result(&self, request: &Request) -> Result<Reply<E::Output>> {
        let answer = self.send(request).await?;
        if answer.status == StatusCode::ACCEPTED {
            return Err(self.named(not_ready(answer)));
        }
        Reply::read(answer, Some(self.request_id())).map_err(|error| self.named(error))
    }

    async fn send(&self, request: &Request) -> Result<Answer> {
        let span =
            tracing::debug_span!("fal.job", endpoint = self.endpoint(), request_id = self.request_id());
        let shared = &self.client.0;
        let answer = async {
            let _permit = shared.queue.request().await;
            // In a box, so that a job that waits is small: only so many have a permit.
            Box::pin(shared.transport.send(request)).await
        };
        answer.instrument(span).await.map_err(|error| self.named(error))
    }

    pub(super) fn request(&self, method: Method, url: impl FnOnce(&Urls) -> Url) -> Result<Request> {
        let wrong = |why: &String| self.named(Error::new(ErrorKind::Config, why));
        let urls = self.target.urls.as_ref().map_err(wrong)?;
        if let Some(why) = &self.target.wrong {
            return Err(wrong(why));
        }
        let mut request = Request::to_fal(method, url(urls), Repeat::Freely);
        request.retry = self.target.retry.clone().unwrap_or_else(|| self.client.0.retry.clone());
        request.timeout = Some(ANSWER);
        request.headers.clone_from(&self.target.headers);
        Ok(request)
    }
}

impl<E> Job<E> {
    /// The id of the request.
    #[must_use]
    pub fn request_id(&self) -> &str {
        &self.target.request_id
    }

    /// The id of the endpoint.
    #[must_use]
    pub fn endpoint(&self) -> &str {
        &self.target.endpoint
    }

    pub(super) fn named(&self, error: Error) -> Error {
        error.at(self.endpoint()).request(Some(self.request_id()))
    }
}

/// 202 is what the queue answers about requests that are not finished.
fn not_ready(answer: Answer) -> Error {
    Error::new(ErrorKind::NotReady, "the result is not ready: `Job::wait` waits for it")
        .body_of(answer.status, answer.body)
}

fn may_mean_not_ready(status: StatusCode) -> bool {
    matches!(status, StatusCode::BAD_REQUEST | StatusCode::CONFLICT | StatusCode::TOO_EARLY)
}

fn is_completed(error: &Error) -> bool {
    let body = error.body().and_then(|body| serde_json::from_slice::<Value>(body).ok());
    body.is_some_and(|body| body.get("status").and_then(Value::as_str) == Some("ALREADY_COMPLETED"))
}

// By hand, because `E` need be none of these.
impl<E> Clone for Job<E> {
    fn clone(&self) -> Self {
        Self { client: self.client.clone(), target: self.target.clone(), typed: PhantomData }
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
