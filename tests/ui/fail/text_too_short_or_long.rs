#[path = "../fixture/poster.rs"]
#[allow(dead_code)]
mod poster;

use fal_core::input;

async fn never_called() {
    let _ = input!(poster { title: "Go" });
    let _ = input!(poster { title: "Gold, and nothing but" });
}

fn main() {}
