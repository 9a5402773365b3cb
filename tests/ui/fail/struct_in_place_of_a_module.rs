use fal_core::{input, try_input};
use fal_flux::dev;

async fn never_called() {
    let _ = input!(dev::Input { prompt: "a cat" });
    let _ = try_input!(fal_flux::dev::Input { prompt: "a cat" });
    let _ = input!(dev, prompt = "a cat");
}

fn main() {}
