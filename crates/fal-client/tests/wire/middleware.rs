//! Code between the calls and the network.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

use fal_client::{
    Client, File,
    middleware::{BoxError, Middleware, OutgoingRequest, ResponseView},
    storage::{Repository, UploadOptions},
};
use http::{HeaderValue, Method};
use serde_json::{Value, json};

use crate::{
    job::accepted,
    model::cat,
    server::{Received, Server, bytes, json as answer, quick},
};

/// A middleware of one function for requests, which also keeps what it sees of responses.
struct Change<F> {
    change: F,
    seen: Arc<Mutex<Vec<String>>>,
}

impl<F> Middleware for Change<F>
where
    F: Fn(&mut OutgoingRequest) -> Result<(), BoxError> + Send + Sync + 'static,
{
    async fn on_request(&self, request: &mut OutgoingRequest) -> Result<(), BoxError> {
        tokio::task::yield_now().await;
        (self.change)(request)
    }

    fn on_response(&self, response: &ResponseView<'_>) {
        let body = response.body().map_or("unread".into(), |body| String::from_utf8_lossy(body));
        let (method, path, status) = (response.method(), response.url().path(), response.status().as_u16());
        self.seen.lock().unwrap().push(format!("{method} {path} {status} {body}"));
    }
}

fn change<F>(change: F) -> Change<F>
where
    F: Fn(&mut OutgoingRequest) -> Result<(), BoxError> + Send + Sync + 'static,
{
    Change { change, seen: Arc::default() }
}

#[tokio::test]
async fn method_url_headers_and_body_can_be_changed() {
    let server = Server::start(|_, _| answer(200, &json!({"seed": 1}))).await;
    let first = change(|request| {
        assert!(!format!("{request:?} {:?}", request.headers()).contains("test:key"));
        assert!(request.is_for_fal() && request.headers().get("authorization").is_none());
        assert_eq!(request.url().path(), "/run/acme/app/edit");
        let mut body: Value = request.json()?.ok_or("no body")?;
        body["prompt"] = "a dog".into();
        request.set_json(&body)?;
        request.url_mut().set_path("/run/acme/other");
        request.headers_mut().insert("x-order", HeaderValue::from_static("first"));
        Ok(())
    });
    let second = change(|request| {
        assert_eq!(request.headers()["x-order"], "first");
        *request.method_mut() = Method::PUT;
        request.headers_mut().insert("x-order", HeaderValue::from_static("second"));
        request.headers_mut().remove("user-agent");
        Ok(())
    });
    let client = server.builder().middleware(first).middleware(second).build().unwrap();
    assert_eq!(client.run(cat()).await.unwrap().seed, 1);
    let sent = &server.received()[0];
    assert_eq!(sent.line(), "PUT /run/acme/other");
    assert_eq!(sent.json(), json!({"prompt": "a dog"}));
    assert_eq!(
        (sent.header("x-order"), sent.header("authorization")),
        (Some("second"), Some("Key test:key"))
    );
    assert_eq!(sent.header("user-agent"), None);
}

#[tokio::test]
async fn each_attempt_passes_the_middleware_and_shows_its_response() {
    let server = Server::start(|request: &Received, url: &str| match request.path.as_str() {
        "/queue/acme/app/edit" => accepted(url),
        path if path.ends_with("/status/stream") => {
            bytes(200, &[("content-type", "text/event-stream")], "data: {\"status\": \"COMPLETED\"}\n\n")
        }
        _ if request.nth == 0 => answer(503, &json!({"detail": "later"})),
        _ => bytes(200, &[("content-type", "application/json"), ("set-cookie", "secret")], "{\"seed\": 1}"),
    })
    .await;
    let attempts = Arc::new(AtomicUsize::new(0));
    let count = attempts.clone();
    let middleware = change(move |request| {
        count.fetch_add(1, Ordering::SeqCst);
        assert_eq!(
            request.attempt() > 1,
            request.url().path().ends_with("/r1") && count.load(Ordering::SeqCst) == 4
        );
        Ok(())
    });
    let seen = middleware.seen.clone();
    let client = server.builder().middleware(middleware).build().unwrap();
    client.subscribe(cat()).await.unwrap();
    let seen = seen.lock().unwrap().clone();
    assert!(seen[0].starts_with("POST /queue/acme/app/edit 200 {"), "{seen:?}");
    assert_eq!(
        seen[1..],
        [
            "GET /queue/acme/app/requests/r1/status/stream 200 unread",
            "GET /queue/acme/app/requests/r1 503 {\"detail\":\"later\"}",
            "GET /queue/acme/app/requests/r1 200 {\"seed\": 1}",
        ]
    );
    assert_eq!(attempts.load(Ordering::SeqCst), 4);
}

