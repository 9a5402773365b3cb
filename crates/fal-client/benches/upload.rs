//! Uploads, compared with plain reqwest that sends the same bytes in the same way: `cargo xtask bench upload`.
//!
//! The server is another process, which discards everything, so that the memory is that of the client. Rounds of both
//! alternate, because the load of a machine changes. Memory is Linux's `VmHWM`, reset before each round.

#[path = "support/memory.rs"]
mod memory;
#[path = "support/process.rs"]
mod process;
#[path = "support/row.rs"]
mod row;
#[path = "support/stats.rs"]
mod stats;

use std::{error::Error, fs, io::Write, path::Path, time::Instant};

use axum::{
    Router,
    body::Body,
    extract::Request,
    response::{IntoResponse, Response},
};
use fal_client::{Client, File};
use futures_util::{StreamExt, TryStreamExt, stream};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncSeekExt};

use self::{
    process::Server,
    row::{Of, Row},
    stats::median,
};

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

const PART: u64 = 10 << 20;
const PART_CONCURRENCY: usize = 10;
/// The number of bytes that the client reads at a time.
const CHUNK: usize = 256 << 10;
/// The number of bytes that `ReaderStream` reads at a time by default.
const DEFAULT_CHUNK: usize = 4 << 10;
const SMALL: usize = 4 << 10;
const SMALL_CONCURRENCY: usize = 32;

/// The amount of work that is measured.
#[derive(Clone, Copy)]
struct Extent {
    bytes: u64,
    large: &'static str,
    files: usize,
    small: &'static str,
    rounds: usize,
    /// Rounds of the small files for each round of the large one.
    small_rounds: usize,
}

const USUAL: Extent =
    Extent { bytes: 1 << 30, large: "1 GiB", files: 10_000, small: "10,000", rounds: 5, small_rounds: 3 };
const QUICK: Extent =
    Extent { bytes: 64 << 20, large: "64 MiB", files: 500, small: "500", rounds: 1, small_rounds: 2 };

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    if arguments.first().is_some_and(|first| first == "serve") {
        return runtime.block_on(serve());
    }
    let quick = arguments.iter().any(|argument| argument == "--quick");
    runtime.block_on(measure(if quick { QUICK } else { USUAL }))
}

/// Serves uploads: discards every body, and responds with the minimum that a client needs.
async fn serve() -> Result<()> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}", listener.local_addr()?);
    process::announce(&url)?;
    let app = Router::new().fallback(move |request: Request| answer(request, url.clone()));
    Ok(axum::serve(listener, app).await?)
}

async fn answer(request: Request, url: String) -> Response {
    let path = request.uri().path().to_owned();
    let mut body = request.into_body().into_data_stream();
    while let Some(Ok(_)) = body.next().await {}
    let body = match path.as_str() {
        "/rest/storage/auth/token" => {
            json!({"token": "t", "token_type": "Bearer", "base_url": format!("{url}/cdn")})
        }
        "/cdn/files/upload/multipart" => json!({"access_url": format!("{url}/cdn/files/a"), "uploadId": "u"}),
        _ => json!({"access_url": format!("{url}/cdn/files/a")}),
    };
    ([("etag", "\"t\""), ("content-type", "application/json")], Body::from(body.to_string())).into_response()
}

async fn measure(extent: Extent) -> Result<()> {
    let server = Server::start()?;
    let client = Client::builder().emulator(&server.url).key("bench:key").build()?;
    // reqwest needs a TLS provider even for plain HTTP.
    rustls::crypto::ring::default_provider().install_default().ok();
    let raw = reqwest::Client::builder().no_proxy().tcp_nodelay(true).build()?;
    let path = std::env::temp_dir().join(format!("fal-bench-upload-{}", std::process::id()));
    write(&path, extent.bytes)?;
    let rows = measure_rounds(&client, &raw, &server.url, &path, extent).await;
    fs::remove_file(&path)?;
    row::print(&rows?);
    Ok(())
}

