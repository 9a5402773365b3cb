//! Batches, with and without a journal.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use fal_client::{Retry, batch::FileJournal};
use http::Method;
use serde_json::json;

use crate::{
    model::{Input, Output},
    server::{Reaction, Received, Server, bytes, json as answer},
};

fn inputs(count: usize) -> impl Iterator<Item = Input> + Send + 'static {
    (0..count).map(|nth| Input { prompt: format!("cat {nth}"), images: Vec::new() })
}

/// Starts a queue that completes at once, and gives the request with the prompt `cat 7` the id 7 and the result 7. `submit`
/// may react to a submission in another way.
async fn queue(submit: impl Fn(&Received, u64) -> Option<Reaction> + Send + Sync + 'static) -> Server {
    Server::start(move |request: &Received, _: &str| {
        if request.method == Method::POST {
            let prompt = request.json()["prompt"].as_str().unwrap().replace("cat ", "");
            let id: u64 = prompt.parse().unwrap();
            return submit(request, id)
                .unwrap_or_else(|| answer(200, &json!({"request_id": format!("id{id}")})));
        }
        if request.path.ends_with("/status") {
            return answer(200, &json!({"status": "COMPLETED"}));
        }
        match request.path.rsplit_once("/id") {
            Some((_, id)) if !id.contains('/') => answer(200, &json!({"seed": id.parse::<u64>().unwrap()})),
            _ => answer(404, &json!({})),
        }
    })
    .await
}

/// Counts the submissions of each prompt.
fn submits(server: &Server) -> BTreeMap<String, usize> {
    let mut submits = BTreeMap::new();
    for request in server.received().iter().filter(|request| request.method == Method::POST) {
        *submits.entry(request.json()["prompt"].as_str().unwrap().to_owned()).or_default() += 1;
    }
    submits
}

#[tokio::test]
async fn replies_are_in_the_order_of_the_inputs_or_of_completion() {
    let server = queue(|_, _| None).await;
    let client = server.client();
    let replies = client.batch(inputs(20)).concurrency(4).runner_hint("h").await.unwrap();
    let seeds: Vec<u64> = replies.into_iter().map(|reply| reply.unwrap().seed).collect();
    assert_eq!(seeds, (0..20).collect::<Vec<_>>());
    assert_eq!(server.received()[0].header("x-fal-runner-hint"), Some("h"));

    let mut done = client.batch(inputs(20)).as_completed().await.unwrap();
    let mut seeds = Vec::new();
    while let Some((index, reply)) = done.next().await {
        assert_eq!(reply.as_deref().unwrap(), &Output { seed: index.try_into().unwrap() });
        seeds.push(index);
    }
    seeds.sort_unstable();
    assert_eq!(seeds, (0..20).collect::<Vec<_>>());
    assert!(client.batch(inputs(0)).await.unwrap().is_empty());
}

#[tokio::test]
async fn concurrency_limits_the_requests_in_progress() {
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (counting, highest) = (now.clone(), most.clone());
    let server = Server::start(move |request: &Received, _: &str| {
        if request.method == Method::POST {
            highest.fetch_max(counting.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            return answer(200, &json!({"request_id": format!("r{}", request.nth)}));
        }
        if request.path.ends_with("/stream") {
            return answer(404, &json!({}));
        }
        if request.path.ends_with("/status") {
            let state = if request.nth < 2 { "IN_PROGRESS" } else { "COMPLETED" };
            return answer(200, &json!({"status": state}));
        }
        counting.fetch_sub(1, Ordering::SeqCst);
        answer(200, &json!({"seed": 1}))
    })
    .await;
    let replies = server.client().batch(inputs(12)).concurrency(3).await.unwrap();
    assert!(replies.iter().all(Result::is_ok));
    assert_eq!(most.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn a_failed_request_does_not_affect_the_others() {
    let server = queue(|_, id| (id == 2).then(|| answer(422, &json!({"detail": "no"})))).await;
    let replies = server.client().batch(inputs(4)).await.unwrap();
    let failed: Vec<_> =
        replies.iter().map(|reply| reply.as_ref().is_err_and(|error| error.is_validation())).collect();
    assert_eq!(failed, [false, false, true, false]);
}

#[tokio::test]
async fn a_submitted_request_is_not_submitted_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal");
    let server = queue(|_, _| None).await;
    let client = server.client();
    for count in [3, 5, 5] {
        // A longer list of inputs continues the same batch.
        let journal = FileJournal::open(&path).unwrap();
        let replies = client.batch(inputs(count)).journal(journal).await.unwrap();
        let seeds: Vec<u64> = replies.into_iter().map(|reply| reply.unwrap().seed).collect();
        assert_eq!(seeds.len(), count);
        assert!(seeds.is_sorted());
    }
    assert_eq!(submits(&server).values().collect::<Vec<_>>(), [&1; 5]);
}

#[tokio::test]
async fn a_request_that_may_have_been_accepted_is_in_doubt() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal");
    let open = || FileJournal::open(&path).unwrap();
    // 1 may have been accepted, 2 was refused, 3 hangs until the process ends.
    let server = queue(|request, id| match (id, request.nth) {
        (1, 0..4) => Some(bytes(504, &[("content-type", "text/html")], "<html>nginx</html>")),
        (2, 0..4) => Some(answer(422, &json!({"detail": "no"}))),
        (3, 0..4) => Some(Reaction::Hang),
        _ => None,
    })
    .await;
    let client = server.builder().retry(Retry::none()).build().unwrap();
    let mut first = client.batch(inputs(4)).journal(open()).as_completed().await.unwrap();
    for _ in 0..3 {
        first.next().await.unwrap().1.ok();
    }
    // The batch sends only while it is polled.
    let hanging =
        server.wait_for(|request| request.method == Method::POST && request.json()["prompt"] == "cat 3");
    tokio::select! {
        _ = hanging => {}
        reply = first.next() => panic!("{reply:?}"),
    }
    drop(first);

    let replies = client.batch(inputs(4)).journal(open()).await.unwrap();
    let kinds: Vec<_> = replies
        .iter()
        .map(|reply| match reply {
            Ok(_) => "ok",
            Err(error) if error.is_in_doubt() => "in doubt",
            Err(_) => "error",
        })
        .collect();
    assert_eq!(kinds, ["ok", "in doubt", "ok", "in doubt"]);
    assert_eq!(submits(&server).values().collect::<Vec<_>>(), [&1, &1, &2, &1]);

    let replies = client.batch(inputs(4)).journal(open()).resubmit_in_doubt(true).await.unwrap();
    assert!(replies.iter().all(Result::is_ok), "{replies:?}");
    assert_eq!(submits(&server).values().collect::<Vec<_>>(), [&1, &2, &2, &2]);
}

#[tokio::test]
async fn the_journal_of_another_batch_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal");
    let server = queue(|_, _| None).await;
    let client = server.client();
    client.batch(inputs(2)).journal(FileJournal::open(&path).unwrap()).await.unwrap();
    let others = inputs(3).skip(1);
    let replies = client.batch(others).journal(FileJournal::open(&path).unwrap()).await.unwrap();
    assert!(replies.iter().all(|reply| reply.as_ref().is_err_and(|error| error.is_config())), "{replies:?}");
    assert_eq!(submits(&server).values().collect::<Vec<_>>(), [&1, &1]);
}
