// The forms that the messages of the compiler advise.
use std::path::Path;

use fal_core::{File, Violations, input, try_input};
use fal_flux::{dev, dev::image_to_image};

fn advised(steps: u32, scale: f32, format: &str, path: &Path, url: &str) -> Result<(), Violations> {
    let _ = try_input!(dev { prompt: "a cat", num_inference_steps: steps, guidance_scale: scale, output_format: format })?;
    let _ = dev::Input::try_builder().prompt("a cat").num_inference_steps(steps).output_format(format).build()?;
    let _ = input!(dev { prompt: "a cat", num_inference_steps: dev::NumInferenceSteps::try_from(steps)? });
    let _ = input!(image_to_image { prompt: "a cat", image_url: File::path(path) });
    let _ = input!(image_to_image { prompt: "a cat", image_url: File::url(url) });
    let _ = input!(image_to_image { prompt: "a cat", image_url: path });
    let _ = try_input!(image_to_image { prompt: "a cat", image_url: url })?;
    Ok(())
}

fn main() {
    advised(28, 3.5, "png", Path::new("cat.png"), "https://example.com/cat.png").unwrap();
}
