//! Submits of earlier processes whose answers were lost.

use std::{fmt, sync::Arc, time::SystemTime};

use bytes::Bytes;

use super::{
    Digest, DoubtReason, KnownRequests, PastSubmit, Reconcile, Reconciled, Reconciler, SentRequest,
    reconciler::Decision,
};
use crate::{Client, Pending, untyped::Any};

/// A submit that may have been accepted, as an earlier process has recorded it, for [`Client::reconcile`].
#[derive(Debug, Clone)]
pub struct LostSubmit {
    endpoint: String,
    digest: Option<Digest>,
    begun: SystemTime,
    ended: Option<SystemTime>,
}

impl LostSubmit {
    /// Creates the record of a submit with the input `json` to `endpoint`, which was begun at a time of this machine's clock.
    ///
    /// An input that is not JSON stays in doubt.
    #[must_use]
    pub fn new(endpoint: impl Into<String>, json: impl AsRef<[u8]>, begun: SystemTime) -> Self {
        Self { endpoint: endpoint.into(), digest: Digest::from_json(json.as_ref()), begun, ended: None }
    }

    /// Sets the latest time at which it can have been sent: when its process had given it up, or was gone. The time of the look
    /// by default.
    ///
    /// A submit of long ago is then decided soon, because the [lag](Reconcile::lag) counts from this time.
    #[must_use]
    pub fn ended(mut self, time: SystemTime) -> Self {
        self.ended = Some(time);
        self
    }
}

/// A look for submits of earlier processes, from [`Client::reconcile`]. Started by awaiting it, which returns a conclusion for
/// each, in their order.
#[must_use = "nothing is sent until this is awaited"]
pub struct ReconcileLost {
    client: Client,
    lost: Vec<LostSubmit>,
    known: KnownRequests,
    settings: Reconcile,
}

impl ReconcileLost {
    /// Names a request that was accepted, with its input. It is not taken for one of the lost submits.
    ///
    /// All requests that were sent to the same endpoint at about the same time should be named. Without them, one of them
    /// may be taken for a lost one.
    pub fn accepted(mut self, request_id: impl Into<String>, json: impl AsRef<[u8]>) -> Self {
        self.known.insert(request_id.into(), Digest::from_json(json.as_ref()));
        self
    }

    /// Sets the patience and other settings of the look.
    pub fn settings(mut self, settings: Reconcile) -> Self {
        self.settings = settings;
        self
    }
}

impl IntoFuture for ReconcileLost {
    type Output = crate::Result<Vec<Reconciled<Any>>>;
    type IntoFuture = Pending<Vec<Reconciled<Any>>>;

    fn into_future(self) -> Self::IntoFuture {
        let Self { client, lost, known, settings } = self;
        let may_differ = client.0.transport.may_change_bodies();
        let is_recorded: Vec<bool> = lost.iter().map(|lost| lost.digest.is_some()).collect();
        let sent = lost.into_iter().filter_map(|LostSubmit { endpoint, digest, begun, ended }| {
            let past = PastSubmit { begun, digest: digest?, may_differ };
            let sent = SentRequest::new(endpoint.into(), None, None, Bytes::new());
            if let Some(ended) = ended {
                sent.end_at(ended);
            }
            Some(Arc::new(sent.with_past(past)))
        });
        let sent: Vec<_> = sent.collect();
        Pending::new(async move {
            let mut decisions = Reconciler::new(client, settings).decide(sent, &known).await.into_iter();
            let conclusions = is_recorded.into_iter().map(|is_recorded| {
                let decision = if is_recorded { decisions.next() } else { None };
                match decision.unwrap_or(Decision::InDoubt(DoubtReason::NotRecorded)) {
                    Decision::Found(ticket) => Reconciled::Found(ticket),
                    Decision::NotAccepted => Reconciled::NotAccepted,
                    Decision::InDoubt(reason) => Reconciled::InDoubt(reason),
                }
            });
            Ok(conclusions.collect())
        })
    }
}

impl fmt::Debug for ReconcileLost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReconcileLost").field("lost", &self.lost.len()).finish_non_exhaustive()
    }
}

impl Client {
    /// Looks for submits of earlier processes in fal's list of requests, and sends nothing again; see
    /// [`reconcile`](crate::reconcile). For those of this process, see [`Error::reconcile`](crate::Error::reconcile).
    ///
    /// ```no_run
    /// use std::time::SystemTime;
    /// use fal_client::{Client, reconcile::{LostSubmit, Reconciled}};
    ///
    /// # async fn example(client: Client, begun: SystemTime) -> fal_client::Result<()> {
    /// let lost = LostSubmit::new("fal-ai/flux/dev", r#"{"prompt": "a cat"}"#, begun);
    /// for conclusion in client.reconcile([lost]).await? {
    ///     match conclusion {
    ///         Reconciled::Found(ticket) => println!("running as {}", ticket.request_id()),
    ///         Reconciled::NotAccepted => println!("to be sent again"),
    ///         Reconciled::InDoubt(reason) => println!("{reason}"),
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn reconcile(&self, lost: impl IntoIterator<Item = LostSubmit>) -> ReconcileLost {
        let (known, settings) = (KnownRequests::default(), Reconcile::default());
        ReconcileLost { client: self.clone(), lost: lost.into_iter().collect(), known, settings }
    }
}
