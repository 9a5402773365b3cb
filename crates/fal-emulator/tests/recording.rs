//! Recording and replaying, with a second emulator as the real service.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::path::Path;
use std::sync::{Arc, Mutex};

use common::TestEmulator;
use fal_emulator::{Emulator, Error, FaultPoint, Pace, RequestKind, UnrecordedReply};
use reqwest::Method;
use serde_json::{Value, json};

const ID: &str = "fal-ai/flux/dev";
const KEY: &str = "real-key-id:real-key-secret";

fn input(prompt: &str) -> Value {
    json!({"prompt": prompt, "image_size": {"width": 16, "height": 16}})
}

/// Starts the service that is recorded. It requires the key of the user.
async fn real() -> TestEmulator {
    TestEmulator::start(Emulator::builder().pace(Pace::instant()).require_key(KEY).random_seeds()).await
}

async fn recorder(real: &TestEmulator, folder: &Path) -> TestEmulator {
    TestEmulator::start(Emulator::builder().record(folder, KEY).upstream(real.emulator.url())).await
}

async fn replayer(folder: &Path) -> TestEmulator {
    TestEmulator::start(Emulator::builder().replay(folder)).await
}

/// Sends a request under one of fal's names, as it comes through the proxy.
async fn send(
    fal: &TestEmulator,
    method: Method,
    host: &str,
    path: &str,
    key: &str,
    body: &[u8],
) -> common::Response {
    let url = format!("{}{path}", fal.emulator.url());
    let mut headers = vec![("host", host)];
    let key = format!("Key {key}");
    if key.len() > 4 {
        headers.push(("authorization", &key));
    }
    fal.send(method, &url, &headers, body.to_vec()).await
}

/// Returns the host and the path of a URL.
fn split(url: &str) -> (&str, &str) {
    // The emulator that plays the service is called without TLS.
    let rest = url.strip_prefix("http://").unwrap();
    rest.split_at(rest.find('/').unwrap())
}

/// Submits a request, polls, and fetches the result and its picture. Returns all replies.
async fn subscribe(fal: &TestEmulator, key: &str, prompt: &str) -> Vec<Vec<u8>> {
    let body = input(prompt).to_string();
    let submitted = send(fal, Method::POST, "queue.fal.run", &format!("/{ID}"), key, body.as_bytes()).await;
    assert_eq!(submitted.status, 200, "{}", String::from_utf8_lossy(&submitted.bytes));
    let receipt = submitted.json();
    let mut replies = vec![submitted.bytes];
    for name in ["status_url", "response_url"] {
        let (host, path) = split(receipt[name].as_str().unwrap());
        replies.push(send(fal, Method::GET, host, path, key, b"").await.bytes);
    }
    let result: Value = serde_json::from_slice(replies.last().unwrap()).unwrap();
    let (host, path) = split(result["images"][0]["url"].as_str().unwrap());
    let picture = send(fal, Method::GET, host, path, "", b"").await;
    assert_eq!(picture.header("content-type"), "image/jpeg");
    assert_eq!(picture.header("content-length"), picture.bytes.len().to_string());
    replies.push(picture.bytes);
    replies
}

/// Returns everything in the files of a folder.
fn contents(folder: &Path) -> Vec<u8> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all.extend(contents(&path));
        } else {
            all.extend(std::fs::read(path).unwrap());
        }
    }
    all
}

#[tokio::test]
async fn a_locked_account_and_a_rate_limit_refuse_recorded_calls_too() {
    let folder = tempfile::tempdir().unwrap();
    let real = real().await;
    let recording = recorder(&real, folder.path()).await;
    let key = recording.emulator.caller_key().unwrap().to_owned();
    let body = input("a cat").to_string();
    let run = async |fal: &TestEmulator| {
        send(fal, Method::POST, "fal.run", &format!("/{ID}"), &key, body.as_bytes()).await.status.as_u16()
    };
    recording.emulator.rate_limit(1);
    assert_eq!(run(&recording).await, 429);
    assert!(real.emulator.requests().is_empty(), "a refused call costs nothing");
    assert_eq!(run(&recording).await, 200);
    recording.emulator.shutdown().await;
    let replay = replayer(folder.path()).await;
    replay.emulator.lock_account("Admin lock");
    assert_eq!(run(&replay).await, 403);
    replay.emulator.unlock_account();
    assert_eq!(run(&replay).await, 200);
}

