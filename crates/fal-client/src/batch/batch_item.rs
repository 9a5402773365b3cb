//! A request of a batch, and its entries in the journal.

use std::{
    io,
    sync::{Arc, Mutex},
    time::{Duration, Instant, UNIX_EPOCH},
};

use bytes::Bytes;
use http::StatusCode;
use tracing::Instrument;

use super::{
    account_gate::AccountGate,
    budget::{Accounts, Reservation},
    concurrency::Limiter,
    item_key::ItemKey,
    journal::{Journal, JournalEntry, JournalOutput, cannot_be_written},
    journal_state::{ItemProgress, ItemState},
    progress::{Counted, ItemPhase},
    stored_reply::{failure_of, response_of, units_in},
    timing::Timing,
};
use crate::{
    BoxFuture, Error, ErrorKind, Result,
    call::Call,
    queue::{self, RequestHandle, Ticket},
    reconcile::{Decision, Digest, DoubtReason, KnownRequests, SentRequest, SentSlot},
    reply::CallResponse,
    sync::lock,
    timeout::{now, within},
    timestamp::system_now,
    untyped::Any,
};

/// The parts that all requests of a batch share.
pub(super) struct Shared {
    pub(super) gate: Arc<AccountGate>,
    pub(super) accounts: Arc<Accounts>,
    pub(super) limiter: Limiter,
    pub(super) journal: Option<Arc<dyn Journal>>,
    /// The requests that were accepted, if doubts are decided at the end of the batch.
    pub(super) accepted: Option<Mutex<KnownRequests>>,
    pub(super) resubmit_in_doubt: bool,
    pub(super) resubmit_failed: Option<ResubmitFailed>,
    pub(super) keep_outputs: bool,
}

/// Returns true for failures after which a request is sent again.
pub(super) type ResubmitFailed = Box<dyn Fn(&Error) -> bool + Send + Sync>;

/// A request of a batch.
pub(super) struct BatchItem {
    pub(super) call: Call,
    pub(super) track: Track,
    /// The JSON from which the cost is estimated, if the batch has a budget.
    pub(super) json: Option<Bytes>,
}

/// The record of a request, without its input.
pub(super) struct Track {
    pub(super) shared: Arc<Shared>,
    pub(super) key: Arc<str>,
    /// The state of the request in the journal.
    pub(super) state: ItemState,
    pub(super) fingerprint: Option<String>,
    pub(super) counted: Counted,
    pub(super) reservation: Option<Reservation>,
    /// The request of an earlier run that this one replaces, until it does.
    pub(super) replaced: Option<Replaced>,
}

/// A request that an earlier run has sent, and that is given up for another one. It may be billed.
pub(super) struct Replaced(Option<Reservation>);

/// The outcome of a request of a batch.
pub(super) enum Outcome {
    Done {
        reply: Result<CallResponse>,
        counted: Counted,
        /// The key in the journal, if that has the outcome, so that the caller can acknowledge it.
        recorded: Option<Arc<str>>,
    },
    /// The caller has acknowledged the reply in an earlier run.
    Acknowledged,
    /// The request may have been accepted, which is to be decided before it goes on.
    InDoubt(Box<DoubtfulItem>),
}

/// A request that may have been accepted.
pub(super) struct DoubtfulItem {
    pub(super) item: BatchItem,
    pub(super) sent: Arc<SentRequest>,
    /// The failure of its submit, if it was sent by this process.
    failure: Option<Error>,
}

