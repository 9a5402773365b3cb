//! A worker: sends requests, follows them, and hands their outputs to a handler.

mod advance;
mod follow;
mod lane;
mod offer;
mod options;
mod prices;
mod reconcile;
#[cfg(feature = "media")]
mod save;
mod shared;
mod submit;

use std::{error::Error as StdError, fmt, pin::Pin, time::Duration};

use fal_client::{Client, Endpoint, reconcile::Reconcile};
use futures_util::FutureExt;

pub(crate) use self::advance::Advance;
use self::{options::Options, shared::Shared};
use crate::{
    Done, Result,
    ledger::{Ledger, ProbePauses},
};

/// The error of a handler: any error.
pub type HandlerError = Box<dyn StdError + Send + Sync>;

/// A worker of a fleet, from [`Fleet::worker`](crate::Fleet::worker). It does nothing until it [runs](Self::run).
///
/// Any number of workers may run on any number of machines. A worker that is killed loses nothing: requests that it was
/// sending are in doubt when its lease ends, and everything else is taken up by another worker.
#[must_use = "a worker does nothing until it runs"]
pub struct Worker {
    ledger: Ledger,
    client: Client,
    options: Options,
    stop: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
}

impl Worker {
    pub(crate) fn new(ledger: Ledger, client: Client) -> Self {
        let options = Options::default();
        Self { ledger, client, options, stop: None }
    }

