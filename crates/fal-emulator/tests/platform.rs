//! The catalogue, the schema folder, and the life of an emulator.

mod common;

use common::Fal;
use fal_emulator::{Emulator, Error};
use serde_json::json;

#[tokio::test]
async fn the_catalogue_lists_filters_and_expands() {
    let fal = Fal::instant().await;
    let url = format!("{}/v1/models", fal.urls.platform);
    let all = fal.get(&url).await.json();
    let listed: Vec<_> = all["models"]
        .as_array()
        .unwrap()
        .iter()
        .map(|model| model["endpoint_id"].as_str().unwrap())
        .collect();
    assert_eq!(listed, fal.emulator.endpoints());
    assert_eq!((&all["next_cursor"], &all["has_more"]), (&json!(null), &json!(false)));
    assert!(all["models"][0].get("openapi").is_none());

    let two = fal.get(&format!("{url}?endpoint_id=fal-ai%2Fflux%2Fdev,fal-ai/whisper")).await.json();
    assert_eq!(two["models"].as_array().unwrap().len(), 2);
    let one = fal.get(&format!("{url}?endpoint_id=fal-ai/flux/dev&expand=openapi-3.0")).await.json();
    assert!(one["models"][0]["openapi"]["paths"]["/fal-ai/flux/dev"].is_object());
    assert_eq!(one["models"][0]["metadata"]["category"], "text-to-image");
    let none = fal.get(&format!("{url}?endpoint_id=no/thing")).await.json();
    assert_eq!(none["models"], json!([]));
}

#[tokio::test]
async fn a_folder_replaces_the_built_in_models() {
    let folder = tempfile::tempdir().unwrap();
    let document = json!({
        "info": {"x-fal-metadata": {"endpointId": "workflows/acme/echo"}},
        "components": {"schemas": {
            "In": {"type": "object", "required": ["word"], "properties": {"word": {"type": "string"}}},
            "Out": {"type": "object", "required": ["word"], "properties": {"word": {"type": "string"}}},
        }},
        "paths": {"/workflows/acme/echo": {"post": {
            "requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/In"}}}},
            "responses": {"200": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Out"}}}}},
        }}},
    });
    std::fs::write(folder.path().join("echo.json"), document.to_string()).unwrap();
    std::fs::write(folder.path().join("notes.txt"), "not a schema").unwrap();
    let fal = Fal::of(Emulator::builder().schemas_dir(folder.path())).await;
    assert_eq!(fal.emulator.endpoints(), ["workflows/acme/echo"]);
    let answer = fal.run("workflows/acme/echo", &json!({"word": "hello"})).await;
    assert_eq!(answer.both(), (200, json!({"word": "hello"})));
    let receipt = fal.submit("workflows/acme/echo", &json!({"word": "hello"})).await;
    let status_url = receipt["status_url"].as_str().unwrap();
    assert!(status_url.contains("/queue/workflows/acme/echo/requests/"), "{status_url}");
}

#[tokio::test]
async fn what_is_wrong_with_a_folder_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let start = || Emulator::builder().schemas_dir(folder.path()).start();
    assert!(matches!(start().await, Err(Error::NoModels { .. })));
    let file = folder.path().join("broken.json");
    std::fs::write(&file, "{").unwrap();
    let error = start().await.unwrap_err();
    assert!(matches!(&error, Error::Document { path, .. } if *path == file));
    assert!(error.to_string().contains("broken.json"), "{error}");
    let missing = Emulator::builder().schemas_dir(folder.path().join("none")).start().await;
    assert!(matches!(missing, Err(Error::Read { .. })));
}

#[tokio::test]
async fn a_taken_port_is_an_error_that_names_it() {
    let first = Emulator::start().await.unwrap();
    let port: u16 = first.url().rsplit(':').next().unwrap().parse().unwrap();
    let error = Emulator::builder().port(port).start().await.unwrap_err();
    assert!(error.to_string().contains(&port.to_string()), "{error}");
}

#[tokio::test]
async fn keys_that_no_header_can_carry_are_refused() {
    for key in ["", "id:sec ret", "id:\n"] {
        assert!(matches!(Emulator::builder().require_key(key).start().await, Err(Error::Key)));
    }
}

#[tokio::test]
async fn shutdown_frees_the_port() {
    let fal = Fal::instant().await;
    let url = format!("{}/v1/models", fal.urls.platform);
    assert_eq!(fal.get(&url).await.status, 200);
    let port: u16 = fal.emulator.url().rsplit(':').next().unwrap().parse().unwrap();
    fal.emulator.shutdown().await;
    assert!(fal.http.get(&url).send().await.is_err());
    Emulator::builder().port(port).start().await.unwrap().shutdown().await;
}

#[tokio::test]
async fn dropping_stops_it() {
    let emulator = Emulator::start().await.unwrap();
    let address = emulator.url().strip_prefix("http://").unwrap().to_owned();
    tokio::net::TcpStream::connect(&address).await.unwrap();
    drop(emulator);
    // The task closes the listener when it is next polled.
    while tokio::net::TcpStream::connect(&address).await.is_ok() {
        tokio::task::yield_now().await;
    }
}
