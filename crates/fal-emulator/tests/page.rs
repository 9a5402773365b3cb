//! The web page and its feed.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use common::TestEmulator;
use fal_emulator::{Emulator, Pace, RequestKind};
use reqwest::Method;
use serde_json::{Value, json};

async fn feed(fal: &TestEmulator) -> Value {
    fal.get(&format!("{}/_emulator/page/feed", fal.emulator.url())).await.json()
}

fn small(prompt: &str) -> Value {
    json!({"prompt": prompt, "image_size": {"width": 8, "height": 8}})
}

#[tokio::test]
async fn the_page_loads_nothing_else_and_runs_only_its_own_script() {
    let fal = TestEmulator::instant().await;
    let page = fal.get(&format!("{}/", fal.emulator.url())).await;
    assert_eq!((page.status.as_u16(), page.header("content-type")), (200, "text/html; charset=utf-8"));
    let policy = page.header("content-security-policy");
    assert!(policy.starts_with("default-src 'none'") && policy.contains("script-src 'sha256-"), "{policy}");
    let html = String::from_utf8(page.bytes.clone()).unwrap();
    for outside in ["<link rel=\"stylesheet\"", "src=\"http", "@import", "/* script */", "innerHTML"] {
        assert!(!html.contains(outside), "{outside}");
    }
    // The policy's hash is that of the script as a browser sees it.
    let script = html.split("<script>").nth(1).unwrap().split("</script>").next().unwrap();
    let sum = ring::digest::digest(&ring::digest::SHA256, script.as_bytes());
    let sum = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, sum);
    assert!(policy.contains(&sum));
}

#[tokio::test]
async fn other_sites_cannot_read_the_feed() {
    let fal = TestEmulator::instant().await;
    for path in ["/", "/_emulator/page/feed", "/_emulator/page/models"] {
        let answer = fal.get(&format!("{}{path}", fal.emulator.url())).await;
        assert_eq!(
            (answer.status.as_u16(), answer.header("access-control-allow-origin")),
            (200, ""),
            "{path}"
        );
    }
}

#[tokio::test]
async fn the_feed_lists_calls_of_every_kind_with_their_outcome() {
    let fal = TestEmulator::start(Emulator::builder().pace(Pace::instant().log_lines(2))).await;
    let agent = [("user-agent", "tester/1.0 (x)"), ("content-type", "application/json")];
    let run = format!("{}/fal-ai/flux/dev", fal.urls.run);
    fal.send(Method::POST, &run, &agent, small("run").to_string()).await;
    fal.run("fal-ai/flux/dev/stream", &small("stream")).await;
    fal.run("fal-ai/flux/dev", &json!({})).await;
    let receipt = fal.submit("fal-ai/flux/dev", &small("queue")).await;
    let page_feed = feed(&fal).await;
    let calls = page_feed["calls"].as_array().unwrap();
    let ways: Vec<_> = calls.iter().map(|call| call["way"].as_str().unwrap()).collect();
    assert_eq!(ways, ["queue", "run", "stream", "run"]);
    let states: Vec<_> = calls.iter().map(|call| call["state"].as_str().unwrap()).collect();
    assert_eq!(states, ["done", "failed", "done", "done"]);
    assert_eq!((&calls[3]["by"], &calls[3]["prompt"]), (&json!("tester/1.0 (x)"), &json!("run")));
    assert!(calls[3]["pictures"][0].is_string());
    assert_eq!((&calls[2]["status"], &calls[1]["status"]), (&json!(200), &json!(422)));
    assert_eq!((&calls[0]["request_id"], calls[0].get("pictures")), (&receipt["request_id"], None));
    assert_eq!(page_feed["totals"], json!({"calls": 4, "requests": 4, "webhooks": 0}));

    let details = async |number: u64| {
        fal.get(&format!("{}/_emulator/page/call?number={number}", fal.emulator.url())).await.json()
    };
    let run = details(1).await;
    assert_eq!(
        (&run["input"]["prompt"], run["output"]["images"][0]["url"].is_string()),
        (&json!("run"), true)
    );
    assert_eq!(details(2).await["output"]["prompt"], "stream");
    assert_eq!(details(3).await["output"]["detail"][0]["type"], "missing");
    let queued = details(4).await;
    assert_eq!((queued.get("output"), queued["logs"].as_array().unwrap().len()), (None, 2));
    fal.get(receipt["response_url"].as_str().unwrap()).await;
    assert_eq!(details(4).await["output"]["prompt"], "queue");
    assert!(feed(&fal).await["calls"][0]["pictures"][0].is_string());
    assert_eq!(page_feed["requests"].as_array().unwrap().len(), 4, "requests of the page are not listed");
    let missing = fal.get(&format!("{}/_emulator/page/call?number=99", fal.emulator.url())).await;
    assert_eq!(missing.status, 404);
}

