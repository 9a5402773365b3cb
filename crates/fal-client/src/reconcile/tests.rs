//! Looks in simulated time.

use std::{
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, SystemTime},
};

use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep, timeout};

use super::*;
use crate::{
    ClientBuilder, Retry, Usd,
    batch::{Journal, JournalEntries, JournalEntry},
    middleware::{BoxError, Middleware, OutgoingRequest},
    queue::Job,
    sync::lock,
    timestamp::system_now,
    transport::simulation,
    untyped::{self, Any},
};

/// A queue that loses answers, and the list of its requests.
#[derive(Clone, Default)]
struct Service(Arc<State>);

#[derive(Default)]
struct State {
    entries: Mutex<Vec<Entry>>,
    list: Mutex<List>,
    looks: AtomicUsize,
}

struct Entry {
    id: String,
    input: Value,
    sent_at: SystemTime,
    listed_at: Instant,
}

/// The behaviour of the list.
#[derive(Clone, Copy)]
struct List {
    lag: Duration,
    /// The status of its answer, or 200.
    status: u16,
    is_empty: bool,
    /// The time by which fal's clock is ahead of this machine's. The answer has the header `Date` then.
    ahead: Option<Duration>,
    /// The inputs as they are sent, with defaults added, or none.
    inputs: Inputs,
}

#[derive(Clone, Copy, PartialEq)]
enum Inputs {
    AsSent,
    WithDefaults,
    Hidden,
}

impl Default for List {
    fn default() -> Self {
        Self { lag: Duration::ZERO, status: 200, is_empty: false, ahead: None, inputs: Inputs::AsSent }
    }
}

const PAGE: usize = 3;

impl Service {
    fn set(&self, list: List) {
        *lock(&self.0.list) = list;
    }

    /// Adds a request that another client has sent.
    fn accept(&self, input: Value) -> String {
        let sent_at = self.now();
        let lag = lock(&self.0.list).lag;
        let mut entries = lock(&self.0.entries);
        let id = format!("r{}", entries.len());
        let entry = Entry { id: id.clone(), input, sent_at, listed_at: Instant::now() + lag };
        entries.push(entry);
        id
    }

    /// Returns the time by fal's clock.
    fn now(&self) -> SystemTime {
        system_now() + lock(&self.0.list).ahead.unwrap_or_default()
    }

    fn looks(&self) -> usize {
        self.0.looks.load(Ordering::Relaxed)
    }

    fn page(&self, cursor: usize) -> reqwest::Response {
        let list = *lock(&self.0.list);
        if list.status != 200 {
            return simulation::json(
                list.status,
                &json!({"error": {"type": "server_error", "message": "no"}}),
            );
        }
        let entries = lock(&self.0.entries);
        let now = Instant::now();
        let visible: Vec<_> =
            entries.iter().rev().filter(|entry| entry.listed_at <= now && !list.is_empty).collect();
        let items = visible.iter().skip(cursor).take(PAGE).map(|entry| {
            let mut item = json!({
                "request_id": entry.id, "endpoint_id": "acme/app", "sent_at": crate::timestamp::format(entry.sent_at),
            });
            let mut input = entry.input.clone();
            match list.inputs {
                Inputs::AsSent => item["json_input"] = input,
                Inputs::WithDefaults => {
                    input["steps"] = json!(28);
                    item["json_input"] = input;
                }
                Inputs::Hidden => {}
            }
            item
        });
        let items: Vec<Value> = items.collect();
        let next = (cursor + PAGE < visible.len()).then(|| (cursor + PAGE).to_string());
        let page = json!({"items": items, "next_cursor": next, "has_more": next.is_some()});
        let mut response = simulation::json(200, &page);
        if let Some(ahead) = list.ahead {
            let date = httpdate::fmt_http_date(system_now() + ahead);
            response.headers_mut().insert("date", date.parse().unwrap());
        }
        response
    }

