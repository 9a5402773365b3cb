//! A request in the queue, whatever answers it.

use std::{fmt, pin::pin, sync::Arc, time::Duration};

use http::{HeaderMap, Method, StatusCode};
use serde_json::Value;
use tracing::Instrument;
use url::Url;

use super::{
    Cancelled, Update,
    urls::{Given, Urls},
};
use crate::{
    BoxFuture, Client, Error, ErrorKind, Result, Retry,
    call::{custom_header, within},
    reply::CallResponse,
    retry::RetryClass,
    transport::{Request, Response},
};

/// How long one request to the queue may take. Its answers are short and made at once.
const ANSWER: Duration = Duration::from_secs(30);

/// How long it may take to hand over an input, or to fetch a result, either of which may be large.
pub(super) const TRANSFER: Duration = Duration::from_secs(600);

/// A request in the queue, whatever answers it: what a [`Job`](super::Job) does, compiled once and not for each
/// model. Cloning is cheap.
#[derive(Clone)]
pub(crate) struct RequestHandle {
    pub(super) client: Client,
    target: Arc<Target>,
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

impl RequestHandle {
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
        Self { client, target: Arc::new(target) }
    }

    pub(crate) fn request_id(&self) -> &str {
        &self.target.request_id
    }

    pub(crate) fn endpoint(&self) -> &str {
        &self.target.endpoint
    }

