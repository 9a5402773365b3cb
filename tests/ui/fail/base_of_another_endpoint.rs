use fal_core::input;
use fal_flux::{dev, schnell};

async fn never_called() {
    let other = input!(schnell { prompt: "a cat" });
    let _ = input!(dev { seed: 7, ..other });
}

fn main() {}
