//! `subscribe`: a job in the queue, with progress reports.

use std::sync::{Arc, Mutex};

use fal_client::queue::Update;

use super::*;

#[tokio::test]
async fn subscribe_reports_positions_then_each_log_line_once_then_completion() {
    let (step, run) = (Duration::from_secs(600), Duration::from_secs(3600));
    let pace = Pace::default().ahead(3).per_position(step).run(run).log_lines(6);
    let (emulator, client) = with_pace(pace).await;
    // Time passes only when something was seen.
    let time_passes = move || emulator.advance(step);
    let seen = Arc::new(Mutex::new(Vec::new()));
    let record = Arc::clone(&seen);
    let reply = client
        .subscribe(small())
        .logs()
        .poll_every(Duration::from_millis(20))
        .on_update(move |update| {
            record.lock().unwrap().push(update.clone());
            time_passes();
        })
        .await
        .unwrap();
    assert_eq!((reply.images[0].width, reply.images[0].height), (64, 48));

    let seen = seen.lock().unwrap();
    let positions: Vec<u32> = seen
        .iter()
        .filter_map(|update| match update {
            Update::Queued { position, .. } => Some(*position),
            _ => None,
        })
        .collect();
    assert!(positions.starts_with(&[3, 2, 1]) && positions.is_sorted_by(|a, b| a > b), "{positions:?}");
    assert!(matches!(seen.last(), Some(Update::Completed { error: None, .. })), "{:?}", seen.last());
    let mut lines: Vec<&str> = seen.iter().flat_map(Update::logs).map(|log| log.message.as_str()).collect();
    let count = lines.len();
    lines.dedup();
    assert_eq!((count, lines.len()), (6, 6), "{lines:?}");
}

#[tokio::test]
async fn a_timeout_cancels_the_job_and_keeps_its_request_id() {
    let (_emulator, client) = stuck().await;
    let error = client.subscribe(small()).timeout(Duration::from_secs(5)).await.unwrap_err();
    assert!(error.is_timeout(), "{error:?}");
    let request_id = error.request_id().unwrap();
    // The job would have stayed in the queue for hours, so it was cancelled.
    let job = client.endpoint::<dev::Model>().job(request_id);
    assert!(job.status().await.unwrap().is_completed());
    assert!(job.result().await.unwrap_err().is_cancelled());
}

#[tokio::test]
async fn a_job_that_does_not_start_in_time_is_a_timeout_of_the_service() {
    let (_emulator, client) = stuck().await;
    let call = client.subscribe(small()).start_timeout(Duration::from_millis(1100));
    let error = call.await.unwrap_err();
    assert!(error.is_timeout(), "{error:?}");
    assert_eq!(error.status().map(|status| status.as_u16()), Some(504));
}

#[tokio::test]
async fn a_job_that_nobody_waits_for_is_dropped_by_the_service() {
    let (emulator, client) = stuck().await;
    let limit = Duration::from_secs(600);
    let job = client.submit(small()).timeout(limit).drop_unstarted().await.unwrap();
    emulator.advance(limit);
    let error = job.wait().await.unwrap_err();
    assert!(error.is_timeout() && error.status().is_some_and(|status| status.as_u16() == 504), "{error:?}");
    assert_eq!(emulator.received_inputs::<dev::Model>().len(), 1);
}
