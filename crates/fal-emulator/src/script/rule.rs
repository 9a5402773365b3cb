//! Rules about single requests: other replies, and damage on their way.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use axum::http::{HeaderName, HeaderValue};
use bytes::Bytes;
use serde::Serialize;

use super::answer::Answer;
use super::effect::{At, Effect, Frame};
use super::record::Request;
use super::turns::Turns;
use super::verb::Verb;
use crate::clock::http_date;
use crate::net::ConnectionEnd;
use crate::reply::REQUEST_ID;

/// Which requests a rule is about.
#[derive(Debug, Default)]
pub(crate) struct Pattern {
    pub(crate) endpoint: Option<String>,
    pub(crate) verb: Option<Verb>,
}

impl Pattern {
    fn matches(&self, verb: Verb, endpoint: Option<&str>) -> bool {
        self.verb.is_none_or(|own| own == verb)
            && self.endpoint.as_deref().is_none_or(|own| Some(own) == endpoint)
    }
}

#[derive(Debug, Default)]
pub(crate) struct Rules(Mutex<Turns<(Pattern, Effect)>>);

impl Rules {
    pub(crate) fn add(self: &Arc<Self>, pattern: Pattern) -> Rule {
        let place = self.lock().add((pattern, Effect::default()));
        Rule { rules: Arc::clone(self), place }
    }

    /// The effect of the rule whose turn it is.
    pub(crate) fn next(&self, verb: Verb, endpoint: Option<&str>) -> Effect {
        self.lock()
            .next(|(pattern, _)| pattern.matches(verb, endpoint))
            .map(|(_, effect)| effect.clone())
            .unwrap_or_default()
    }

    pub(crate) fn clear(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> MutexGuard<'_, Turns<(Pattern, Effect)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What happens to requests of one kind, from now on.
///
/// Made by [`Emulator::at`](crate::Emulator::at) and [`Script::at`](crate::Script::at). It is in
/// force at once, and each method adds to it. Among rules about the same request, those limited by
/// [`times`](Self::times) come first, in the order they were made; otherwise the last one counts.
///
/// ```no_run
/// # use fal_emulator::{At, Emulator, Verb};
/// # async fn example(emulator: Emulator) {
/// let lost = emulator.at(Verb::Submit).reset(At::Reply).times(1);
/// // … submit …
/// assert_eq!(lost.hits(), 1);
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Rule {
    rules: Arc<Rules>,
    place: usize,
}

impl Rule {
    /// Answers with this in place of the emulator, which never learns of the request.
    pub fn answer(self, answer: Answer) -> Self {
        self.answer_with(move |_| answer.clone())
    }

    /// Answers with what `make` makes of the request, in place of the emulator.
    pub fn answer_with(self, make: impl Fn(&Request) -> Answer + Send + Sync + 'static) -> Self {
        self.set(|effect| effect.answer = Some(Arc::new(make)))
    }

    /// Answers with an error as fal gives it: JSON, and a request id.
    pub fn fail(self, status: u16, body: impl Serialize) -> Self {
        let answer = Answer::json(status, body);
        self.answer_with(move |_| {
            answer.clone().header(REQUEST_ID.as_str(), uuid::Uuid::new_v4().to_string())
        })
    }

    /// Sets a header of the reply. A name or value that HTTP cannot carry is reported in the log
    /// and left out.
    pub fn header(self, name: &str, value: &str) -> Self {
        match (name.parse::<HeaderName>(), HeaderValue::from_str(value)) {
            (Ok(name), Ok(value)) => self.set(|effect| effect.headers.push((name, Some(value)))),
            _ => {
                tracing::error!(name, value, "not a header; left out");
                self
            }
        }
    }

    /// Removes a header of the reply.
    pub fn without_header(self, name: &str) -> Self {
        match name.parse::<HeaderName>() {
            Ok(name) => self.set(|effect| effect.headers.push((name, None))),
            Err(_) => self,
        }
    }

    /// Lies about the type of the reply's body.
    pub fn content_type(self, value: &str) -> Self {
        self.header("content-type", value)
    }

    /// Sets the `Date` header: a server whose clock is wrong.
    pub fn date(self, time: SystemTime) -> Self {
        self.header("date", &http_date(time))
    }

    /// Waits before the reply, on the emulator's clock.
    pub fn delay(self, time: Duration) -> Self {
        self.set(|effect| effect.delay = time)
    }

    /// Closes the connection at a moment, as a server does that believes it has said all.
    pub fn cut(self, at: At) -> Self {
        self.set(|effect| effect.end = Some((at, ConnectionEnd::Close)))
    }

    /// Resets the connection at a moment, as a process does that dies.
    pub fn reset(self, at: At) -> Self {
        self.set(|effect| effect.end = Some((at, ConnectionEnd::Reset)))
    }

    /// Says nothing more from a moment on, and keeps the connection open.
    pub fn stall(self, at: At) -> Self {
        self.set(|effect| effect.end = Some((at, ConnectionEnd::Stall)))
    }

    /// Sends so many bytes at a time, with a pause after each, on the emulator's clock.
    pub fn slow(self, bytes: usize, pause: Duration) -> Self {
        self.set(|effect| effect.pace = Some((bytes, pause)))
    }

    /// Sends these bytes in place of the reply, and closes. The request is handled all the same.
    pub fn raw(self, bytes: impl Into<Bytes>) -> Self {
        self.set(|effect| effect.instead = Some(bytes.into()))
    }

    /// Sends bytes that are not HTTP in place of the reply, and closes.
    pub fn garbage(self) -> Self {
        self.raw(&b"\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03 not a reply \xff\xfe\r\n\r\n"[..])
    }

    /// Sends this in place of the message that follows so many of a realtime connection.
    ///
    /// ```no_run
    /// # use fal_emulator::{Emulator, Frame, Verb};
    /// # async fn example(emulator: Emulator) {
    /// emulator.at(Verb::Realtime).frame(2, Frame::Close(1011)).times(1);
    /// # }
    /// ```
    pub fn frame(self, after: usize, frame: Frame) -> Self {
        self.set(|effect| effect.frame = Some((after, frame)))
    }

    /// Delivers twice: each event of a stream, or the whole of another reply.
    pub fn twice(self) -> Self {
        self.set(|effect| effect.twice = true)
    }

    /// Is in force for so many requests, and then no more.
    pub fn times(self, requests: usize) -> Self {
        if let Some(turn) = self.rules.lock().get_mut(self.place) {
            turn.left = Some(requests);
        }
        self
    }

    /// Lets so many requests pass first.
    pub fn after(self, requests: usize) -> Self {
        if let Some(turn) = self.rules.lock().get_mut(self.place) {
            turn.skip = requests;
        }
        self
    }

    /// How many requests it was applied to.
    #[must_use]
    pub fn hits(&self) -> usize {
        self.rules.lock().get_mut(self.place).map_or(0, |turn| turn.hits)
    }

    fn set(self, change: impl FnOnce(&mut Effect)) -> Self {
        if let Some(turn) = self.rules.lock().get_mut(self.place) {
            change(&mut turn.value.1);
        }
        self
    }
}