    pub(crate) fn named(&self, error: Error) -> Error {
        error.with_endpoint(self.endpoint()).with_request_id(Some(self.request_id()))
    }

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
                target.wrong.get_or_insert(message);
            }
        }
    }

    pub(super) fn set_timeout(&mut self, timeout: Duration) {
        Arc::make_mut(&mut self.target).timeout = Some(timeout);
    }

    pub(super) fn set_retry(&mut self, retry: Retry) {
        Arc::make_mut(&mut self.target).retry = Some(retry);
    }

    /// The URLs that cannot be made from the ids.
    pub(super) fn given(&self) -> Given {
        let made = Urls::made(&self.client, self.endpoint(), self.request_id());
        match (&self.target.urls, made) {
            (Ok(urls), Ok(made)) => urls.beyond(&made),
            _ => Given::default(),
        }
    }

    // What jobs await: in boxes, so that these futures are compiled here.

    pub(super) fn status(&self, logs: bool) -> BoxFuture<'static, Result<Update>> {
        self.within_limit(move |queued| async move { queued.fetch_status(logs).await })
    }

    pub(super) fn result(&self) -> BoxFuture<'static, Result<CallResponse>> {
        self.within_limit(|queued| async move { queued.early_result().await })
    }

    pub(super) fn cancel(&self) -> BoxFuture<'static, Result<Cancelled>> {
        self.within_limit(|queued| async move { queued.ask_to_cancel().await })
    }

    fn within_limit<T, F>(
        &self,
        call: impl FnOnce(Self) -> F + Send + 'static,
    ) -> BoxFuture<'static, Result<T>>
    where
        T: 'static,
        F: Future<Output = Result<T>> + Send + 'static,
    {
        let queued = self.clone();
        Box::pin(async move {
            let done = within(queued.limit(), queued.endpoint(), pin!(call(queued.clone()))).await;
            done.map_err(|error| queued.named(error))
        })
    }

    async fn early_result(&self) -> Result<CallResponse> {
        match self.fetch_result(RetryClass::ResultFetch).await {
            // How the queue refuses a result that is not there yet is not documented, so the status
            // decides what the refusal meant.
            Err(error) if error.status().is_some_and(may_mean_not_ready) => {
                match self.fetch_status(false).await {
                    // The request may have been completed between the two, and then there is a result now.
                    Ok(Update::Completed { .. }) => self.fetch_result(RetryClass::FailedResultFetch).await,
                    Err(_) => Err(error),
                    Ok(_) => {
                        let message = "the result is not ready: `Job::wait` waits for it";
                        Err(self.named(Error::new(ErrorKind::NotReady, message).with_source(error)))
                    }
                }
            }
            other => other,
        }
    }

    pub(super) async fn ask_to_cancel(&self) -> Result<Cancelled> {
        let request = self.request(Method::PUT, |urls| urls.cancel.clone())?;
        match self.send(request).await {
            Ok(_) => Ok(Cancelled::Requested),
            Err(error) if error.status() == Some(StatusCode::BAD_REQUEST) && is_completed(&error) => {
                Ok(Cancelled::AlreadyCompleted)
            }
            Err(error) if error.is_not_found() => Ok(Cancelled::NotFound),
            Err(error) => Err(error),
        }
    }

    pub(super) async fn fetch_status(&self, logs: bool) -> Result<Update> {
        let request = self.status_request(logs)?;
        self.status_of(&self.send(request).await?)
    }

    /// The status, for who waits: with more patience.
    pub(super) async fn look(&self, logs: bool) -> Result<Update> {
        let mut request = self.status_request(logs)?;
        request.retry = request.retry.patient();
        self.status_of(&self.send(request).await?)
    }

    fn status_request(&self, logs: bool) -> Result<Request> {
        let mut request = self.request(Method::GET, |urls| urls.status.clone())?;
        request.url.query_pairs_mut().append_pair("logs", if logs { "1" } else { "0" });
        Ok(request)
    }

    fn status_of(&self, answer: &Response) -> Result<Update> {
        Update::read(answer).map_err(|error| self.named(error))
    }

    async fn fetch_result(&self, retry_class: RetryClass) -> Result<CallResponse> {
        let request = self.result_request(retry_class)?;
        self.result_of(self.send(request).await?)
    }

    /// The result of a completed request, for who has waited: with more patience.
    pub(super) async fn collect(&self, retry_class: RetryClass) -> Result<CallResponse> {
        let mut request = self.result_request(retry_class)?;
        request.retry = request.retry.patient();
        self.result_of(self.send(request).await?)
    }

    fn result_request(&self, retry_class: RetryClass) -> Result<Request> {
        let mut request = self.request(Method::GET, |urls| urls.result.clone())?;
        request.retry_class = retry_class;
        request.timeout = Some(TRANSFER);
        Ok(request)
    }

    fn result_of(&self, answer: Response) -> Result<CallResponse> {
        if answer.status == StatusCode::ACCEPTED {
            return Err(self.named(not_ready(answer)));
        }
        Ok(CallResponse { answer, request_id: Some(self.request_id().to_owned()) })
    }

    /// In a box, so that a job that waits is small: most of the time there is nothing to send.
    fn send(&self, request: Request) -> BoxFuture<'static, Result<Response>> {
        let span =
            tracing::debug_span!("fal.job", endpoint = self.endpoint(), request_id = self.request_id());
        let queued = self.clone();
        let answer = async move {
            let shared = &queued.client.0;
            let _permit = shared.queue.request().await;
            // In a box of its own: only so many have a permit.
            let answer = Box::pin(shared.transport.send(&request)).await;
            answer.map_err(|error| queued.named(error))
        };
        Box::pin(answer.instrument(span))
    }

    pub(super) fn request(&self, method: Method, url: impl FnOnce(&Urls) -> Url) -> Result<Request> {
        let wrong = |why: &String| self.named(Error::new(ErrorKind::Config, why));
        let urls = self.target.urls.as_ref().map_err(wrong)?;
        if let Some(why) = &self.target.wrong {
            return Err(wrong(why));
        }
        let mut request = Request::to_fal(method, url(urls), RetryClass::Idempotent);
        request.retry = self.target.retry.clone().unwrap_or_else(|| self.client.0.retry.clone());
        request.timeout = Some(ANSWER);
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

/// 202 is what the queue answers about requests that are not finished.
fn not_ready(answer: Response) -> Error {
    Error::new(ErrorKind::NotReady, "the result is not ready: `Job::wait` waits for it")
        .with_response(answer.status, answer.body)
}

fn may_mean_not_ready(status: StatusCode) -> bool {
    matches!(status, StatusCode::BAD_REQUEST | StatusCode::CONFLICT | StatusCode::TOO_EARLY)
}

fn is_completed(error: &Error) -> bool {
    let body = error.body().and_then(|body| serde_json::from_slice::<Value>(body).ok());
    body.is_some_and(|body| body.get("status").and_then(Value::as_str) == Some("ALREADY_COMPLETED"))
}
