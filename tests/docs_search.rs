//! Users of other clients find the items of `fal-client` by the names that they know.
//!
//! rustdoc builds the page of the crate as JSON, which has what its search has: the names of public items, and their aliases.

#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::{
    collections::{BTreeMap, BTreeSet},
    env, fs,
    os::unix::fs::PermissionsExt,
    path::Path,
    process::Command,
};

use serde_json::Value;

/// Names that people search, and the item that they look for.
const NAMES: &[(&str, &str)] = &[
    // Python.
    ("AsyncClient", "Client"),
    ("SyncClient", "Blocking"),
    ("subscribe_async", "Client::subscribe"),
    ("submit_async", "Client::submit"),
    ("run_async", "Client::run"),
    ("stream_async", "Client::stream"),
    ("upload_file", "Client::upload"),
    ("upload_image", "Client::upload"),
    ("on_queue_update", "SubscribeRequest::on_update"),
    ("on_enqueue", "SubscribeRequest::on_queued"),
    ("with_logs", "SubscribeRequest::logs"),
    ("iter_events", "Job::updates"),
    ("handler", "Job"),
    ("SyncRequestHandle", "Job"),
    ("from_request_id", "Client::resume"),
    ("poll_interval", "SubscribeRequest::poll_every"),
    ("client_timeout", "SubscribeRequest::timeout"),
    ("webhook_url", "SubmitRequest::webhook"),
    ("hint", "SubmitRequest::runner_hint"),
    ("FalClientHTTPError", "Error"),
    ("InProgress", "Update::Running"),
    // JavaScript.
    ("createFalClient", "Client::builder"),
    ("fal.config", "Client::builder"),
    ("proxyUrl", "ClientBuilder::proxy_url"),
    ("requestMiddleware", "ClientBuilder::middleware"),
    ("onQueueUpdate", "SubscribeRequest::on_update"),
    ("pollInterval", "SubscribeRequest::poll_every"),
    ("webhookUrl", "SubmitRequest::webhook"),
    ("startTimeout", "SubmitRequest::start_timeout"),
    ("abortSignal", "SubscribeRequest::cancel_on_drop"),
    ("storage.upload", "Client::upload"),
    ("queue.status", "Job::status"),
    ("queue.result", "Job::result"),
    ("queue.cancel", "Job::cancel"),
    ("streamStatus", "Job::updates"),
    ("subscribeToStatus", "Job::wait"),
    ("ValidationError", "ErrorKind::Validation"),
    ("throttleInterval", "ConnectRequest::throttle"),
    ("connectionKey", "ConnectRequest::reuse"),
    ("tokenProvider", "ConnectRequest::token_from"),
    ("getTemporaryAuthToken", "EndpointHandle::realtime_token"),
    // HTTP.
    ("fal_webhook", "SubmitRequest::webhook"),
    ("IN_QUEUE", "Update::Queued"),
    ("queue_position", "Update::Queued"),
    ("COMPLETED", "Update::Completed"),
    ("X-Fal-Runner-Hint", "RunRequest::runner_hint"),
    ("X-Fal-Request-Timeout", "SubmitRequest::start_timeout"),
    ("X-Fal-Queue-Priority", "SubmitRequest::priority"),
    ("x-fal-request-id", "Error::request_id"),
    ("X-Fal-Webhook-Signature", "Verifier"),
    ("X-Fal-Billable-Units", "Reply::billable_units"),
    // Tasks.
    ("api key", "ClientBuilder::key"),
    ("FAL_KEY", "Client::from_env"),
    ("concurrency", "BatchRequest::concurrency"),
    ("max_concurrency", "BatchRequest::concurrency"),
    ("idempotency", "BatchRequest::journal"),
    ("rate limit", "ErrorKind::RateLimited"),
    ("max_retries", "Retry::max_attempts"),
    ("price", "Client::estimate"),
    ("progress bar", "UploadRequest::on_progress"),
    ("save image", "Reply::save_media"),
    ("insufficient funds", "ErrorKind::Locked"),
    ("isRetryableError", "Error::is_retryable"),
    ("Retry-After", "Error::retry_after"),
    ("maxBuffering", "ConnectRequest::max_buffering"),
    ("X-Fal-No-Retry", "SubmitRequest::server_retries"),
    ("jwks", "Verifier"),
    ("log requests", "ClientBuilder::on_attempt"),
    ("spending limit", "BatchRequest::budget"),
    ("traceparent", "traceparent"),
    ("opentelemetry", "trace_context"),
    ("from_python", "from_python"),
    ("from_javascript", "from_javascript"),
];