#[tokio::test]
async fn a_recording_is_replayed_byte_for_byte_without_the_service() {
    let folder = tempfile::tempdir().unwrap();
    let real = real().await;
    let recording = recorder(&real, folder.path()).await;
    let key = recording.emulator.caller_key().unwrap().to_owned();
    let first = subscribe(&recording, &key, "a cat").await;
    let stream = send(
        &recording,
        Method::POST,
        "fal.run",
        &format!("/{ID}/stream"),
        &key,
        input("x").to_string().as_bytes(),
    )
    .await;
    let refused = send(&recording, Method::POST, "fal.run", &format!("/{ID}"), &key, b"{}").await;
    assert_eq!((stream.status.as_u16(), refused.status.as_u16()), (200, 422));
    assert_eq!(recording.emulator.recorded_exchanges(), (0, 6));
    // The key of the user reached the service and nothing else.
    let sent = real.emulator.requests();
    assert_eq!(sent[0].header("authorization"), Some(format!("Key {KEY}").as_str()));
    let stored = contents(folder.path());
    for secret in ["real-key-secret", "real-key-id", key.as_str()] {
        assert!(!stored.windows(secret.len()).any(|window| window == secret.as_bytes()), "{secret}");
    }
    recording.emulator.shutdown().await;
    real.emulator.shutdown().await;

    let replayed = replayer(folder.path()).await;
    for _ in 0..2 {
        assert_eq!(subscribe(&replayed, "any", "a cat").await, first);
    }
    let again = send(
        &replayed,
        Method::POST,
        "fal.run",
        &format!("/{ID}/stream"),
        "any",
        input("x").to_string().as_bytes(),
    )
    .await;
    assert_eq!((&again.bytes, again.header("content-type")), (&stream.bytes, "text/event-stream"));
    let again = send(&replayed, Method::POST, "fal.run", &format!("/{ID}"), "any", b"{}").await;
    assert_eq!((again.status, again.bytes), (refused.status, refused.bytes));
}

#[tokio::test]
async fn what_was_not_recorded_is_told_and_fails_or_is_synthesized() {
    let folder = tempfile::tempdir().unwrap();
    let real = real().await;
    let recording = recorder(&real, folder.path()).await;
    let key = recording.emulator.caller_key().unwrap().to_owned();
    subscribe(&recording, &key, "a cat").await;

    let told = Arc::new(Mutex::new(Vec::new()));
    let log = {
        let told = Arc::clone(&told);
        move |line: &str| told.lock().unwrap().push(line.to_owned())
    };
    let replayed = TestEmulator::start(Emulator::builder().replay(folder.path()).warning_log(log)).await;
    let other = send(
        &replayed,
        Method::POST,
        "queue.fal.run",
        &format!("/{ID}"),
        "any",
        input("a dog").to_string().as_bytes(),
    )
    .await;
    assert_eq!(other.status, 404);
    let detail = other.json()["detail"].as_str().unwrap().to_owned();
    assert!(
        detail.contains(&format!(
            "POST https://queue.fal.run/{ID} was recorded with another input: prompt differs"
        )),
        "{detail}"
    );
    let none = send(&replayed, Method::POST, "fal.run", "/fal-ai/other", "any", b"{}").await;
    assert!(
        none.json()["detail"]
            .as_str()
            .unwrap()
            .contains("POST https://fal.run/fal-ai/other was not recorded")
    );
    let expected = ["POST https://fal.run/fal-ai/other", &format!("POST https://queue.fal.run/{ID}")];
    assert_eq!(replayed.emulator.unrecorded_requests(), expected);
    assert_eq!(told.lock().unwrap().len(), 2);

    let builder = Emulator::builder().replay(folder.path()).unrecorded(UnrecordedReply::Synthesize);
    let both = TestEmulator::start(builder.pace(Pace::instant())).await;
    subscribe(&both, "any", "a dog").await;
    subscribe(&both, "any", "a cat").await;
    assert_eq!(both.emulator.unrecorded_requests().len(), 4);
}

