//! Adaptive concurrency.

use futures_util::FutureExt;

use super::{super::concurrency::Limiter, queue::Queue, *};

/// Runs a batch for `seconds` against a hidden limit. Returns the numbers of requests under way in the second half.
async fn under_way(queue: &Queue, seconds: u64) -> Vec<usize> {
    let batch = queue.client().batch(inputs(1_000_000)).concurrency(Concurrency::adaptive());
    let mut done = batch.as_completed().await.unwrap();
    let mut seen = Vec::new();
    let start = Instant::now();
    let mut tick = tokio::time::interval(Duration::from_millis(500));
    while start.elapsed() < Duration::from_secs(seconds) {
        tokio::select! {
            reply = done.next() => {
                reply.unwrap().1.unwrap();
            }
            _ = tick.tick() => {
                if start.elapsed() > Duration::from_secs(seconds / 2) {
                    seen.push(queue.under_way());
                }
            }
        }
    }
    seen
}

#[tokio::test(start_paused = true)]
async fn limit_of_the_account_is_found_by_waiting_times() {
    for limit in [2, 5, 12, 20, 40] {
        let queue = Queue::new(|settings| {
            (settings.limit, settings.run) = (limit, Duration::from_secs(3));
        });
        let seen = under_way(&queue, 120).await;
        let mean = seen.iter().sum::<usize>() as f64 / seen.len() as f64;
        // One request more than run shows that there is no room for it.
        assert!((mean - limit as f64).abs() <= (limit as f64 * 0.1).max(1.0), "{limit}: {mean} {seen:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn limit_of_the_account_is_found_by_refusals() {
    for limit in [1, 5, 20, 40] {
        let queue = Queue::new(|settings| {
            (settings.limit, settings.run, settings.refuses) = (limit, Duration::from_secs(3), true);
        });
        let seen = under_way(&queue, 120).await;
        let mean = seen.iter().sum::<usize>() as f64 / seen.len() as f64;
        assert!(mean >= limit as f64 * 0.8, "{limit}: {mean} {seen:?}");
        let (accepted, refused) = (queue.accepted().len(), queue.refused());
        println!("limit {limit}: {mean:.1} under way, {accepted} accepted, {refused} refused");
        assert!(refused * 5 <= accepted + 50, "{limit}: {refused} refused of {accepted}");
    }
}

#[tokio::test]
async fn room_is_given_to_one_refused_request_at_a_time() {
    let limiter = Limiter::new(Concurrency::adaptive().max(1));
    let running = limiter.accepted();
    let (mut first, mut second) = (Box::pin(limiter.wait_for_room()), Box::pin(limiter.wait_for_room()));
    assert!((&mut first).now_or_never().is_none() && (&mut second).now_or_never().is_none());
    drop(running);
    let place = (&mut first).now_or_never().unwrap();
    assert!((&mut second).now_or_never().is_none());
    drop(place);
    assert!(second.now_or_never().is_some());
}

#[tokio::test(start_paused = true)]
async fn short_requests_without_a_limit_are_sent_faster_and_faster() {
    let queue = Queue::new(|settings| settings.run = Duration::from_millis(400));
    let batch = queue.client().batch(inputs(2000)).concurrency(Concurrency::adaptive().max(100));
    let start = Instant::now();
    assert!(batch.await.unwrap().iter().all(Result::is_ok));
    // 16 at a time would take more than a minute.
    assert!(start.elapsed() < Duration::from_secs(40), "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn account_that_refuses_everything_is_given_up() {
    let queue = Queue::new(|settings| (settings.limit, settings.refuses) = (0, true));
    let start = Instant::now();
    let replies = queue.client().batch(inputs(3)).concurrency(Concurrency::adaptive()).await.unwrap();
    assert!(replies.iter().all(|reply| reply.as_ref().is_err_and(Error::is_rate_limited)));
    assert!((600..700).contains(&start.elapsed().as_secs()), "{:?}", start.elapsed());
}
