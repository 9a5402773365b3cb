#[path = "../fixture/poster.rs"]
#[allow(dead_code)]
mod poster;

use fal_core::{File, input};

async fn never_called() {
    let _ = input!(poster { title: "Gold", image_urls: [] });
    let url = || File::url("https://example.com/cat.png");
    let _ = input!(poster { title: "Gold", image_urls: [url(), url(), url(), url()] });
    let _ = input!(poster { title: "Gold", layers: [{ text: "a" }, { text: "b" }, { text: "c" }] });
}

fn main() {}