async fn measure_rounds(
    client: &Client,
    raw: &reqwest::Client,
    url: &str,
    path: &Path,
    extent: Extent,
) -> Result<Vec<Row>> {
    let (bytes, files) = (extent.bytes, extent.files);
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    let (mut documented, mut single) = (Vec::new(), Vec::new());
    let (mut our_small, mut their_small) = (Vec::new(), Vec::new());
    let (mut memory, mut raw_memory, mut small_memory) = (Vec::new(), Vec::new(), Vec::new());
    let large_rate = |time: f64| bytes as f64 / f64::from(1 << 20) / time;
    let small_rate = |time: f64| files as f64 / time;
    for _ in 0..extent.rounds {
        let (time, peak) = timed(raw_parts(raw, url, path, bytes, CHUNK)).await?;
        theirs.push(large_rate(time));
        raw_memory.push(peak);
        let (time, peak) = timed(large(client, path)).await?;
        ours.push(large_rate(time));
        memory.push(peak);
        documented.push(large_rate(timed(raw_parts(raw, url, path, bytes, DEFAULT_CHUNK)).await?.0));
        single.push(large_rate(timed(raw_whole(raw, url, path, bytes)).await?.0));
        for _ in 0..extent.small_rounds {
            their_small.push(small_rate(timed(raw_small(raw, url, files)).await?.0));
            let (time, peak) = timed(small(client, files)).await?;
            our_small.push(small_rate(time));
            small_memory.push(peak);
        }
    }
    let (large, small) = (extent.large, extent.small);
    Ok(vec![
        Row::against(&format!("upload: a file of {large}"), "MiB/s", &ours, &theirs)
            .at_least(Of::Ratio, 0.9)
            .peer("raw, read as documented", median(&documented))
            .peer("raw, one request", median(&single)),
        largest_growth(&format!("upload: memory for a file of {large}"), &memory)
            .at_most(Of::Ours, 64.0)
            .peer("raw reqwest", largest(&raw_memory)),
        Row::against(&format!("upload: {small} files of 4 KiB"), "files/s", &our_small, &their_small)
            .at_least(Of::Ratio, 0.9),
        largest_growth(&format!("upload: memory for {small} files of 4 KiB"), &small_memory),
    ])
}

/// Returns a row with the largest growth of memory in a round, because memory is not returned between rounds.
fn largest_growth(name: &str, peaks: &[f64]) -> Row {
    Row { rounds: peaks.len(), ..Row::alone(name, "MiB", &[largest(peaks)]) }
}

fn largest(peaks: &[f64]) -> f64 {
    peaks.iter().copied().fold(0.0, f64::max)
}

/// Sends the same parts with the same concurrency from the same file, read in chunks of this size.
async fn raw_parts(raw: &reqwest::Client, url: &str, path: &Path, bytes: u64, chunk: usize) -> Result<()> {
    let parts = (0..bytes.div_ceil(PART)).map(|index| async move {
        let from = index * PART;
        let length = PART.min(bytes - from);
        let mut file = tokio::fs::File::open(path).await?;
        file.seek(std::io::SeekFrom::Start(from)).await?;
        let body = tokio_util::io::ReaderStream::with_capacity(file.take(length), chunk);
        let put =
            raw.put(format!("{url}/cdn/files/a/multipart/u/{}", index + 1)).header("content-length", length);
        put.body(reqwest::Body::wrap_stream(body)).send().await?.error_for_status()?.bytes().await?;
        Ok::<_, Box<dyn Error + Send + Sync>>(())
    });
    stream::iter(parts).buffer_unordered(PART_CONCURRENCY).try_collect::<Vec<()>>().await?;
    Ok(())
}

async fn raw_whole(raw: &reqwest::Client, url: &str, path: &Path, bytes: u64) -> Result<()> {
    let file = tokio::fs::File::open(path).await?;
    let put = raw.put(format!("{url}/whole")).header("content-length", bytes).body(file);
    put.send().await?.error_for_status()?.bytes().await?;
    Ok(())
}

async fn large(client: &Client, path: &Path) -> Result<()> {
    client.upload(File::path(path)).await?;
    Ok(())
}

async fn small(client: &Client, files: usize) -> Result<()> {
    let uploads = (0..files).map(|_| client.upload(File::bytes(vec![7; SMALL], "image/png")).into_future());
    stream::iter(uploads).buffer_unordered(SMALL_CONCURRENCY).try_for_each(|_| async { Ok(()) }).await?;
    Ok(())
}

async fn raw_small(raw: &reqwest::Client, url: &str, files: usize) -> Result<()> {
    let uploads = (0..files).map(|_| async move {
        let post = raw.post(format!("{url}/cdn/files/upload")).header("content-type", "image/png");
        let post = post.header("authorization", "Bearer t").header("x-fal-file-name", "file.png");
        let reply = post.body(vec![7; SMALL]).send().await?.error_for_status()?.bytes().await?;
        let reply: serde_json::Value = serde_json::from_slice(&reply)?;
        reply["access_url"].as_str().map(drop).ok_or("no URL")?;
        Ok::<_, Box<dyn Error + Send + Sync>>(())
    });
    stream::iter(uploads).buffer_unordered(SMALL_CONCURRENCY).try_collect::<Vec<()>>().await?;
    Ok(())
}

/// Measures the seconds and the growth of the memory in MiB.
async fn timed(work: impl Future<Output = Result<()>>) -> Result<(f64, f64)> {
    memory::forget_peak();
    let before = memory::now();
    let start = Instant::now();
    work.await?;
    let seconds = start.elapsed().as_secs_f64();
    Ok((seconds, memory::peak().saturating_sub(before) as f64 / 1024.0))
}

fn write(path: &Path, bytes: u64) -> Result<()> {
    let mut file = std::io::BufWriter::new(fs::File::create(path)?);
    let block: Vec<u8> = (0..1_u32 << 20).map(|index| (index ^ index >> 9) as u8).collect();
    let mut left = bytes;
    while left > 0 {
        let length = left.min(block.len() as u64);
        file.write_all(&block[..length as usize])?;
        left -= length;
    }
    Ok(file.flush()?)
}
