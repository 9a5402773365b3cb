use fal_flux::dev;

async fn never_called(scale: f64) {
    let _ = dev::Input::builder().prompt("a cat").guidance_scale(scale);
}

fn main() {}
