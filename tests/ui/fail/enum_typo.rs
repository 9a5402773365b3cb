use fal_core::input;
use fal_flux::dev;

async fn never_called() {
    let _ = input!(dev { prompt: "a cat", output_format: dev::OutputFormat::Jpg });
}

fn main() {}