#[tokio::test]
async fn no_call_is_made_twice_and_none_with_the_key_for_strangers() {
    let folder = tempfile::tempdir().unwrap();
    let real = real().await;
    let recording = recorder(&real, folder.path()).await;
    let key = recording.emulator.caller_key().unwrap().to_owned();
    subscribe(&recording, &key, "a cat").await;
    // Not even when the service fails in a way that clients repeat.
    real.emulator.on_request(RequestKind::Run).reset(FaultPoint::Reply);
    let lost =
        send(&recording, Method::POST, "fal.run", &format!("/{ID}"), &key, input("x").to_string().as_bytes())
            .await;
    // Clients repeat a call after a 502, or after a lost connection.
    assert_eq!(lost.status, 500);
    assert!(lost.json()["detail"].as_str().unwrap().contains("the call may be running"));
    let count =
        |kind: RequestKind| real.emulator.requests().iter().filter(|request| request.kind == kind).count();
    assert_eq!((count(RequestKind::Run), count(RequestKind::Submit)), (1, 1));
    for stranger in ["", "other:key"] {
        let body = input("y").to_string();
        let refused =
            send(&recording, Method::POST, "queue.fal.run", &format!("/{ID}"), stranger, body.as_bytes())
                .await;
        assert_eq!(refused.status, 401, "{stranger}");
    }
    // A scope of a test has the secret of the key.
    let scoped = format!("test-1:{}", key.split_once(':').unwrap().1);
    subscribe(&recording, &scoped, "z").await;
    let submitted = count(RequestKind::Submit);
    recording.emulator.shutdown().await;

    // Recording goes on where it ended.
    let recording = recorder(&real, folder.path()).await;
    let key = recording.emulator.caller_key().unwrap().to_owned();
    assert!(recording.emulator.recorded_exchanges().0 >= 4);
    subscribe(&recording, &key, "a cat").await;
    assert_eq!(count(RequestKind::Submit), submitted, "recorded calls are not made again");
    subscribe(&recording, &key, "new").await;
    subscribe(&recording, &key, "a cat").await;
    assert_eq!(count(RequestKind::Submit), submitted + 2, "a second call of the program is a call");
}

