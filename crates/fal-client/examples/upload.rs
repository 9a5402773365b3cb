//! Uploads of files from disk, memory and readers, and downloads of outputs.
//!
//! `cargo run -p fal-client --example upload [picture]` uses the embedded emulator, or fal if `FAL_KEY` is set.

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

    // Use the given picture, or generate one.
    let path = match env::args().nth(1) {
        Some(path) => path.into(),
        None => {
            let reply = client.subscribe(input!(dev { prompt: "a cat reading a map" })).await?;
            reply.save_media(&client, &folder).await?.swap_remove(0).path
        }
    };

    // Upload a file from disk once, for several calls.
    let uploaded = client
        .upload(File::path(&path))
        .lifecycle(Lifecycle::default().expires_after(Duration::from_secs(3600)))
        .on_progress(|progress| println!("uploading: {progress}"))
        .await?;
    println!("from disk: {}", uploaded.as_url().unwrap_or_default());

    // Upload from memory, and from a reader.
    let bytes = std::fs::read(&path)?;
    let memory = client.upload(File::bytes(bytes.clone(), "").named("memory.jpg")).await?;
    println!("from memory: {}", memory.as_url().unwrap_or_default());
    let reader = client.upload(File::reader(std::io::Cursor::new(bytes)).named("reader.jpg")).await?;
    println!("from a reader: {}", reader.as_url().unwrap_or_default());

    // A file with a URL is sent as it is. A local file is uploaded by the call.
    for picture in [uploaded, File::path(&path)] {
        let edit = input!(image_to_image { prompt: "a dog instead", image_url: picture, strength: 0.9 });
        let reply = client.subscribe(edit).await?;
        for saved in reply.save_media(&client, &folder).await? {
            println!("saved {}", saved.path.display());
        }
    }
    Ok(())
}
