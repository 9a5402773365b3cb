#[path = "../fixture/poster.rs"]
#[allow(dead_code)]
mod poster;

use fal_core::input;

async fn never_called() {
    let base = input!(poster { title: "Gold" });
    let _ = input!(poster { titel: "Silver", ..base.clone() });
    let _ = input!(poster { width: 63, ..base });
}

fn main() {}