    /// Answers a request. The header `x-test` decides the fate of a submit.
    async fn answer(
        self,
        query: Vec<(String, String)>,
        fate: String,
        body: Vec<u8>,
        is_list: bool,
    ) -> reqwest::Response {
        if is_list {
            let cursor =
                query.iter().find(|(name, _)| name == "cursor").map(|(_, cursor)| cursor.parse().unwrap());
            if cursor.is_none() {
                self.0.looks.fetch_add(1, Ordering::Relaxed);
            }
            return self.page(cursor.unwrap_or_default());
        }
        // A body that is a stream is not read.
        let input = serde_json::from_slice(&body).unwrap_or_default();
        if fate == "refuse" {
            return simulation::json(422, &json!({"detail": "no"}));
        }
        let id = (fate != "drop").then(|| self.accept(input));
        match (fate.as_str(), id) {
            ("slow", Some(id)) => {
                sleep(Duration::from_secs(20)).await;
                simulation::json(200, &json!({"request_id": id}))
            }
            ("lose", _) | (_, None) => simulation::response(504, "text/html", "<html>gateway</html>"),
            (_, Some(id)) => simulation::json(200, &json!({"request_id": id})),
        }
    }

    fn client(&self) -> Client {
        self.client_of(Client::builder())
    }

    fn client_of(&self, builder: ClientBuilder) -> Client {
        let service = self.clone();
        simulation::client(builder.retry(Retry::none()), move |request: &reqwest::Request| {
            let url = request.url();
            let query =
                url.query_pairs().map(|(name, value)| (name.into_owned(), value.into_owned())).collect();
            let fate = request.headers().get("x-test").map(|fate| fate.to_str().unwrap().to_owned());
            let body = request.body().and_then(reqwest::Body::as_bytes).unwrap_or_default().to_vec();
            service.clone().answer(query, fate.unwrap_or_default(), body, url.path().contains("by-endpoint"))
        })
    }
}

async fn submit(client: &Client, fate: &str, input: Value) -> Result<Job<Any>> {
    client.submit(untyped::input("acme/app", input)).header("x-test", fate).await
}

async fn lost(client: &Client, fate: &str, input: Value) -> Error {
    let error = submit(client, fate, input).await.unwrap_err();
    assert!(error.may_be_accepted(), "{error:?}");
    error
}

async fn reconcile(error: &Error, client: &Client) -> Reconciled<Any> {
    error.reconcile(client).await.unwrap()
}

fn id(reconciled: &Reconciled<Any>) -> Option<String> {
    match reconciled {
        Reconciled::Found(ticket) => Some(ticket.request_id().to_owned()),
        _ => None,
    }
}

