//! The command against the emulator.

use std::{collections::HashSet, error::Error, fs, path::Path, time::Duration};

use clap::Parser;
use fal_client::Client;
use fal_emulator::{Emulator, Request, RequestKind};
use serde_json::json;
use tempfile::TempDir;

use super::{Args, run};

const TABLE: &str =
    "name,prompt,size,steps\ntabby,a tabby cat,square,\ntuxedo,a tuxedo cat,,12\ncalico,a cat,,\n";

/// Writes a table to a new folder.
fn folder_with(table: &str) -> Result<TempDir, Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    fs::write(folder.path().join("cats.csv"), table)?;
    Ok(folder)
}

/// Runs the command as a shell would.
async fn command(emulator: &Emulator, folder: &Path, options: &[&str]) -> Result<(), Box<dyn Error>> {
    let client = Client::builder().emulator(emulator.url()).build()?;
    let (table, pictures) = (folder.join("cats.csv"), folder.join("pictures"));
    let words = ["csv_images".as_ref(), table.as_os_str(), pictures.as_os_str()];
    let options = options.iter().map(AsRef::as_ref);
    run(&client, Args::try_parse_from(words.into_iter().chain(options))?).await
}

fn count(emulator: &Emulator, kind: RequestKind) -> usize {
    emulator.requests().iter().filter(|request| request.kind == kind).count()
}

#[tokio::test]
async fn every_row_becomes_a_picture_once() -> Result<(), Box<dyn Error>> {
    let (emulator, folder) = (Emulator::start().await?, folder_with(TABLE)?);
    command(&emulator, folder.path(), &[]).await?;
    for name in ["tabby", "tuxedo", "calico"] {
        let picture = fs::read(folder.path().join("pictures").join(name).with_extension("png"))?;
        assert!(picture.starts_with(b"\x89PNG"), "{name}");
    }
    let requests = emulator.requests().len();
    command(&emulator, folder.path(), &[]).await?;
    // The second run asks for nothing but the price.
    let later = &emulator.requests()[requests..];
    assert!(later.iter().all(|request| request.kind == RequestKind::Platform), "{later:?}");
    Ok(())
}

#[tokio::test]
async fn run_that_was_killed_is_continued() -> Result<(), Box<dyn Error>> {
    let emulator = Emulator::builder().manual_clock().start().await?;
    let folder = folder_with(TABLE)?;
    tokio::select! {
        ended = command(&emulator, folder.path(), &[]) => return ended.and(Err("no request was waiting".into())),
        () = follows(&emulator, 3) => {}
    }
    emulator.advance(Duration::from_secs(60));
    command(&emulator, folder.path(), &[]).await?;
    assert_eq!(count(&emulator, RequestKind::Submit), 3);
    assert!(folder.path().join("pictures/calico.png").is_file());
    Ok(())
}

/// Waits until this number of requests is followed, so that their tickets are in the journal.
async fn follows(emulator: &Emulator, number: usize) {
    let mut followed = HashSet::new();
    while followed.len() < number {
        let is_new = |request: &Request| {
            request.kind == RequestKind::StatusStream && !followed.contains(&request.request_id)
        };
        let next = emulator.wait_for(is_new).await;
        followed.insert(next.request_id);
    }
}

#[tokio::test]
async fn value_that_the_model_refuses_is_named_before_anything_is_sent() -> Result<(), Box<dyn Error>> {
    let emulator = Emulator::start().await?;
    let folder = folder_with("name,prompt,steps\na,a cat,28\nb,a dog,500\n")?;
    let error = command(&emulator, folder.path(), &[]).await.unwrap_err().to_string();
    assert!(error.contains("line: 3") && error.contains("50"), "{error}");
    assert_eq!(emulator.requests().len(), 0);
    Ok(())
}

#[tokio::test]
async fn budget_is_kept() -> Result<(), Box<dyn Error>> {
    let folder = folder_with(TABLE)?;
    let prices = folder.path().join("prices.json");
    fs::write(&prices, json!({"fal-ai/flux/dev": {"unit_price": 0.025, "unit": "images"}}).to_string())?;
    let emulator = Emulator::builder().prices(prices).start().await?;
    let error = command(&emulator, folder.path(), &["--budget", "0.06"]).await.unwrap_err().to_string();
    assert!(error.contains("the budget of $0.06"), "{error}");
    assert_eq!(count(&emulator, RequestKind::Submit), 2);
    // More money, and the rest is sent.
    command(&emulator, folder.path(), &["--budget", "0.10"]).await?;
    assert_eq!(count(&emulator, RequestKind::Submit), 3);
    Ok(())
}

#[tokio::test]
async fn row_that_failed_is_tried_in_the_next_run() -> Result<(), Box<dyn Error>> {
    let (emulator, folder) = (Emulator::start().await?, folder_with(TABLE)?);
    emulator.on_endpoint("fal-ai/flux/dev").fail(500, json!({"detail": "the runner is on fire"})).times(1);
    let error = command(&emulator, folder.path(), &[]).await.unwrap_err().to_string();
    assert_eq!(error, "1 failed: run this again");
    command(&emulator, folder.path(), &[]).await?;
    assert_eq!(count(&emulator, RequestKind::Submit), 4);
    Ok(())
}
