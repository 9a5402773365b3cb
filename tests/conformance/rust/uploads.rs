//! Uploads.

use std::time::Duration;

use fal_client::{
    Client, File,
    storage::{Access, Lifecycle, Repository, UploadOptions},
};

use crate::report::{Check, Operations, ensure, fails};
use crate::{HOUR, SECOND, client};

/// The client uploads files over 100 MiB in parts.
const LARGE: usize = (101 << 20) + 17;

pub(crate) fn add(operations: &mut Operations) {
    operations.add("upload", async || {
        let url = same_bytes(File::bytes(*b"\x89PNG-data", "image/png").named("cat.png"), b"\x89PNG-data");
        let url = url.await?;
        ensure(url.ends_with("/cat.png"), || url)
    });
    operations.add("upload: without a name", async || {
        same_bytes(File::bytes(*b"text", "text/plain"), b"text").await.map(drop)
    });
    operations.add("upload: by the REST service", async || {
        let options = UploadOptions::default().repository(Repository::Rest);
        let file = File::bytes(*b"x", "text/plain").named("n.txt");
        let client = client()?;
        let file = client.upload(file).options(options).await?;
        has_bytes(&client, file.as_url().unwrap_or_default(), b"x").await
    });
    operations.add("upload: file", async || {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("notes.txt");
        std::fs::write(&path, "what was noted")?;
        same_bytes(File::path(path), b"what was noted").await.map(drop)
    });
    operations.add("upload: name that is not ASCII", async || {
        same_bytes(File::bytes(*b"x", "text/plain").named("größe.txt"), b"x").await.map(drop)
    });
    operations.add("upload: lifecycle", async || {
        let lifecycle = Lifecycle::default().expires_after(HOUR).access(Access::Hide);
        let client = client()?;
        let file =
            client.upload(File::bytes(*b"x", "text/plain").named("n.txt")).lifecycle(lifecycle).await?;
        fails(client.download(file.as_url().unwrap_or_default()).await, 404)?;
        let file = client.upload(File::bytes(*b"x", "text/plain").named("n.txt"));
        let file = file.lifecycle(Lifecycle::default().expires_after(SECOND)).await?;
        let url = file.as_url().unwrap_or_default();
        has_bytes(&client, url, b"x").await?;
        is_gone_after_a_second(&client, url).await
    });
    operations.add("upload: multipart", async || {
        let bytes = large();
        let file = File::bytes(bytes.clone(), "application/octet-stream").named("big.bin");
        same_bytes(file, &bytes).await.map(drop)
    });
    operations.add("upload: multipart file", async || {
        let (folder, bytes) = (tempfile::tempdir()?, large());
        let path = folder.path().join("big.bin");
        std::fs::write(&path, &bytes)?;
        same_bytes(File::path(path), &bytes).await.map(drop)
    });
}

/// Uploads a file, checks that the download has the same bytes, and returns its URL.
async fn same_bytes(file: File, bytes: &[u8]) -> Result<String, Box<dyn std::error::Error>> {
    let client = client()?;
    let file = client.upload(file).await?;
    let url = file.as_url().unwrap_or_default().to_owned();
    has_bytes(&client, &url, bytes).await?;
    Ok(url)
}

/// Checks that the file of a URL has these bytes.
async fn has_bytes(client: &Client, url: &str, bytes: &[u8]) -> Check {
    let fetched = client.download(url).await?.bytes().await?;
    ensure(fetched == bytes, || {
        format!("{} bytes were uploaded, {} other bytes came back", bytes.len(), fetched.len())
    })
}

/// Waits, and checks that a file with a lifetime of a second has expired.
pub(crate) async fn is_gone_after_a_second(client: &Client, url: &str) -> Check {
    tokio::time::sleep(Duration::from_millis(1200)).await;
    fails(client.download(url).await, 404)
}

/// Returns bytes whose parts all differ.
fn large() -> Vec<u8> {
    let mut bytes = vec![0; LARGE];
    for (number, part) in bytes.chunks_mut(1 << 20).enumerate() {
        part.fill(u8::try_from(number).unwrap_or_default());
    }
    bytes
}