impl BatchItem {
    /// Submits the request, unless the journal has its ticket, and waits for its answer.
    pub(super) fn send(self) -> BoxFuture<'static, Outcome> {
        let span = tracing::info_span!("fal.batch", endpoint = %self.call.endpoint, key = %self.track.key);
        Box::pin(self.check_and_send().instrument(span))
    }

    async fn check_and_send(mut self) -> Outcome {
        let state = std::mem::take(&mut self.track.state);
        if let (Some(known), Some(fingerprint)) = (state.fingerprint, &self.track.fingerprint)
            && known != ItemKey::new(fingerprint)
        {
            let error = other_input(&self.track.key);
            return self.track.fail(error);
        }
        let is_doubt_decided = self.track.shared.accepted.is_some();
        let (progress, is_done) = match state.progress {
            ItemProgress::Done(Some(before)) => (*before, true),
            progress => (progress, false),
        };
        match progress {
            ItemProgress::Unsent => self.submit_and_wait().await,
            ItemProgress::Submitted(ticket) => {
                let Some(handle) = self.resume(*ticket) else { return self.track.fail_as_other_batch() };
                self.track.reservation = self.adopt(&state.reserved);
                self.wait(handle, now(), true).await
            }
            ItemProgress::InDoubt(Some(sent)) if is_doubt_decided => {
                let sent = self.call.sent_request(Bytes::new()).with_past(*sent);
                self.track.reservation = self.adopt(&state.reserved);
                self.doubt(Arc::new(sent), None)
            }
            ItemProgress::InDoubt(_) if self.track.shared.resubmit_in_doubt => {
                let reservation = self.adopt(&state.reserved);
                self.replace(reservation);
                self.submit_and_wait().await
            }
            ItemProgress::InDoubt(_) => {
                let reason = is_doubt_decided.then_some(DoubtReason::NotRecorded);
                self.track.fail(in_doubt(reason, None))
            }
            ItemProgress::Collected { ticket, has_output } => {
                let Some(handle) = self.resume(*ticket) else { return self.track.fail_as_other_batch() };
                self.collect_again(handle, has_output).await
            }
            ItemProgress::Failed(failed) => {
                let (failure, ticket) = *failed;
                let from_ids =
                    failure.request_id.as_deref().map(|id| Ticket::with_endpoint(&*self.call.endpoint, id));
                let error = failure_of(failure).with_endpoint(&*self.call.endpoint).with_end();
                let error = match ticket.or(from_ids) {
                    Some(ticket) => ticket.with_error(error),
                    None => error,
                };
                if !is_done && self.is_resubmitted(&error) {
                    return self.submit_and_wait().await;
                }
                self.track.finish(Err(error), true)
            }
            ItemProgress::Done(_) => self.track.acknowledged(),
        }
    }

    /// Returns the request of a ticket, unless it is of another endpoint.
    fn resume(&self, ticket: Ticket<Any>) -> Option<RequestHandle> {
        (ticket.endpoint() == self.call.endpoint).then(|| ticket.into_handle(self.call.client.clone()))
    }

    /// Returns the reservation of a request that an earlier process has sent.
    fn adopt(&self, reserved: &Option<crate::Usd>) -> Option<Reservation> {
        self.track.shared.accounts.adopt(&self.call.endpoint, *reserved)
    }

    /// Gives an earlier request up for the one that is submitted next.
    fn replace(&mut self, mut reservation: Option<Reservation>) {
        if let Some(reservation) = &mut reservation {
            // Nothing will settle it for less, so no other request waits for that.
            reservation.set_aside();
        }
        self.track.replaced = Some(Replaced(reservation));
    }

    fn is_resubmitted(&self, error: &Error) -> bool {
        self.track.shared.resubmit_failed.as_ref().is_some_and(|resubmit| resubmit(error))
    }

    /// Returns the output of a request that an earlier process has collected: the one that the journal keeps, or else fetches
    /// it once more.
    async fn collect_again(self, handle: RequestHandle, has_output: bool) -> Outcome {
        if has_output && let Some(journal) = self.track.shared.journal.clone() {
            let reply = match journal.read_output(&self.track.key).await {
                Ok(Some(output)) => Ok(response_of(output, &handle)),
                Ok(None) => Err(lost_output(&io::Error::from(io::ErrorKind::NotFound))),
                Err(cause) => Err(lost_output(&cause)),
            };
            return self.track.finish(reply.map_err(|error| handle.with_ticket(error)), true);
        }
        let (limit, retries) = (self.call.limit(), self.track.shared.resubmit_failed.is_some());
        let fetched = within(limit, &self.call.endpoint, handle.fetch_collected()).await;
        match fetched.map_err(|error| handle.with_ticket(error)) {
            Ok(response) => {
                let mut track = self.track;
                track.keep_output(&response).await;
                track.finish(Ok(response), true)
            }
            Err(error) if retries && !error.is_retryable() && self.is_resubmitted(&error) => {
                self.submit_and_wait().await
            }
            // The output may only be unreachable at the moment.
            Err(error) => self.track.finish(Err(error), false),
        }
    }

    /// Sets the request aside, until it is decided if it was accepted.
    fn doubt(mut self, sent: Arc<SentRequest>, failure: Option<Error>) -> Outcome {
        if let Some(reservation) = &mut self.track.reservation {
            reservation.set_aside();
        }
        self.track.counted.set(ItemPhase::InDoubt);
        Outcome::InDoubt(Box::new(DoubtfulItem { item: self, sent, failure }))
    }

    /// Boxed, because a request that failed in an earlier run comes back here.
    fn submit_and_wait(mut self) -> BoxFuture<'static, Outcome> {
        Box::pin(async move {
            match self.submit().await {
                Ok((start, handle)) => self.wait(handle, start, false).await,
                Err(failure) => {
                    let is_doubt_decided = self.track.shared.accepted.is_some();
                    match failure.sent_request().filter(|_| is_doubt_decided).cloned() {
                        Some(sent) => self.doubt(sent, Some(failure)),
                        None => self.track.finish(Err(failure), false),
                    }
                }
            }
        })
    }

    /// Submits the request once the account is not locked and the budget has room for it. Returns it with the time at which
    /// its last attempt began.
    async fn submit(&mut self) -> Result<(Instant, RequestHandle)> {
        if self.track.reservation.is_none() {
            let shared = self.track.shared.clone();
            self.track.reservation =
                shared.accounts.reserve(&self.call.endpoint, self.json.as_deref()).await?;
        }
        let submitted = self.pass_and_submit().await;
        // With an id it was accepted, and with a record it may have been.
        let may_run = |error: &Error| {
            error.may_be_accepted() && (error.sent_request().is_some() || error.request_id().is_some())
        };
        if submitted.as_ref().is_err_and(|error| !may_run(error))
            && let Some(reservation) = self.track.reservation.take()
        {
            reservation.release();
        }
        submitted
    }

    async fn pass_and_submit(&mut self) -> Result<(Instant, RequestHandle)> {
        let shared = self.track.shared.clone();
        let (mut refusals, mut place) = (0, None);
        loop {
            let pass = shared.gate.pass().await?;
            self.track.counted.set(ItemPhase::Running);
            let start = now();
            let (limit, endpoint, sent) =
                (self.call.limit(), self.call.endpoint.clone(), SentSlot::default());
            let span = self.call.submit_span();
            // Boxed, so that a call that waits for its result has given back the memory of the submit.
            let attempt =
                Box::pin(within(limit, &endpoint, submit_once(&mut self.call, &mut self.track, &sent)));
            match attempt.instrument(span).await {
                Ok(handle) => {
                    pass.accepted();
                    return Ok((start, handle));
                }
                Err(error) => {
                    drop(place.take());
                    let error = sent.attach(error);
                    let pause = Some(&error).filter(|error| error.is_rate_limited());
                    let pause = pause.and_then(|error| shared.limiter.refused(refusals, error.retry_after()));
                    if let Some(pause) = pause {
                        pass.failed(&error);
                        refusals += 1;
                        self.track.counted.set(ItemPhase::Waiting);
                        tokio::time::sleep(pause).await;
                        place = Some(shared.limiter.wait_for_room().await);
                    } else if !pass.failed(&error) {
                        return Err(error);
                    }
                }
            }
        }
    }

    /// Waits for a request that was submitted at `start`, by an earlier process if `is_earlier`.
    async fn wait(mut self, handle: RequestHandle, start: Instant, is_earlier: bool) -> Outcome {
        self.track.counted.set(ItemPhase::Running);
        let (limit, shared) = (self.call.limit(), self.track.shared.clone());
        if is_earlier && shared.resubmit_failed.is_some() {
            let waited = wait(&handle, &shared, start, limit).await;
            if waited.reply.as_ref().is_err_and(|error| waited.is_failed(error) || error.is_not_found())
                && waited.reply.as_ref().is_err_and(|error| self.is_resubmitted(error))
            {
                self.track.record(&waited).await;
                if !waited.reply.as_ref().is_err_and(|error| waited.is_failed(error)) {
                    let reservation = self.track.reservation.take();
                    self.replace(reservation);
                }
                return self.submit_and_wait().await;
            }
            let is_recorded = self.track.record(&waited).await;
            return self.track.finish(waited.reply, is_recorded);
        }
        let mut track = self.track;
        // What is left holds no input.
        drop((self.call, self.json));
        let waited = wait(&handle, &shared, start, limit).await;
        let is_recorded = track.record(&waited).await;
        track.finish(waited.reply, is_recorded)
    }
}

