//! Seeded changes of the documents in `schemas/inference`.

use std::{
    io::{Read, Write},
    net::TcpListener,
};

use serde_json::json;

use super::*;

fn document(name: &str) -> Value {
    let text = fs::read_to_string(root().join(FOLDER).join(format!("{name}.json"))).unwrap();
    serde_json::from_str(&text).unwrap()
}

/// Returns what is different after a change of the document of the queue.
fn differences(change: impl FnOnce(&mut Value)) -> Vec<String> {
    let ours = document("queue");
    let mut theirs = ours.clone();
    change(&mut theirs);
    compare(&ours, &theirs)
}

#[test]
fn other_words_order_and_names_of_parts_are_no_difference() {
    let text = serde_json::to_string(&document("queue")).unwrap();
    let renamed = text
        .replace("\"#/components/schemas/CancelReply\"", "\"#/components/schemas/Cancelled\"")
        .replace("\"CancelReply\":", "\"Cancelled\":")
        .replace("{owner}", "{user}")
        .replace("X-Fal-Queue-Priority", "x-fal-queue-priority");
    assert!(renamed != text);
    let mut theirs: Value = serde_json::from_str(&renamed).unwrap();
    theirs["info"]["description"] = json!("Other words.");
    assert_eq!(compare(&document("queue"), &theirs), [""; 0]);
}

#[test]
fn each_kind_of_change_is_a_line_that_says_it() {
    type Change = fn(&mut Value);
    let both = "POST /{}/{}, POST /{}/{}/{}";
    let table: [(Change, Vec<String>); 8] = [
        (
            |root| root["components"]["parameters"]["Priority"]["name"] = json!("X-Fal-Priority"),
            vec![
                format!("header x-fal-priority is new ({both})"),
                format!("header x-fal-queue-priority is gone ({both})"),
            ],
        ),
        (
            |root| {
                let states =
                    &mut root["components"]["schemas"]["WaitingStatus"]["properties"]["status"]["enum"];
                states.as_array_mut().unwrap().push(json!("PAUSED"));
            },
            vec!["status 202: status = \"PAUSED\" is new (GET /{}/{}/requests/{}/status)".to_owned()],
        ),
        (
            |root| root["components"]["parameters"]["StartTimeout"]["schema"]["exclusiveMinimum"] = json!(1),
            vec![
                format!("header x-fal-request-start-timeout: exclusiveMinimum 0.1 is gone ({both})"),
                format!("header x-fal-request-start-timeout: exclusiveMinimum 1 is new ({both})"),
            ],
        ),
        (
            |root| root["components"]["parameters"]["Webhook"]["deprecated"] = json!(true),
            vec![format!("query fal_webhook: deprecated is new ({both})")],
        ),
        (
            |root| {
                let cancel = root["paths"]
                    .as_object_mut()
                    .unwrap()
                    .remove("/{owner}/{app}/requests/{request_id}/cancel");
                assert!(cancel.is_some());
            },
            vec!["PUT /{}/{}/requests/{}/cancel is gone".to_owned()],
        ),
        (
            |root| {
                let status = root["paths"]["/{owner}/{app}/requests/{request_id}/status"].clone();
                root["paths"]["/{owner}/{app}/requests/{request_id}/events"] = status;
            },
            vec!["GET /{}/{}/requests/{}/events is new".to_owned()],
        ),
        (
            |root| root["servers"][0]["url"] = json!("https://queue.fal.ai"),
            vec![
                "server https://queue.fal.run is gone".to_owned(),
                "server https://queue.fal.ai is new".to_owned(),
            ],
        ),
        (
            |root| {
                let submit = &mut root["paths"]["/{owner}/{app}"]["post"]["responses"];
                submit["418"] = json!({"description": "Too large."});
            },
            vec!["status 418 is new (POST /{}/{})".to_owned()],
        ),
    ];
    for (change, expected) in table {
        assert_eq!(differences(change), expected);
    }
}

#[test]
fn documents_that_are_no_documents_are_all_different_and_no_panic() {
    for theirs in [
        json!(null),
        json!([]),
        json!({"paths": {"/x": 1}}),
        json!({"paths": {"/x": {"get": {"$ref": "#/"}}}}),
    ] {
        assert!(!compare(&document("sync"), &theirs).is_empty());
    }
    let endless = json!({
        "paths": {"/x": {"get": {"requestBody": {"content": {"a/b": {"schema": {"$ref": "#/components/schemas/A"}}}}}}},
        "components": {"schemas": {"A": {"properties": {"a": {"$ref": "#/components/schemas/A"}}}}},
    });
    assert!(compare(&endless, &endless).is_empty());
}

/// Serves the two documents once, from this machine.
fn serve(queue: Value, sync: Value) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/openapi/", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for _ in 0..2 {
            let (mut socket, _) = listener.accept().unwrap();
            let mut head = [0; 4096];
            let read = socket.read(&mut head).unwrap();
            let head = String::from_utf8_lossy(&head[..read]).to_lowercase();
            assert!(!head.contains("authorization"), "{head}");
            let body = if head.starts_with("get /openapi/queue.json ") { &queue } else { &sync }.to_string();
            let answer = format!(
                "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
                body.len()
            );
            socket.write_all(answer.as_bytes()).unwrap();
        }
    });
    url
}

#[test]
fn known_differences_are_accepted_and_others_are_the_error() {
    let known: Vec<String> =
        known_differences(&read(&root().join(FOLDER).join("differences.txt")).unwrap()).collect();
    // fal's document as far as it is known: ours without what only ours says.
    let mut queue = document("queue");
    queue["servers"].as_array_mut().unwrap().truncate(1);
    let mut sync = document("sync");
    sync["servers"].as_array_mut().unwrap().truncate(1);
    assert_eq!(known.len(), 2, "a new known difference is part of this test");
    let run = |queue: Value, sync: Value| run(&Arguments { from: None, base_url: serve(queue, sync) });
    assert_eq!(run(queue.clone(), sync.clone()), Ok(()));
    sync["paths"]["/{owner}/{app}"]["post"]["responses"]["418"] = json!({"description": "Too large."});
    assert_eq!(run(queue, sync).unwrap_err(), "sync: status 418 is new (POST /{}/{})");
    let error = run(document("queue"), document("sync")).unwrap_err();
    assert!(error.lines().count() == 2 && error.contains("no longer true"), "{error}");
}

#[test]
fn service_that_cannot_be_reached_is_named_with_the_cause() {
    // It is bound and does not listen, so that its port refuses connections and nobody else gets it.
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let url = format!("http://{}/", socket.local_addr().unwrap());
    let error = fetch(&url, "queue.json").unwrap_err();
    assert!(error.starts_with(&format!("{url}queue.json: ")) && error.contains("refused"), "{error}");
}

#[test]
fn folder_takes_the_place_of_fal() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = Arguments { from: Some(folder.path().to_owned()), base_url: BASE.to_owned() };
    assert!(run(&arguments).unwrap_err().contains("queue.json"));
    fs::write(folder.path().join("queue.json"), "<html>").unwrap();
    assert!(run(&arguments).unwrap_err().starts_with("fal's queue.json: expected value"));
}
