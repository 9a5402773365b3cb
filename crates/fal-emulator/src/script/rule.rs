//! Rules about single requests: other responses, and faults on their way.

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use axum::http::{HeaderName, HeaderValue};
use bytes::Bytes;
use serde::Serialize;

use super::effect::{Effect, FaultPoint, RealtimeFault};
use super::limited_list::LimitedList;
use super::request::Request;
use super::request_kind::RequestKind;
use super::response::ResponseTemplate;
use crate::clock::format_http_date;
use crate::net::ConnectionEnd;
use crate::reply::REQUEST_ID;
use crate::sync::lock;

/// The requests to which a rule applies. `None` means any.
#[derive(Debug, Default)]
pub(crate) struct RequestPattern {
    pub(crate) endpoint: Option<String>,
    pub(crate) kind: Option<RequestKind>,
}

impl RequestPattern {
    fn matches(&self, kind: RequestKind, endpoint: Option<&str>) -> bool {
        self.kind.is_none_or(|own| own == kind)
            && self.endpoint.as_deref().is_none_or(|own| Some(own) == endpoint)
    }
}

/// All rules.
#[derive(Debug, Default)]
pub(crate) struct Rules {
    list: Mutex<LimitedList<(RequestPattern, Effect)>>,
    /// The rules of which one applies if none does here, in a scope.
    base: Option<Arc<Rules>>,
}

impl Rules {
    /// Creates the rules of a scope, which come before those that hold everywhere.
    pub(crate) fn above(base: &Arc<Self>) -> Self {
        Self { list: Mutex::default(), base: Some(Arc::clone(base)) }
    }

    pub(crate) fn add(self: &Arc<Self>, pattern: RequestPattern) -> Rule {
        let index = lock(&self.list).add((pattern, Effect::default()));
        Rule { rules: Arc::clone(self), index }
    }

    /// Uses the rule that applies to a request. Returns its effect, or no effect if no rule applies.
    pub(crate) fn take_effect(&self, kind: RequestKind, endpoint: Option<&str>) -> Effect {
        let take = |level: &Self| {
            let mut list = lock(&level.list);
            let used = list.use_next(|(pattern, _)| pattern.matches(kind, endpoint));
            used.map(|(_, effect)| effect.clone())
        };
        take(self).or_else(|| take(self.base.as_ref()?)).unwrap_or_default()
    }

    pub(crate) fn clear(&self) {
        lock(&self.list).clear();
    }
}

/// A rule about the requests of one kind.
///
/// [`Emulator::on_request`](crate::Emulator::on_request) and [`Script::on_request`](crate::Script::on_request) add a
/// rule, which applies at once; each method adds an effect to it. If several rules match a request, only one of them
/// applies. Rules that [`times`](Self::times) limits come first, in the order in which they were added. After them,
/// the last rule without a limit applies.
///
/// ```no_run
/// # use fal_emulator::{Emulator, FaultPoint, RequestKind};
/// # async fn example(emulator: Emulator) {
/// let lost = emulator.on_request(RequestKind::Submit).reset(FaultPoint::Reply).times(1);
/// // … submit …
/// assert_eq!(lost.hits(), 1);
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Rule {
    rules: Arc<Rules>,
    index: usize,
}

impl Rule {
    /// Sends this response in place of the emulator's, which does not handle the request.
    pub fn respond(self, response: ResponseTemplate) -> Self {
        self.respond_with(move |_| response.clone())
    }

    /// Sends the response that `make_response` returns for the request in place of the emulator's, which does not
    /// handle the request.
    ///
    /// ```no_run
    /// # use fal_emulator::{Emulator, RequestKind, ResponseTemplate};
    /// # async fn example(emulator: Emulator) {
    /// emulator
    ///     .on_request(RequestKind::Run)
    ///     .respond_with(|request| ResponseTemplate::json(200, request.json()));
    /// # }
    /// ```
    pub fn respond_with(
        self,
        make_response: impl Fn(&Request) -> ResponseTemplate + Send + Sync + 'static,
    ) -> Self {
        self.update(|effect| effect.response = Some(Arc::new(make_response)))
    }

    /// Sends an error as fal sends it: with a JSON body and a request id.
    pub fn fail(self, status: u16, body: impl Serialize) -> Self {
        let response = ResponseTemplate::json(status, body);
        self.respond_with(move |_| {
            response.clone().header(REQUEST_ID.as_str(), uuid::Uuid::new_v4().to_string())
        })
    }

