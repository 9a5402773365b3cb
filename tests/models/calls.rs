//! The example on the front page of every model crate works, and one call of every endpoint: the emulator answers, and the
//! types of the crate read the answer.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;

use fal_client::{Client, untyped};
use fal_codegen::Manifest;
use fal_emulator::Emulator;
use fal_model_examples::{ENDPOINTS, Example};
use futures_util::{StreamExt, future::join_all, stream};
use serde_json::Value;

#[tokio::test]
async fn the_example_call_of_every_crate_succeeds() {
    let emulator = Emulator::start().await.unwrap();
    let client = Client::builder().emulator(emulator.url()).build().unwrap();
    let calls = fal_model_examples::CRATES.iter().map(|name| {
        let client = &client;
        async move { (*name, fal_model_examples::call(name, client).await) }
    });
    let mut failed = Vec::new();
    for (name, answer) in join_all(calls).await {
        match answer {
            Some(Ok(answer)) => {
                let output: Value = serde_json::from_slice(&answer).unwrap();
                assert!(output != Value::Null, "{name}");
            }
            Some(Err(error)) => failed.push(format!("{name}: {error}")),
            None => failed.push(format!("{name}: has no call")),
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

#[tokio::test]
async fn one_call_of_every_endpoint_succeeds() {
    let emulator = Emulator::start().await.unwrap();
    let client = Client::builder().emulator(emulator.url()).build().unwrap();
    let calls = ENDPOINTS.iter().map(|example| {
        let (example, client) = (example(), &client);
        async move { (example.id, answer(client, example).await) }
    });
    let answers: Vec<_> = stream::iter(calls).buffer_unordered(8).collect().await;
    let failed: Vec<_> = answers.iter().filter(|(_, answer)| answer.is_err()).collect();
    assert!(failed.is_empty(), "{failed:#?}");
    let called: BTreeSet<String> = answers.iter().map(|(id, _)| (*id).to_owned()).collect();
    assert_eq!(called, manifest().crates.into_values().flat_map(|family| family.endpoints).collect());
}

/// Makes a call and reads its answer with the types of the endpoint.
async fn answer(client: &Client, example: Example) -> Result<(), String> {
    let input = example.input.map_err(|error| error.to_string())?;
    let input = untyped::input(example.id, input);
    // A direct call of these is a stream of events.
    let reply =
        if example.id.ends_with("/stream") { client.subscribe(input).await } else { client.run(input).await };
    let reply = reply.map_err(|error| error.to_string())?;
    (example.read_output)(reply.raw()).map_err(|error| error.to_string())
}

#[test]
fn every_crate_of_the_manifest_has_an_example_call() {
    let manifest = manifest();
    let crates: BTreeSet<&str> = manifest.crates.keys().map(String::as_str).collect();
    assert_eq!(fal_model_examples::CRATES.iter().copied().collect::<BTreeSet<_>>(), crates);
}

/// The call of every endpoint shows that the emulator serves them.
#[test]
fn endpoints_that_people_ask_for_by_name_are_in_the_manifest() {
    let manifest = manifest();
    let ids: BTreeSet<&str> =
        manifest.crates.values().flat_map(|family| &family.endpoints).map(String::as_str).collect();
    let missing: Vec<&str> =
        include_str!("well_known_ids.txt").lines().filter(|id| !ids.contains(id)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

fn manifest() -> Manifest {
    let file = "schemas/manifest.toml";
    let text = std::fs::read_to_string(fal_tests::root().join(file)).unwrap();
    Manifest::parse(file, &text).unwrap()
}

/// Doc tests check that the shown calls compile.
#[test]
fn the_module_docs_of_every_endpoint_show_a_call() {
    let (mut endpoints, mut without) = (0, Vec::new());
    let mut folders = vec![fal_tests::root().join("crates/models")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                if text.contains("\npub enum Model {}\n") {
                    endpoints += 1;
                    let shows = text.lines().any(|line| line.starts_with("//! ") && line.contains("input!("));
                    without.extend((!shows).then_some(path));
                }
            }
        }
    }
    assert!(endpoints >= 1_250, "{endpoints}");
    assert!(without.is_empty(), "{without:#?}");
}