    /// Sets the name under which the table `fal.worker` shows this worker. The id of the process by default.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.options.name = name.into();
        self
    }

    /// Sets the account that the key of the client belongs to: `default` by default.
    ///
    /// A worker sends and follows requests of the batches of its account, and hands their outputs to its handler. It shares the
    /// concurrency and the locks of the account. Batches of other accounts are left to workers with their keys.
    pub fn account(mut self, name: impl Into<String>) -> Self {
        self.options.account = name.into();
        self
    }

    /// Sets the number of requests that this worker sends at the same time, at least 1. 1 by default, which is enough for five
    /// to ten submits a second.
    ///
    /// This is also the most submits that a locked account refuses, and that are in doubt after the worker is killed.
    pub fn submits_at_once(mut self, submits: usize) -> Self {
        self.options.submits = submits.max(1);
        self
    }

    /// Sets the number of outputs that are handled at the same time, at least 1. 4 by default.
    pub fn handlers_at_once(mut self, handlers: usize) -> Self {
        self.options.handlers = handlers.max(1);
        self
    }

    /// Sets the number of requests whose ends this worker waits for over a status stream each, 32 by default. 0 turns streams off.
    ///
    /// For batches without a webhook. A stream reports the end at once, and is one request, where looks at the status of a request
    /// are several, and late by up to a quarter of its time. Requests beyond this number are looked at.
    pub fn streams_at_once(mut self, streams: usize) -> Self {
        self.options.streams = streams;
        self
    }

    /// Sets the time after which another worker takes over what this one has not finished, at least 1 s. 2 minutes by default.
    ///
    /// A submit may take half of it. A handler may take longer, as long as it does not block the thread of the worker.
    pub fn lease(mut self, lease: Duration) -> Self {
        self.options.lease = lease.max(Duration::from_secs(1));
        self
    }

    /// Sets the pause after which a worker with nothing to do looks for work again. 500 ms by default.
    pub fn poll_interval(mut self, pause: Duration) -> Self {
        self.options.poll = pause.max(Duration::from_millis(1));
        self
    }

    /// Sets the pauses before requests that find out if a lock of the account has ended: the first, which doubles up to the
    /// largest. 30 s and 10 minutes by default.
    pub fn probe_pauses(mut self, first: Duration, max: Duration) -> Self {
        self.options.probe_pauses = ProbePauses { first, max: max.max(first) };
        self
    }

    /// Sets the patience and other settings with which fal is asked about requests in doubt, of the batches that
    /// [ask](crate::Batch::reconcile).
    pub fn reconcile_settings(mut self, settings: Reconcile) -> Self {
        self.options.reconcile = settings;
        self
    }

    /// Saves the files of each output before the handler gets it, with their [places](Done::media). With the feature `media`.
    ///
    /// Files are saved once, as soon as the output is there, so that the handler may take its time although links expire. If
    /// they cannot be saved, it is tried again after a pause that grows up to 10 minutes, and nothing is paid again. A file
    /// that fal no longer has, or that the store does not want, is handed over with the reason in place of its location.
    ///
    /// Four outputs are saved at the same time, with at most 10 MiB of each in memory.
    #[cfg(feature = "media")]
    pub fn save_media(mut self, store: crate::MediaStore) -> Self {
        self.options.media = Some(store);
        self
    }

    /// Stops the worker when a future completes, such as the one of a signal. It takes nothing more, and
    /// [waits](Self::grace) for what is under way.
    ///
    /// ```no_run
    /// # async fn example(worker: fal_fleet::Worker) -> fal_fleet::Result<()> {
    /// # use fal_client::untyped::Any;
    /// let worker = worker.stop_when(async { drop(tokio::signal::ctrl_c().await) });
    /// worker.run::<Any, _>(async |done| { println!("{done:?}"); Ok(()) }).await
    /// # }
    /// ```
    pub fn stop_when(mut self, stop: impl Future<Output = ()> + Send + 'static) -> Self {
        self.stop = Some(Box::pin(stop));
        self
    }

    /// Sets the time for which a worker that stops waits for submits and handlers under way. 30 s by default.
    pub fn grace(mut self, grace: Duration) -> Self {
        self.options.grace = grace;
        self
    }

    /// Lets the worker end when all requests of its account have ended and all outputs that it handles are acknowledged.
    /// Batches that were stopped, and requests that stay in doubt, are not waited for.
    pub fn until_finished(mut self) -> Self {
        self.options.until_finished = true;
        self
    }

    /// Runs the worker, with a handler for the outputs of the endpoint `M`, or of every endpoint with
    /// [`untyped::Any`](fal_client::untyped::Any).
    ///
    /// `Ok` acknowledges an output. After an `Err` it is offered again, to any worker of the account, after a pause that grows up to 10
    /// minutes; it is not paid again. Requests of all endpoints are sent and followed, whatever `M` is.
    ///
    /// The worker survives failures of the database and of fal. Its future is not `Send`, because handlers need not be: await
    /// it in the main task, beside others with `tokio::join!`, or in a `tokio::task::LocalSet`.
    ///
    /// ```no_run
    /// # async fn example(fleet: fal_fleet::Fleet, client: fal_client::Client) -> fal_fleet::Result<()> {
    /// use fal_flux::dev;
    ///
    /// fleet.worker(client).run::<dev::Model, _>(async |done| {
    ///     let reply = done.reply()?;
    ///     println!("{}: {}", done.key(), reply.images[0].url);
    ///     Ok(())
    /// }).await
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// `Config` or `Fal` if the client cannot send anything, for example without a key.
    pub async fn run<M, F>(self, handler: F) -> Result<()>
    where
        M: Endpoint,
        F: AsyncFn(Done<M>) -> Result<(), HandlerError>,
    {
        let Self { ledger, client, options, stop } = self;
        let grace = options.grace;
        let shared = Shared::new(ledger, client, options, M::ID);
        #[cfg(feature = "media")]
        let saves = shared.save_outputs();
        #[cfg(not(feature = "media"))]
        let saves = std::future::ready(());
        let steps = async {
            tokio::join!(
                shared.submit_requests(),
                shared.follow_requests(),
                saves,
                shared.offer_outputs(&handler),
                shared.reconcile_doubts(),
                shared.keep_up(),
            );
        };
        let stopped = async {
            match stop {
                Some(stop) => futures_util::future::select(stop, Box::pin(shared.stopped())).map(drop).await,
                None => shared.stopped().await,
            }
            shared.stop();
            tokio::time::sleep(grace).await;
        };
        tokio::select! {
            () = steps => {}
            () = stopped => tracing::warn!("the worker has stopped before everything under way has ended"),
        }
        let forgotten = shared.ledger.forget_worker(shared.id).await;
        if let Err(error) = forgotten {
            tracing::debug!(%error, "a worker is shown although it has stopped");
        }
        shared.take_failure().map_or(Ok(()), Err)
    }
}

impl fmt::Debug for Worker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Worker").field("options", &self.options).finish_non_exhaustive()
    }
}
