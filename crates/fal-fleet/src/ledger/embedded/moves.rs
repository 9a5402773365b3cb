//! The moves of requests that a worker holds. They change nothing if the worker holds the request no longer.

use std::time::Duration;

use rusqlite::{OptionalExtension, named_params};
use uuid::Uuid;

use super::{
    Embedded,
    rows::{Amount, Batch, Request, Unit, seconds, time},
};
use crate::{
    Result,
    ledger::request::{
        Accepted, Collected, Delivered, DoubtWindow, Doubtful, Finished, Followed, Found, Held, Move,
        Offered, State, failure_json, plain_ticket,
    },
    media_file,
};

impl Batch {
    /// Returns true if a request that has failed once more is sent again.
    fn sends_again(&self, request: &Request, is_transient: bool, error_type: Option<&str>) -> bool {
        let is_named = self.retry_error_types.0.iter().any(|named| Some(&**named) == error_type);
        request.failures < self.retries && (is_transient && self.retry_transient || is_named)
    }
}

impl Unit<'_> {
    /// Takes requests of an account and an endpoint whose next step is due, or of any endpoint if `endpoint` is empty.
    /// `condition` is one on the request `r` and its batch `b`.
    pub(super) fn take(
        &self,
        condition: &str,
        (account, endpoint): (&str, &str),
        most: i64,
        lease: Duration,
    ) -> Result<Vec<Request>> {
        let statement = format!(
            "update fal.request set epoch = epoch + 1, due = :until
             where id in (select r.id from fal.request r join fal.batch b on b.id = r.batch
                          where {condition} and b.account = :account and :endpoint in ('', r.endpoint) and r.due <= :now
                          order by r.due, r.id limit :most)
             returning *"
        );
        let params = named_params! {
            ":account": account,
            ":endpoint": endpoint,
            ":now": self.now,
            ":most": most,
            ":until": self.after(lease),
        };
        self.rows(&statement, params, Request::read)
    }

    /// Notes that the money reserved for a request is spent to this part.
    fn settle(&self, request: &mut Request, paid: Option<Amount>) -> Result<()> {
        let mut batch = self.batch(request.batch)?;
        if let Some(reserved) = request.reserved.take() {
            batch.reserved.0 = batch.reserved.0.saturating_sub(reserved.0);
            if let Some(paid) = paid.filter(|paid| paid.0 > reserved.0) {
                batch.excess = Some(Amount(batch.excess.map_or(paid.0, |excess| excess.0.max(paid.0))));
            }
        }
        if let Some(paid) = paid {
            batch.spent.0 += paid.0;
        }
        batch.save(self)
    }

    fn submitted(&self, accepted: &Accepted) -> Result<bool> {
        let Accepted { id, attempt, token, request_id, ticket, look_in } = accepted;
        self.execute(
            "update fal.request set state = 'in_doubt', request_id = null, ticket = null, epoch = epoch + 1, due = ?1
             where request_id = ?2 and id <> ?3 and state = 'submitted'",
            (self.now, request_id, id),
        )?;
        let moved = self.execute(
            "update fal.request
             set state = 'submitted', request_id = :request_id, ticket = :ticket, submitted_at = :now, owner = null,
                 epoch = epoch + 1, due = :due, error = null
             where id = :id and attempts = :attempt and token = :token
               and state in ('begun', 'in_doubt', 'waiting') and request_id is null",
            named_params! {
                ":request_id": request_id,
                ":ticket": ticket,
                ":now": self.now,
                ":due": self.after(*look_in),
                ":id": id,
                ":attempt": attempt,
                ":token": token,
            },
        )?;
        if moved == 1 {
            let mut statement = self.prepare_cached("select * from fal.request where id = ?1")?;
            self.reserve_again(statement.query_row([id], Request::read)?)?;
        }
        Ok(moved == 1)
    }

    /// Reserves the money of a request that was given back, and was accepted nevertheless. Writes the request.
    fn reserve_again(&self, mut request: Request) -> Result<()> {
        let mut batch = self.batch(request.batch)?;
        let estimate = request.estimate.or(batch.max_per_request);
        if let (None, Some(_), Some(estimate)) = (request.reserved, batch.budget, estimate) {
            request.reserved = Some(estimate);
            batch.reserved.0 += estimate.0;
            batch.save(self)?;
        }
        request.save(self)
    }

    fn delivered(&self, delivered: &Delivered<'_>) -> Result<bool> {
        let mut statement = self.prepare_cached(
            "select r.* from fal.request r join fal.batch b on b.id = r.batch
             where b.name = ?1 and r.key = ?2 and r.token = ?3",
        )?;
        let params = (delivered.batch, delivered.key, delivered.token);
        let Some(mut request) = statement.query_row(params, Request::read).optional()? else {
            return Ok(false);
        };
        let is_decided = match request.state {
            State::Submitted => request.request_id.as_deref() == Some(delivered.request_id),
            State::Begun | State::InDoubt | State::Waiting => {
                request.attempts == delivered.attempt && request.request_id.is_none()
            }
            State::Done | State::Failed => false,
        };
        let is_taken = self.value::<bool>(
            "select exists (select 1 from fal.request where request_id = ?1 and id <> ?2)",
            (delivered.request_id, request.id),
        )?;
        if is_decided && !is_taken {
            if request.state != State::Submitted {
                request.submitted_at = None;
            }
            request.submitted_at.get_or_insert(self.now);
            request.state = State::Submitted;
            request.request_id = Some(delivered.request_id.to_owned());
            request.due = self.now;
            request.epoch += 1;
            request.owner = None;
            self.reserve_again(request)?;
        }
        Ok(true)
    }

    fn finish(&self, held: Held, finished: Finished) -> Result<bool> {
        let Some(mut request) = self.held(held, State::Submitted)? else { return Ok(false) };
        let batch = self.batch(request.batch)?;
        let paid = finished.cost.map(Amount).or(request.reserved);
        if let Some(paid) = paid {
            request.cost = Some(Amount(request.cost.map_or(paid.0, |cost| cost.0 + paid.0)));
        }
        self.settle(&mut request, paid)?;
        request.due = self.now;
        request.done_at = Some(self.now);
        request.owner = None;
        request.units = finished.units;
        request.output = None;
        request.error = None;
        match finished.result {
            Ok(output) => {
                request.state = State::Done;
                request.output = Some(output);
            }
            Err(failure) => {
                request.error = Some(failure_json(&failure));
                request.state = State::Failed;
                if batch.sends_again(&request, finished.is_retryable, failure.error_type.as_deref()) {
                    request.state = State::Waiting;
                    let pause = batch.retry_pause * 2_f64.powi(request.failures.min(62));
                    request.due = self.now + pause.min(batch.retry_max_pause);
                    // A request that is sent again has the next id, and no delivery for this one is taken for one of the next.
                    request.request_id = None;
                    request.ticket = None;
                    request.token = Uuid::new_v4().to_string();
                }
                request.failures += 1;
            }
        }
        request.save(self)?;
        Ok(true)
    }

    fn write(&self, held: Held, change: Move) -> Result<bool> {
        let Some(mut request) = self.held(held, change.from)? else { return Ok(false) };
        if change.frees_money() {
            self.settle(&mut request, None)?;
        }
        if change.to == State::Failed {
            request.done_at = Some(self.now);
        }
        request.state = change.to;
        request.due = self.after(change.pause);
        request.owner = None;
        request.error = change.error;
        request.save(self)?;
        Ok(true)
    }

    fn release_unsent(&self, owner: Uuid, sending: &[i64]) -> Result<u64> {
        let begun = self.rows(
            "select * from fal.request where state = 'begun' and owner = ?1",
            [owner.to_string()],
            Request::read,
        )?;
        let mut released = 0;
        for request in begun.iter().filter(|request| !sending.contains(&request.id)) {
            released += u64::from(self.write(request.held(), Move::release(Duration::ZERO, None))?);
        }
        Ok(released)
    }

    fn followed(&self, request: Request) -> Result<Followed> {
        let batch = self.batch(request.batch)?;
        let held = request.held();
        let Request { endpoint, request_id, ticket, submitted_at, traceparent, .. } = request;
        let age = self.now - submitted_at.unwrap_or(self.now);
        Ok(Followed {
            held,
            ticket: ticket.unwrap_or_else(|| plain_ticket(&endpoint, request_id.as_deref())),
            endpoint,
            age: Duration::try_from_secs_f64(age).unwrap_or_default(),
            has_webhook: batch.webhook.is_some(),
            is_adaptive: self.account(&batch.account)?.is_some_and(|account| account.is_adaptive),
            traceparent,
        })
    }

    /// Returns the output of a request.
    pub(super) fn collected(&self, request: Request) -> Result<Collected> {
        Ok(Collected {
            held: request.held(),
            batch: self.batch(request.batch)?.name,
            key: request.key,
            endpoint: request.endpoint,
            input: request.input,
            output: request.output.unwrap_or_default(),
            request_id: request.request_id.or(request.reused_from).unwrap_or_default(),
            cost: request.cost.map(|cost| cost.0),
            units: request.units,
            traceparent: request.traceparent,
        })
    }

    fn offered(&self, request: Request) -> Result<Offered> {
        let offer = request.offers + 1;
        self.execute("update fal.request set offers = ?2 where id = ?1", (request.id, offer))?;
        Ok(Offered {
            offer,
            is_reused: request.reused_from.is_some(),
            media: media_file::parse(request.saved.as_deref())?,
            collected: self.collected(request)?,
        })
    }
}

