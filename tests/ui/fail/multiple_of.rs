#[path = "../fixture/poster.rs"]
#[allow(dead_code)]
mod poster;

use fal_core::input;

async fn never_called() {
    let _ = input!(poster { title: "Gold", width: 100 });
}

fn main() {}
