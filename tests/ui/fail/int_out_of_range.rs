use fal_core::input;
use fal_flux::dev;

async fn never_called() {
    let _ = input!(dev { prompt: "a cat", num_inference_steps: 500 });
    let _ = input!(dev { prompt: "a cat", num_images: 0 });
}

fn main() {}
