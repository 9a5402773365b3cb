#[path = "../fixture/poster.rs"]
#[allow(dead_code)]
mod poster;

use fal_core::input;
use fal_flux::dev;

async fn never_called() {
    let _ = input!(dev { prompt: "a cat", output_format: "gif" });
    let _ = input!(dev { prompt: "a cat", image_size: "huge" });
    let _ = input!(poster { title: "Gold", dpi: 96 });
    let _ = input!(poster { title: "Gold", tags: ["art", "fun"] });
}

fn main() {}
