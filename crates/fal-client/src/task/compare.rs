//! One task on several models at once.

use std::{fmt, time::Duration};

use fal_core::task::{Performs, Task};
use futures_util::future::join_all;

use super::request::{Made, Model};
use crate::{Client, Error, Result, timeout::now};

/// A task that several models do at the same time, from [`Client::compare`]. Sent by awaiting it.
///
/// Every model is billed.
///
/// ```no_run
/// use fal_client::{Client, task};
/// use fal_flux::{dev, schnell};
///
/// # async fn example(client: Client) {
/// let compared = client
///     .compare(task::text_to_image("a cat reading a map"))
///     .on::<dev::Model>()
///     .on::<schnell::Model>()
///     .await;
/// for model in compared {
///     match model.result {
///         Ok(made) => println!("{}: {:?}, {:?}", model.title, model.time, made.output[0].url),
///         Err(error) => println!("{}: {error}", model.title),
///     }
/// }
/// # }
/// ```
#[must_use = "nothing is sent until this is awaited"]
pub struct CompareRequest<T: Task> {
    client: Client,
    task: T,
    models: Vec<Model<T>>,
    timeout: Option<Duration>,
}

/// The result of one model.
#[derive(Debug)]
#[non_exhaustive]
pub struct Compared<O> {
    /// The id of the endpoint.
    pub endpoint: &'static str,
    /// The name of the model, for people.
    pub title: &'static str,
    /// The time until the output or the failure.
    pub time: Duration,
    /// The cost: the billable units times the list price. `None` without the feature `platform`, after a failure, and if fal
    /// tells no units or no price.
    pub cost: Option<Cost>,
    /// The result of the model, or its failure.
    pub result: Result<Made<O>, Error>,
}

/// Prints one line, such as `FLUX.1 [dev] (fal-ai/flux/dev): 2.4 s, 0.0250 USD`.
impl<O> fmt::Display for Compared<O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}): {:.1} s", self.title, self.endpoint, self.time.as_secs_f64())?;
        match (&self.result, &self.cost) {
            (Err(error), _) => write!(f, ", failed: {error}"),
            (Ok(_), Some(cost)) => write!(f, ", {cost}"),
            (Ok(_), None) => Ok(()),
        }
    }
}

/// An amount of money.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Cost {
    /// The amount, in `currency`.
    pub amount: f64,
    /// The currency, as three letters of ISO 4217.
    pub currency: String,
}

impl fmt::Display for Cost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.4} {}", self.amount, self.currency)
    }
}

impl Client {
    /// Prepares a task that several models do at the same time, so that their outputs, times and costs can be compared.
    pub fn compare<T: Task>(&self, task: T) -> CompareRequest<T> {
        CompareRequest { client: self.clone(), task, models: Vec::new(), timeout: None }
    }
}

impl<T: Task> CompareRequest<T> {
    /// Adds a model.
    pub fn on<M: Performs<T>>(self) -> Self {
        self.on_with::<M>(|_| {})
    }

    /// Adds a model, and changes its input before it is sent.
    pub fn on_with<M: Performs<T>>(mut self, change: impl Fn(&mut M::Input) + Send + Sync + 'static) -> Self {
        self.models.push(Model::new::<M>(change));
        self
    }

    /// Sets the timeout of each model. That of the client by default.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }
}

impl<T: Task> IntoFuture for CompareRequest<T> {
    type Output = Vec<Compared<T::Output>>;
    type IntoFuture = crate::BoxFuture<'static, Vec<Compared<T::Output>>>;

    fn into_future(self) -> Self::IntoFuture {
        let Self { client, task, models, timeout } = self;
        Box::pin(async move {
            let calls = models.iter().map(|model| {
                let call = model.run(&client, &task, timeout);
                async move {
                    let start = now();
                    let result = call.await;
                    let (endpoint, title, time) = (model.endpoint, model.title, now().duration_since(start));
                    Compared { endpoint, title, time, cost: None, result }
                }
            });
            let compared = join_all(calls).await;
            add_costs(&client, compared).await
        })
    }
}

#[cfg(not(feature = "platform"))]
#[allow(clippy::unused_async, reason = "asks for prices with the feature `platform`")]
async fn add_costs<O>(_: &Client, compared: Vec<Compared<O>>) -> Vec<Compared<O>> {
    compared
}

/// Looks up the prices of all endpoints at once. A failure leaves the costs out, because the outputs are paid for.
#[cfg(feature = "platform")]
async fn add_costs<O>(client: &Client, mut compared: Vec<Compared<O>>) -> Vec<Compared<O>> {
    let units = |model: &Compared<O>| model.result.as_ref().ok().and_then(|made| made.billable_units);
    let priced = compared.iter().filter(|model| units(model).is_some());
    let endpoints: Vec<String> = priced.map(|model| model.endpoint.to_owned()).collect();
    if endpoints.is_empty() {
        return compared;
    }
    let prices = async {
        let platform = client.platform().await?;
        Ok::<_, Error>(platform.list_prices().endpoint_id(endpoints).send().await?.into_inner().prices)
    };
    let Ok(prices) = prices.await else { return compared };
    for model in &mut compared {
        let price = prices.iter().find(|price| price.endpoint_id == model.endpoint);
        model.cost = price.zip(units(model)).map(|(price, units)| Cost {
            amount: price.unit_price * units,
            currency: price.currency.clone(),
        });
    }
    compared
}

impl<T: Task> fmt::Debug for CompareRequest<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let endpoints: Vec<&str> = self.models.iter().map(|model| model.endpoint).collect();
        f.debug_struct("CompareRequest")
            .field("task", &self.task)
            .field("endpoints", &endpoints)
            .finish_non_exhaustive()
    }
}