#[tokio::test]
async fn the_feed_is_small_whatever_was_called() {
    let fal = TestEmulator::instant().await;
    let log = "l".repeat(1_000_000);
    fal.emulator.on_endpoint("acme/logs").log(&log).queue([0]);
    fal.emulator.on_endpoint("acme/small").reply(|_| json!({}));
    fal.emulator.on_endpoint("acme/large").reply(|_| json!({"text": vec!["y".repeat(900); 1_000]}));
    let agent = "u".repeat(60_000);
    let headers = [("user-agent", agent.as_str()), ("content-type", "application/json")];
    let numbers = format!("{{\"prompt\": [{}1]}}", "1,".repeat(100_000));
    let hook = format!("{}/acme/logs?fal_webhook=http://127.0.0.1:9/{}", fal.urls.queue, "w".repeat(20_000));
    for _ in 0..20 {
        fal.send(Method::POST, &format!("{}/acme/large", fal.urls.run), &headers, numbers.clone()).await;
        let receipt = fal.send(Method::POST, &hook, &headers, "{}").await.json();
        fal.get(receipt["status_url"].as_str().unwrap()).await;
    }
    for _ in 0..200 {
        fal.run("acme/small", &json!({"prompt": {"toString": "\u{1}".repeat(500)}})).await;
    }
    let started = std::time::Instant::now();
    let answer = fal.get(&format!("{}/_emulator/page/feed", fal.emulator.url())).await;
    assert!(answer.bytes.len() < 200_000, "{} bytes", answer.bytes.len());
    assert!(started.elapsed().as_secs_f64() < 30.0, "{:?}", started.elapsed());
    let page_feed = answer.json();
    assert!(page_feed["calls"].as_array().unwrap().len() >= 50);
    assert_eq!(page_feed["totals"]["calls"], 240);
}

#[tokio::test]
async fn ids_with_special_characters_are_called_by_their_encoded_path() {
    let fal = TestEmulator::instant().await;
    fal.emulator.on_endpoint("acme/a?b#c").reply(|_| json!({"n": 1}));
    let answer = fal.run("acme/a%3Fb%23c", &json!({})).await;
    assert_eq!(answer.status_and_json(), (200, json!({"n": 1})));
    assert_eq!(fal.emulator.requests()[0].endpoint.as_deref(), Some("acme/a?b#c"));
}

#[tokio::test]
async fn reading_the_feed_does_not_advance_a_scripted_queue() {
    let fal = TestEmulator::instant().await;
    fal.emulator.on_endpoint("fal-ai/flux/dev").queue([2, 1, 0]);
    let receipt = fal.submit("fal-ai/flux/dev", &small("")).await;
    for _ in 0..5 {
        assert_eq!(feed(&fal).await["calls"][0]["position"], 2);
    }
    let status = fal.get(receipt["status_url"].as_str().unwrap()).await.json();
    assert!(status["queue_position"].as_u64().unwrap() <= 2);
}

#[tokio::test]
async fn the_page_can_fetch_the_schema_of_a_model() {
    let fal = TestEmulator::instant().await;
    let url = |id: &str| format!("{}/_emulator/page/model?endpoint_id={id}", fal.emulator.url());
    let model = fal.get(&url("fal-ai/flux/dev")).await.json();
    let name = model["input"]["$ref"].as_str().unwrap().rsplit('/').next().unwrap();
    assert!(model["schemas"][name]["properties"]["prompt"].is_object());
    assert_eq!((&model["streams"], &model["realtime"]), (&json!(true), &json!(false)));
    assert_eq!(fal.get(&url("no/thing")).await.status, 404);
    let models = fal.get(&format!("{}/_emulator/page/models", fal.emulator.url())).await.json();
    assert_eq!(models.as_array().unwrap().len(), fal.emulator.endpoints().len());
}