impl Embedded {
    pub(crate) async fn submitted(&self, accepted: Accepted) -> Result<bool> {
        self.run(move |unit| unit.submitted(&accepted)).await
    }

    pub(crate) async fn delivered(&self, delivered: &Delivered<'_>) -> Result<bool> {
        let Delivered { batch, key, token, attempt, request_id } = *delivered;
        let [batch, key, token, request_id] = [batch, key, token, request_id].map(str::to_owned);
        self.run(move |unit| {
            let (batch, key, token, request_id) = (&*batch, &*key, &*token, &*request_id);
            unit.delivered(&Delivered { batch, key, token, attempt, request_id })
        })
        .await
    }

    pub(crate) async fn finish(&self, held: Held, finished: Finished) -> Result<bool> {
        self.run(move |unit| unit.finish(held, finished)).await
    }

    pub(crate) async fn write(&self, held: Held, change: &Move) -> Result<bool> {
        let change = change.clone();
        self.run(move |unit| unit.write(held, change)).await
    }

    pub(crate) async fn release_unsent(&self, owner: Uuid, sending: &[i64]) -> Result<u64> {
        let sending = sending.to_vec();
        self.run(move |unit| unit.release_unsent(owner, &sending)).await
    }

    pub(crate) async fn sweep(&self) -> Result<u64> {
        self.run(move |unit| {
            let changed = unit.execute(
                "update fal.request set state = 'in_doubt', epoch = epoch + 1, owner = null, due = ?1
                 where state = 'begun' and due < ?1",
                [unit.now],
            )?;
            Ok(u64::try_from(changed).unwrap_or(u64::MAX))
        })
        .await
    }