#[tokio::test]
async fn uploads_and_tokens_are_recorded_without_the_tokens() {
    let folder = tempfile::tempdir().unwrap();
    let real = real().await;
    let recording = recorder(&real, folder.path()).await;
    let key = recording.emulator.caller_key().unwrap().to_owned();
    let picture: Vec<u8> = (0..200_000u32).map(|number| (number * 7 % 251) as u8 | 0x80).collect();
    let upload = async |fal: &TestEmulator, key: &str, name: &str| {
        let body = json!({"file_name": name, "content_type": "image/png"}).to_string();
        let initiate = "/storage/upload/initiate?storage_type=fal-cdn-v3";
        let place = send(fal, Method::POST, "rest.fal.ai", initiate, key, body.as_bytes()).await;
        assert_eq!(place.status, 200);
        let place = place.json();
        let (host, path) = split(place["upload_url"].as_str().unwrap());
        assert_eq!(send(fal, Method::PUT, host, path, "", &picture).await.status, 200);
        let (host, path) = split(place["file_url"].as_str().unwrap());
        assert_eq!(send(fal, Method::GET, host, path, "", b"").await.bytes, picture);
        place["file_url"].as_str().unwrap().to_owned()
    };
    let url = upload(&recording, &key, "1.png").await;
    let token =
        send(&recording, Method::POST, "rest.fal.ai", "/tokens/", &key, br#"{"allowed_apps": ["flux"]}"#)
            .await
            .json();
    let token = token.as_str().unwrap();
    let path = format!("/{ID}/stream?fal_jwt_token={token}");
    let streamed =
        send(&recording, Method::POST, "fal.run", &path, "", input("x").to_string().as_bytes()).await;
    assert_eq!(streamed.status, 200);
    let listed = recording.get(&format!("{}/_emulator/requests", recording.emulator.url())).await.json();
    assert!(!listed.to_string().contains(token));
    let stored = contents(folder.path());
    assert!(!stored.windows(token.len()).any(|window| window == token.as_bytes()));
    assert!(!stored.windows(15).any(|window| window == b"real-key-secret"));

    let replayed = replayer(folder.path()).await;
    assert_eq!(upload(&replayed, "any", "2.png").await, url);
    let path = format!("/{ID}/stream?fal_jwt_token=another");
    let again = send(&replayed, Method::POST, "fal.run", &path, "", input("x").to_string().as_bytes()).await;
    assert_eq!(again.bytes, streamed.bytes);
}

#[tokio::test]
async fn callers_by_the_own_address_get_urls_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let real = real().await;
    let recording = recorder(&real, folder.path()).await;
    let key = format!("Key {}", recording.emulator.caller_key().unwrap());
    let headers = [("authorization", key.as_str()), ("content-type", "application/json")];
    let call = async |fal: &TestEmulator| {
        let url = format!("{}/{ID}", fal.urls.queue);
        let receipt = fal.send(Method::POST, &url, &headers, input("a cat").to_string()).await.json();
        let url = receipt["response_url"].as_str().unwrap();
        assert!(url.starts_with(&fal.urls.queue), "{url}");
        let result = fal.send(Method::GET, url, &headers, "").await.json();
        let url = result["images"][0]["url"].as_str().unwrap();
        assert!(url.starts_with(&fal.urls.cdn), "{url}");
        fal.get(url).await.bytes
    };
    let recorded = call(&recording).await;
    let replayed = replayer(folder.path()).await;
    assert_eq!(call(&replayed).await, recorded);
}

#[tokio::test]
async fn polls_proceed_in_each_scope_alone_and_equal_ones_are_recorded_once() {
    let folder = tempfile::tempdir().unwrap();
    let real = real().await;
    real.emulator.on_endpoint(ID).queue([1, 1, 1, 0]);
    let recording = recorder(&real, folder.path()).await;
    let key = recording.emulator.caller_key().unwrap().to_owned();
    let states = async |fal: &TestEmulator, key: &str| {
        let body = input("a cat").to_string();
        let submitted =
            send(fal, Method::POST, "queue.fal.run", &format!("/{ID}"), key, body.as_bytes()).await.json();
        let (host, path) = split(submitted["status_url"].as_str().unwrap()).to_owned();
        let mut states = Vec::new();
        while states.last().is_none_or(|state| state != "COMPLETED") {
            states.push(
                send(fal, Method::GET, host, path, key, b"").await.json()["status"]
                    .as_str()
                    .unwrap()
                    .to_owned(),
            );
        }
        states
    };
    assert_eq!(states(&recording, &key).await.len(), 5);
    let replayed = replayer(folder.path()).await;
    let reset = |scope: &str| format!("{}/_emulator/reset?scope={scope}", replayed.emulator.url());
    for scope in ["one", "two"] {
        replayed.post(&reset(scope), &json!({})).await;
        assert_eq!(states(&replayed, &format!("{scope}:x")).await, ["IN_QUEUE", "IN_QUEUE", "COMPLETED"]);
    }
    assert_eq!(states(&replayed, "one:x").await, ["COMPLETED"]);
    replayed.post(&reset("one"), &json!({})).await;
    assert_eq!(states(&replayed, "one:x").await.len(), 3);
}