#[tokio::test]
async fn calls_that_no_model_sees_are_listed_with_the_reason() {
    let fal = TestEmulator::start(Emulator::builder().pace(Pace::instant()).require_key("a:b")).await;
    let headers = [("content-type", "application/json"), ("authorization", "Key a:b")];
    let call = async |service: &str, id: &str, headers: &[(&str, &str)]| {
        let url = format!("{}/{service}/{id}", fal.emulator.url());
        fal.send(Method::POST, &url, headers, small("x").to_string()).await;
    };
    call("run", "fal-ai/flux/dev", &[]).await;
    call("run", "fal-ai/no-such-model", &headers).await;
    call("queue", "fal-ai/flux/nothing", &headers).await;
    let limited = json!({"detail": "slow down"});
    fal.emulator.on_request(RequestKind::Submit).fail(429, limited).times(1);
    call("queue", "fal-ai/flux/dev", &headers).await;
    let preflight = format!("{}/run/fal-ai/flux/dev", fal.emulator.url());
    fal.send(Method::OPTIONS, &preflight, &[("origin", "http://localhost")], String::new()).await;
    let feed = feed(&fal).await;
    let told = |index: usize| {
        let call = &feed["calls"][index];
        (call["state"].as_str().unwrap(), call["status"].as_u64().unwrap(), call["why"].as_str().unwrap())
    };
    assert_eq!(feed["totals"]["calls"], 4, "a preflight is no call");
    assert_eq!(told(0), ("refused", 429, "A rule answered 429: slow down"));
    // Paths of an app are known to the app alone, so that the queue takes the request.
    assert_eq!(told(1), ("failed", 404, "Path /nothing not found"));
    assert_eq!(told(2), ("refused", 404, "Application \"no-such-model\" not found"));
    let (state, status, why) = told(3);
    assert_eq!((state, status), ("refused", 401));
    assert!(why.contains("Authentication is required"), "{why}");
}

#[tokio::test]
async fn a_call_is_found_by_its_request_with_all_requests_about_it() {
    let fal = TestEmulator::instant().await;
    let input = "{\"prompt\": \"exact\",  \"seed\": 12345678901234567890}";
    let headers = [("content-type", "application/json")];
    let submit = format!("{}/fal-ai/flux/dev", fal.urls.queue);
    let receipt = fal.send(Method::POST, &submit, &headers, input).await.json();
    for url in ["status_url", "status_url", "response_url"] {
        fal.get(receipt[url].as_str().unwrap()).await;
    }
    let id = receipt["request_id"].as_str().unwrap();
    let page = |path: &str| format!("{}/_emulator/page/{path}?request_id={id}", fal.emulator.url());
    let call = fal.get(&page("call")).await.json();
    let kinds: Vec<_> = call["requests"].as_array().unwrap().iter().map(|request| &request["kind"]).collect();
    assert_eq!(kinds, ["submit", "status", "status", "result"]);
    assert_eq!((&call["requests"][1]["status"], &call["request_count"]), (&json!(200), &json!(4)));
    assert!(call["started"].is_number() && call["ended"].is_number());
    let sent = fal.get(&page("input")).await;
    assert_eq!(
        (sent.bytes.as_slice(), sent.header("content-type")),
        (input.as_bytes(), "text/plain; charset=utf-8")
    );
    let request = fal.get(&format!("{}/_emulator/page/request?number=2", fal.emulator.url())).await.json();
    assert_eq!((&request["call"], &request["response"]["status"]), (&json!(id), &json!(200)));
}

#[tokio::test]
async fn lists_are_searched_by_the_emulator() {
    let fal = TestEmulator::instant().await;
    for prompt in ["a red boat", "a green boat", "a red car"] {
        fal.run("fal-ai/flux/dev", &small(prompt)).await;
    }
    let find = async |query: &str| {
        let url = format!("{}/_emulator/page/feed?{query}", fal.emulator.url());
        let feed: Value = fal.get(&url).await.json();
        (
            feed["calls"].as_array().unwrap().len(),
            feed["matching"]["calls"].clone(),
            feed["matching"]["requests"].clone(),
        )
    };
    assert_eq!(find("calls_search=RED+boat").await, (1, json!(1), json!(3)));
    assert_eq!(find("calls_after=2&requests_after=1").await, (1, json!(1), json!(2)));
    assert_eq!(find("calls_state=failed&requests_search=flux%2Fdev").await, (0, json!(0), json!(3)));
    assert_eq!(find("calls_after=nonsense&calls_state=x").await, (3, json!(3), json!(3)));
}
