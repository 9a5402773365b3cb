//! A request in the queue, without the type of its output.

use std::{fmt, sync::Arc, time::Duration};

use http::{HeaderMap, Method, StatusCode};
use serde_json::Value;
use tracing::Instrument;
use url::Url;

use super::{Update, update::Status, urls::RequestUrls};
use crate::{
    BoxFuture, Client, Error, ErrorKind, Result, Retry,
    headers::{custom_header, is_json},
    reply::CallResponse,
    retry::RetryClass,
    server_urls::ServerUrls,
    timeout::within,
    transport::{Request, Response},
};

/// The time that a request with a short response may take.
const SHORT_TIMEOUT: Duration = Duration::from_secs(30);

/// The time that a submit or the fetch of a result may take: inputs and results may be large.
pub(super) const TRANSFER_TIMEOUT: Duration = Duration::from_secs(600);

/// A request in the queue, without the type of its output. Cloning is cheap.
///
/// Does the work of a [`Job`](super::Job), so that it is compiled once rather than for each model.
#[derive(Clone)]
pub(crate) struct RequestHandle {
    pub(super) client: Client,
    target: Arc<Target>,
}

#[derive(Clone)]
struct Target {
    endpoint: String,
    request_id: String,
    /// The URLs of the request, or the reason why the ids make none.
    urls: Result<RequestUrls, String>,
    retry: Option<Retry>,
    timeout: Option<Duration>,
    headers: HeaderMap,
    /// The first invalid header. Setters cannot fail, so sending does.
    invalid: Option<String>,
}

/// The outcome of a request to cancel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Cancelled {
    /// The request waited, and was removed from the queue. It never runs, and is not billed.
    Removed,
    /// The request runs, and its app was asked to stop. It completes, and is billed, if the app does not know how to.
    Requested,
    /// The request had completed before, and its result can be fetched.
    AlreadyCompleted,
    /// The queue does not know the request, or no longer.
    NotFound,
}

impl RequestHandle {
    pub(super) fn new(
        client: Client,
        endpoint: String,
        request_id: String,
        server_urls: &ServerUrls,
        retry: Option<Retry>,
    ) -> Self {
        let urls = RequestUrls::from_ids(&client, &endpoint, &request_id)
            .map(|urls| urls.or_server_urls(&client, server_urls))
            .map_err(|error| error.message().to_owned());
        let (timeout, headers, invalid) = (None, HeaderMap::new(), None);
        let target = Target { endpoint, request_id, urls, retry, timeout, headers, invalid };
        Self { client, target: Arc::new(target) }
    }

    pub(crate) fn request_id(&self) -> &str {
        &self.target.request_id
    }

    pub(crate) fn endpoint(&self) -> &str {
        &self.target.endpoint
    }

    /// Adds the ticket of this request to `error`.
    pub(crate) fn with_ticket(&self, error: Error) -> Error {
        error.with_queued(self.endpoint(), self.request_id(), self.server_urls())
    }

    /// Returns the time limit of calls about this request.
    pub(super) fn limit(&self) -> Option<Duration> {
        self.target.timeout.or(self.client.0.timeout)
    }

    pub(super) fn set_header(&mut self, name: &str, value: &str) {
        let target = Arc::make_mut(&mut self.target);
        match custom_header(name, value) {
            Ok((name, value)) => {
                target.headers.insert(name, value);
            }
            Err(message) => {
                target.invalid.get_or_insert(message);
            }
        }
    }

    pub(super) fn set_timeout(&mut self, timeout: Duration) {
        Arc::make_mut(&mut self.target).timeout = Some(timeout);
    }

    pub(super) fn set_retry(&mut self, retry: Retry) {
        Arc::make_mut(&mut self.target).retry = Some(retry);
    }

    /// Returns the URLs that the ids do not determine.
    pub(super) fn server_urls(&self) -> ServerUrls {
        let from_ids = RequestUrls::from_ids(&self.client, self.endpoint(), self.request_id());
        match (&self.target.urls, from_ids) {
            (Ok(urls), Ok(from_ids)) => urls.difference(&from_ids),
            _ => ServerUrls::default(),
        }
    }

    /// Fetches the status within the time limit.
    pub(super) async fn status(self, logs: bool) -> Result<Update> {
        self.within_limit(self.fetch_status(logs)).await
    }

