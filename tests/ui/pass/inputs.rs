use fal_core::{File, Nullable, input};
use fal_flux::{dev, dev::image_to_image, types::CustomImageSize};
use fal_kling_video::v2_1::master::text_to_video;

fn main() {
    let seed: Option<i64> = None;
    let scale: f64 = 3.5;
    let guidance_scale: dev::GuidanceScale = scale.try_into().unwrap();
    let prompt = format!("{} cat", "a");
    let _ = input!(dev { prompt, seed, guidance_scale, num_images: 2, image_size: dev::ImageSize::Landscape16_9 });
    let _ = input!(dev { prompt: "a cat", num_inference_steps: 50, guidance_scale: 20.0, seed: -7, sync_mode: true, });

    let size = CustomImageSize::builder().width(512.try_into().ok()).height(None).build();
    let _ = dev::Input::builder().image_size(dev::ImageSize::from(size)).seed(7).prompt("a cat").build();

    let _ = input!(image_to_image { prompt: "a cat", image_url: "https://example.com/cat.png" });
    let _ = input!(image_to_image { prompt: "a cat", image_url: File::path("cat.png") });

    let _ = input!(text_to_video { prompt: "a cat", duration: text_to_video::Duration::N10, cfg_scale: 0.0 });
    let _ = input!(fal_whisper { audio_url: File::bytes(vec![], "audio/wav"), language: fal_whisper::Language::De });
    let _ = Nullable::Value(1);
}