    pub(crate) async fn follow(&self, account: &str, most: i64, lease: Duration) -> Result<Vec<Followed>> {
        let account = account.to_owned();
        self.run(move |unit| {
            let taken = unit.take("r.state = 'submitted'", (&account, ""), most, lease)?;
            taken.into_iter().map(|request| unit.followed(request)).collect()
        })
        .await
    }

    pub(crate) async fn doubts(&self, account: &str, most: i64, lease: Duration) -> Result<Vec<Doubtful>> {
        let account = account.to_owned();
        self.run(move |unit| {
            let taken = unit.take("r.state = 'in_doubt' and b.reconcile", (&account, ""), most, lease)?;
            let doubts = taken.into_iter().map(|request| Doubtful {
                held: request.held(),
                endpoint: request.endpoint,
                input: request.input,
                begun_at: time(request.begun_at.unwrap_or(unit.now)),
                taken_at: time(unit.now),
            });
            Ok(doubts.collect())
        })
        .await
    }

    pub(crate) async fn offer(
        &self,
        account: &str,
        endpoint: &str,
        is_saved: bool,
        most: i64,
        lease: Duration,
    ) -> Result<Vec<Offered>> {
        let (account, endpoint) = (account.to_owned(), endpoint.to_owned());
        self.run(move |unit| {
            let condition = match is_saved {
                true => "r.state = 'done' and r.acknowledged_at is null and r.saved is not null",
                false => "r.state = 'done' and r.acknowledged_at is null",
            };
            let taken = unit.take(condition, (&account, &endpoint), most, lease)?;
            taken.into_iter().map(|request| unit.offered(request)).collect()
        })
        .await
    }

