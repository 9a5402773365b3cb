#[path = "../fixture/poster.rs"]
#[allow(dead_code)]
mod poster;

use fal_core::{input, try_input};
use fal_flux::dev;

async fn never_called(base: dev::Input, prompt: String) {
    let _ = input!(dev { prompt: "a cat", seed: 7, prompt: "a dog" });
    let _ = try_input!(dev { prompt, num_images: 2, prompt: "a dog" });
    let _ = input!(dev { seed: 7, seed: 8, ..base.clone() });
    let _ = try_input!(dev { seed: 7, r#seed: 8, ..base });
    let _ = input!(poster { title: "Gold", layers: [{ text: "sky", opacity: 0.5, text: "sea" }] });
    let _ = input!(dev { prompt: "a cat", "whiskers": 12, "whiskers": 13 });
    let _ = input!(dev { prompt: "a cat", "prompt": "a dog" });
}

fn main() {}
