use fal_core::input;
use fal_flux::{dev, schnell};

async fn never_called() {
    let _ = input!(dev { prompt: "a cat", output_format: schnell::OutputFormat::Png });
}

fn main() {}