#[tokio::test]
async fn a_stream_that_its_client_leaves_is_recorded_to_its_end() {
    let folder = tempfile::tempdir().unwrap();
    let pace = Pace::default().run(std::time::Duration::from_millis(400));
    let real = TestEmulator::start(Emulator::builder().pace(pace)).await;
    let recording = recorder(&real, folder.path()).await;
    let key = recording.emulator.caller_key().unwrap().to_owned();
    let body = input("a cat").to_string();
    let path = format!("/{ID}");
    let submitted =
        send(&recording, Method::POST, "queue.fal.run", &path, &key, body.as_bytes()).await.json();
    let (host, path) = split(submitted["status_url"].as_str().unwrap());
    let path = format!("{path}/stream?logs=1");
    let url = format!("{}{path}", recording.emulator.url());
    let mut left = recording.http.get(url).header("host", host).send().await.unwrap();
    let first = left.chunk().await.unwrap().unwrap();
    drop(left);
    recording.emulator.finish_recording().await;
    assert_eq!(recording.emulator.recorded_exchanges(), (0, 2));
    let replayed = replayer(folder.path()).await;
    let events = send(&replayed, Method::GET, host, &path, "any", b"").await;
    assert!(events.bytes.starts_with(&first));
    let text = String::from_utf8(events.bytes).unwrap();
    assert!(text.contains("COMPLETED"), "{text}");
}