#[tokio::test(start_paused = true)]
async fn an_accepted_request_is_found_once_the_list_has_it() {
    let service = Service::default();
    service.set(List { lag: Duration::from_secs(45), ..List::default() });
    let client = service.client();
    for other in 0..5 {
        submit(&client, "", json!({"n": other})).await.unwrap();
    }
    let error = lost(&client, "lose", json!({"prompt": "a cat", "scale": 7.0})).await;
    let start = Instant::now();
    assert_eq!(id(&reconcile(&error, &client).await).as_deref(), Some("r5"));
    assert!((45..76).contains(&start.elapsed().as_secs()), "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_request_that_was_not_accepted_is_missed_three_times_after_the_lag() {
    let service = Service::default();
    let client = service.client();
    let error = lost(&client, "drop", json!({"prompt": "a cat"})).await;
    sleep(Duration::from_secs(2)).await;
    submit(&client, "", json!({"prompt": "a dog"})).await.unwrap();
    let start = Instant::now();
    assert!(matches!(reconcile(&error, &client).await, Reconciled::NotAccepted));
    assert!((600..700).contains(&start.elapsed().as_secs()), "{:?}", start.elapsed());

    let error = lost(&client, "drop", json!({"prompt": "a cat"})).await;
    sleep(Duration::from_secs(2)).await;
    submit(&client, "", json!({"prompt": "a dog"})).await.unwrap();
    let (looks, settings) = (service.looks(), Reconcile::default().lag(Duration::ZERO));
    assert!(matches!(
        error.reconcile::<Any>(&client).settings(settings).await.unwrap(),
        Reconciled::NotAccepted
    ));
    assert_eq!(service.looks() - looks, 3);
}

/// Adds another parameter to every input at each attempt.
#[derive(Default)]
struct Numbered(AtomicUsize);

impl Middleware for Numbered {
    async fn on_request(&self, request: &mut OutgoingRequest) -> Result<(), BoxError> {
        if let Some(mut input) = request.json::<Value>()? {
            input["number"] = json!(self.0.fetch_add(1, Ordering::Relaxed));
            request.set_json(&input)?;
        }
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn an_input_is_compared_as_the_middleware_has_left_it() {
    for fate in ["lose", "drop"] {
        let service = Service::default();
        let client = service.client_of(Client::builder().middleware(Numbered::default()));
        submit(&client, "", json!({"prompt": "a cat"})).await.unwrap();
        let error = lost(&client, fate, json!({"prompt": "a cat"})).await;
        sleep(Duration::from_secs(2)).await;
        submit(&client, "", json!({"prompt": "a cat"})).await.unwrap();
        let reconciled = reconcile(&error, &client).await;
        let is_right = match fate {
            "lose" => id(&reconciled).as_deref() == Some("r1"),
            _ => matches!(reconciled, Reconciled::NotAccepted),
        };
        assert!(is_right, "{fate}: {reconciled:?}");
    }
}

#[cfg(feature = "tower")]
mod layers {
    use bytes::Bytes;
    use http::header;
    use tower::{layer::layer_fn, service_fn, util::MapRequestLayer};
    use tower_service::Service as _;

    use super::*;
    use crate::middleware::HttpService;

    type Outgoing = http::Request<reqwest::Body>;

    const CHANGED: &[u8] = br#"{"prompt":"a dog"}"#;

    fn is_submit(request: &Outgoing) -> bool {
        request.method() == http::Method::POST
    }

    fn with_body(mut request: Outgoing, body: reqwest::Body) -> Outgoing {
        *request.body_mut() = body;
        request.headers_mut().remove(header::CONTENT_LENGTH);
        request
    }

    #[tokio::test(start_paused = true)]
    async fn an_input_is_compared_as_the_layers_have_left_it() {
        let changes: [fn(Outgoing) -> Outgoing; 3] = [
            |request| request,
            |request| with_body(request, Bytes::from_static(CHANGED).into()),
            // Of a stream nothing is known before it is sent.
            |request| {
                let chunk = futures_util::stream::iter([Ok::<_, std::io::Error>(CHANGED)]);
                with_body(request, reqwest::Body::wrap_stream(chunk))
            },
        ];
        for (nth, change) in changes.into_iter().enumerate() {
            for fate in ["lose", "drop"] {
                let layer = MapRequestLayer::new(move |request: Outgoing| match is_submit(&request) {
                    true => change(request),
                    false => request,
                });
                let service = Service::default();
                let client = service.client_of(Client::builder().layer(layer));
                let error = lost(&client, fate, json!({"prompt": "a cat"})).await;
                sleep(Duration::from_secs(2)).await;
                service.accept(json!({"prompt": "another"}));
                let reconciled = reconcile(&error, &client).await;
                let is_right = match (nth, fate) {
                    (2, _) => matches!(reconciled, Reconciled::InDoubt(DoubtReason::Unrecognizable)),
                    (_, "lose") => id(&reconciled).as_deref() == Some("r0"),
                    // The other request may be this one, as long as no list has shown how it shows inputs.
                    _ => matches!(
                        reconciled,
                        Reconciled::NotAccepted | Reconciled::InDoubt(DoubtReason::Unrecognizable)
                    ),
                };
                assert!(is_right, "{nth} {fate}: {reconciled:?}");
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_that_a_layer_made_itself_is_never_taken_for_not_accepted() {
        let layer = layer_fn(|service: HttpService| {
            service_fn(move |request: Outgoing| {
                let mut service = service.clone();
                // Only one request is copied, and the list shows the others as they were sent.
                let is_copied = is_submit(&request) && request.headers()["x-test"] == "lose";
                let mut copy = http::Request::builder().method(request.method()).uri(request.uri());
                if let (true, Some(headers)) = (is_copied, copy.headers_mut()) {
                    headers.insert("x-test", request.headers()["x-test"].clone());
                }
                let copy = copy.body(reqwest::Body::from(CHANGED)).unwrap();
                async move { service.call(if is_copied { copy } else { request }).await }
            })
        });
        let service = Service::default();
        let client = service.client_of(Client::builder().layer(layer));
        submit(&client, "", json!({"prompt": "a cow"})).await.unwrap();
        let error = lost(&client, "lose", json!({"prompt": "a cat"})).await;
        sleep(Duration::from_secs(2)).await;
        submit(&client, "", json!({"prompt": "another"})).await.unwrap();
        let reconciled = reconcile(&error, &client).await;
        assert!(matches!(reconciled, Reconciled::InDoubt(DoubtReason::Unrecognizable)), "{reconciled:?}");
    }
}

/// A journal whose process ended while it was sending its only request.
struct Broken(Vec<JournalEntry>);

impl Journal for Broken {
    fn read(&self) -> JournalEntries<'_> {
        Box::pin(futures_util::stream::iter(self.0.clone().into_iter().map(Ok)))
    }

    fn write(&self, _: JournalEntry) -> BoxFuture<'_, std::io::Result<()>> {
        Box::pin(std::future::ready(Ok(())))
    }
}

#[derive(Clone, Default)]
struct Recorder(Arc<Mutex<Vec<JournalEntry>>>);

impl Journal for Recorder {
    fn read(&self) -> JournalEntries<'_> {
        Box::pin(futures_util::stream::empty())
    }

    fn write(&self, entry: JournalEntry) -> BoxFuture<'_, std::io::Result<()>> {
        lock(&self.0).push(entry);
        Box::pin(std::future::ready(Ok(())))
    }
}

/// Reads what a middleware does to an input, and promises to leave it as it is.
struct Reading;

impl Middleware for Reading {
    fn keeps_bodies(&self) -> bool {
        true
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_of_an_earlier_process_is_in_doubt_if_a_middleware_may_have_changed_it() {
    type Build = fn() -> ClientBuilder;
    let builders: [(Build, bool); 3] = [
        (Client::builder, false),
        (|| Client::builder().middleware(Reading), false),
        (|| Client::builder().middleware(Numbered::default()), true),
    ];
    for (builder, may_differ) in builders {
        let service = Service::default();
        let client = service.client_of(builder());
        let input = || [untyped::input("acme/app", json!({"prompt": "a cat"}))];
        let recorder = Recorder::default();
        let sent = client.batch(input()).header("x-test", "lose").journal(recorder.clone()).await.unwrap();
        assert!(sent[0].is_err());
        let mut journal = Broken(lock(&recorder.0).clone());
        let [JournalEntry::Started { .. }, JournalEntry::Begun { may_differ: noted, reserved, .. }] =
            &mut *journal.0
        else {
            panic!("{:?}", journal.0)
        };
        assert_eq!(*noted, may_differ);
        // The earlier process had a budget, and this one has none.
        *reserved = Some(Usd::cents(3));
        // The list never shows the request, and does show another one that was sent later.
        lock(&service.0.entries).clear();
        sleep(Duration::from_secs(2)).await;
        let later = service.client();
        submit(&later, "", json!({"prompt": "a dog"})).await.unwrap();
        let batch = later.batch(input()).header("x-test", "refuse").journal(journal);
        let mut done = batch.reconcile(Reconcile::default()).as_completed().await.unwrap();
        let error = done.next().await.unwrap().1.unwrap_err();
        let spent = done.spent().await.unwrap();
        assert_eq!((spent.cost, spent.reserved == Usd::ZERO), (Usd::ZERO, !may_differ), "{spent}");
        if may_differ {
            let ErrorKind::InDoubt { reason, .. } = error.kind() else { panic!("{error:?}") };
            assert_eq!(*reason, Some(DoubtReason::Unrecognizable));
        } else {
            assert!(error.is_validation(), "it was not sent again: {error:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_empty_list_does_not_prove_that_a_request_was_not_accepted() {
    let service = Service::default();
    let client = service.client();
    submit(&client, "", json!({"prompt": "a dog"})).await.unwrap();
    sleep(Duration::from_secs(2)).await;
    let error = lost(&client, "lose", json!({"prompt": "a cat"})).await;
    service.set(List { is_empty: true, ..List::default() });
    let reconciled = reconcile(&error, &client).await;
    assert!(matches!(reconciled, Reconciled::InDoubt(DoubtReason::Unwitnessed)), "{reconciled:?}");
    let settings = Reconcile::default().without_witness();
    let reconciled = error.reconcile::<Any>(&client).settings(settings).await.unwrap();
    assert!(matches!(reconciled, Reconciled::NotAccepted), "{reconciled:?}");
}

#[tokio::test(start_paused = true)]
async fn what_remains_in_doubt_says_why() {
    let service = Service::default();
    let client = service.client();
    let error = lost(&client, "lose", json!({"prompt": "a cat"})).await;
    sleep(Duration::from_secs(2)).await;
    submit(&client, "", json!({"prompt": "a dog"})).await.unwrap();

    service.set(List { status: 503, ..List::default() });
    let reconciled = reconcile(&error, &client).await;
    assert!(
        matches!(&reconciled, Reconciled::InDoubt(DoubtReason::Outage(why)) if why.contains("503")),
        "{reconciled:?}"
    );

    let (start, looks) = (Instant::now(), service.looks());
    service.set(List { status: 403, ..List::default() });
    let reconciled = reconcile(&error, &client).await;
    assert!(matches!(reconciled, Reconciled::InDoubt(DoubtReason::NoAccess(_))), "{reconciled:?}");
    assert_eq!((start.elapsed(), service.looks() - looks), (Duration::ZERO, 1));

    for inputs in [Inputs::Hidden, Inputs::WithDefaults] {
        service.set(List { inputs, ..List::default() });
        let reconciled = reconcile(&error, &client).await;
        assert!(matches!(reconciled, Reconciled::InDoubt(DoubtReason::Unrecognizable)), "{reconciled:?}");
    }

    service.set(List { lag: Duration::from_secs(3600), ..List::default() });
    let error = lost(&client, "lose", json!({"prompt": "a cow"})).await;
    service.set(List::default());
    sleep(Duration::from_secs(2)).await;
    submit(&client, "", json!({"prompt": "a dog"})).await.unwrap();
    let settings = Reconcile::default().lag(Duration::from_secs(7200)).timeout(Duration::from_secs(60));
    let reconciled = error.reconcile::<Any>(&client).settings(settings).await.unwrap();
    assert!(matches!(reconciled, Reconciled::InDoubt(DoubtReason::WindowNotOver { .. })), "{reconciled:?}");
}

#[tokio::test(start_paused = true)]
async fn a_witness_from_shortly_before_counts_once_the_list_had_time_for_the_request() {
    let service = Service::default();
    // The list is slower than the caller believes.
    service.set(List { lag: Duration::from_secs(300), ..List::default() });
    let client = service.client();
    submit(&client, "", json!({"prompt": "a dog"})).await.unwrap();
    sleep(Duration::from_secs(110)).await;
    let error = lost(&client, "lose", json!({"prompt": "a cat"})).await;
    let settings = Reconcile::default().lag(Duration::ZERO).timeout(Duration::from_secs(600));
    let reconciled = error.reconcile::<Any>(&client).settings(settings.clone()).await.unwrap();
    assert_eq!(id(&reconciled).as_deref(), Some("r1"), "{reconciled:?}");

    submit(&client, "", json!({"prompt": "a dog"})).await.unwrap();
    let error = lost(&client, "drop", json!({"prompt": "a cow"})).await;
    let reconciled = error.reconcile::<Any>(&client).settings(settings).await.unwrap();
    assert!(matches!(reconciled, Reconciled::NotAccepted), "{reconciled:?}");
}

#[test]
fn a_listed_request_is_claimed_once() {
    let recent = RecentRequests::default();
    assert!(recent.claim("r1", None) && recent.claim("r2", None));
    assert!(!recent.claim("r1", None));
}

#[tokio::test(start_paused = true)]
async fn two_requests_with_one_input_are_never_matched_with_one_entry() {
    for (fates, expected) in
        [(["lose", "lose"], 2), (["lose", "drop"], 1), (["drop", "lose"], 1), (["drop", "drop"], 0)]
    {
        let service = Service::default();
        service.set(List { lag: Duration::from_secs(5), ..List::default() });
        let client = service.client();
        // An accepted request with the same input belongs to none of them.
        submit(&client, "", json!({"prompt": "a cat"})).await.unwrap();
        let errors = join_all(fates.map(|fate| lost(&client, fate, json!({"prompt": "a cat"})))).await;
        sleep(Duration::from_secs(2)).await;
        submit(&client, "", json!({"prompt": "a dog"})).await.unwrap();
        let reconciled = join_all(errors.iter().map(|error| reconcile(error, &client))).await;
        let mut ids: Vec<_> = reconciled.iter().filter_map(id).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), expected, "{fates:?}: {reconciled:?}");
        assert!(!ids.contains(&"r0".to_owned()));
        let refused = reconciled.iter().filter(|one| matches!(one, Reconciled::NotAccepted)).count();
        assert_eq!(refused, 2 - expected, "{fates:?}: {reconciled:?}");
    }
}

/// A request that a middleware has changed does not show how the list writes inputs.
#[tokio::test(start_paused = true)]
async fn changed_input_of_an_earlier_process_does_not_hide_that_another_is_missing() {
    let service = Service::default();
    let client = service.client();
    let inputs = || ["a cat", "a dog"].map(|prompt| untyped::input("acme/app", json!({ "prompt": prompt })));
    let recorder = Recorder::default();
    client.batch(inputs()).concurrency(1).header("x-test", "lose").journal(recorder.clone()).await.unwrap();
    let mut entries = lock(&recorder.0).clone();
    let [JournalEntry::Started { .. }, JournalEntry::Begun { may_differ, .. }, JournalEntry::Begun { .. }] =
        &mut *entries
    else {
        panic!("{entries:?}")
    };
    // The first was changed, accepted and collected; the second never arrived.
    *may_differ = true;
    let (key, ticket) = ("0".to_owned(), crate::queue::Ticket::with_endpoint("acme/app", "r0"));
    entries.push(JournalEntry::Submitted { key: key.clone(), ticket });
    entries.push(JournalEntry::Done { key });
    lock(&service.0.entries).truncate(1);
    lock(&service.0.entries)[0].input = json!({"prompt": "a cat", "number": 1});
    sleep(Duration::from_secs(2)).await;
    let later = service.client();
    submit(&later, "", json!({"prompt": "a cow"})).await.unwrap();
    let batch = later.batch(inputs()).header("x-test", "refuse").journal(Broken(entries));
    let mut done = batch.reconcile(Reconcile::default()).as_completed().await.unwrap();
    let (index, reply) = done.next().await.unwrap();
    let error = reply.unwrap_err();
    assert!(index == 1 && error.is_validation(), "it was not sent again: {error:?}");
    assert!(done.next().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_request_of_somebody_else_makes_it_ambiguous() {
    let service = Service::default();
    let client = service.client();
    let error = lost(&client, "lose", json!({"prompt": "a cat"})).await;
    service.accept(json!({"prompt": "a cat"}));
    let reconciled = reconcile(&error, &client).await;
    let Reconciled::InDoubt(DoubtReason::Ambiguous { mut request_ids }) = reconciled else {
        panic!("{reconciled:?}");
    };
    request_ids.sort_unstable();
    assert_eq!(request_ids, ["r0", "r1"]);
}

#[tokio::test(start_paused = true)]
async fn a_request_whose_answer_is_on_its_way_is_not_taken_for_another() {
    let service = Service::default();
    let client = service.client();
    let error = lost(&client, "drop", json!({"prompt": "a cat"})).await;
    let slow = submit(&client, "slow", json!({"prompt": "a cat"}));
    let (reconciled, job) = tokio::join!(reconcile(&error, &client), slow);
    assert_eq!(job.unwrap().request_id(), "r0");
    assert_eq!(id(&reconciled), None, "{reconciled:?}");
}

#[tokio::test(start_paused = true)]
async fn a_request_from_long_before_is_another() {
    let service = Service::default();
    let client = service.client();
    service.accept(json!({"prompt": "a cat"}));
    sleep(Duration::from_secs(3600)).await;
    let error = lost(&client, "drop", json!({"prompt": "a cat"})).await;
    sleep(Duration::from_secs(2)).await;
    submit(&client, "", json!({"prompt": "a dog"})).await.unwrap();
    assert!(matches!(reconcile(&error, &client).await, Reconciled::NotAccepted));
}

#[tokio::test(start_paused = true)]
async fn a_wrong_clock_never_decides_that_a_request_was_not_accepted() {
    let hour = Duration::from_secs(3600);
    let service = Service::default();
    let client = service.client();
    service.set(List { ahead: Some(hour), ..List::default() });
    let error = lost(&client, "lose", json!({"prompt": "a cat"})).await;
    sleep(Duration::from_secs(2)).await;
    submit(&client, "", json!({"prompt": "a dog"})).await.unwrap();
    let reconciled = reconcile(&error, &client).await;
    let Reconciled::InDoubt(reason @ DoubtReason::ClockDiffers { by }) = reconciled else {
        panic!("{reconciled:?}");
    };
    assert!(by.abs_diff(hour) <= Duration::from_secs(1), "{by:?}");
    let expected = format!("the clock differs from fal's by {} s", by.as_secs());
    assert!(reason.to_string().starts_with(&expected), "{reason}");

    // The clock is set right, an hour forward.
    sleep(hour).await;
    service.set(List { ahead: Some(Duration::ZERO), ..List::default() });
    submit(&client, "", json!({"prompt": "a cow"})).await.unwrap();
    let reconciled = reconcile(&error, &client).await;
    let Reconciled::InDoubt(DoubtReason::Ambiguous { request_ids }) = reconciled else {
        panic!("{reconciled:?}");
    };
    assert_eq!(request_ids, ["r0"]);

    // With a clock that was set back, the request lies in the future.
    let error = lost(&client, "lose", json!({"prompt": "a bird"})).await;
    service.set(List::default());
    let settings = Reconcile::default().clock(move || system_now() - hour);
    let reconciled = error.reconcile::<Any>(&client).settings(settings).await.unwrap();
    assert!(matches!(reconciled, Reconciled::InDoubt(DoubtReason::ClockDiffers { .. })), "{reconciled:?}");
}

#[tokio::test(start_paused = true)]
async fn a_delivery_to_its_own_webhook_decides_without_the_list() {
    let service = Service::default();
    let client = service.client();
    let call = client.submit(untyped::input("acme/app", json!({}))).header("x-test", "lose");
    let error = call.webhook("https://me.example/fal?key=7").await.unwrap_err();
    let deliveries = Deliveries::default();
    deliveries.record("/fal?key=8", "other");
    deliveries.record("/fal?key=7", "r0");
    let settings = Reconcile::default().deliveries(deliveries);
    let reconciled = error.reconcile::<Any>(&client).settings(settings).await.unwrap();
    assert_eq!((id(&reconciled).as_deref(), service.looks()), (Some("r0"), 0));
}

#[tokio::test(start_paused = true)]
async fn a_refused_submit_and_a_direct_call_are_not_looked_for() {
    let service = Service::default();
    let client = service.client();
    let refused = submit(&client, "refuse", json!({})).await.unwrap_err();
    assert!(matches!(reconcile(&refused, &client).await, Reconciled::NotAccepted));
    let direct =
        client.run(untyped::input("acme/app", json!({}))).header("x-test", "lose").await.unwrap_err();
    assert!(matches!(reconcile(&direct, &client).await, Reconciled::InDoubt(DoubtReason::NotRecorded)));
    assert_eq!(service.looks(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_submit_that_timed_out_can_be_looked_for() {
    let service = Service::default();
    let client = service.client();
    let input = || untyped::input("acme/app", json!({"prompt": "a cat"}));
    let submitted = client.submit(input()).header("x-test", "slow").timeout(Duration::from_secs(5));
    let subscribed = client.subscribe(input()).header("x-test", "slow").timeout(Duration::from_secs(5));
    let (first, second) = (submitted.await.unwrap_err(), subscribed.await.unwrap_err());
    let mut ids = [id(&reconcile(&first, &client).await), id(&reconcile(&second, &client).await)];
    ids.sort_unstable();
    assert_eq!(ids, [Some("r0".to_owned()), Some("r1".to_owned())]);
}

/// A thousand lost answers, half of them of accepted requests, with inputs that occur several times, a list that lags
/// up to a minute, and outages of both kinds.
#[tokio::test(start_paused = true)]
async fn no_lost_answer_is_decided_wrongly() {
    let (mut found, mut refused, mut in_doubt) = (0, 0, 0);
    for round in 0..40_u64 {
        let mut random = round.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        let mut next = move |limit: u64| {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            random % limit
        };
        let service = Service::default();
        service.set(List { lag: Duration::from_secs(next(61)), ..List::default() });
        let client = service.client();
        let mut errors = Vec::new();
        for _ in 0..25 {
            let input = json!({"seed": next(8)});
            let fate = if next(2) == 0 { "lose" } else { "drop" };
            errors.push((fate, input.clone(), lost(&client, fate, input).await));
            if next(2) == 0 {
                submit(&client, "", json!({"seed": next(8)})).await.unwrap();
            }
            sleep(Duration::from_millis(next(3000))).await;
        }
        sleep(Duration::from_secs(2)).await;
        submit(&client, "", json!({"seed": 9})).await.unwrap();
        let outages = async {
            loop {
                sleep(Duration::from_secs(1 + next(40))).await;
                let list = *lock(&service.0.list);
                let is_empty = next(2) == 0;
                service.set(List { status: if is_empty { 200 } else { 503 }, is_empty, ..list });
                sleep(Duration::from_secs(1 + next(4))).await;
                service.set(List { status: 200, is_empty: false, ..list });
            }
        };
        let settings = Reconcile::default().lag(Duration::from_secs(90)).timeout(Duration::from_secs(400));
        let looks =
            join_all(errors.iter().map(|(_, _, error)| {
                error.reconcile::<Any>(&client).settings(settings.clone()).into_future()
            }));
        let reconciled = tokio::select! {
            reconciled = looks => reconciled,
            () = outages => unreachable!(),
        };
        for seed in 0..8 {
            let of_seed =
                || errors.iter().zip(&reconciled).filter(|((_, input, _), _)| input["seed"] == seed);
            let accepted = of_seed().filter(|((fate, ..), _)| *fate == "lose").count();
            let decided = of_seed().map(|(_, decision)| decision.as_ref().unwrap());
            let mut ids: Vec<_> = decided.clone().filter_map(id).collect();
            let missing =
                decided.clone().filter(|decision| matches!(decision, Reconciled::NotAccepted)).count();
            // Requests with one input are alike, so their number decides.
            assert!(ids.len() <= accepted, "round {round}, seed {seed}: {ids:?}, {accepted} accepted");
            assert!(missing <= of_seed().count() - accepted, "round {round}, seed {seed}: {missing} refused");
            found += ids.len();
            refused += missing;
            in_doubt += of_seed().count() - ids.len() - missing;
            let all = ids.len();
            ids.sort_unstable();
            ids.dedup();
            assert_eq!(ids.len(), all, "round {round}: a request was found twice");
        }
    }
    println!("{found} found, {refused} not accepted, {in_doubt} in doubt");
    assert_eq!(found + refused + in_doubt, 1000);
    assert!(in_doubt <= 50, "{in_doubt}");
}

#[tokio::test(start_paused = true)]
async fn a_long_list_is_read_to_its_end() {
    let service = Service::default();
    let client = service.client();
    let accepted = lost(&client, "lose", json!({"prompt": "a cat"})).await;
    let refused = lost(&client, "drop", json!({"prompt": "a dog"})).await;
    for seed in 0..300 * PAGE {
        service.accept(json!({ "seed": seed }));
    }
    assert_eq!(id(&reconcile(&accepted, &client).await).as_deref(), Some("r0"));
    // Others of that time are known, so that the list shows inputs as they were sent.
    submit(&client, "", json!({"prompt": "a bird"})).await.unwrap();
    assert!(matches!(reconcile(&refused, &client).await, Reconciled::NotAccepted));
}

#[tokio::test(start_paused = true)]
async fn looking_is_bounded() {
    let service = Service::default();
    let client = service.client();
    let error = lost(&client, "drop", json!({"prompt": "a cat"})).await;
    service.set(List { status: 503, ..List::default() });
    let looked = timeout(Duration::from_secs(901), reconcile(&error, &client)).await;
    assert!(looked.is_ok(), "the look has no end");
    assert!((20..=40).contains(&service.looks()), "{}", service.looks());
}