#[test]
fn every_known_name_finds_its_item() {
    let found = search_index();
    let missing: Vec<_> = NAMES
        .iter()
        .filter(|(name, item)| !found.get(&name.to_lowercase()).is_some_and(|items| items.contains(*item)))
        .collect();
    assert!(missing.is_empty(), "rustdoc does not find these: {missing:#?}");
}

#[test]
fn docs_rs_shows_every_feature_of_every_published_crate() {
    let metadata = Command::new(env!("CARGO"))
        .args(["metadata", "--offline", "--no-deps", "--format-version", "1"])
        .current_dir(fal_tests::root())
        .output()
        .unwrap();
    let metadata: Value = serde_json::from_slice(&metadata.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap().iter();
    let is_published = |package: &&Value| package["publish"].is_null();
    let without: Vec<_> = packages
        .filter(is_published)
        .filter(|package| package["metadata"]["docs"]["rs"]["all-features"] != true)
        .map(|package| &package["name"])
        .collect();
    assert!(without.is_empty(), "no `package.metadata.docs.rs`: {without:?}");
}

/// Returns the public items by each of their names, in lower case.
fn search_index() -> BTreeMap<String, BTreeSet<String>> {
    let docs = build_docs();
    let index = docs["index"].as_object().unwrap();
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for item in index.values() {
        let members = members(item);
        let own = item["name"].as_str().map(|name| (name.to_owned(), item));
        let members = members.into_iter().filter_map(|(owner, id)| {
            let member = index.get(&id)?;
            Some((format!("{owner}::{}", member["name"].as_str()?), member))
        });
        for (path, item) in own.into_iter().chain(members) {
            for name in names(item) {
                found.entry(name.to_lowercase()).or_default().insert(path.clone());
            }
        }
    }
    found
}

/// Returns the ids of the methods of an `impl`, or of the variants of an enum, with the name of their type.
fn members(item: &Value) -> Vec<(String, String)> {
    let inner = &item["inner"];
    let (owner, ids) = match (inner.get("impl"), inner.get("enum")) {
        (Some(block), _) => (&block["for"]["resolved_path"]["path"], &block["items"]),
        (_, Some(body)) => (&item["name"], &body["variants"]),
        _ => return Vec::new(),
    };
    let owner = owner.as_str().and_then(|path| path.rsplit("::").next()).unwrap_or_default();
    ids.as_array().into_iter().flatten().map(|id| (owner.to_owned(), id.to_string())).collect()
}

fn names(item: &Value) -> impl Iterator<Item = &str> {
    let aliases = item["attrs"].as_array().into_iter().flatten().filter_map(|attribute| {
        attribute["other"].as_str()?.strip_prefix("#[doc(alias = \"")?.strip_suffix("\")]")
    });
    item["name"].as_str().into_iter().chain(aliases)
}

/// Runs rustdoc as docs.rs does.
fn build_docs() -> Value {
    let root = fal_tests::root();
    let manifest = fs::read_to_string(root.join("crates/fal-client/Cargo.toml")).unwrap();
    let features: Vec<_> = manifest
        .split_once("[features]\n")
        .and_then(|(_, rest)| rest.split_once("\n["))
        .into_iter()
        .flat_map(|(features, _)| features.lines())
        .filter_map(|line| line.split_once(" = ").map(|(name, _)| name))
        // Needs the headers of the system's library.
        .filter(|name| !name.starts_with('#') && *name != "native-tls")
        .collect();
    let output = Command::new(env!("CARGO"))
        .args([
            "rustdoc",
            "--offline",
            "--quiet",
            "-p",
            "fal-client",
            "--lib",
            "--features",
            &features.join(","),
        ])
        .args(["--", "--cfg", "docsrs", "-Z", "unstable-options", "--output-format", "json"])
        // Only rustdoc gets unstable options, or else every dependency would be compiled once more.
        .env("RUSTDOC", unstable_rustdoc())
        .current_dir(&root)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let target =
        env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), |folder| root.join(folder));
    serde_json::from_slice(&fs::read(target.join("doc/fal_client.json")).unwrap()).unwrap()
}

/// Writes a script that runs rustdoc with unstable options, and returns its path.
fn unstable_rustdoc() -> String {
    let script = Path::new(env!("CARGO_TARGET_TMPDIR")).join("unstable-rustdoc");
    let rustdoc = env::var("RUSTDOC").unwrap_or_else(|_| "rustdoc".to_owned());
    fs::write(&script, format!("#!/bin/sh\nRUSTC_BOOTSTRAP=1 exec '{rustdoc}' \"$@\"\n")).unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    script.display().to_string()
}
