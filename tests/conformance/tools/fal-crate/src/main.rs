//! Calls fal by the crate `fal`: direct, and through the queue.

use fal::endpoints::fal_ai::flux;
use fal::queue::Status;

#[tokio::main]
async fn main() {
    let input = || flux::dev::DevTextToImageInput { prompt: "a cat".to_owned(), ..Default::default() };
    let direct = flux::dev::dev(input()).send().await.unwrap();
    assert!(direct.images[0].url.starts_with("https://"));
    let queued = flux::dev::dev(input()).queue().await.unwrap();
    while queued.status(true).await.unwrap().status != Status::Completed {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert!(queued.response().await.unwrap().images[0].url.starts_with("https://"));
}
