//! Submitting, and the methods of a job.

use fal_client::{
    Client,
    queue::{Cancelled, Priority, Ticket, Update},
    untyped,
};
use futures_util::TryStreamExt;
use serde_json::{Value, json};

use crate::{
    model::{Model, cat},
    server::{Reaction, Received, Server, bytes, json as answer},
};

/// Returns the queue's response to a submit, with the URLs of the request.
pub(crate) fn accepted(url: &str) -> Reaction {
    let request = format!("{url}/queue/acme/app/requests/r1");
    answer(
        200,
        &json!({
            "request_id": "r1", "status": "IN_QUEUE", "queue_position": 0, "response_url": request,
            "status_url": format!("{request}/status"), "cancel_url": format!("{request}/cancel"),
        }),
    )
}

fn job(client: &Client) -> fal_client::queue::Job<Model> {
    client.endpoint().job("r1")
}

#[tokio::test]
async fn job_is_submitted_polled_and_fetched() {
    let server = Server::start(|request: &Received, url: &str| match request.path.as_str() {
        "/queue/acme/app/edit" => accepted(url),
        "/queue/acme/app/requests/r1/status" => {
            answer(202, &json!({"status": "IN_PROGRESS", "logs": [{"message": "m", "level": "INFO"}]}))
        }
        _ => bytes(200, &[("x-fal-request-id", "other")], r#"{"seed":7}"#),
    })
    .await;
    let job = server
        .client()
        .submit(cat())
        .webhook("https://example.com/fal?a=b&c=d")
        .priority(Priority::Low)
        .runner_hint("h")
        .await
        .unwrap();
    assert_eq!((job.request_id(), job.endpoint()), ("r1", "acme/app/edit"));
    assert_eq!(job.status().logs().await.unwrap().logs()[0].message, "m");
    assert!(matches!(job.status().await.unwrap(), Update::Running { .. }));
    let reply = job.result().await.unwrap();
    // fal's dashboard knows the queue's id.
    assert_eq!((reply.seed, reply.request_id()), (7, "r1"));

    assert_eq!(
        server.lines(),
        [
            "POST /queue/acme/app/edit?fal_webhook=https%3A%2F%2Fexample.com%2Ffal%3Fa%3Db%26c%3Dd",
            "GET /queue/acme/app/requests/r1/status?logs=1",
            "GET /queue/acme/app/requests/r1/status?logs=0",
            "GET /queue/acme/app/requests/r1",
        ]
    );
    let received = server.received();
    assert_eq!(received[0].header("x-fal-queue-priority"), Some("low"));
    assert_eq!(received[0].header("x-fal-runner-hint"), Some("h"));
    assert!(received.iter().all(|request| request.header("authorization") == Some("Key test:key")));
}

#[tokio::test]
async fn ticket_keeps_the_urls_of_the_queue() {
    let elsewhere = "/queue/moved/requests/r1";
    let server = Server::start(move |request: &Received, url: &str| match request.method.as_str() {
        "POST" => answer(200, &json!({"request_id": "r1", "response_url": format!("{url}{elsewhere}")})),
        _ => answer(200, &json!({"seed": 1})),
    })
    .await;
    let client = server.client();
    let ticket = client.submit(cat()).await.unwrap().ticket();
    let stored = serde_json::to_value(&ticket).unwrap();
    assert_eq!(stored["response_url"], format!("{}{elsewhere}", server.url));
    assert_eq!(stored.get("status_url"), None);

    let ticket: Ticket<Model> = serde_json::from_value(stored).unwrap();
    client.resume(ticket).result().await.unwrap();
    client.endpoint::<Model>().job("r1").result().await.unwrap();
    assert_eq!(
        server.lines()[1..],
        [format!("GET {elsewhere}"), "GET /queue/acme/app/requests/r1".to_owned()]
    );
    let plain = serde_json::to_string(&client.endpoint::<Model>().job("r1").ticket()).unwrap();
    assert_eq!(plain, r#"{"endpoint":"acme/app/edit","request_id":"r1"}"#);
}

#[tokio::test]
async fn untyped_job_uses_the_id_of_its_endpoint() {
    let server = Server::start(|_, _| answer(200, &json!({"request_id": "r1", "x": 1}))).await;
    let client = server.client();
    let job = client.submit(untyped::input("workflows/me/flow/step", json!({}))).await.unwrap();
    let ticket: Ticket<untyped::Any> =
        serde_json::from_value(serde_json::to_value(job.ticket()).unwrap()).unwrap();
    assert_eq!(client.resume(ticket).result().await.unwrap()["x"], 1);
    client.endpoint_id("workflows/me/flow/step").job("r2").result().await.unwrap();
    assert_eq!(
        server.lines(),
        [
            "POST /queue/workflows/me/flow/step",
            "GET /queue/workflows/me/flow/requests/r1",
            "GET /queue/workflows/me/flow/requests/r2",
        ]
    );
    let error = client.endpoint::<untyped::Any>().job("r1").result().await.unwrap_err();
    assert!(error.is_config(), "{error:?}");
}

#[tokio::test]
async fn cancel_has_four_outcomes() {
    let server = Server::start(|request: &Received, _: &str| match request.nth {
        0 => answer(202, &json!({"status": "CANCELLATION_REQUESTED"})),
        1 => answer(400, &json!({"status": "ALREADY_COMPLETED"})),
        2 => answer(404, &json!({"status": "NOT_FOUND"})),
        3 => answer(200, &json!({"status": "OK"})),
        4 => answer(202, &json!({"status": "SOMETHING_NEWER"})),
        5 => answer(202, &json!([])),
        _ => answer(400, &json!({"detail": "something else"})),
    })
    .await;
    let client = server.client();
    assert_eq!(job(&client).cancel().await.unwrap(), Cancelled::Requested);
    assert_eq!(job(&client).cancel().await.unwrap(), Cancelled::AlreadyCompleted);
    assert_eq!(job(&client).cancel().await.unwrap(), Cancelled::NotFound);
    assert_eq!(job(&client).cancel().await.unwrap(), Cancelled::Removed);
    for _ in 0..2 {
        assert_eq!(job(&client).cancel().await.unwrap(), Cancelled::Requested);
    }
    let error = job(&client).cancel().await.unwrap_err();
    assert_eq!(error.message(), "something else");
    assert!(server.lines().iter().all(|line| line == "PUT /queue/acme/app/requests/r1/cancel"));
    assert_eq!(server.received()[0].header("content-length"), Some("0"));
}

#[tokio::test]
async fn result_of_a_running_job_is_not_ready() {
    for refusal in [400, 202, 409, 425] {
        let server = Server::start(move |request: &Received, _: &str| {
            if request.path.ends_with("/status") {
                answer(202, &json!({"status": "IN_QUEUE", "queue_position": 1}))
            } else {
                answer(refusal, &json!({"detail": "Request is still in progress"}))
            }
        })
        .await;
        let error = job(&server.client()).result().await.unwrap_err();
        assert!(error.is_not_ready(), "{refusal}: {error:?}");
        assert_eq!(error.request_id(), Some("r1"));
    }
}

#[tokio::test]
async fn failure_with_status_400_is_not_mistaken_for_not_ready() {
    let server = Server::start(|request: &Received, _: &str| {
        if request.path.ends_with("/status") {
            answer(200, &json!({"status": "COMPLETED", "error": "bad"}))
        } else {
            answer(400, &json!({"detail": "the app's own"}))
        }
    })
    .await;
    let error = job(&server.client()).result().await.unwrap_err();
    assert!(!error.is_not_ready());
    assert_eq!((error.status().unwrap().as_u16(), error.message()), (400, "the app's own"));
}

#[tokio::test]
async fn result_is_fetched_again_if_the_job_completes_in_between() {
    let server =
        Server::start(|request: &Received, _: &str| match (request.path.ends_with("/status"), request.nth) {
            (true, _) => answer(200, &json!({"status": "COMPLETED"})),
            (false, 0) => answer(400, &json!({"detail": "Request is still in progress"})),
            (false, _) => answer(200, &json!({"seed": 7})),
        })
        .await;
    assert_eq!(job(&server.client()).result().await.unwrap().seed, 7);
}

#[tokio::test]
async fn updates_end_after_completion() {
    let states = [
        json!({"status": "IN_QUEUE", "queue_position": 1}),
        json!({"status": "IN_QUEUE", "queue_position": 1}),
        json!({"status": "IN_PROGRESS", "logs": [{"message": "a"}]}),
        json!({"status": "COMPLETED", "logs": [{"message": "a"}, {"message": "b"}], "metrics": {"inference_time": 0.5}}),
    ];
    let server = Server::start(move |request: &Received, _: &str| match request.path.ends_with("/stream") {
        true => answer(404, &json!({})),
        false => answer(200, &states[request.nth.min(3)]),
    })
    .await;
    let updates: Vec<Update> = job(&server.client()).updates().try_collect().await.unwrap();
    let [
        Update::Queued { position: 1, .. },
        Update::Running { logs: first, .. },
        Update::Completed { logs: last, metrics, .. },
    ] = updates.as_slice()
    else {
        panic!("{updates:?}")
    };
    assert_eq!((first[0].message.as_str(), last[0].message.as_str(), last.len()), ("a", "b", 1));
    assert_eq!(metrics.inference_time, Some(0.5));
    let looks = server.lines().iter().filter(|line| line.ends_with("/status?logs=1")).count();
    assert_eq!(looks, 5);
}

#[tokio::test]
async fn submit_response_without_an_id_is_an_error() {
    for body in [json!({}), json!({"request_id": ""}), json!({"request_id": 7}), Value::Null] {
        let server = Server::start(move |_, _| answer(200, &body)).await;
        let error = server.client().submit(cat()).await.unwrap_err();
        assert!(error.is_decode() && error.endpoint() == Some("acme/app/edit"), "{error:?}");
    }
}

#[tokio::test]
async fn header_of_a_job_is_sent_with_every_request_about_it() {
    let server = Server::start(|_, _| answer(200, &json!({"status": "COMPLETED", "seed": 1}))).await;
    let job = job(&server.client()).header("x-trace", "t1");
    job.status().await.unwrap();
    job.result().await.unwrap();
    job.cancel().await.unwrap();
    assert!(server.received().iter().all(|request| request.header("x-trace") == Some("t1")));
    let error = job.header("authorization", "Key other").status().await.unwrap_err();
    assert!(error.is_config() && server.received().len() == 3, "{error:?}");
}
