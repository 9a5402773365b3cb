//! The spans of calls. A process of its own, because `tracing` decides for a process whether anyone wants a span, and a test
//! beside this one may be the first to make it while the subscriber is being installed.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    collections::BTreeMap,
    fmt,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

use fal_client::{Client, Retry, untyped};
use fal_emulator::{Emulator, Pace, RequestKind};
use serde_json::json;
use tracing::{
    Event, Metadata, Subscriber,
    field::{Field, Visit},
    instrument::WithSubscriber,
    span,
};
use tracing_core::span::Current;

/// The spans that were made: their names, the names of their parents and their fields.
#[derive(Clone, Default)]
struct Recorder {
    spans: Arc<Mutex<BTreeMap<u64, Recorded>>>,
    entered: Arc<Mutex<Vec<u64>>>,
    next: Arc<AtomicU64>,
}

#[derive(Clone, Default)]
struct Recorded {
    metadata: Option<&'static Metadata<'static>>,
    name: &'static str,
    parent: Option<u64>,
    fields: BTreeMap<&'static str, String>,
}

impl Visit for Recorded {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.fields.insert(field.name(), format!("{value:?}").trim_matches('"').to_owned());
    }
}

impl Recorder {
    fn named(&self, name: &str) -> Vec<Recorded> {
        self.spans.lock().unwrap().values().filter(|span| span.name == name).cloned().collect()
    }

    fn parent_of(&self, span: &Recorded) -> &'static str {
        span.parent.map_or("", |id| self.spans.lock().unwrap()[&id].name)
    }
}

impl Subscriber for Recorder {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_span() && metadata.target().starts_with("fal_client")
    }

    fn new_span(&self, attributes: &span::Attributes<'_>) -> span::Id {
        let id = self.next.fetch_add(1, Ordering::SeqCst) + 1;
        let parent = self.entered.lock().unwrap().last().copied();
        let metadata = attributes.metadata();
        let mut span =
            Recorded { metadata: Some(metadata), name: metadata.name(), parent, fields: BTreeMap::new() };
        attributes.record(&mut span);
        self.spans.lock().unwrap().insert(id, span);
        span::Id::from_u64(id)
    }

    fn record(&self, id: &span::Id, values: &span::Record<'_>) {
        values.record(self.spans.lock().unwrap().get_mut(&id.into_u64()).unwrap());
    }

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, _: &Event<'_>) {}

    fn current_span(&self) -> Current {
        let entered = self.entered.lock().unwrap().last().copied();
        let spans = self.spans.lock().unwrap();
        match entered.and_then(|id| Some((id, spans[&id].metadata?))) {
            Some((id, metadata)) => Current::new(span::Id::from_u64(id), metadata),
            None => Current::none(),
        }
    }

    fn enter(&self, id: &span::Id) {
        self.entered.lock().unwrap().push(id.into_u64());
    }

    fn exit(&self, id: &span::Id) {
        let mut entered = self.entered.lock().unwrap();
        if let Some(place) = entered.iter().rposition(|entered| *entered == id.into_u64()) {
            entered.remove(place);
        }
    }
}

#[tokio::test]
async fn spans_have_the_fields_of_opentelemetry() {
    let emulator = Emulator::builder().pace(Pace::instant()).start().await.unwrap();
    emulator.on_endpoint("acme/app").reply(|_| json!({"seed": 7}));
    emulator.on_request(RequestKind::Run).fail(500, json!({"detail": "no"}));
    let recorder = Recorder::default();
    let client = Client::builder().emulator(emulator.url()).retry(Retry::none()).build().unwrap();
    let calls = async {
        let reply = client.subscribe(untyped::input("acme/app", json!({}))).await.unwrap();
        client.run(untyped::input("acme/broken", json!({}))).await.unwrap_err();
        let mut updates = client.endpoint_id("acme/app").job(reply.request_id()).updates();
        while let Some(update) = updates.next().await {
            update.unwrap();
        }
        reply.request_id().to_owned()
    };
    let id = calls.with_subscriber(recorder.clone()).await;

    let subscribe = &recorder.named("fal.subscribe")[0];
    for (field, value) in [
        ("gen_ai.operation.name", "generate_content"),
        ("gen_ai.provider.name", "fal"),
        ("gen_ai.request.model", "acme/app"),
        ("gen_ai.response.id", &id),
    ] {
        assert_eq!(subscribe.fields.get(field).map(String::as_str), Some(value), "{:?}", subscribe.fields);
    }
    assert_eq!(recorder.named("fal.run")[0].fields["error.type"], "500");
    let attempts = recorder.named("fal.attempt");
    for attempt in &attempts {
        let fields = &attempt.fields;
        assert_eq!((&*fields["otel.kind"], &*fields["server.address"]), ("client", "127.0.0.1"));
        assert!(fields["url.full"].starts_with("http://127.0.0.1:"), "{fields:?}");
        assert!(fields["http.request.method"].len() >= 3 && fields.contains_key("http.response.status_code"));
        let parent = recorder.parent_of(attempt);
        assert!(["fal.subscribe", "fal.run", "fal.job"].contains(&parent), "{parent}: {fields:?}");
    }
    let failed =
        attempts.iter().find(|attempt| attempt.fields["url.full"].ends_with("/acme/broken")).unwrap();
    assert_eq!((&*failed.fields["http.response.status_code"], &*failed.fields["error.type"]), ("500", "500"));
}
