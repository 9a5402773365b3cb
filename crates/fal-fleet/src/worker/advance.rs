//! One round of steps, for engines that run them.

use std::sync::Arc;

use fal_client::Client;
use futures_util::future::join_all;
use tokio::{sync::Semaphore, time::Instant};

use super::{follow::LOOKS, options::Options, prices::Prices, reconcile, shared::Shared};
use crate::{
    Error, ErrorKind, Result,
    ledger::{Held, Ledger},
};

/// The steps of an account, one round at a time.
#[derive(Clone)]
pub(crate) struct Advance {
    ledger: Ledger,
    client: Client,
    account: String,
    /// Kept for all rounds.
    prices: Arc<Prices>,
}

impl Advance {
    pub(crate) fn new(ledger: Ledger, client: Client, account: &str) -> Self {
        let prices = Arc::new(Prices::new(client.clone()));
        Self { ledger, client, account: account.to_owned(), prices }
    }

    /// Sends a request, looks at some that are in the queue, and decides doubts.
    pub(crate) async fn run(&self) -> Result<()> {
        let advance = self.clone();
        apart(move || async move { advance.run_round().await }).await
    }

    /// Notes that the engine has an output.
    pub(crate) async fn acknowledge(&self, held: Held) -> Result<bool> {
        let ledger = self.ledger.clone();
        apart(move || async move { ledger.acknowledge(held).await }).await
    }

    async fn run_round(&self) -> Result<()> {
        // A round is short, and a stream may wait for a minute.
        let options = Options { account: self.account.clone(), streams: 0, ..Options::default() };
        let lease = options.lease;
        let mut shared = Shared::new(self.ledger.clone(), self.client.clone(), options, "");
        shared.prices = self.prices.clone();
        self.ledger.sweep().await?;
        let claimed = shared.claim(1).await?;
        let begun = Instant::now();
        join_all(claimed.into_iter().map(|claimed| shared.submit(claimed, begun))).await;
        let most = i64::try_from(LOOKS).unwrap_or(i64::MAX);
        let followed = self.ledger.follow(&self.account, most, lease).await?;
        join_all(followed.into_iter().map(|followed| shared.look(followed))).await;
        let doubts = self.ledger.doubts(&self.account, reconcile::MOST, lease).await?;
        if !doubts.is_empty() {
            shared.reconcile(&doubts).await;
        }
        shared.take_failure().map_or(Ok(()), Err)
    }
}

/// The number of threads that run steps. They wait for threads of an embedded ledger, so they must not be all that there are.
static THREADS: Semaphore = Semaphore::const_new(16);

/// Runs steps on a thread of their own, because their futures are not `Send` and those of engines are.
async fn apart<T: Send + 'static, F: Future<Output = Result<T>>>(
    steps: impl FnOnce() -> F + Send + 'static,
) -> Result<T> {
    let _permit = THREADS.acquire().await;
    let runtime = tokio::runtime::Handle::current();
    let ended = tokio::task::spawn_blocking(move || runtime.block_on(steps())).await;
    ended.unwrap_or_else(|error| {
        Err(Error::new(ErrorKind::Database, format!("the steps were interrupted: {error}")))
    })
}