impl Track {
    /// Writes down the outcome of a request, and settles its cost. Returns true if the outcome is final.
    async fn record(&mut self, waited: &Waited) -> bool {
        let (headers, failure) = match &waited.reply {
            Ok(response) => (&response.response.headers, None),
            Err(error) if waited.is_failed(error) => (error.headers(), Some(error)),
            // It may go on, so its money stays reserved.
            Err(_) => return false,
        };
        let units = units_in(headers);
        let cost = match self.reservation.take() {
            Some(reservation) => reservation.settle(units),
            None => {
                self.shared.accounts.count(&waited.endpoint, units);
                None
            }
        };
        if self.shared.journal.is_some() {
            let (key, units) = (self.key.to_string(), units.map(|units| units.to_string()));
            let entry = match (failure, &waited.reply) {
                (Some(error), _) => JournalEntry::Failed { key, units, cost, failure: error.into() },
                (None, Ok(response)) => {
                    let output = self.shared.keep_outputs.then(|| JournalOutput::from(response));
                    JournalEntry::Collected { key, units, cost, output }
                }
                (None, Err(_)) => return false,
            };
            return self.write_if_possible(entry).await;
        }
        true
    }

    /// Counts the request that this one replaces, whose cost nobody will learn: as what was reserved for it, or else as one of
    /// unknown cost. Called once the journal has the new request, by which later runs know about the old one.
    fn count_replaced(&mut self, endpoint: &str) {
        match self.replaced.take() {
            Some(Replaced(Some(reservation))) => {
                reservation.settle(None);
            }
            Some(Replaced(None)) => self.shared.accounts.count(endpoint, None),
            None => {}
        }
    }

