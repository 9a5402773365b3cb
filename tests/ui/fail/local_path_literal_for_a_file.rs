use fal_core::input;
use fal_flux::dev::image_to_image;

async fn never_called() {
    let _ = input!(image_to_image { prompt: "a cat", image_url: "cat.png" });
}

fn main() {}
