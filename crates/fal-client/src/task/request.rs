//! A task, done by the first of several models that can.

use std::{fmt, sync::Arc, time::Duration};

use fal_core::{
    Endpoint, IntoInput,
    task::{Performs, Task},
};

use crate::{BoxFuture, Client, Error, ErrorKind, Pending, Result, timeout::now};

/// A task without a model yet, from [`Client::task`].
#[must_use = "nothing is sent until a model is chosen and the call is awaited"]
pub struct NewTask<T> {
    client: Client,
    task: T,
}

/// A task and the models that do it, in the order in which they are tried. Sent by awaiting it.
///
/// Each model is called through the queue, as by [`Client::subscribe`].
///
/// ```no_run
/// use fal_client::{Client, task};
/// use fal_flux::{dev, schnell};
///
/// # async fn example(client: Client) -> fal_client::Result<()> {
/// let made = client
///     .task(task::text_to_image("a cat reading a map"))
///     .on_with::<dev::Model>(|input| input.output_format = Some(dev::OutputFormat::Png))
///     .or::<schnell::Model>()
///     .await?;
/// for (endpoint, error) in &made.failures {
///     eprintln!("{endpoint}: {error}");
/// }
/// # Ok(())
/// # }
/// ```
#[must_use = "nothing is sent until this is awaited"]
pub struct TaskRequest<T: Task> {
    client: Client,
    task: T,
    models: Vec<Model<T>>,
    policy: BillPolicy,
    timeout: Option<Duration>,
}

/// The failures after which the next model is tried.
///
/// With any policy, a failure that concerns the whole account, a cancelled request, and a local file that cannot be read
/// end the call.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum BillPolicy {
    /// Tries the next model only if it is certain that the one before did no work that may be billed: it refused the input,
    /// or nothing was sent. The default.
    #[default]
    Once,
    /// Tries the next model after any failure, also of a request that ran, or may still be running. Each model may be billed.
    EachModel,
}

/// The result of a task.
#[derive(Debug)]
#[non_exhaustive]
pub struct Made<O> {
    /// The result.
    pub output: O,
    /// The id of the endpoint that made it.
    pub endpoint: &'static str,
    /// The id of the request.
    pub request_id: String,
    /// The time from the submit to the output.
    pub time: Duration,
    /// The cost, in the units in which the endpoint is priced, if fal says so.
    pub billable_units: Option<f64>,
    /// The models that were tried before, with their errors.
    pub failures: Vec<(&'static str, Error)>,
}

/// A model that does a task, without its type.
pub(super) struct Model<T: Task> {
    pub(super) endpoint: &'static str,
    pub(super) title: &'static str,
    run: Arc<Run<T>>,
}

type Run<T> = dyn Fn(&Client, &T, Option<Duration>) -> BoxFuture<'static, Result<Made<<T as Task>::Output>>>
    + Send
    + Sync;

/// An input of an endpoint that only the type of its endpoint is known of.
struct Ready<M: Endpoint>(M::Input);

impl<M: Endpoint> IntoInput for Ready<M> {
    type Endpoint = M;

    fn into_input(self) -> M::Input {
        self.0
    }
}

impl<T: Task> Model<T> {
    pub(super) fn new<M: Performs<T>>(change: impl Fn(&mut M::Input) + Send + Sync + 'static) -> Self {
        let run = move |client: &Client,
                        task: &T,
                        timeout: Option<Duration>|
              -> BoxFuture<'static, Result<Made<T::Output>>> {
            let input = M::input(task).map(|mut input| {
                change(&mut input);
                input
            });
            let call = input.map(|input| {
                let call = client.subscribe(Ready::<M>(input));
                match timeout {
                    Some(timeout) => call.timeout(timeout),
                    None => call,
                }
            });
            Box::pin(async move {
                let start = now();
                let call = call.map_err(|violations| Error::from(violations).with_endpoint(M::ID))?;
                let reply = call.await?;
                let Some(output) = M::output(&reply) else {
                    let kind = ErrorKind::Decode { path: ".".to_owned() };
                    let message = format!("the output has nothing that {} makes", T::NAME);
                    return Err(Error::new(kind, message)
                        .with_endpoint(M::ID)
                        .with_request_id(Some(reply.request_id())));
                };
                Ok(Made {
                    output,
                    endpoint: M::ID,
                    request_id: reply.request_id().to_owned(),
                    time: now().duration_since(start),
                    billable_units: reply.billable_units(),
                    failures: Vec::new(),
                })
            })
        };
        Self { endpoint: M::ID, title: M::TITLE, run: Arc::new(run) }
    }

    pub(super) fn run(
        &self,
        client: &Client,
        task: &T,
        timeout: Option<Duration>,
    ) -> BoxFuture<'static, Result<Made<T::Output>>> {
        (self.run)(client, task, timeout)
    }
}

impl Client {
    /// Prepares a task that many models do, such as [`text_to_image`](super::text_to_image).
    ///
    /// The module [`task`](crate::task) lists the tasks.
    pub fn task<T: Task>(&self, task: T) -> NewTask<T> {
        NewTask { client: self.clone(), task }
    }
}

