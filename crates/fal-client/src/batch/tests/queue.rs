//! A queue with prices, and a limit on the requests that run at once.

use futures_util::stream;

use super::*;

/// A queue in the same process.
#[derive(Clone, Default)]
pub(super) struct Queue {
    pub(super) settings: Settings,
    state: Arc<Mutex<State>>,
}

#[derive(Clone)]
pub(super) struct Settings {
    /// The price of a unit, and its name. `None` for an endpoint without a price.
    pub(super) price: Option<(f64, &'static str)>,
    /// The units that each request is charged with, if the queue names them.
    pub(super) units: Option<&'static str>,
    /// The time that a request runs.
    pub(super) run: Duration,
    /// The number of requests that run at once.
    pub(super) limit: usize,
    /// `true` if more than that are refused with 429.
    pub(super) refuses: bool,
    /// The requests with such a seed fail with 422 as often as this.
    pub(super) failing: fn(u64) -> u32,
    /// The requests with such a seed are accepted, and a gateway answers in place of the queue.
    pub(super) loses_answer: fn(u64) -> bool,
}

impl Default for Settings {
    fn default() -> Self {
        let price = Some((0.025, "images"));
        let run = Duration::from_secs(5);
        Self {
            price,
            units: Some("1.00000000"),
            run,
            limit: usize::MAX,
            refuses: false,
            failing: |_| 0,
            loses_answer: |_| false,
        }
    }
}

#[derive(Default)]
struct State {
    requests: usize,
    prices: usize,
    /// The seeds of the accepted requests, in their order.
    accepted: Vec<u64>,
    refused: usize,
    /// The times at which accepted requests start and end.
    times: Vec<(Instant, Instant)>,
}

impl Queue {
    pub(super) fn new(change: impl FnOnce(&mut Settings)) -> Self {
        let mut queue = Self::default();
        change(&mut queue.settings);
        queue
    }

    pub(super) fn client(&self) -> Client {
        let queue = self.clone();
        simulation::client(Client::builder().retry(Retry::none()), move |request: &reqwest::Request| {
            let body = request.body().and_then(reqwest::Body::as_bytes).unwrap_or_default();
            let body = serde_json::from_slice(body).unwrap_or_default();
            queue.clone().answer(request.url().path().to_owned(), body)
        })
    }

    /// Returns the number of all requests that arrived.
    pub(super) fn requests(&self) -> usize {
        lock(&self.state).requests
    }

    pub(super) fn price_requests(&self) -> usize {
        lock(&self.state).prices
    }

    pub(super) fn accepted(&self) -> Vec<u64> {
        lock(&self.state).accepted.clone()
    }

    pub(super) fn refused(&self) -> usize {
        lock(&self.state).refused
    }

    /// Returns the number of accepted requests that are not done.
    pub(super) fn under_way(&self) -> usize {
        let now = Instant::now();
        lock(&self.state).times.iter().filter(|(_, end)| *end > now).count()
    }

    async fn answer(self, path: String, body: Value) -> reqwest::Response {
        lock(&self.state).requests += 1;
        tokio::time::sleep(Duration::from_millis(20)).await;
        if path.ends_with("/pricing") {
            lock(&self.state).prices += 1;
            return match self.settings.price {
                Some((price, unit)) => simulation::json(
                    200,
                    &json!({ "prices": [{ "endpoint_id": "acme/app", "unit_price": price, "unit": unit, "currency": "USD" }] }),
                ),
                None => simulation::json(404, &json!({ "detail": "no price" })),
            };
        }
        if path.ends_with("/pricing/estimate") {
            lock(&self.state).prices += 1;
            return simulation::json(200, &json!({ "total_cost": 0.3, "currency": "USD" }));
        }
        if path.contains("by-endpoint") {
            return simulation::json(503, &json!({ "detail": "no list" }));
        }
        if let Some(seed) = body["seed"].as_u64() {
            return self.submit(seed);
        }
        let nth: usize =
            path.rsplit_once("/id").map_or("", |(_, id)| id).split('/').next().unwrap().parse().unwrap();
        let known = {
            let state = lock(&self.state);
            state.times.get(nth).copied().zip(state.accepted.get(nth).copied())
        };
        let Some(((start, end), seed)) = known else {
            return simulation::json(404, &json!({ "detail": "no such request" }));
        };
        if path.ends_with("/stream") {
            let event = |at: Instant, status: Value| {
                stream::once(async move {
                    tokio::time::sleep_until(at).await;
                    Ok(format!("data: {status}\n\n"))
                })
            };
            let metrics = json!({ "inference_time": (end - start).as_secs_f64() });
            let rest = event(start, json!({ "status": "IN_PROGRESS" }))
                .chain(event(end, json!({ "status": "COMPLETED", "metrics": metrics })));
            return simulation::events(&[json!({ "status": "IN_QUEUE", "queue_position": 0 })], rest);
        }
        if path.ends_with("/status") {
            let now = Instant::now();
            return simulation::json(
                200,
                &if now < start {
                    json!({ "status": "IN_QUEUE", "queue_position": 0 })
                } else if now < end {
                    json!({ "status": "IN_PROGRESS" })
                } else {
                    json!({ "status": "COMPLETED", "metrics": { "inference_time": (end - start).as_secs_f64() } })
                },
            );
        }
        let earlier = lock(&self.state).accepted[..nth].iter().filter(|other| **other == seed).count();
        let fails = u32::try_from(earlier).unwrap() < (self.settings.failing)(seed);
        let (status, body) = if fails {
            (422, json!({ "detail": "no" }))
        } else {
            (200, json!({ "seed": seed, "big": 28.0 }))
        };
        let units = if fails { Some("0") } else { self.settings.units };
        let mut response =
            http::Response::builder().status(status).header("content-type", "application/json");
        if let Some(units) = units {
            response = response.header("x-fal-billable-units", units);
        }
        response.body(body.to_string()).unwrap().into()
    }

    fn submit(&self, seed: u64) -> reqwest::Response {
        let now = Instant::now();
        let mut state = lock(&self.state);
        let mut ends: Vec<_> = state.times.iter().map(|(_, end)| *end).filter(|end| *end > now).collect();
        if self.settings.refuses && ends.len() >= self.settings.limit {
            state.refused += 1;
            return simulation::json(429, &json!({ "detail": "too many" }));
        }
        ends.sort_unstable();
        // It starts when fewer than the limit are left.
        let start = ends.len().checked_sub(self.settings.limit).map_or(now, |nth| ends[nth]);
        state.times.push((start, start + self.settings.run));
        state.accepted.push(seed);
        if (self.settings.loses_answer)(seed) {
            return simulation::response(504, "text/html", "<html>gateway</html>");
        }
        simulation::json(200, &json!({ "request_id": format!("id{}", state.accepted.len() - 1) }))
    }
}