#[tokio::test]
async fn error_of_a_middleware_ends_the_call_unsent() {
    let server = Server::start(|_, _| answer(200, &json!({"seed": 1}))).await;
    let refuse = change(|_| Err("out of office".into()));
    let client = server.builder().middleware(refuse).build().unwrap();
    let error = client.submit(cat()).await.unwrap_err();
    assert!(error.is_config() && !error.may_be_accepted(), "{error:?}");
    assert!(error.to_string().contains("a middleware refused the request: out of office"), "{error}");
    assert!(server.received().is_empty());
}

/// Returns a middleware that sends every request to another server.
fn to(other: &Server) -> impl Middleware {
    let port = other.url.rsplit(':').next().unwrap().parse().unwrap();
    change(move |request| {
        request.url_mut().set_port(Some(port)).map_err(|()| "no port")?;
        Ok(())
    })
}

#[tokio::test]
async fn key_goes_to_no_other_host_unless_it_is_trusted() {
    let gateway = Server::start(|_, _| answer(200, &json!({"seed": 7}))).await;
    let server = Server::start(|_, _| answer(200, &json!({"seed": 1}))).await;
    let client = server.builder().middleware(to(&gateway)).build().unwrap();
    for error in [client.run(cat()).await.unwrap_err(), client.submit(cat()).await.unwrap_err()] {
        assert!(error.is_config() && error.to_string().contains("`trusted_host`"), "{error}");
    }
    // The same for the token of an upload.
    let cdn = client.upload(File::bytes(b"cat".to_vec(), "image/png")).await.unwrap_err();
    assert!(cdn.to_string().contains("`trusted_host`"), "{cdn}");
    assert!(gateway.received().is_empty() && server.received().is_empty());

    let trusting = server.builder().middleware(to(&gateway)).trusted_host(&gateway.url).build().unwrap();
    assert_eq!(trusting.run(cat()).await.unwrap().seed, 7);
    assert_eq!(gateway.received()[0].header("authorization"), Some("Key test:key"));
    let error = server.builder().trusted_host("http://fal.example").build().unwrap_err();
    assert!(error.is_config() && error.to_string().contains("a trusted host"), "{error}");
}

#[tokio::test]
async fn user_and_password_cannot_be_added_to_a_url() {
    let server = Server::start(|_, _| answer(200, &json!({"seed": 1}))).await;
    let middleware = change(|request| Ok(request.url_mut().set_username("me").map_err(|()| "no user")?));
    let error = server.builder().middleware(middleware).build().unwrap().run(cat()).await.unwrap_err();
    assert!(error.is_config(), "{error}");
    assert!(server.received().is_empty());
}

#[tokio::test]
async fn authorization_of_a_middleware_replaces_the_key() {
    let server = Server::start(|_, _| answer(200, &json!({"seed": 1}))).await;
    let gateway = || {
        change(|request| {
            request.headers_mut().insert("authorization", HeaderValue::from_static("Bearer gateway"));
            Ok(())
        })
    };
    server.builder().middleware(gateway()).build().unwrap().run(cat()).await.unwrap();
    let keyless = Client::builder().emulator(&server.url).retry(quick()).middleware(gateway());
    keyless.build().unwrap().run(cat()).await.unwrap();
    let sent: Vec<_> =
        server.received().iter().map(|sent| sent.header("authorization").map(str::to_owned)).collect();
    assert_eq!(sent, [Some("Bearer gateway".to_owned()), Some("Bearer gateway".to_owned())]);
}

