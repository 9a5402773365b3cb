//! Uploads against raw reqwest that sends the same bytes in the same way: `cargo xtask bench upload`.
//!
//! The server is another process that reads and forgets, so that memory is the client's alone. Rounds of both
//! take turns, because a machine is not equally busy all the time. Memory is Linux's `VmHWM`, set back before
//! each round.

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
const PARTS_AT_ONCE: usize = 10;
/// What the client reads at a time.
const PIECE: usize = 256 << 10;
/// What `ReaderStream` reads at a time unless told otherwise.
const DOCUMENTED_PIECE: usize = 4 << 10;
const SMALL: usize = 4 << 10;
const SMALL_AT_ONCE: usize = 32;

/// How much is measured.
#[derive(Clone, Copy)]
struct Extent {
    bytes: u64,
    large: &'static str,
    files: usize,
    small: &'static str,
    rounds: usize,
    /// They are quick, so there are more of them for each round of the large file.
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

/// Reads whatever comes, and answers what an upload needs to go on.
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
    // reqwest asks for a provider of TLS, even where there is none.
    rustls::crypto::ring::default_provider().install_default().ok();
    let raw = reqwest::Client::builder().no_proxy().tcp_nodelay(true).build()?;
    let path = std::env::temp_dir().join(format!("fal-bench-upload-{}", std::process::id()));
    write(&path, extent.bytes)?;
    let measured = rounds_of(&client, &raw, &server.url, &path, extent).await;
    fs::remove_file(&path)?;
    row::print(&measured?);
    Ok(())
}

async fn rounds_of(
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
        let (time, peak) = timed(raw_parts(raw, url, path, bytes, PIECE)).await?;
        theirs.push(large_rate(time));
        raw_memory.push(peak);
        let (time, peak) = timed(large(client, path)).await?;
        ours.push(large_rate(time));
        memory.push(peak);
        documented.push(large_rate(timed(raw_parts(raw, url, path, bytes, DOCUMENTED_PIECE)).await?.0));
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
        most(&format!("upload: memory for a file of {large}"), &memory)
            .at_most(Of::Ours, 64.0)
            .peer("raw reqwest", largest(&raw_memory)),
        Row::against(&format!("upload: {small} files of 4 KiB"), "files/s", &our_small, &their_small)
            .at_least(Of::Ratio, 0.9),
        most(&format!("upload: memory for {small} files of 4 KiB"), &small_memory),
    ])
}

/// By how much memory grew in the round in which it grew most: it is not given back between rounds.
fn most(name: &str, peaks: &[f64]) -> Row {
    Row { rounds: peaks.len(), ..Row::alone(name, "MiB", &[largest(peaks)]) }
}

fn largest(peaks: &[f64]) -> f64 {
    peaks.iter().copied().fold(0.0, f64::max)
}

/// The same parts, as many at a time, from the same file, read in pieces of this size.
async fn raw_parts(raw: &reqwest::Client, url: &str, path: &Path, bytes: u64, piece: usize) -> Result<()> {
    let parts = (0..bytes.div_ceil(PART)).map(|index| async move {
        let from = index * PART;
        let length = PART.min(bytes - from);
        let mut file = tokio::fs::File::open(path).await?;
        file.seek(std::io::SeekFrom::Start(from)).await?;
        let body = tokio_util::io::ReaderStream::with_capacity(file.take(length), piece);
        let put =
            raw.put(format!("{url}/cdn/files/a/multipart/u/{}", index + 1)).header("content-length", length);
        put.body(reqwest::Body::wrap_stream(body)).send().await?.error_for_status()?.bytes().await?;
        Ok::<_, Box<dyn Error + Send + Sync>>(())
    });
    stream::iter(parts).buffer_unordered(PARTS_AT_ONCE).try_collect::<Vec<()>>().await?;
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
    stream::iter(uploads).buffer_unordered(SMALL_AT_ONCE).try_for_each(|_| async { Ok(()) }).await?;
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
    stream::iter(uploads).buffer_unordered(SMALL_AT_ONCE).try_collect::<Vec<()>>().await?;
    Ok(())
}

/// Seconds, and by how many MiB the memory grew at most.
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
    let block: Vec<u8> = (0..1_u32 << 20).map(|at| (at ^ at >> 9) as u8).collect();
    let mut left = bytes;
    while left > 0 {
        let length = left.min(block.len() as u64);
        file.write_all(&block[..length as usize])?;
        left -= length;
    }
    Ok(file.flush()?)
}
