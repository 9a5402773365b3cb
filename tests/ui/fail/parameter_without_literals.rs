#[path = "../fixture/poster.rs"]
#[allow(dead_code)]
mod poster;

use fal_core::{input, try_input};

async fn never_called() {
    let _ = input!(poster { title: "Gold", background: "sky" });
    let _ = input!(poster { title: "Gold", layers: "sky" });
    let _ = input!(poster { title: "Gold", center: 0.5 });
    let _ = input!(poster { title: "Gold", center: [0.5, 0.25] });
    let _ = input!(poster { title: "Gold", grid: (3, 4) });
    let _ = input!(poster { title: "Gold", colours: "red" });
    let _ = input!(poster { title: "Gold", frame: 3 });
    let _ = try_input!(poster { title: "Gold", frame: [1.0, 2.0] });
}

fn main() {}
