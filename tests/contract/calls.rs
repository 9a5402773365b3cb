//! Calls of the client with every option, and the answers of the emulator in every state.

use std::time::Duration;

use fal_client::{
    Client, Retry,
    queue::{Cancelled, Priority, ServerRetries},
    storage::{Access, Lifecycle, UploadPolicy},
    untyped,
};
use fal_emulator::{Emulator, EmulatorBuilder, Pace};
use serde_json::{Value, json};

use crate::recording_proxy::{Exchange, RecordingProxy};

/// An app that only a script knows, with endpoints at its root and below a path.
const APP: &str = "acme/echo";
const KEY: &str = "id:secret";

/// An emulator behind a proxy that records, and a client of both.
struct Service {
    emulator: Emulator,
    proxy: RecordingProxy,
    client: Client,
}

impl Service {
    async fn start(builder: EmulatorBuilder) -> Self {
        let emulator = builder.require_key(KEY).webhook_retries([]).start().await.unwrap();
        for endpoint in [APP, "acme/echo/edit", "workflows/acme/flow"] {
            emulator.on_endpoint(endpoint).reply(|input| input);
        }
        let proxy = RecordingProxy::start(&emulator.url()).await;
        let client = Client::builder().emulator(proxy.url()).key(KEY).build().unwrap();
        Self { emulator, proxy, client }
    }

    /// Submits a request that the client never sends, with the key. Returns the reply.
    async fn submit_raw(&self, endpoint: &str, headers: &[(&str, &str)], body: &str) -> Value {
        let key = format!("Key {KEY}");
        let mut all = vec![("authorization", key.as_str()), ("content-type", "application/json")];
        all.extend(headers);
        let line = format!("POST /queue/{endpoint}");
        serde_json::from_slice(&self.proxy.send(&line, &all, body).await).unwrap()
    }

    /// Returns a client whose key the emulator refuses.
    fn intruder(&self) -> Client {
        Client::builder().emulator(self.proxy.url()).key("wrong:key").build().unwrap()
    }
}

/// Makes all calls. Returns their requests and replies.
pub(crate) async fn record() -> Vec<Exchange> {
    let (instant, running, stuck) = tokio::join!(at_once(), while_running(), while_queued());
    [instant, running, stuck].concat()
}

fn input(endpoint: &str) -> untyped::Input {
    untyped::input(endpoint, json!({"prompt": "a cat"}))
}

fn lifecycle() -> Lifecycle {
    Lifecycle::default()
        .expires_after(Duration::from_secs(60))
        .access(Access::Hide)
        .access_for("user", Access::Allow)
}

fn policy() -> UploadPolicy {
    UploadPolicy::new("https://bucket.s3.eu-central-1.amazonaws.com/").field("key", "out/${filename}")
}

/// Sets every option that all calls of an endpoint have.
macro_rules! with_input_options {
    ($call:expr) => {
        $call
            .start_timeout(Duration::from_millis(1500))
            .runner_hint("session-1")
            .store_io(false)
            .lifecycle(lifecycle())
            .tag("team", "a b")
            .tag("Run", "7")
            .fallback(false)
            .upload_policy(policy())
    };
}

/// Sets every option that only queued requests have.
macro_rules! with_queue_options {
    ($call:expr) => {
        $call.priority(Priority::Low).webhook("http://127.0.0.1:9/hook?a=b").max_queue_length(10)
    };
}

