//! Calls of the typed client to the emulator over real sockets.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod cancel;
mod errors;
mod files;
mod killed;
mod killed_budget;
mod platform;
mod queued;
mod resume;
mod run;
mod subscribe;
mod untyped;

use std::time::Duration;

use fal_client::{Client, input};
use fal_emulator::{Emulator, Pace};
use fal_flux::{dev, types::CustomImageSize};

/// Starts an emulator that answers at once, and a client of it.
async fn instant() -> (Emulator, Client) {
    with_pace(Pace::instant()).await
}

/// Starts an emulator whose jobs stay in the queue for longer than any test, and a client of it.
async fn stuck() -> (Emulator, Client) {
    with_pace(Pace::default().ahead(3).per_position(Duration::from_secs(3600))).await
}

async fn with_pace(pace: Pace) -> (Emulator, Client) {
    let emulator = Emulator::builder().pace(pace).start().await.unwrap();
    let client = Client::builder().emulator(emulator.url()).build().unwrap();
    (emulator, client)
}

/// Returns an input for a small image, which the emulator draws quickly.
fn small() -> dev::Input {
    let size = CustomImageSize::builder().width(64.try_into().ok()).height(48.try_into().ok()).build();
    input!(dev {
        prompt: "a cat",
        seed: 7,
        image_size: dev::ImageSize::Custom(size),
        output_format: dev::OutputFormat::Png,
    })
}

/// Reads width and height of a PNG.
fn dimensions(png: &[u8]) -> (u32, u32) {
    assert!(png.starts_with(b"\x89PNG\r\n\x1a\n"), "not a PNG: {:?}", &png[..8.min(png.len())]);
    let number = |offset: usize| u32::from_be_bytes(png[offset..offset + 4].try_into().unwrap());
    (number(16), number(20))
}