#[tokio::test]
async fn an_unreachable_service_is_told_and_nothing_is_stored() {
    let folder = tempfile::tempdir().unwrap();
    let recording =
        TestEmulator::start(Emulator::builder().record(folder.path(), KEY).upstream("http://127.0.0.1:1"))
            .await;
    let key = recording.emulator.caller_key().unwrap().to_owned();
    let failed = send(&recording, Method::POST, "fal.run", &format!("/{ID}"), &key, b"{}").await;
    assert_eq!(failed.status, 502);
    assert!(failed.json()["detail"].as_str().unwrap().starts_with("fal-emulator: fal.run cannot be reached"));
    let upgrade = [
        ("host", "fal.run"),
        ("connection", "upgrade"),
        ("upgrade", "websocket"),
        ("sec-websocket-version", "13"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ];
    let url = format!("{}/{ID}/realtime", recording.emulator.url());
    assert_eq!(recording.send(Method::GET, &url, &upgrade, "").await.status, 502);
    assert_eq!(recording.send(Method::GET, &url, &upgrade[..3], "").await.status, 400);
    assert_eq!(recording.emulator.recorded_exchanges(), (0, 0));
}

#[tokio::test]
async fn hostile_and_damaged_recordings_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let real = real().await;
    let recording = recorder(&real, folder.path()).await;
    let key = recording.emulator.caller_key().unwrap().to_owned();
    subscribe(&recording, &key, "a cat").await;
    recording.emulator.shutdown().await;

    let exchange = folder.path().join("exchanges/000004.json");
    let text = std::fs::read_to_string(&exchange).unwrap();
    let whole: Value = serde_json::from_str(&text).unwrap();
    let sha256 = whole["response"]["body"]["file"]["sha256"].as_str().unwrap();
    let body = folder.path().join("bodies").join(sha256);
    let bytes = std::fs::read(&body).unwrap();
    let refusal = async || match Emulator::builder().replay(folder.path()).start().await {
        Err(error @ Error::Recording { .. }) => error.to_string(),
        other => panic!("{other:?}"),
    };
    let changed = |pointer: &str, value: Value| {
        let mut changed = whole.clone();
        *changed.pointer_mut(pointer).unwrap() = value;
        changed.to_string()
    };
    for (text, problem) in [
        (
            changed("/response/body/file/sha256", json!("../../../etc/passwd")),
            "is not the name of a file of bodies",
        ),
        (changed("/response/body/file/sha256", json!("a".repeat(64))), "No such file"),
        (changed("/response/body/file/length", json!(1)), "but 1 were recorded"),
        (changed("/response/status", json!(101)), "101 is not the HTTP status"),
        (changed("/response/headers", json!([["a b", "c"]])), "is not the name of a header"),
        (changed("/response/headers", json!([["a", "b\r\nc: d"]])), "cannot be sent"),
        (changed("/request/host", json!("evil.example")), "is not the name of a service of fal"),
        (changed("/request/path", json!("x")), "is not the path of a request"),
        (changed("/request/method", json!("GET IT")), "is not an HTTP method"),
        (changed("/seconds", json!("soon")), "invalid type"),
        (text[..text.len() / 2].to_owned(), "EOF"),
        (String::new(), "EOF"),
    ] {
        std::fs::write(&exchange, text).unwrap();
        let refused = refusal().await;
        assert!(refused.contains(problem), "{problem}: {refused}");
    }
    std::fs::write(&exchange, &text).unwrap();
    // A body that is cut, changed, or a link to another file.
    std::fs::write(&body, &bytes[..bytes.len() - 1]).unwrap();
    assert!(refusal().await.contains("bytes, but"));
    let mut other = bytes.clone();
    other[10] ^= 1;
    std::fs::write(&body, &other).unwrap();
    assert!(refusal().await.contains("changed since it was recorded"));
    #[cfg(unix)]
    {
        std::fs::remove_file(&body).unwrap();
        std::os::unix::fs::symlink("/etc/passwd", &body).unwrap();
        assert!(refusal().await.contains("not a regular file"));
        std::fs::remove_file(&body).unwrap();
        let link = folder.path().join("exchanges/000009.json");
        std::fs::write(&body, &bytes).unwrap();
        std::os::unix::fs::symlink("/etc/passwd", &link).unwrap();
        assert!(refusal().await.contains("not a regular file"));
        std::fs::remove_file(&link).unwrap();
        let large = std::fs::File::create(&link).unwrap();
        large.set_len(90 << 20).unwrap();
        assert!(refusal().await.contains("more than the"));
        std::fs::remove_file(&link).unwrap();
    }
    std::fs::write(folder.path().join("exchanges/x.json"), "{}").unwrap();
    assert!(refusal().await.contains("the name of an exchange is a number"));
    std::fs::remove_file(folder.path().join("exchanges/x.json")).unwrap();
    std::fs::write(folder.path().join("recording.json"), r#"{"format": 2, "made_by": "x"}"#).unwrap();
    assert!(refusal().await.contains("format 2, but this version reads format 1"));
    std::fs::remove_file(folder.path().join("recording.json")).unwrap();
    assert!(refusal().await.contains("recording.json"));
    // A folder with other things in it does not become a recording.
    let builder = Emulator::builder().record(folder.path(), KEY).upstream("http://127.0.0.1:1");
    assert!(matches!(builder.start().await, Err(Error::Recording { .. })));
}

#[tokio::test]
async fn only_the_url_of_a_server_can_be_recorded() {
    let folder = tempfile::tempdir().unwrap();
    for wrong in
        ["nonsense", "127.0.0.1:8787", "ftp://127.0.0.1", "http://127.0.0.1/path", "http://h?x=1", ""]
    {
        match Emulator::builder().record(folder.path(), KEY).upstream(wrong).start().await {
            Err(error @ Error::Upstream { .. }) => {
                assert!(error.to_string().contains("is not a URL"), "{error}")
            }
            other => panic!("{wrong}: {other:?}"),
        }
    }
    assert!(folder.path().read_dir().unwrap().next().is_none(), "nothing was written");
    match Emulator::builder().replay(folder.path()).start().await {
        Err(error) => assert!(error.to_string().contains("record something with --record"), "{error}"),
        other => panic!("{other:?}"),
    }
}