/// Calls an emulator that completes requests as soon as they are submitted.
async fn at_once() -> Vec<Exchange> {
    let service = Service::start(Emulator::builder().pace(Pace::instant())).await;
    let client = &service.client;
    service
        .emulator
        .on_endpoint("acme/fails")
        .fail(503, json!({"detail": "x", "error_type": "runner_disconnected"}));
    service.emulator.on_endpoint("acme/fails/too").fail(500, json!({"detail": "x"}));
    for endpoint in [APP, "acme/echo/edit", "workflows/acme/flow"] {
        with_input_options!(client.run(input(endpoint))).await.unwrap();
        client.run(input(endpoint)).store_io(true).await.unwrap();
        let call = with_queue_options!(with_input_options!(client.submit(input(endpoint))));
        let job = call.server_retries(false).await.unwrap();
        assert_eq!(job.wait().await.unwrap()["prompt"], "a cat");
        let retries = ServerRetries::default().server_error(9).timeout(0).connection_error(1);
        let call = with_input_options!(client.subscribe(input(endpoint)));
        call.server_retries(retries).priority(Priority::Normal).logs().await.unwrap();
        assert_eq!(job.cancel().await.unwrap(), Cancelled::AlreadyCompleted);
    }
    let picture = json!({"prompt": "a cat", "image_size": {"width": 16, "height": 16}});
    let stream = with_input_options!(client.stream(untyped::input("fal-ai/flux/dev", picture)));
    stream.await.unwrap().done().await.unwrap();

    // Failures of each kind.
    for endpoint in ["acme/fails", "acme/fails/too"] {
        client.run(input(endpoint)).retry(Retry::none()).await.unwrap_err();
        client.subscribe(input(endpoint)).await.unwrap_err();
    }
    let invalid = || untyped::input("fal-ai/flux/dev", json!({"num_images": 100}));
    assert!(client.run(invalid()).await.unwrap_err().is_validation());
    assert!(client.subscribe(invalid()).await.unwrap_err().is_validation());
    for endpoint in ["acme/nothing", "acme/nothing/edit"] {
        client.run(input(endpoint)).await.unwrap_err();
        client.submit(input(endpoint)).await.unwrap_err();
        service.intruder().run(input(APP)).await.unwrap_err();
    }
    for endpoint in [APP, "acme/echo/edit"] {
        service.intruder().submit(input(endpoint)).await.unwrap_err();
        let refused = service.submit_raw(endpoint, &[("x-fal-request-start-timeout", "0.1")], "{}").await;
        assert_eq!(refused["error_type"], "bad_request");
        let large = format!("\"{}\"", "x".repeat(11 << 20));
        assert!(service.submit_raw(endpoint, &[], &large).await["detail"].is_string());
    }
    let known = client.submit(input(APP)).await.unwrap();
    let unknown = client.endpoint_id(APP).job("00000000-0000-4000-8000-000000000000");
    let refused = service.intruder().endpoint_id(APP).job(known.request_id());
    for job in [&unknown, &refused] {
        job.status().await.unwrap_err();
        job.result().await.unwrap_err();
        let mut updates = job.updates();
        while updates.next().await.is_some() {}
    }
    assert_eq!(unknown.cancel().await.unwrap(), Cancelled::NotFound);
    refused.cancel().await.unwrap_err();
    service.proxy.exchanges()
}

/// Calls an emulator whose requests run, one that writes log lines, and one that ignores the rest.
async fn while_running() -> Vec<Exchange> {
    let service = Service::start(Emulator::builder().pace(Pace::instant().run(HOUR))).await;
    let client = &service.client;
    let job = client.submit(input(APP)).await.unwrap();
    job.status().await.unwrap();
    job.status().logs().await.unwrap();
    assert!(job.result().await.unwrap_err().is_not_ready());
    assert_eq!(job.cancel().await.unwrap(), Cancelled::Requested);
    assert!(job.wait().await.unwrap_err().is_cancelled());

    // A request that makes a step with each event passes through all states at once.
    let steps = service.emulator.on_endpoint("acme/steps").queue([1, 0]).log("loading").log("running");
    steps.reply(|input| input);
    let mut updates = client.submit(input("acme/steps")).await.unwrap().updates();
    while let Some(update) = updates.next().await {
        update.unwrap();
    }
    service.proxy.exchanges()
}

/// Calls an emulator whose requests stay in the queue.
async fn while_queued() -> Vec<Exchange> {
    let service =
        Service::start(Emulator::builder().pace(Pace::default().per_position(HOUR)).manual_clock()).await;
    let client = &service.client;
    let job = client.submit(input(APP)).await.unwrap();
    job.status().logs().await.unwrap();
    assert!(job.result().await.unwrap_err().is_not_ready());
    assert_eq!(job.cancel().await.unwrap(), Cancelled::Removed);
    assert!(job.wait().await.unwrap_err().is_cancelled());
    let late = client.submit(input(APP)).start_timeout(Duration::from_secs(1)).await.unwrap();
    service.emulator.advance(Duration::from_secs(2));
    assert!(late.wait().await.unwrap_err().is_timeout());
    for endpoint in [APP, "acme/echo/edit"] {
        let call = client.submit(input(endpoint)).max_queue_length(0).retry(Retry::none());
        assert!(call.await.unwrap_err().is_rate_limited());
    }
    service.proxy.exchanges()
}

const HOUR: Duration = Duration::from_secs(3600);