    pub(crate) async fn acknowledge(&self, held: Held) -> Result<bool> {
        self.run(move |unit| {
            let Some(mut request) = unit.held(held, State::Done)? else { return Ok(false) };
            request.acknowledged_at = Some(unit.now);
            request.error = None;
            request.save(unit)?;
            Ok(true)
        })
        .await
    }

    pub(crate) async fn accepted_around(&self, window: &DoubtWindow) -> Result<Vec<(String, String)>> {
        let endpoint = window.endpoint.clone();
        let doubts = serde_json::json!(window.doubts).to_string();
        let [first, from, until] = [window.first, window.from, window.until].map(seconds);
        self.run(move |unit| {
            unit.rows(
                "select * from (select request_id, input from fal.request
                                where endpoint = ?1 and request_id is not null and submitted_at between ?4 and ?5
                                  and input in (select input from fal.request
                                                where id in (select value from json_each(?2)))
                                order by submitted_at limit 10000)
                 union select * from (select request_id, input from fal.request
                                      where endpoint = ?1 and request_id is not null and submitted_at between ?4 and ?5
                                      order by abs(submitted_at - ?3) limit 2000)",
                (endpoint, doubts, first, from, until),
                |row| Ok((row.get(0)?, row.get(1)?)),
            )
        })
        .await
    }

    pub(crate) async fn found(&self, held: Held, request_id: &str) -> Result<bool> {
        let request_id = request_id.to_owned();
        self.run(move |unit| {
            let changed = unit.execute(
                "update fal.request
                 set state = 'submitted', request_id = ?3, submitted_at = coalesce(begun_at, ?4), due = ?4, error = null
                 where id = ?1 and epoch = ?2 and state = 'in_doubt'
                   and not exists (select 1 from fal.request o where o.request_id = ?3)",
                (held.id, held.epoch, request_id, unit.now),
            )?;
            Ok(changed == 1)
        })
        .await
    }

    pub(crate) async fn find(&self, batch: &str, key: &str) -> Result<Option<Found>> {
        let (batch, key) = (batch.to_owned(), key.to_owned());
        self.run(move |unit| {
            let mut statement = unit.prepare_cached(
                "select r.*, r.error ->> 'message' as message, b.account, b.reconcile
                 from fal.request r join fal.batch b on b.id = r.batch where b.name = ?1 and r.key = ?2",
            )?;
            let found = statement.query_row((batch, key), |row| {
                let request = Request::read(row)?;
                Ok(Found {
                    held: request.held(),
                    account: row.get("account")?,
                    is_reconciled: row.get("reconcile")?,
                    state: request.state,
                    due_in: Duration::try_from_secs_f64(request.due - unit.now).unwrap_or_default(),
                    request_id: request.request_id.or(request.reused_from),
                    output: request.output,
                    message: row.get("message")?,
                })
            });
            Ok(found.optional()?)
        })
        .await
    }

    pub(crate) async fn extend(&self, held: &[Held], lease: Duration) -> Result<()> {
        if held.is_empty() {
            return Ok(());
        }
        let held = held.to_vec();
        self.run(move |unit| {
            for held in held {
                unit.execute(
                    "update fal.request set due = ?3 where id = ?1 and epoch = ?2 and state in ('done', 'in_doubt')",
                    (held.id, held.epoch, unit.after(lease)),
                )?;
            }
            Ok(())
        })
        .await
    }
}