    /// Keeps an output that was fetched again.
    async fn keep_output(&mut self, response: &CallResponse) {
        if self.shared.keep_outputs {
            let (key, output) = (self.key.to_string(), Some(JournalOutput::from(response)));
            let units = units_in(&response.response.headers).map(|units| units.to_string());
            self.write_if_possible(JournalEntry::Collected { key, units, cost: None, output }).await;
        }
    }

    /// Writes an entry about a request that is finished. A reply that is paid for is not lost with the journal, and the
    /// next run fetches it again.
    async fn write_if_possible(&self, entry: JournalEntry) -> bool {
        let written = self.write(entry).await;
        if let Err(error) = &written {
            tracing::warn!(%error, "the outcome of a request is not in the journal");
        }
        written.is_ok()
    }

    /// Writes an entry to the journal, if there is one.
    async fn write(&self, entry: JournalEntry) -> Result<()> {
        match &self.shared.journal {
            Some(journal) => journal.write(entry).await.map_err(cannot_be_written),
            None => Ok(()),
        }
    }

    fn finish(mut self, reply: Result<CallResponse>, is_recorded: bool) -> Outcome {
        self.counted.set(match &reply {
            Ok(_) => ItemPhase::Done,
            Err(error) if error.is_unsent() => ItemPhase::Unsent,
            Err(error) if error.is_in_doubt() => ItemPhase::InDoubt,
            Err(_) => ItemPhase::Failed,
        });
        let recorded = (is_recorded && self.shared.journal.is_some()).then_some(self.key);
        Outcome::Done { reply, counted: self.counted, recorded }
    }

