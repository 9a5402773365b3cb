use fal_core::input;
use fal_flux::dev;

async fn never_called() {
    let _ = input!(dev { prompt: "a cat", guidence_scale: 3.5 });
}

fn main() {}
