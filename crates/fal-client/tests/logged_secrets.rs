//! Nothing that is logged holds a key or a token, at any level and of any crate below the client. A process of its own,
//! because it has a subscriber of its own.

#![cfg(feature = "realtime")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    fmt::{self, Write as _},
    sync::{Arc, Mutex},
};

use fal_client::{Client, File, Retry, storage::Repository, storage::UploadOptions, untyped};
use fal_emulator::{Emulator, Pace, RequestKind};
use fal_flux_2::klein::realtime;
use serde_json::json;
use tracing::{
    Event, Metadata, Subscriber,
    field::{Field, Visit},
    span,
};

/// Everything that was logged, as text.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<String>>);

impl Visit for Log {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        writeln!(self.0.lock().unwrap(), "{field}={value:?}").unwrap();
    }
}

impl Subscriber for Log {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        !metadata.target().starts_with("fal_emulator")
    }

    fn new_span(&self, attributes: &span::Attributes<'_>) -> span::Id {
        attributes.record(&mut self.clone());
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, values: &span::Record<'_>) {
        values.record(&mut self.clone());
    }

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &Event<'_>) {
        event.record(&mut self.clone());
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

#[tokio::test]
async fn no_key_and_no_token_is_logged() {
    let log = Log::default();
    tracing::subscriber::set_global_default(log.clone()).unwrap();
    let emulator = Emulator::builder().pace(Pace::instant()).start().await.unwrap();
    let key = "leak-id:LEAK-SECRET-0123456789";
    let client = Client::builder().emulator(emulator.url()).key(key).retry(Retry::none()).build().unwrap();
    let input = || untyped::input("fal-ai/flux/dev", json!({"prompt": "a cat"}));

    client.run(input()).await.unwrap();
    let job = client.submit(input()).webhook("https://me.example/?token=LEAK-TOKEN").await.unwrap();
    job.status().await.unwrap();
    job.wait().await.unwrap();
    job.cancel().await.unwrap();
    client.subscribe(input()).logs().await.unwrap();
    client.stream(input()).await.unwrap().done().await.unwrap();
    for repository in [Repository::Cdn, Repository::Rest] {
        let options = UploadOptions::default().repository(repository);
        client.upload(File::bytes(b"abc".to_vec(), "text/plain")).options(options).await.unwrap();
    }
    client.endpoint::<realtime::Model>().realtime_token().await.unwrap();
    client.endpoint::<realtime::Model>().realtime().await.unwrap();
    client.download("http://me:LEAK-PASSWORD@127.0.0.1:1/a?sig=LEAK-SIGNATURE").await.unwrap_err();
    for status in [401, 422, 500] {
        emulator.on_request(RequestKind::Run).fail(status, json!({"detail": format!("bad key {key}")}));
        let error = client.run(input()).await.unwrap_err();
        tracing::error!(%error, ?error, "failed");
    }

    let log = log.0.lock().unwrap();
    assert!(log.contains("fal-ai/flux/dev") && log.contains("error.type=\"401\""), "{log}");
    for line in log.lines() {
        assert!(!line.contains("LEAK") && !line.contains("eyJ"), "{line}");
    }
}
