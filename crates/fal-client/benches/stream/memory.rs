//! The memory of a consumer that is slower than its model.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use crate::{
    Extent, client,
    events::Input,
    row::{Of, Row},
    server::BLOCK,
    usage,
};

/// The time in which the consumer takes a hundred events.
const PAUSE: Duration = Duration::from_millis(60);
const BURST: u64 = 100;

pub(crate) async fn measure(url: &str, extent: Extent) -> Row {
    let blocks = match extent {
        Extent::Quick => 20,
        Extent::Usual => 100,
        // A million in ten minutes.
        Extent::Long => 1_000_000_usize.div_ceil(BLOCK),
    };
    let events = blocks * BLOCK;
    let mut stream = client(url).stream(Input {}).path(format!("/{events}/1")).await.unwrap();
    let start = Instant::now();
    let mut before = 0;
    while let Some(event) = stream.next().await {
        event.unwrap();
        // All buffers are allocated by now.
        if stream.count() == 10 * BURST {
            usage::forget_peak();
            before = usage::now();
        }
        if stream.count().is_multiple_of(BURST) {
            let turn = u32::try_from(stream.count() / BURST).unwrap();
            sleep_until(start + PAUSE * turn).await;
        }
    }
    assert_eq!(stream.count(), events as u64);
    let growth = usage::peak().saturating_sub(before);
    Row::alone(
        &format!("stream: memory of a consumer slower than its {events} events"),
        "KiB",
        &[growth as f64],
    )
    .at_most(Of::Ours, 2048.0)
}
