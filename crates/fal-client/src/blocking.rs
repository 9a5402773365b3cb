//! Calls from code that is not async. With the feature `blocking`.

use std::{pin::pin, sync::OnceLock};

use futures_util::{Stream, StreamExt};
use tokio::runtime::{Builder, Handle, Runtime};

use crate::{Error, ErrorKind, Result};

/// Waits for a call without an async runtime.
///
/// Calls take the same options as in async code, and end with `.block()` in place of `.await`. One background thread
/// does the work of the whole process.
///
/// ```no_run
/// use fal_client::{Client, blocking::{Blocking, BlockingStream}, untyped};
/// use serde_json::json;
///
/// # fn example() -> fal_client::Result<()> {
/// let client = Client::from_env()?;
/// let input = untyped::input("fal-ai/flux/dev", json!({ "prompt": "a cat reading a map" }));
/// let job = client.submit(input).runner_hint("session-1").block()?;
/// for update in job.updates().blocking_iter() {
///     println!("{:?}", update?);
/// }
/// println!("{}", job.result().block()?["images"][0]["url"]);
/// # Ok(())
/// # }
/// ```
#[doc(alias("SyncClient", "sync"))]
pub trait Blocking<T>: IntoFuture<Output = Result<T>> + Sized {
    /// Sends the call and waits for its outcome.
    ///
    /// # Errors
    ///
    /// As the call; `Config` on a thread that runs an async runtime, where the call must be awaited.
    fn block(self) -> Result<T> {
        let runtime = runtime()?;
        runtime.block_on(self.into_future())
    }
}

impl<T, C: IntoFuture<Output = Result<T>>> Blocking<T> for C {}

/// Iterates over a stream, such as [`Updates`](crate::queue::Updates), without an async runtime.
pub trait BlockingStream<T>: Stream<Item = Result<T>> + Unpin + Sized {
    /// Returns an iterator that waits for each item of the stream. It ends after an error.
    fn blocking_iter(self) -> Iter<Self> {
        Iter { stream: self, is_done: false }
    }
}

impl<T, S: Stream<Item = Result<T>> + Unpin> BlockingStream<T> for S {}

/// An iterator over a stream, from [`BlockingStream::blocking_iter`].
#[derive(Debug)]
pub struct Iter<S> {
    stream: S,
    is_done: bool,
}

impl<T, S: Stream<Item = Result<T>> + Unpin> Iterator for Iter<S> {
    type Item = Result<T>;

    fn next(&mut self) -> Option<Result<T>> {
        if self.is_done {
            return None;
        }
        let next = match runtime() {
            Ok(runtime) => runtime.block_on(pin!(self.stream.next())),
            Err(error) => Some(Err(error)),
        };
        self.is_done = !matches!(next, Some(Ok(_)));
        next
    }
}

/// Returns the runtime of the process. It has a thread of its own, so that connections survive between calls.
fn runtime() -> Result<&'static Runtime> {
    static RUNTIME: OnceLock<std::io::Result<Runtime>> = OnceLock::new();
    if Handle::try_current().is_ok() {
        let message = "a blocking call inside an async runtime would block it: use `.await` there";
        return Err(Error::new(ErrorKind::Config, message));
    }
    let start =
        || Builder::new_multi_thread().worker_threads(1).thread_name("fal-client").enable_all().build();
    RUNTIME.get_or_init(start).as_ref().map_err(|cause| {
        Error::new(ErrorKind::Config, format!("no thread for blocking calls can be started: {cause}"))
    })
}