    /// Sets a header of the response.
    ///
    /// A name or value that HTTP cannot carry is logged as an error and left out.
    pub fn header(self, name: &str, value: &str) -> Self {
        match (name.parse::<HeaderName>(), HeaderValue::from_str(value)) {
            (Ok(name), Ok(value)) => self.update(|effect| effect.headers.push((name, Some(value)))),
            _ => {
                tracing::error!(name, value, "not a valid header: left out");
                self
            }
        }
    }

    /// Removes a header of the response.
    pub fn without_header(self, name: &str) -> Self {
        match name.parse::<HeaderName>() {
            Ok(name) => self.update(|effect| effect.headers.push((name, None))),
            Err(_) => self,
        }
    }

    /// Sets the `Content-Type` header, for example to one that does not fit the body.
    pub fn content_type(self, value: &str) -> Self {
        self.header("content-type", value)
    }

    /// Sets the `Date` header, as a server does whose clock is wrong.
    pub fn date(self, time: SystemTime) -> Self {
        self.header("date", &format_http_date(time))
    }

    /// Waits before the response, on the emulator's clock.
    pub fn delay(self, time: Duration) -> Self {
        self.update(|effect| effect.delay = time)
    }

    /// Closes the connection at a point, as a server does that considers the response complete.
    pub fn cut(self, at: FaultPoint) -> Self {
        self.update(|effect| effect.end = Some((at, ConnectionEnd::Close)))
    }

    /// Resets the connection at a point, as the system does when a server process dies.
    pub fn reset(self, at: FaultPoint) -> Self {
        self.update(|effect| effect.end = Some((at, ConnectionEnd::Reset)))
    }

    /// Sends nothing more from a point on, and keeps the connection open.
    pub fn stall(self, at: FaultPoint) -> Self {
        self.update(|effect| effect.end = Some((at, ConnectionEnd::Stall)))
    }

    /// Sends a number of bytes at a time, with a pause after each, on the emulator's clock.
    pub fn slow(self, bytes: usize, pause: Duration) -> Self {
        self.update(|effect| effect.throttle = Some((bytes, pause)))
    }

    /// Sends these bytes in place of the whole response, and closes the connection. The request is still handled.
    pub fn raw(self, bytes: impl Into<Bytes>) -> Self {
        self.update(|effect| effect.raw = Some(bytes.into()))
    }

    /// Sends bytes that are not HTTP in place of the whole response, and closes the connection. The request is still
    /// handled.
    pub fn garbage(self) -> Self {
        self.raw(&b"\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03 not a reply \xff\xfe\r\n\r\n"[..])
    }

    /// Sends a fault in place of a message of a realtime connection, after `messages` others.
    ///
    /// ```no_run
    /// # use fal_emulator::{Emulator, RealtimeFault, RequestKind};
    /// # async fn example(emulator: Emulator) {
    /// emulator.on_request(RequestKind::Realtime).replace_message(2, RealtimeFault::Close(1011)).times(1);
    /// # }
    /// ```
    pub fn replace_message(self, messages: usize, fault: RealtimeFault) -> Self {
        self.update(|effect| effect.replaced_message = Some((messages, fault)))
    }

    /// Sends everything twice: each event of a stream, or the whole of another response.
    pub fn twice(self) -> Self {
        self.update(|effect| effect.twice = true)
    }

    /// Limits the rule to a number of requests. Without this method there is no limit.
    pub fn times(self, requests: usize) -> Self {
        if let Some(entry) = lock(&self.rules.list).get_mut(self.index) {
            entry.remaining = Some(requests);
        }
        self
    }

    /// Lets a number of matching requests pass before the rule applies. The default is 0.
    pub fn after(self, requests: usize) -> Self {
        if let Some(entry) = lock(&self.rules.list).get_mut(self.index) {
            entry.skip = requests;
        }
        self
    }

    /// Returns the number of requests to which the rule was applied.
    #[must_use]
    pub fn hits(&self) -> usize {
        lock(&self.rules.list).get_mut(self.index).map_or(0, |entry| entry.uses)
    }

    fn update(self, change: impl FnOnce(&mut Effect)) -> Self {
        if let Some(entry) = lock(&self.rules.list).get_mut(self.index) {
            change(&mut entry.value.1);
        }
        self
    }
}
