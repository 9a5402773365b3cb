//! Typed calls to FLUX, a video model and Whisper. `cargo xtask demo` runs it.
//!
//! With `FAL_KEY` set, the calls go to fal, which bills them. Otherwise they go to an embedded emulator. The media are
//! saved in `target/demo`.

#[path = "../support/connect.rs"]
mod connect;
mod progress;

use std::{env, error::Error, fs, path::PathBuf};

use fal_client::{Client, File, input, queue::Update};
use fal_flux::dev;
use fal_kling_video::v2_1::master::text_to_video;

use connect::connect;
use progress::Progress;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let prompt = env::args().nth(1).unwrap_or_else(|| "a cat reading a map".to_owned());
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../target/demo");
    fs::create_dir_all(&folder)?;
    let folder = folder.canonicalize()?;

    // Kept until the end: dropping an emulator stops it.
    let (client, _emulator) = connect().await?;
    picture(&client, &prompt, &folder.join("picture.png")).await?;
    video(&client, &prompt, &folder.join("video.mp4")).await?;
    transcript(&client, &folder.join("transcript.txt")).await?;
    println!("\nSaved in {}", folder.display());
    Ok(())
}

async fn picture(client: &Client, prompt: &str, path: &PathBuf) -> Result<(), Box<dyn Error>> {
    println!("\nfal-ai/flux/dev — {prompt}");
    let progress = Progress::start();
    let bar = progress.clone();
    let reply = client
        .subscribe(input!(dev {
            prompt,
            image_size: dev::ImageSize::Landscape16_9,
            num_inference_steps: 28,
            output_format: dev::OutputFormat::Png,
        }))
        .logs()
        .on_update(move |update| bar.update(update))
        .await;
    progress.finish();
    let reply = reply?;

    let image = &reply.images[0];
    client.download(&image.url).await?.save(path).await?;
    println!("  {} x {} px, seed {}, request {}", image.width, image.height, reply.seed, reply.request_id());
    println!("  {}", path.display());
    Ok(())
}

async fn video(client: &Client, prompt: &str, path: &PathBuf) -> Result<(), Box<dyn Error>> {
    println!("\nfal-ai/kling-video/v2.1/master/text-to-video — {prompt}");
    let progress = Progress::start();
    let job = client
        .submit(input!(text_to_video {
            prompt,
            duration: text_to_video::Duration::N5,
            aspect_ratio: text_to_video::AspectRatio::Ratio16x9,
        }))
        .await?;
    let bar = progress.clone();
    let reply = job.wait().on_update(move |update: &Update| bar.update(update)).await;
    progress.finish();
    let reply = reply?;

    let bytes = client.download(&reply.video.url).await?.save(path).await?;
    println!("  {} kB, request {}", bytes / 1000, reply.request_id());
    println!("  {}", path.display());
    Ok(())
}

async fn transcript(client: &Client, path: &PathBuf) -> Result<(), Box<dyn Error>> {
    println!("\nfal-ai/whisper — speech.wav");
    let speech = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("examples/demo/speech.wav");
    let reply = client
        .run(input!(fal_whisper {
            audio_url: File::path(speech), // uploaded when the request is sent
            task: fal_whisper::Task::Transcribe,
        }))
        .await?;
    for chunk in reply.chunks.iter().flatten() {
        let time = |seconds: Option<f64>| seconds.map_or("?".to_owned(), |seconds| format!("{seconds:.1}"));
        println!("  {:>5} – {:<5} {}", time(chunk.timestamp.0), time(chunk.timestamp.1), chunk.text.trim());
    }
    fs::write(path, format!("{}\n", reply.text.trim()))?;
    println!("  {}", path.display());
    Ok(())
}
