#[path = "../fixture/poster.rs"]
#[allow(dead_code)]
mod poster;

use fal_core::{input, try_input};
use fal_flux::{dev, dev::image_to_image};

async fn never_called() {
    let _ = input!(dev { prompt: 5 });
    let _ = input!(poster { title: true });
    let _ = input!(dev { prompt: "a cat", sync_mode: "yes" });
    let _ = try_input!(dev { prompt: "a cat", seed: "seven" });
    let _ = input!(dev { prompt: "a cat", image_size: 512 });
    let _ = input!(image_to_image { prompt: "a cat", image_url: 5 });
}

fn main() {}