#[tokio::test]
async fn downloads_and_the_content_of_uploads_pass_too() {
    let server = Server::start(|request: &Received, url: &str| match request.path.as_str() {
        "/rest/storage/upload/initiate" => {
            answer(200, &json!({"upload_url": format!("{url}/signed"), "file_url": format!("{url}/cdn/cat")}))
        }
        _ => bytes(200, &[], "cat"),
    })
    .await;
    let middleware = change(|request| {
        if !request.is_for_fal() {
            assert!(request.body().is_none());
            request.headers_mut().insert("x-mirror", HeaderValue::from_static("1"));
        }
        Ok(())
    });
    let options = UploadOptions::default().repository(Repository::Rest);
    let client = server.builder().uploads(options).middleware(middleware).build().unwrap();
    let file = client.upload(File::bytes(b"cat".to_vec(), "image/png")).await.unwrap();
    client.download(&file).await.unwrap().bytes().await.unwrap();
    let mirrored: Vec<_> =
        server.received().iter().map(|sent| (sent.path.clone(), sent.header("x-mirror").is_some())).collect();
    let expected = [("/rest/storage/upload/initiate", false), ("/signed", true), ("/cdn/cat", true)];
    assert_eq!(mirrored, expected.map(|(path, is_mirrored)| (path.to_owned(), is_mirrored)));
    assert_eq!(server.received()[1].body, b"cat");
}

#[tokio::test]
async fn url_behind_a_proxy_is_that_at_fal() {
    let proxy = Server::start(|_, _| answer(200, &json!({"seed": 1}))).await;
    let middleware = change(|request| {
        assert_eq!(request.url().as_str(), "https://fal.run/acme/app/edit");
        request.url_mut().set_query(Some("a=b"));
        Ok(())
    });
    let client = Client::builder().proxy_url(format!("{}/proxy", proxy.url)).middleware(middleware);
    client.build().unwrap().run(cat()).await.unwrap();
    let sent = &proxy.received()[0];
    assert_eq!(sent.line(), "POST /proxy");
    assert_eq!(sent.header("x-fal-target-url"), Some("https://fal.run/acme/app/edit?a=b"));
}

#[cfg(feature = "platform")]
mod platform {
    use super::*;

    #[tokio::test]
    async fn requests_of_the_platform_api_pass_the_middleware_without_the_key() {
        let server = Server::start(|request: &Received, _: &str| match request.path.as_str() {
            "/platform/v1/models/pricing" => {
                answer(200, &json!({"prices": [], "next_cursor": null, "has_more": false}))
            }
            _ => answer(200, &json!({"estimate_type": "unit_price", "total_cost": 1.5, "currency": "USD"})),
        })
        .await;
        let middleware = change(|request| {
            assert!(request.is_for_fal() && request.headers().get("authorization").is_none());
            request.headers_mut().insert("x-order", HeaderValue::from_static("first"));
            if let Some(mut body) = request.json::<Value>()? {
                body["note"] = json!("changed");
                request.set_json(&body)?;
            }
            Ok(())
        });
        let seen = middleware.seen.clone();
        let client = server.builder().middleware(middleware).build().unwrap();
        let platform = client.platform().await.unwrap();
        platform.list_prices().endpoint_id(vec!["acme/app".to_owned()]).send().await.unwrap();
        assert!(client.estimate(cat()).await.unwrap().total_cost > 1.0);
        for sent in server.received() {
            assert_eq!(
                (sent.header("x-order"), sent.header("authorization")),
                (Some("first"), Some("Key test:key"))
            );
            assert!(sent.body.is_empty() || sent.json()["note"] == "changed");
        }
        let seen = seen.lock().unwrap().clone();
        assert_eq!(seen[0], "GET /platform/v1/models/pricing 200 unread");
        assert_eq!((seen.len(), server.received().len()), (3, 3));
    }

    #[tokio::test]
    async fn requests_of_the_platform_api_obey_a_refusal_and_keep_the_key() {
        let elsewhere = Server::start(|_, _| answer(200, &json!({}))).await;
        let server = Server::start(|_, _| answer(200, &json!({}))).await;
        let refuse = server.builder().middleware(change(|_| Err("out of office".into()))).build().unwrap();
        let redirect = server.builder().middleware(to(&elsewhere)).build().unwrap();
        for (client, words) in [(refuse, "out of office"), (redirect, "`trusted_host`")] {
            let sent = client.platform().await.unwrap().list_models().send().await;
            let error = fal_client::Error::from(sent.unwrap_err());
            assert!(error.is_config() && error.to_string().contains(words), "{error}");
        }
        assert!(server.received().is_empty() && elsewhere.received().is_empty());
    }
}