impl<T: Task> NewTask<T> {
    /// Chooses the model that does the task. With [`or`](TaskRequest::or), others follow.
    pub fn on<M: Performs<T>>(self) -> TaskRequest<T> {
        self.on_with::<M>(|_| {})
    }

    /// Chooses the model, and changes its input before it is sent.
    pub fn on_with<M: Performs<T>>(
        self,
        change: impl Fn(&mut M::Input) + Send + Sync + 'static,
    ) -> TaskRequest<T> {
        let models = vec![Model::new::<M>(change)];
        TaskRequest {
            client: self.client,
            task: self.task,
            models,
            policy: BillPolicy::default(),
            timeout: None,
        }
    }
}

impl<T: Task> TaskRequest<T> {
    /// Adds a model that is tried if those before fail in a way that [`bill_policy`](Self::bill_policy) allows.
    pub fn or<M: Performs<T>>(self) -> Self {
        self.or_with::<M>(|_| {})
    }

    /// Adds a model like [`or`](Self::or), and changes its input before it is sent.
    pub fn or_with<M: Performs<T>>(mut self, change: impl Fn(&mut M::Input) + Send + Sync + 'static) -> Self {
        self.models.push(Model::new::<M>(change));
        self
    }

    /// Sets the failures after which the next model is tried. [`BillPolicy::Once`] by default.
    pub fn bill_policy(mut self, policy: BillPolicy) -> Self {
        self.policy = policy;
        self
    }

    /// Sets the timeout of each model. That of the client by default.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }
}

impl<T: Task> IntoFuture for TaskRequest<T> {
    type Output = Result<Made<T::Output>>;
    type IntoFuture = Pending<Made<T::Output>>;

    fn into_future(self) -> Self::IntoFuture {
        let Self { client, task, models, policy, timeout } = self;
        Pending::new(async move {
            let mut failures: Vec<(&'static str, Error)> = Vec::new();
            let last = models.len().saturating_sub(1);
            for (index, model) in models.iter().enumerate() {
                match model.run(&client, &task, timeout).await {
                    Ok(made) => return Ok(Made { failures, ..made }),
                    Err(error) if index < last && policy.goes_on_after(&error) => {
                        tracing::debug!(endpoint = model.endpoint, %error, "another model is tried");
                        failures.push((model.endpoint, error));
                    }
                    Err(error) => return Err(with_failures(error, &failures)),
                }
            }
            Err(Error::new(ErrorKind::Config, "the task has no model"))
        })
    }
}

/// Adds the failures of the models before to the message of the last one.
fn with_failures(error: Error, failures: &[(&'static str, Error)]) -> Error {
    failures.iter().fold(error, |error, (endpoint, failure)| {
        error.with_suffix(&format!("; before it, {endpoint} failed: {}", failure.message()))
    })
}

impl BillPolicy {
    fn goes_on_after(self, error: &Error) -> bool {
        let ends = error.is_account_wide()
            || matches!(
                error.kind(),
                ErrorKind::Cancelled | ErrorKind::Config | ErrorKind::Encode | ErrorKind::File
            );
        let may_be_billed = error.may_be_accepted()
            || matches!(error.kind(), ErrorKind::Timeout | ErrorKind::InDoubt { .. } | ErrorKind::NotReady);
        !ends && (self == Self::EachModel || !may_be_billed)
    }
}

impl<T: fmt::Debug> fmt::Debug for NewTask<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewTask").field("task", &self.task).finish_non_exhaustive()
    }
}

impl<T: Task> fmt::Debug for TaskRequest<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let endpoints: Vec<&str> = self.models.iter().map(|model| model.endpoint).collect();
        f.debug_struct("TaskRequest")
            .field("task", &self.task)
            .field("endpoints", &endpoints)
            .field("policy", &self.policy)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::{HeaderMap, StatusCode};

    use super::*;

    fn refused(status: u16, body: &'static str) -> Error {
        let status = StatusCode::from_u16(status).unwrap();
        Error::from_response(status, &HeaderMap::new(), Bytes::from_static(body.as_bytes()))
    }

    #[test]
    fn next_model_is_tried_only_if_nothing_can_be_billed() {
        for (status, once) in
            [(422, true), (404, true), (429, true), (503, true), (500, false), (502, false), (504, false)]
        {
            let error = refused(status, "{}");
            assert_eq!(BillPolicy::Once.goes_on_after(&error), once, "{status}");
            assert!(BillPolicy::EachModel.goes_on_after(&error), "{status}");
        }
        let timeout = Error::new(ErrorKind::Timeout, "");
        assert!(!BillPolicy::Once.goes_on_after(&timeout) && BillPolicy::EachModel.goes_on_after(&timeout));
    }

    #[test]
    fn failures_of_the_account_end_the_chain() {
        for error in
            [refused(401, "{}"), refused(402, "{}"), refused(499, "{}"), Error::new(ErrorKind::File, "")]
        {
            assert!(!BillPolicy::EachModel.goes_on_after(&error), "{error:?}");
        }
    }
}
