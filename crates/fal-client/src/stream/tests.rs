//! Streams in simulated time.

use std::time::Duration;

use futures_util::{StreamExt, stream};
use reqwest::Body;
use serde_json::json;
use tokio::time::{Instant, sleep};

use super::*;
use crate::{transport::simulation, untyped};

/// Returns a client whose streams send a comment after each `pause`, and then an event, or nothing if there is none.
fn client(comments: usize, pause: Duration, event: Option<&'static str>) -> Client {
    simulation::client(Client::builder(), move |_| async move {
        let alive = stream::iter(0..comments).then(move |_| async move {
            sleep(pause).await;
            ": alive\n\n"
        });
        let end = stream::once(async move {
            match event {
                Some(event) => event,
                None => std::future::pending().await,
            }
        });
        let text = alive.chain(end).map(Ok::<_, std::io::Error>);
        simulation::response(200, "text/event-stream", Body::wrap_stream(text))
    })
}

fn call(client: &Client) -> StreamRequest<untyped::Any, serde_json::Value> {
    client.stream(untyped::input("acme/app", json!({})))
}

const EVENT: Option<&str> = Some("data: {\"seed\":3}\n\n");
const MINUTE: Duration = Duration::from_secs(60);

#[tokio::test(start_paused = true)]
async fn a_stream_without_a_sign_of_life_fails_after_five_minutes() {
    let start = Instant::now();
    let events = call(&client(0, MINUTE, None)).await.unwrap();
    let error = events.done().await.unwrap_err();
    assert!(error.is_timeout() && error.to_string().contains("fell silent after 0 events"), "{error}");
    assert_eq!(start.elapsed().as_secs(), 300);
}

#[tokio::test(start_paused = true)]
async fn comments_restart_the_idle_timeout() {
    let events = call(&client(60, 4 * MINUTE, EVENT)).await.unwrap();
    assert_eq!(events.done().await.unwrap()["seed"], 3);
    let start = Instant::now();
    let impatient = call(&client(60, 4 * MINUTE, EVENT)).idle_timeout(2 * MINUTE).await.unwrap();
    assert!(impatient.done().await.unwrap_err().is_timeout());
    assert_eq!(start.elapsed(), 2 * MINUTE);
}

#[tokio::test(start_paused = true)]
async fn the_timeout_of_a_call_includes_its_stream_and_its_comments() {
    for (comments, idle_timeout) in [(60, Some(10 * MINUTE)), (0, None)] {
        let start = Instant::now();
        let call = call(&client(comments, MINUTE, EVENT.filter(|_| comments > 0)));
        let events = call.timeout(20 * MINUTE).idle_timeout(idle_timeout).await.unwrap();
        let error = events.done().await.unwrap_err();
        assert!(error.is_timeout() && error.to_string().contains("1200s"), "{error}");
        assert_eq!(start.elapsed(), 20 * MINUTE);
    }
}
