use fal_core::input;
use fal_flux::dev::image_to_image;
use fal_kling_video::v2_1::master::image_to_video;

async fn never_called(path: &str) {
    let _ = input!(image_to_image { prompt: "a cat", image_url: path });
    let _ = input!(image_to_video { prompt: "a cat", image_url: path });
}

fn main() {}