    /// Fetches the result within the time limit, without waiting for it. Boxed here, where it is compiled once.
    pub(super) fn result(self) -> BoxFuture<'static, Result<CallResponse>> {
        Box::pin(async move { self.within_limit(self.fetch_unfollowed_result()).await })
    }

    /// Cancels the request within the time limit.
    pub(super) async fn cancel(self) -> Result<Cancelled> {
        self.within_limit(self.send_cancel()).await
    }

    async fn within_limit<T>(&self, call: impl Future<Output = Result<T>>) -> Result<T> {
        within(self.limit(), self.endpoint(), call).await.map_err(|error| self.with_ticket(error))
    }

    /// Fetches the result of a request of which nothing is known.
    pub(super) async fn fetch_unfollowed_result(&self) -> Result<CallResponse> {
        match self.fetch_result(RetryClass::ResultFetch).await {
            // The documentation does not say how the queue refuses a result that is not ready, so the status
            // decides what the refusal meant.
            Err(error) if error.status().is_some_and(may_mean_not_ready) => {
                match self.fetch_status(false).await {
                    // The request may have been completed between the two, and then there is a result now.
                    Ok(Update::Completed { error: failure, .. }) => {
                        let fetched = self.fetch_result(RetryClass::FailedResultFetch).await;
                        fetched.map_err(|error| error.with_end_of_result(failure.is_some()))
                    }
                    Err(_) => Err(error),
                    Ok(_) => Err(self.with_ticket(not_ready().with_source(error))),
                }
            }
            other => other.map_err(|error| error.with_end_of_result(false)),
        }
    }

    // The next four are boxed, so that a call that waits holds no room for requests: most of the time it only sleeps
    // (the row "10,000 jobs in flight" of BENCHMARKS.md).

    pub(super) fn send_cancel(&self) -> BoxFuture<'_, Result<Cancelled>> {
        Box::pin(async move {
            let mut request = self.request(Method::PUT, |urls| urls.cancel.clone())?;
            request.is_answer = says_completed;
            match self.send(request).await {
                Ok(response) if is_removed(&response) => Ok(Cancelled::Removed),
                Ok(response) if says_completed(StatusCode::CONFLICT, &response.body) => {
                    Ok(Cancelled::AlreadyCompleted)
                }
                Ok(_) => Ok(Cancelled::Requested),
                Err(error) if is_completed(&error) => Ok(Cancelled::AlreadyCompleted),
                Err(error) if error.is_not_found() => Ok(Cancelled::NotFound),
                Err(error) => Err(error),
            }
        })
    }

    pub(crate) fn fetch_status(&self, logs: bool) -> BoxFuture<'_, Result<Update>> {
        Box::pin(async move { self.send_status(self.status_request(logs)?).await })
    }

    /// Fetches the status with the patience of waiting calls. Returns `None` for a state that is not known, because
    /// the job goes on.
    pub(super) fn poll_status(&self, logs: bool) -> BoxFuture<'_, Result<Option<Update>>> {
        Box::pin(async move {
            let mut request = self.status_request(logs)?;
            request.retry = request.retry.for_waiting();
            let response = self.send(request).await?;
            match Status::parse(&response.body) {
                Some(Status::Known(update)) => Ok(Some(update)),
                Some(Status::Unknown(status)) => {
                    tracing::debug!(status, "waiting through an unknown state");
                    Ok(None)
                }
                // The error says what is wrong with it.
                None => Update::parse(&response).map(Some).map_err(|error| self.with_ticket(error)),
            }
        })
    }

    /// Fetches the result of a completed request, with the larger number of attempts of waiting calls.
    pub(super) fn fetch_completed_result(&self, class: RetryClass) -> BoxFuture<'_, Result<CallResponse>> {
        Box::pin(async move {
            let mut request = self.result_request(class)?;
            request.retry = request.retry.for_waiting();
            self.send_result(request).await
        })
    }

    /// Fetches the result of a request whose result was fetched before.
    pub(crate) fn fetch_collected(&self) -> BoxFuture<'_, Result<CallResponse>> {
        self.fetch_completed_result(RetryClass::Idempotent)
    }

    fn status_request(&self, logs: bool) -> Result<Request> {
        let mut request = self.request(Method::GET, |urls| urls.status.clone())?;
        request.url.query_pairs_mut().append_pair("logs", if logs { "1" } else { "0" });
        request.is_plausible = |response| Status::parse(&response.body).is_some();
        Ok(request)
    }

    async fn send_status(&self, request: Request) -> Result<Update> {
        let update = Update::parse(&self.send(request).await?).map_err(|error| self.with_ticket(error))?;
        Ok(self.finish_update(update))
    }

    /// Adds the id of this request to an update, and hides the secrets of the client.
    pub(super) fn finish_update(&self, update: Update) -> Update {
        update.with_request_id(self.request_id()).hide(&self.client.0.transport.secrets())
    }

    async fn fetch_result(&self, class: RetryClass) -> Result<CallResponse> {
        self.send_result(self.result_request(class)?).await
    }

    fn result_request(&self, class: RetryClass) -> Result<Request> {
        let mut request = self.request(Method::GET, |urls| urls.result.clone())?;
        request.retry_class = class;
        request.timeout = Some(TRANSFER_TIMEOUT);
        request.is_plausible = is_whole;
        Ok(request)
    }

    async fn send_result(&self, request: Request) -> Result<CallResponse> {
        let response = self.send(request).await?;
        // The queue answers 202 about requests that are not finished.
        if response.status == StatusCode::ACCEPTED {
            return Err(self.with_ticket(not_ready().with_response(response.status, response.body)));
        }
        Ok(CallResponse { response, request: Some(self.clone()) })
    }

    /// Sends `request` once fewer than the allowed number are under way.
    async fn send(&self, request: Request) -> Result<Response> {
        let exchange = async move {
            let shared = &self.client.0;
            let _permit = shared.queue.acquire_request().await;
            shared.transport.send(&request).await.map_err(|error| self.with_ticket(error))
        };
        exchange.instrument(self.span()).await
    }

    /// Returns the span of one request about this job.
    pub(super) fn span(&self) -> tracing::Span {
        tracing::debug_span!(
            "fal.job",
            endpoint = self.endpoint(),
            request_id = self.request_id(),
            gen_ai.provider.name = "fal",
            gen_ai.request.model = self.endpoint(),
            gen_ai.response.id = self.request_id()
        )
    }

    /// Builds a request to one of the URLs of this request.
    pub(super) fn request(&self, method: Method, url: impl FnOnce(&RequestUrls) -> Url) -> Result<Request> {
        let invalid = |why: &String| self.with_ticket(Error::new(ErrorKind::Config, why));
        let urls = self.target.urls.as_ref().map_err(invalid)?;
        if let Some(why) = &self.target.invalid {
            return Err(invalid(why));
        }
        let mut request = Request::to_fal(method, url(urls), RetryClass::Idempotent);
        request.retry = self.target.retry.clone().unwrap_or_else(|| self.client.0.retry.clone());
        request.timeout = Some(SHORT_TIMEOUT);
        request.headers.clone_from(&self.target.headers);
        Ok(request)
    }
}

