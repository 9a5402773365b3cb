#![deny(deprecated)]

#[path = "../fixture/poster.rs"]
#[allow(dead_code)]
mod poster;

use fal_core::input;

#[allow(dead_code)]
async fn never_called() {
    let _ = input!(poster { title: "Gold", caption: "Silver" });
}

fn main() {}
