//! Files in every form, on their way in and out.
//!
//! `cargo run -p fal-client --example upload [picture]` runs on the embedded emulator, or at fal with `FAL_KEY`.

use std::{env, error::Error, time::Duration};

use fal_client::{
    Client, File, input,
    storage::{FileExt, Lifecycle},
};
use fal_emulator::Emulator;
use fal_flux::{dev, dev::image_to_image};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    // Kept until the end: dropping an emulator stops it.
    let (client, _emulator) = if env::var_os("FAL_KEY").is_some() {
        (Client::from_env()?, None)
    } else {
        let emulator = Emulator::start().await?;
        (Client::builder().emulator(emulator.url()).build()?, Some(emulator))
    };
    let folder = env::temp_dir().join("fal-upload-example");

    // A picture to begin with: the one that was given, or one that a model makes.
    let path = match env::args().nth(1) {
        Some(path) => path.into(),
        None => {
            let reply = client.subscribe(input!(dev { prompt: "a cat reading a map" })).await?;
            reply.save_media(&client, &folder).await?.swap_remove(0).path
        }
    };

    // From disk, once, for several calls.
    let uploaded = client
        .upload(File::path(&path))
        .lifecycle(Lifecycle::default().expires_after(Duration::from_secs(3600)))
        .on_progress(|progress| println!("uploading: {progress}"))
        .await?;
    println!("from disk: {}", uploaded.as_url().unwrap_or_default());

    // From memory, and from anything that can be read.
    let bytes = std::fs::read(&path)?;
    let memory = client.upload(File::bytes(bytes.clone(), "").named("memory.jpg")).await?;
    println!("from memory: {}", memory.as_url().unwrap_or_default());
    let reader = client.upload(File::reader(std::io::Cursor::new(bytes)).named("reader.jpg")).await?;
    println!("from a reader: {}", reader.as_url().unwrap_or_default());

    // A URL is sent as it is, and a local file is uploaded by the call itself.
    for picture in [uploaded, File::path(&path)] {
        let edit = input!(image_to_image { prompt: "a dog instead", image_url: picture, strength: 0.9 });
        let reply = client.subscribe(edit).await?;
        for saved in reply.save_media(&client, &folder).await? {
            println!("saved {}", saved.path.display());
        }
    }
    Ok(())
}