    fn acknowledged(mut self) -> Outcome {
        self.counted.set(ItemPhase::Done);
        Outcome::Acknowledged
    }

    pub(super) fn fail(self, error: Error) -> Outcome {
        self.finish(Err(error), false)
    }

    fn fail_as_other_batch(self) -> Outcome {
        let error = other_input(&self.key);
        self.fail(error)
    }

    fn begun(&self, digest: Option<Digest>, may_differ: bool) -> JournalEntry {
        let time = system_now().duration_since(UNIX_EPOCH).ok();
        JournalEntry::Begun {
            key: self.key.to_string(),
            input: self.fingerprint.clone().unwrap_or_default(),
            time: time.and_then(|time| u64::try_from(time.as_millis()).ok()),
            json: digest.map(|digest| digest.to_string()),
            may_differ,
            reserved: self.reservation.as_ref().map(|reservation| reservation.amount),
        }
    }

    fn refused(&self) -> JournalEntry {
        JournalEntry::Refused { key: self.key.to_string() }
    }

    fn submitted(&self, ticket: Ticket<Any>) -> JournalEntry {
        JournalEntry::Submitted { key: self.key.to_string(), ticket }
    }
}

impl DoubtfulItem {
    /// Goes on with the request as it was decided: waits for it, sends it, or reports the doubt.
    pub(super) fn resolve(self, decision: Decision) -> BoxFuture<'static, Outcome> {
        let (endpoint, key) = (&self.item.call.endpoint, &self.item.track.key);
        let span = tracing::info_span!("fal.batch", %endpoint, %key);
        let resolved = async move {
            let Self { mut item, failure, .. } = self;
            if let Some(reservation) = &mut item.track.reservation {
                reservation.take_up();
            }
            match decision {
                Decision::Found(ticket) => {
                    let handle = ticket.clone().into_handle(item.call.client.clone());
                    if let Some(on_queued) = item.call.on_queued.take() {
                        on_queued(&handle);
                    }
                    match item.track.write(item.track.submitted(ticket)).await {
                        Ok(()) => item.wait(handle, now(), false).await,
                        Err(error) => item.track.fail(handle.with_ticket(error)),
                    }
                }
                Decision::NotAccepted => match item.track.write(item.track.refused()).await {
                    Ok(()) => item.submit_and_wait().await,
                    Err(error) => item.track.fail(error),
                },
                Decision::InDoubt(reason) => item.track.fail(in_doubt(Some(reason), failure)),
            }
        };
        Box::pin(resolved.instrument(span))
    }

    /// Reports the doubt of a request that was decided once before.
    pub(super) fn into_outcome(self) -> Outcome {
        let error = self.failure.unwrap_or_else(|| in_doubt(None, None));
        self.item.track.fail(error)
    }
}

/// Returns the error of a request that may have been accepted. `reason` says why that could not be decided.
fn in_doubt(reason: Option<DoubtReason>, failure: Option<Error>) -> Error {
    let process = if failure.is_some() {
        "its submit was not answered"
    } else {
        "an earlier run sent this request, and has no usable answer to it"
    };
    let mut message = format!("{process}, so it may be running; it was not sent again");
    if let Some(reason) = &reason {
        message = format!("{message}: {reason}");
    }
    let error = Error::new(ErrorKind::InDoubt { reason }, message);
    match failure {
        Some(failure) => match failure.sent_request().cloned() {
            Some(sent) => error.with_sent_request(sent).with_source(failure),
            None => error.with_source(failure),
        },
        None => error,
    }
}

