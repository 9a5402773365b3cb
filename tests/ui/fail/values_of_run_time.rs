use fal_core::{input, try_input};
use fal_flux::dev;

struct Size(u32);

async fn never_called(steps: u32, size: Size, format: &str, prompt: Option<String>) {
    let _ = input!(dev { prompt: "a cat", num_inference_steps: steps });
    let _ = input!(dev { prompt: "a cat", output_format: format });
    let _ = try_input!(dev { prompt: "a cat", num_inference_steps: size });
    let _ = try_input!(dev { prompt, seed: 7 });
    let _ = try_input!(dev { seed: 7 });
}

fn main() {}
