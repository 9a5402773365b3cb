use fal_flux::dev;

async fn never_called() {
    let _ = |output: dev::Output| output.image;
}

fn main() {}