impl fmt::Debug for RequestHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestHandle")
            .field("endpoint", &self.endpoint())
            .field("request_id", &self.request_id())
            .finish_non_exhaustive()
    }
}

/// Returns false for a result that is empty, cut, or the page of a proxy.
///
/// Compares only both ends of a JSON body, which may have megabytes. An output that is no JSON comes from fal, with its
/// request id.
fn is_whole(response: &Response) -> bool {
    let body = response.body.trim_ascii();
    match (body.first(), body.last()) {
        (Some(b'{'), Some(b'}')) | (Some(b'['), Some(b']')) | (Some(b'"'), Some(b'"')) => true,
        (Some(b'{' | b'[' | b'"' | b'<') | None, _) => {
            !is_json(&response.headers) && response.request_id().is_some()
        }
        _ => true,
    }
}

fn not_ready() -> Error {
    Error::new(ErrorKind::NotReady, "the result is not ready: `Job::wait` waits for it")
}

fn may_mean_not_ready(status: StatusCode) -> bool {
    matches!(status, StatusCode::BAD_REQUEST | StatusCode::CONFLICT | StatusCode::TOO_EARLY)
}

/// Returns true if a successful cancel removed the request from the queue.
fn is_removed(response: &Response) -> bool {
    let body = serde_json::from_slice::<Value>(&response.body).ok();
    body.is_some_and(|body| body.get("status").and_then(Value::as_str) == Some("OK"))
}

fn is_completed(error: &Error) -> bool {
    error.status().zip(error.body()).is_some_and(|(status, body)| says_completed(status, body))
}

/// Returns true for the answer to a cancel that came too late: 400 with `ALREADY_COMPLETED` as documented, 409, or the same
/// in a sentence.
fn says_completed(status: StatusCode, body: &[u8]) -> bool {
    const LONGEST: usize = 4096;
    if !matches!(status, StatusCode::BAD_REQUEST | StatusCode::CONFLICT) || body.len() > LONGEST {
        return false;
    }
    let text = String::from_utf8_lossy(body).to_ascii_lowercase();
    let words: Vec<_> = text.split(|character: char| !character.is_ascii_alphanumeric()).collect();
    let is_end = |word: &str| word.starts_with("complete") || matches!(word, "done" | "finished");
    // Also "has already been completed".
    let is_followed = |at: usize| words.iter().skip(at + 1).take(3).any(|word| is_end(word));
    words.iter().enumerate().any(|(at, word)| *word == "already" && is_followed(at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_short_refusal_says_that_a_request_has_completed() {
        let says = |status, body: &str| says_completed(status, body.as_bytes());
        assert!(says(StatusCode::BAD_REQUEST, r#"{"status":"ALREADY_COMPLETED"}"#));
        assert!(says(StatusCode::CONFLICT, "The request has already been completed."));
        assert!(!says(StatusCode::UNPROCESSABLE_ENTITY, "already completed"));
        assert!(!says(StatusCode::BAD_REQUEST, "already in the queue, and not to be completed"));
        // Long ones repeat inputs, which may have any words.
        assert!(!says(StatusCode::BAD_REQUEST, &format!("{} already completed", "x".repeat(5000))));
    }
}
