//! The catalogue, the schema folder, and the life of an emulator.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::time::Duration;

use common::TestEmulator;
use fal_emulator::{Emulator, Error, HistoryOutage, HistorySettings, Pace, Scenario};
use reqwest::Method;
use serde_json::{Value, json};

#[tokio::test]
async fn the_catalogue_can_be_listed_filtered_and_expanded() {
    let fal = TestEmulator::instant().await;
    let url = format!("{}/v1/models", fal.urls.platform);
    let all = fal.get(&url).await.json();
    let listed: Vec<_> = all["models"]
        .as_array()
        .unwrap()
        .iter()
        .map(|model| model["endpoint_id"].as_str().unwrap())
        .collect();
    let endpoints = fal.emulator.endpoints();
    assert_eq!(listed, endpoints[..50]);
    assert!(all["next_cursor"].is_string());
    assert_eq!(all["has_more"], true);
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
async fn the_catalogue_can_be_searched_and_paged() {
    let fal = TestEmulator::instant().await;
    let get = async |query: &str| fal.get(&format!("{}/v1/models?{query}", fal.urls.platform)).await;
    let ids = |page: &Value| {
        let models = page["models"].as_array().unwrap();
        models.iter().map(|model| model["endpoint_id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let found = async |query: &str| ids(&get(query).await.json());
    assert!(found("q=WHISPER").await.contains(&"fal-ai/whisper".to_owned()));
    assert!(found("q=flux+image+flow").await.contains(&"fal-ai/flux/dev".to_owned()));
    assert_eq!(ids(&get("q=no-such-thing").await.json()), [""; 0]);
    let transcribers = found("category=speech-to-text&status=active").await;
    assert!(transcribers.contains(&"fal-ai/whisper".to_owned()));
    assert!(!transcribers.contains(&"fal-ai/flux/dev".to_owned()));
    assert_eq!(ids(&get("status=deprecated").await.json()), [""; 0]);

    let mut all = Vec::new();
    let mut page = get("limit=30").await.json();
    loop {
        all.extend(ids(&page));
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        assert_eq!(page["has_more"], true);
        page = get(&format!("limit=30&cursor={}", cursor.replace('=', "%3D"))).await.json();
    }
    assert_eq!(all, fal.emulator.endpoints());
    for bad in ["limit=0", "limit=x", "cursor=x", "status=odd", "expand=everything"] {
        let answer = get(bad).await;
        assert_eq!(
            (answer.status.as_u16(), &answer.json()["error"]["type"]),
            (400, &json!("validation_error"))
        );
    }
    let many = vec!["a/b"; 51].join(",");
    assert_eq!(get(&format!("endpoint_id={many}")).await.status, 400);
}

#[tokio::test]
async fn prices_documents_and_meta_are_served() {
    let fal = TestEmulator::start(Emulator::builder().require_key("id:secret")).await;
    let key = [("authorization", "Key id:secret")];
    let url = |path: &str| format!("{}/v1/{path}", fal.urls.platform);
    let prices = url("models/pricing?endpoint_id=fal-ai/flux/dev&endpoint_id=fal-ai/whisper");
    assert_eq!(fal.get(&prices).await.json()["error"]["type"], "authorization_error");
    let prices = fal.send(Method::GET, &prices, &key, "").await.json();
    let (first, count) = (&prices["prices"][0], prices["prices"].as_array().unwrap().len());
    assert_eq!((count, &first["unit"], &first["currency"]), (2, &json!("images"), &json!("USD")));
    let unknown = fal.send(Method::GET, &url("models/pricing?endpoint_id=a/b"), &key, "").await;
    assert_eq!((unknown.status.as_u16(), &unknown.json()["error"]["type"]), (404, &json!("not_found")));
    let estimate = async |body: Value| {
        let answer = fal.send(Method::POST, &url("models/pricing/estimate"), &key, body.to_string()).await;
        answer.json()
    };
    let unit = first["unit_price"].as_f64().unwrap();
    let asked =
        json!({"estimate_type": "unit_price", "endpoints": {"fal-ai/flux/dev": {"unit_quantity": 50}}});
    assert_eq!(estimate(asked).await["total_cost"].as_f64(), Some(unit * 50.0));
    for bad in [
        json!({}),
        json!({"estimate_type": "unit_price"}),
        json!({"estimate_type": "unit_price", "endpoints": {"fal-ai/flux/dev": {"unit_quantity": 0}}}),
        json!({"estimate_type": "historical_api_price", "endpoints": {"fal-ai/flux/dev": {"call_quantity": 1.5}}}),
    ] {
        assert_eq!(estimate(bad.clone()).await["error"]["type"], "validation_error", "{bad}");
    }
    assert!(fal.get(&url("meta")).await.json()["webhook_ip_ranges"].is_array());

    let document = format!("{}/api/openapi/queue/openapi.json?endpoint_id=", fal.emulator.url());
    let flux = fal.get(&format!("{document}fal-ai%2Fflux%2Fdev")).await.json();
    assert!(flux["paths"]["/fal-ai/flux/dev"].is_object());
    assert_eq!(fal.get(&format!("{document}a/b")).await.status_and_json(), (404, json!(null)));
}

#[tokio::test]
async fn the_server_proxy_adds_the_emulators_key() {
    let fal = TestEmulator::start(Emulator::builder().require_key("id:secret").pace(Pace::instant())).await;
    let url = format!("{}/proxy", fal.emulator.url());
    let call = async |method: Method, target: &str, body: &'static str| {
        fal.send(method, &url, &[("x-fal-target-url", target)], body).await
    };
    let small = r#"{"prompt": "a cat", "image_size": {"width": 8, "height": 8}}"#;
    let answer = call(Method::POST, "https://fal.run/fal-ai/flux/dev", small).await;
    assert_eq!((answer.status.as_u16(), &answer.json()["prompt"]), (200, &json!("a cat")));
    let receipt = call(Method::POST, "https://queue.fal.run/fal-ai/flux/dev", small).await.json();
    let id = receipt["request_id"].as_str().unwrap();
    let status = format!("https://queue.fal.run/fal-ai/flux/requests/{id}/status?logs=1");
    assert_eq!(call(Method::GET, &status, "").await.json()["status"], "COMPLETED");
    let initiate = "https://rest.fal.ai/storage/upload/initiate?storage_type=fal-cdn-v3";
    assert!(call(Method::POST, initiate, "{}").await.json()["upload_url"].is_string());
    let tokens = call(Method::POST, "https://rest.fal.ai/tokens/", "{}").await;
    assert_eq!((tokens.status.as_u16(), tokens.bytes.as_slice()), (400, b"Invalid request".as_slice()));
    assert_eq!(fal.post(&url, &json!({})).await.status, 400);
    assert_eq!(call(Method::DELETE, "https://fal.run/fal-ai/flux/dev", "").await.status, 405);
    let preflight = fal.send(Method::OPTIONS, &url, &[], "").await;
    assert_eq!((preflight.status.as_u16(), preflight.header("access-control-allow-origin")), (204, "*"));
}

#[tokio::test]
async fn a_schema_folder_replaces_the_built_in_models() {
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
    let fal = TestEmulator::start(Emulator::builder().schemas_dir(folder.path())).await;
    assert_eq!(fal.emulator.endpoints(), ["workflows/acme/echo"]);
    let answer = fal.run("workflows/acme/echo", &json!({"word": "hello"})).await;
    assert_eq!(answer.status_and_json(), (200, json!({"word": "hello"})));
    let receipt = fal.submit("workflows/acme/echo", &json!({"word": "hello"})).await;
    let status_url = receipt["status_url"].as_str().unwrap();
    assert!(status_url.contains("/queue/workflows/acme/echo/requests/"), "{status_url}");
}

#[tokio::test]
async fn errors_of_a_schema_folder_name_the_file() {
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
async fn the_error_for_a_port_in_use_names_the_port() {
    let first = Emulator::start().await.unwrap();
    let port: u16 = first.url().rsplit(':').next().unwrap().parse().unwrap();
    let error = Emulator::builder().port(port).start().await.unwrap_err();
    assert!(error.to_string().contains(&port.to_string()), "{error}");
}

#[tokio::test]
async fn keys_that_no_header_can_carry_fail_at_start() {
    for key in ["", "id:sec ret", "id:\n"] {
        assert!(matches!(Emulator::builder().require_key(key).start().await, Err(Error::Key)));
    }
}

#[tokio::test]
async fn shutdown_frees_the_port() {
    let fal = TestEmulator::instant().await;
    let url = format!("{}/v1/models", fal.urls.platform);
    assert_eq!(fal.get(&url).await.status, 200);
    let port: u16 = fal.emulator.url().rsplit(':').next().unwrap().parse().unwrap();
    fal.emulator.shutdown().await;
    assert!(fal.http.get(&url).send().await.is_err());
    Emulator::builder().port(port).start().await.unwrap().shutdown().await;
}

#[tokio::test]
async fn dropping_the_emulator_closes_its_port() {
    let emulator = Emulator::start().await.unwrap();
    let address = emulator.url().strip_prefix("http://").unwrap().to_owned();
    tokio::net::TcpStream::connect(&address).await.unwrap();
    drop(emulator);
    // The task closes the listener when it is next polled.
    while tokio::net::TcpStream::connect(&address).await.is_ok() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn requests_are_listed_with_their_payloads_and_paged() {
    let fal = TestEmulator::instant().await;
    fal.emulator.on_endpoint("acme/echo").reply(|input| json!({"echo": input}));
    let url = format!("{}/v1/models/requests/by-endpoint", fal.urls.platform);
    let list = async |query: &str| fal.get(&format!("{url}?{query}")).await.json();
    let submitted = fal.submit("acme/echo", &json!({"n": 1})).await;
    fal.get(submitted["response_url"].as_str().unwrap()).await;
    let run = fal.run("acme/echo", &json!({"n": 2})).await;
    fal.submit("fal-ai/whisper", &json!({})).await;
    let refused = fal.run("fal-ai/flux/dev", &json!({})).await;
    assert_eq!(refused.status, 422);

    let both = list("endpoint_id=acme/echo&expand=payloads").await;
    let items = both["items"].as_array().unwrap();
    assert_eq!((items.len(), &both["has_more"], &both["next_cursor"]), (2, &json!(false), &Value::Null));
    let queued = items.iter().find(|item| item["request_id"] == submitted["request_id"]).unwrap();
    assert_eq!(
        (&queued["json_input"], &queued["json_output"], &queued["status_code"]),
        (&json!({"n": 1}), &json!({"echo": {"n": 1}}), &json!(200))
    );
    assert!(items.iter().any(|item| item["request_id"] == run.header("x-fal-request-id")));
    for item in items {
        for time in ["sent_at", "started_at", "ended_at"] {
            assert!(item[time].as_str().unwrap().contains('T'), "{item}");
        }
        assert!(item["duration"].is_number());
    }
    assert!(list("endpoint_id=acme/echo").await["items"][0].get("json_input").is_none());
    let failed = list("endpoint_id=fal-ai/flux/dev&status=user_error").await;
    assert_eq!(failed["items"][0]["request_id"], refused.header("x-fal-request-id"));
    assert_eq!(list("endpoint_id=fal-ai/flux/dev&status=success").await["items"], json!([]));
    let id = submitted["request_id"].as_str().unwrap();
    assert_eq!(
        list(&format!("endpoint_id=acme/echo&request_id={id}")).await["items"].as_array().unwrap().len(),
        1
    );
    assert_eq!(list("endpoint_id=acme/echo&end=2020-01-01").await["items"], json!([]));
    assert_eq!(list("endpoint_id=acme/echo&start=2999-01-01").await["items"], json!([]));
    let first = list("endpoint_id=acme/echo&limit=1").await;
    let cursor = first["next_cursor"].as_str().unwrap().replace('=', "%3D");
    let second = list(&format!("endpoint_id=acme/echo&limit=1&cursor={cursor}")).await;
    assert_ne!(first["items"][0]["request_id"], second["items"][0]["request_id"]);
    assert_eq!(second["has_more"], false);
    for bad in ["", "endpoint_id=a/b&limit=101", "endpoint_id=a/b&expand=all", "endpoint_id=a/b&start=now"] {
        let answer = fal.get(&format!("{url}?{bad}")).await;
        assert_eq!(answer.json()["error"]["type"], "validation_error", "{bad}");
    }
}

#[tokio::test]
async fn requests_are_listed_once_they_run_and_the_lag_has_passed() {
    let pace = Pace::instant().per_position(Duration::from_secs(10)).run(Duration::from_secs(10));
    let lag = HistorySettings::default().lag(Duration::from_secs(5));
    let builder = Emulator::builder().manual_clock().pace(pace).history(lag);
    let fal = TestEmulator::start(builder).await;
    let url = format!("{}/v1/models/requests/by-endpoint?endpoint_id=fal-ai/flux/dev", fal.urls.platform);
    let items = async || fal.get(&url).await.json()["items"].as_array().unwrap().clone();
    fal.submit("fal-ai/flux/dev", &json!({"prompt": "a cat"})).await;
    assert_eq!(items().await.len(), 0);
    fal.emulator.advance(Duration::from_secs(14));
    assert_eq!(items().await.len(), 0);
    fal.emulator.advance(Duration::from_secs(1));
    let running = items().await;
    assert_eq!((&running[0]["ended_at"], &running[0]["status_code"]), (&Value::Null, &Value::Null));
    fal.emulator.advance(Duration::from_secs(5));
    assert_eq!(
        (&items().await[0]["duration"], &items().await[0]["status_code"]),
        (&json!(20.0), &json!(200))
    );

    fal.emulator.set_history(HistorySettings::default().outage(HistoryOutage::Empty));
    assert_eq!(items().await.len(), 0);
    let scenario = Scenario::from_toml("[history]\noutage = \"unavailable\"").unwrap();
    fal.emulator.apply(&scenario);
    let refused = fal.get(&url).await;
    assert_eq!((refused.status.as_u16(), &refused.json()["error"]["type"]), (503, &json!("server_error")));
    fal.emulator.reset();
    assert_eq!(items().await.len(), 1);
}

#[tokio::test]
async fn the_list_of_requests_has_no_payloads_that_were_not_stored_and_no_request_that_never_ran() {
    let fal = TestEmulator::start(
        Emulator::builder().runners(1).pace(Pace::instant().run(Duration::from_secs(60))).manual_clock(),
    )
    .await;
    let url = format!("{}/v1/models/requests/by-endpoint", fal.urls.platform);
    let submit = format!("{}/fal-ai/flux/dev", fal.urls.queue);
    let headers = [("x-fal-store-io", "0"), ("content-type", "application/json")];
    let input = json!({"prompt": "a cat"});
    let first = fal.send(Method::POST, &submit, &headers, input.to_string()).await.json();
    let second = fal.submit("fal-ai/flux/dev", &input).await;
    for request in [&second, &first] {
        fal.send(Method::PUT, request["cancel_url"].as_str().unwrap(), &[], "").await;
    }
    let listed = fal.get(&format!("{url}?endpoint_id=fal-ai/flux/dev&expand=payloads")).await.json();
    let items = listed["items"].as_array().unwrap();
    assert_eq!((items.len(), &items[0]["request_id"]), (1, &first["request_id"]));
    assert_eq!((&items[0]["status_code"], items[0].get("json_input")), (&json!(499), None));
}
