//! Cancelling a job in each of its states.

use fal_client::queue::{Cancelled, Update};

use super::*;

#[tokio::test]
async fn a_queued_job_is_cancelled() {
    let (_emulator, client) = stuck().await;
    let job = client.submit(small()).await.unwrap();
    assert!(matches!(job.status().await.unwrap(), Update::Queued { position: 3, .. }));
    assert!(job.result().await.unwrap_err().is_not_ready());

    assert_eq!(job.cancel().await.unwrap(), Cancelled::Removed);
    let error = job.wait().await.unwrap_err();
    assert!(error.is_cancelled(), "{error:?}");
    assert_eq!(error.request_id(), Some(job.request_id()));
    assert_eq!(job.cancel().await.unwrap(), Cancelled::AlreadyCompleted);
}

#[tokio::test]
async fn cancelling_a_completed_job_reports_that_it_has_completed() {
    let (_emulator, client) = instant().await;
    let job = client.submit(small()).await.unwrap();
    assert_eq!(job.cancel().await.unwrap(), Cancelled::AlreadyCompleted);
    assert_eq!(job.wait().await.unwrap().seed, 7);
}

#[tokio::test]
async fn an_unknown_job_is_not_found() {
    let (_emulator, client) = instant().await;
    let job = client.endpoint::<dev::Model>().job("00000000-0000-0000-0000-000000000000");
    assert_eq!(job.cancel().await.unwrap(), Cancelled::NotFound);
    assert!(job.status().await.unwrap_err().is_not_found());
    assert!(job.result().await.unwrap_err().is_not_found());
}
