use fal_core::{IntoInput, input};
use fal_flux::dev;

fn run(_: impl IntoInput) {}

async fn never_called() {
    run(input!(dev { seed: 7 }));
    run(dev::Input::builder().seed(7));
}

fn main() {}