/// The answer to a request, and the last state that was seen of it.
struct Waited {
    endpoint: String,
    reply: Result<CallResponse>,
    /// The queue has reported a failure.
    is_reported: bool,
}

impl Waited {
    /// Returns true if the request itself has failed, so that its result is this failure at any later time.
    fn is_failed(&self, error: &Error) -> bool {
        error.request_id().is_some() && error.is_failure_of_request(self.is_reported)
    }
}

/// Waits for the answer to a request that was submitted at `start`.
async fn wait(handle: &RequestHandle, shared: &Shared, start: Instant, limit: Option<Duration>) -> Waited {
    let left = |limit: Duration| limit.saturating_sub(now().duration_since(start));
    let under_way = shared.limiter.accepted();
    let timing = Timing::default();
    let waited =
        |reply| Waited { endpoint: handle.endpoint().to_owned(), reply, is_reported: timing.has_failed() };
    loop {
        let follow = timing.follow();
        let reply = match limit {
            Some(limit) if shared.journal.is_none() => {
                let waiting = queue::wait(handle.clone(), None, follow);
                match tokio::time::timeout(left(limit), waiting).await {
                    Ok(result) => result,
                    Err(_) => return waited(queue::cancel_timed_out(handle, limit).await),
                }
            }
            // After a timeout the request goes on, and the next process can wait for it.
            limit => queue::wait(handle.clone(), limit.map(left), follow).await,
        };
        if let Some((queued, ran)) = timing.measured() {
            under_way.completed(queued, ran);
        }
        match reply {
            Err(error) if error.is_account_wide() => {
                // If the status can be read, the failure is that of the request itself.
                let is_refused = handle.fetch_status(false).await.is_err_and(|error| error.is_account_wide());
                if !is_refused || !shared.gate.close(&error, false) {
                    return waited(Err(error));
                }
                shared.gate.pause().await;
            }
            reply => return waited(reply),
        }
    }
}

/// Sends a request, and writes down that it may have been accepted before it can have been.
async fn submit_once(call: &mut Call, track: &mut Track, sent: &SentSlot) -> Result<RequestHandle> {
    let shared = track.shared.clone();
    let mut request = call.prepare_submit().await?;
    if track.reservation.is_some() {
        // Money is reserved for one run.
        request.retry = request.retry.even_if_accepted(false);
    }
    if shared.limiter.is_adaptive() {
        request.is_answer = |status, _| status == StatusCode::TOO_MANY_REQUESTS;
    }
    let digest = request.json().filter(|_| shared.journal.is_some());
    let digest = digest.and_then(|json| Digest::from_json(json));
    let may_differ = call.client.0.transport.may_change_bodies();
    track.write(track.begun(digest, may_differ)).await?;
    track.count_replaced(&call.endpoint);
    match call.send_submit(&mut request, sent).await {
        Ok((handle, digest)) => {
            if let Some(accepted) = &shared.accepted {
                lock(accepted).insert(handle.request_id().to_owned(), digest);
            }
            let written = track.write(track.submitted(Ticket::from(&handle))).await;
            written.map_err(|error| handle.with_ticket(error).with_unknown_outcome())?;
            Ok(handle)
        }
        Err(error) => {
            // The next process sends the request again, but only if it cannot have been accepted.
            if !error.may_be_accepted() {
                track.write(track.refused()).await?;
            }
            Err(error)
        }
    }
}

fn lost_output(cause: &io::Error) -> Error {
    Error::new(ErrorKind::File, format!("the output cannot be read from the journal: {cause}"))
}

/// Returns the error of an input that differs from the one that the journal knows.
fn other_input(key: &str) -> Error {
    let message = format!(
        "input {key} is not the one that the journal knows: it was changed, or belongs to another batch; start a new journal, \
         or tell inputs apart by keys (`Client::batch_by_key`) or by content (`BatchRequest::by_content`)"
    );
    Error::new(ErrorKind::Config, message)
}
