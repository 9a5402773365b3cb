//! Local files as inputs, and media as outputs.

use fal_client::{File, storage::MediaExt, untyped};
use fal_flux::dev::image_to_image;
use serde_json::json;

use super::*;

/// Returns a WAV file with one second of silence: 8 kHz, 16 bit, mono.
fn wav() -> Vec<u8> {
    let data = vec![0_u8; 16_000];
    let mut wav = Vec::from(*b"RIFF");
    wav.extend((36 + data.len() as u32).to_le_bytes());
    wav.extend(*b"WAVEfmt ");
    wav.extend(16_u32.to_le_bytes());
    wav.extend([1, 0, 1, 0]);
    wav.extend(8000_u32.to_le_bytes());
    wav.extend(16_000_u32.to_le_bytes());
    wav.extend([2, 0, 16, 0]);
    wav.extend(*b"data");
    wav.extend((data.len() as u32).to_le_bytes());
    wav.extend(data);
    wav
}

#[tokio::test]
async fn a_local_recording_is_uploaded_and_transcribed() {
    let (_emulator, client) = instant().await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("řeč.wav");
    std::fs::write(&path, wav()).unwrap();

    let input = input!(fal_whisper { audio_url: File::path(&path), task: fal_whisper::Task::Transcribe });
    let reply = client.run(input).await.unwrap();
    let chunks = reply.chunks.as_ref().unwrap();
    assert!(!reply.text.is_empty() && !chunks.is_empty());
    // The transcript lasts as long as the recording, so the emulator has read the file.
    assert_eq!(chunks.last().unwrap().timestamp.1, Some(1.0));
}

#[tokio::test]
async fn an_image_is_saved_uploaded_and_passed_to_the_next_model() {
    let (_emulator, client) = instant().await;
    let first = client.run(small()).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("first.png");
    let image = &first.images[0];
    let size = image.save(&client, &path).await.unwrap();
    let saved = std::fs::read(&path).unwrap();
    assert_eq!((dimensions(&saved), saved.len() as u64), ((64, 48), size));
    assert_eq!(image.download(&client).await.unwrap().bytes().await.unwrap(), saved);

    let uploaded = client.upload(File::path(&path)).await.unwrap();
    assert!(uploaded.as_url().unwrap().starts_with("http://127.0.0.1"), "{uploaded:?}");
    let input = input!(image_to_image { prompt: "a dog", image_url: uploaded, strength: 0.5 });
    let second = client.run(input).await.unwrap();
    assert_eq!(second.images[0].dimensions(), (64, 48));

    let input = input!(image_to_image { prompt: "a fox", image_url: &second.images[0], strength: 0.5 });
    assert_eq!(client.run(input).await.unwrap().images[0].dimensions(), (64, 48), "from model to model");
}

#[tokio::test]
async fn a_missing_local_file_is_an_error_that_names_it() {
    let (_emulator, client) = instant().await;
    let input = input!(image_to_image { prompt: "a dog", image_url: File::path("no/such/cat.png") });
    let error = client.run(input).await.unwrap_err();
    assert!(error.is_file() && error.to_string().contains("no/such/cat.png"), "{error}");
}

#[tokio::test]
async fn a_recording_in_untyped_json_is_uploaded_or_sent_inside() {
    let (emulator, client) = instant().await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("silence.wav");
    std::fs::write(&path, wav()).unwrap();
    let is_upload = |path: &str| path.contains("/storage/") || path.starts_with("/cdn/");
    let uploads = || emulator.requests().iter().filter(|request| is_upload(request.path.as_str())).count();
    for (file, uploaded) in [(File::path(&path).inline(), false), (File::path(&path), true)] {
        let before = uploads();
        let input =
            untyped::input("https://fal.ai/models/fal-ai/whisper/api", json!({ "task": "transcribe" }));
        let reply = client.subscribe(input.file("audio_url", file)).await.unwrap();
        let last = reply["chunks"].as_array().unwrap().last().unwrap();
        assert_eq!(last["timestamp"][1], 1.0, "the emulator has read the file");
        assert_eq!(uploads() > before, uploaded);
    }
}
