#[path = "../fixture/poster.rs"]
#[allow(dead_code)]
mod poster;

use fal_core::input;
use fal_flux::dev;

async fn never_called() {
    let _ = input!(poster { title: "Gold", background: { text: "sky", opacity: 1.5 } });
    let _ = input!(poster { title: "Gold", layers: [{ text: "far too long" }] });
    let _ = input!(poster { title: "Gold", layers: [{ opacity: 0.5 }] });
    let _ = input!(poster { title: "Gold", image_urls: ["cat.png"] });
    let _ = input!(poster { title: "Gold", background: { txt: "sky" } });
    let _ = input!(dev { prompt: "a cat", image_size: { width: 20000 } });
}

fn main() {}
