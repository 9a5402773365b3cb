//! Batches that run again with their journal.

use super::{queue::Queue, *};

fn row(seed: u64) -> untyped::Input {
    untyped::input("acme/app", json!({ "seed": seed }))
}

async fn replies<K: BatchKey>(
    mut done: Completions<untyped::Any, K>,
) -> Vec<(K, crate::Result<crate::Reply<Value>>)> {
    let mut replies = Vec::new();
    while let Some(reply) = done.next().await {
        replies.push(reply);
    }
    replies
}

#[tokio::test(start_paused = true)]
async fn finished_batch_of_a_thousand_makes_no_request() {
    let queue = Queue::new(|settings| settings.failing = |seed| u32::from(seed % 100 == 7));
    let journal = MemoryJournal::default();
    let run = || queue.client().batch(inputs(1000)).concurrency(64).journal(journal.clone()).keep_outputs();
    let first = run().await.unwrap();
    assert_eq!(first.iter().filter(|reply| reply.is_err()).count(), 10);
    let requests = queue.requests();
    let second = run().await.unwrap();
    assert_eq!(queue.requests(), requests);
    for (first, second) in first.iter().zip(&second) {
        match (first, second) {
            (Ok(first), Ok(second)) => {
                assert_eq!((first.raw(), first.request_id()), (second.raw(), second.request_id()));
            }
            (Err(first), Err(second)) => assert_eq!(first.to_string(), second.to_string()),
            differ => panic!("{differ:?}"),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn outputs_that_are_not_kept_are_fetched_with_one_request() {
    let (queue, journal) = (Queue::default(), MemoryJournal::default());
    queue.client().batch(inputs(100)).journal(journal.clone()).await.unwrap();
    let requests = queue.requests();
    let again = queue.client().batch(inputs(100)).journal(journal.clone()).keep_outputs().await.unwrap();
    assert!(again.iter().all(Result::is_ok));
    assert_eq!(queue.requests(), requests + 100);
    queue.client().batch(inputs(100)).journal(journal).await.unwrap();
    assert_eq!(queue.requests(), requests + 100, "they are kept now");
}

#[tokio::test(start_paused = true)]
async fn acknowledged_replies_are_not_given_again() {
    let (queue, journal) = (Queue::default(), MemoryJournal::default());
    let run = || queue.client().batch(inputs(10)).journal(journal.clone()).as_completed();
    let mut done = run().await.unwrap();
    let error = done.acknowledge(&0).await.unwrap_err();
    assert!(error.is_config() && error.to_string().contains("not answered yet"), "{error}");
    let others = done.acknowledger();
    while let Some((index, reply)) = done.next().await {
        reply.unwrap();
        if index == 3 {
            others.acknowledge(&index).await.unwrap();
        } else if index > 3 {
            done.acknowledge(&index).await.unwrap();
        }
    }
    let requests = queue.requests();
    let done = run().await.unwrap();
    let mut left: Vec<_> = replies(done).await.into_iter().map(|(index, _)| index).collect();
    left.sort_unstable();
    assert_eq!(left, [0, 1, 2]);
    assert_eq!(queue.requests(), requests + 3);
    // Those who ask for all replies get all.
    let all = queue.client().batch(inputs(10)).journal(journal.clone()).await.unwrap();
    assert!(all.iter().enumerate().all(|(index, reply)| reply.as_ref().unwrap()["seed"] == index));
    assert_eq!(queue.accepted().len(), 10);
}

#[tokio::test(start_paused = true)]
async fn rows_with_keys_may_move() {
    let (queue, journal) = (Queue::default(), MemoryJournal::default());
    let run = |rows: &[(&'static str, u64)]| {
        let rows: Vec<_> = rows.iter().map(|(key, seed)| (*key, row(*seed))).collect();
        queue.client().batch_by_key(rows).journal(journal.clone()).as_completed()
    };
    replies(run(&[("a", 1), ("b", 2)]).await.unwrap()).await;
    let mut second = replies(run(&[("new", 3), ("b", 2), ("a", 1), ("b", 4)]).await.unwrap()).await;
    assert_eq!(queue.accepted(), [1, 2, 3]);
    second.sort_by_key(|(key, reply)| (*key, reply.is_err()));
    let seeds: Vec<_> = second
        .iter()
        .map(|(key, reply)| (*key, reply.as_ref().ok().map(|reply| reply["seed"].clone())))
        .collect();
    assert_eq!(seeds, [("a", Some(json!(1))), ("b", Some(json!(2))), ("b", None), ("new", Some(json!(3)))]);
    let error = second[2].1.as_ref().unwrap_err();
    assert!(error.to_string().contains("the key `b` belongs to another input"), "{error}");
    // A row that was edited under its key is not paid for again.
    let edited = replies(run(&[("a", 9)]).await.unwrap()).await;
    let error = edited[0].1.as_ref().unwrap_err();
    assert!(error.is_config() && error.to_string().contains("input a is not the one"), "{error}");
    assert_eq!(queue.accepted().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn rows_known_by_content_may_move_and_repeat() {
    let (queue, journal) = (Queue::default(), MemoryJournal::default());
    let run = |seeds: &[u64]| {
        let rows: Vec<_> = seeds.iter().copied().map(row).collect();
        queue.client().batch(rows).by_content().journal(journal.clone()).keep_outputs()
    };
    run(&[1, 2, 2]).await.unwrap();
    let second = run(&[7, 2, 1, 2, 2]).await.unwrap();
    let seeds: Vec<_> =
        second.iter().map(|reply| reply.as_ref().unwrap()["seed"].as_u64().unwrap()).collect();
    assert_eq!(seeds, [7, 2, 1, 2, 2]);
    let mut accepted = queue.accepted();
    accepted.sort_unstable();
    assert_eq!(accepted, [1, 2, 2, 2, 7]);
    let mut done = run(&[2, 7]).as_completed().await.unwrap();
    while let Some((index, _)) = done.next().await {
        done.acknowledge(&index).await.unwrap();
    }
    assert_eq!(replies(run(&[1, 7, 2]).as_completed().await.unwrap()).await.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn journal_with_other_keys_is_refused() {
    let journal = MemoryJournal::default();
    let client = Queue::default().client();
    client.batch(inputs(2)).journal(journal.clone()).await.unwrap();
    let error = client.batch(inputs(2)).by_content().journal(journal.clone()).await.unwrap_err();
    let message = error.to_string();
    assert!(error.is_config() && message.contains("continue it with `client.batch(inputs)`"), "{message}");
    let keyed = client.batch_by_key([(0, row(0))]).journal(journal).await;
    assert!(keyed.unwrap_err().is_config());
    // One of an older version begins without a word about its keys.
    let entry = JournalEntry::Refused { key: "0".to_owned() };
    let journal = MemoryJournal(Arc::new(Mutex::new(vec![entry])));
    assert!(client.batch(inputs(2)).by_content().journal(journal.clone()).await.is_err());
    assert!(client.batch(inputs(2)).journal(journal).await.unwrap().iter().all(Result::is_ok));
}

#[tokio::test(start_paused = true)]
async fn failures_are_sent_again_if_the_caller_says_so() {
    let queue = Queue::new(|settings| settings.failing = |seed| u32::from(seed < 2));
    let journal = MemoryJournal::default();
    let run = || queue.client().batch(inputs(4)).journal(journal.clone());
    let failed = |replies: &[crate::Result<_>]| replies.iter().filter(|reply| reply.is_err()).count();
    assert_eq!(failed(&run().await.unwrap()), 2);
    let requests = queue.requests();
    assert_eq!(failed(&run().await.unwrap()), 2);
    assert_eq!(queue.requests(), requests + 2, "failures are not asked for again");
    assert_eq!(failed(&run().resubmit_failed(|error| error.is_timeout()).await.unwrap()), 2);
    assert_eq!(queue.accepted().len(), 4);
    assert_eq!(failed(&run().resubmit_failed(Error::is_validation).await.unwrap()), 0);
    assert_eq!(queue.accepted(), [0, 1, 2, 3, 0, 1]);
    assert_eq!(failed(&run().resubmit_failed(|_| true).await.unwrap()), 0);
    assert_eq!(queue.accepted().len(), 6);
}

#[tokio::test(start_paused = true)]
async fn progress_counts_every_input() {
    let queue = Queue::new(|settings| settings.failing = |seed| u32::from(seed == 3));
    let lines: Arc<Mutex<Vec<String>>> = Arc::default();
    let notes = lines.clone();
    let batch = queue.client().batch(inputs(10)).concurrency(4);
    let batch = batch.on_progress(move |progress| lock(&notes).push(progress.to_string()));
    let mut done = batch.as_completed().await.unwrap();
    assert_eq!(done.progress().to_string(), "0 of 10 done, 10 waiting");
    let mut watched = done.watch();
    let watching = tokio::spawn(async move {
        let mut last = None;
        while let Some(progress) = watched.next().await {
            assert_eq!(
                progress.waiting + progress.running + progress.done + progress.failed,
                10,
                "{progress}"
            );
            last = Some(progress);
        }
        last
    });
    while done.next().await.is_some() {}
    let last = watching.await.unwrap().unwrap();
    assert_eq!(last.to_string(), "9 of 10 done, 1 failed");
    assert_eq!(lock(&lines).last().unwrap(), "9 of 10 done, 1 failed");
    assert!(
        lock(&lines).contains(&"4 of 10 done, 2 running, 4 waiting".to_owned()) || lock(&lines).len() >= 20
    );
    assert_eq!(done.watch().next().await.unwrap(), done.progress());
}
