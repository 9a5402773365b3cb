//! The truth about submits whose answer was lost.
//!
//! fal has no idempotency key. If the connection breaks after a submit was sent, the request may be running, and sending it
//! again could pay twice. The platform API lists the requests of the account with their inputs, so fal can be asked:
//!
//! ```no_run
//! use fal_client::{Client, IntoInput, reconcile::Reconciled};
//!
//! # async fn example<I: IntoInput + Clone>(client: Client, input: I) -> fal_client::Result<()> {
//! let job = match client.submit(input.clone()).await {
//!     Ok(job) => job,
//!     Err(error) if error.may_be_accepted() => match error.reconcile(&client).await? {
//!         Reconciled::Found(ticket) => client.resume(ticket),
//!         Reconciled::NotAccepted => client.submit(input).await?,
//!         Reconciled::InDoubt(reason) => {
//!             eprintln!("{reason}"); // Looking again later may help.
//!             return Err(error);
//!         }
//!     },
//!     Err(error) => return Err(error),
//! };
//! # Ok(())
//! # }
//! ```
//!
//! [`BatchRequest::reconcile`](crate::batch::BatchRequest::reconcile) does this for all requests of a batch.
//!
//! # The conclusion
//!
//! - *Found*: the list has a request of this endpoint with exactly this input, sent at that time, which is no other request of
//!   this client. Two requests with one input are matched with two entries, never with the same.
//! - *Not accepted*: three looks did not find it, all of them later than the [`lag`](Reconcile::lag) of the list, and each saw a
//!   request that was sent later, or shortly before, so that the list is not merely out of order. The clock agrees with fal's
//!   within the [`clock_skew`](Reconcile::clock_skew), and no request with the same input was sent later.
//! - *In doubt*: everything else, with a [`DoubtReason`].
//!
//! A [webhook](Deliveries) with a URL of its own for each request decides without the list.

mod deliveries;
mod digest;
mod known_requests;
mod lost_submit;
mod matching;
mod reason;
mod recent_requests;
mod reconciler;
mod request_list;
mod sent_request;
mod sent_slot;
mod settings;
#[cfg(test)]
mod tests;

use std::{fmt, marker::PhantomData, sync::Arc};

use fal_core::Endpoint;

pub use self::{
    deliveries::Deliveries,
    lost_submit::{LostSubmit, ReconcileLost},
    reason::DoubtReason,
    settings::Reconcile,
};
pub(crate) use self::{
    digest::{Digest, Fnv},
    known_requests::KnownRequests,
    recent_requests::RecentRequests,
    reconciler::{Decision, Reconciler},
    sent_request::{PastSubmit, SentRequest},
    sent_slot::SentSlot,
};
use crate::{BoxFuture, Client, Error, ErrorKind, Pending, Result, queue::Ticket, untyped::Any};

/// The outcome of looking for a request whose submit was not answered.
pub enum Reconciled<E> {
    /// The request was accepted. [`Client::resume`] waits for it.
    Found(Ticket<E>),
    /// The request was not accepted, and can be sent again.
    NotAccepted,
    /// The request may have been accepted.
    InDoubt(DoubtReason),
}

/// A look for a request whose submit was not answered, from [`Error::reconcile`]. Started by awaiting it.
#[must_use = "nothing is sent until this is awaited"]
pub struct ReconcileRequest<E> {
    client: Client,
    /// The ticket of a request that was accepted.
    accepted: Option<Ticket<Any>>,
    sent: Option<Arc<SentRequest>>,
    /// `false` for the error of a submit that was refused.
    may_be_accepted: bool,
    settings: Reconcile,
    endpoint: PhantomData<fn() -> E>,
}

impl<E: Endpoint> ReconcileRequest<E> {
    /// Sets the patience and other settings of the look.
    pub fn settings(mut self, settings: Reconcile) -> Self {
        self.settings = settings;
        self
    }
}

impl<E: Endpoint> IntoFuture for ReconcileRequest<E> {
    type Output = Result<Reconciled<E>>;
    type IntoFuture = Pending<Reconciled<E>>;

    fn into_future(self) -> Self::IntoFuture {
        let Self { client, accepted, sent, may_be_accepted, settings, .. } = self;
        let look = look(client, sent, settings);
        Pending::new(async move {
            let decision = match accepted {
                Some(ticket) => Decision::Found(ticket),
                None if may_be_accepted => look.await,
                None => Decision::NotAccepted,
            };
            Ok(match decision {
                Decision::Found(ticket) => {
                    Reconciled::Found(ticket.with_type::<E>().ok_or_else(other_endpoint)?)
                }
                Decision::NotAccepted => Reconciled::NotAccepted,
                Decision::InDoubt(reason) => Reconciled::InDoubt(reason),
            })
        })
    }
}

// By hand, because `E` need not implement it.
impl<E> fmt::Debug for Reconciled<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Found(ticket) => f.debug_tuple("Found").field(ticket).finish(),
            Self::NotAccepted => f.write_str("NotAccepted"),
            Self::InDoubt(reason) => f.debug_tuple("InDoubt").field(reason).finish(),
        }
    }
}

impl<E> fmt::Debug for ReconcileRequest<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReconcileRequest").field("sent", &self.sent).finish_non_exhaustive()
    }
}

fn other_endpoint() -> Error {
    Error::new(
        ErrorKind::Config,
        "the request was sent to another endpoint than the one it is reconciled for",
    )
}

/// Looks for one request. Boxed, so that it is compiled once rather than for each model.
fn look(client: Client, sent: Option<Arc<SentRequest>>, settings: Reconcile) -> BoxFuture<'static, Decision> {
    Box::pin(async move {
        let Some(sent) = sent else { return Decision::InDoubt(DoubtReason::NotRecorded) };
        let known = KnownRequests::default();
        let mut decisions = Reconciler::new(client, settings).decide(vec![sent], &known).await;
        decisions.pop().unwrap_or(Decision::InDoubt(DoubtReason::NotRecorded))
    })
}

impl Error {
    /// Looks for a submit that [may have been accepted](Self::may_be_accepted) in fal's list of requests. Sends nothing
    /// again; see [`reconcile`](crate::reconcile).
    ///
    /// Ask as soon as possible, with the client that sent the request. By default it takes seconds if the request was
    /// accepted, and 10 minutes to conclude that it was not; [`ReconcileRequest::settings`] changes that. The error of a
    /// refused submit is `NotAccepted` at once, and that of a request with an id of the queue is `Found`, with its ticket,
    /// though it may [have ended](Self::has_ended).
    ///
    /// Submits, `subscribe` and batches can be looked for. A direct `run` is not in the queue, and stays in doubt.
    ///
    /// # Errors
    ///
    /// `Config` if `E` is another endpoint than that of the request. Failures of the list are
    /// [`InDoubt`](Reconciled::InDoubt).
    pub fn reconcile<E: Endpoint>(&self, client: &Client) -> ReconcileRequest<E> {
        ReconcileRequest {
            client: client.clone(),
            accepted: Ticket::from_error(self),
            sent: self.sent_request().cloned(),
            may_be_accepted: self.may_be_accepted(),
            settings: Reconcile::default(),
            endpoint: PhantomData,
        }
    }
}
