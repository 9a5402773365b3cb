//! Servers that fall silent, in simulated time: each wait ends by the limits that clients have by default, and what can be
//! repeated is.

use std::{
    io,
    sync::{Arc, Mutex},
    time::Duration,
};

use futures_util::{Stream, StreamExt, stream};
use http::{HeaderMap, StatusCode};
use reqwest::Body;
use serde_json::json;
use tokio::time::{Instant, sleep};

use super::simulation;
use crate::{
    Client, Error, File, Retry,
    storage::{Repository, UploadOptions},
    sync::lock,
    untyped,
};

/// The idle timeout of a client that sets none.
const IDLE: Duration = Duration::from_secs(60);

const URL: &str = "https://files.example/film.mp4";

/// A part of the body of an answer.
#[derive(Debug, Clone, Copy)]
enum Step {
    Write(&'static str),
    /// Writes a byte after this time, this many times.
    Drip(Duration, usize),
    /// Writes this many bytes.
    Block(usize),
    Pause(Duration),
    /// Breaks the connection.
    Cut,
    /// Keeps the connection open without another byte.
    Silence,
}

use Step::{Block, Cut, Drip, Pause, Silence, Write};

/// An answer: its status, its headers, and the steps of its body.
type Answer = (u16, &'static [(&'static str, &'static str)], &'static [Step]);

fn body(steps: &'static [Step]) -> impl Stream<Item = io::Result<String>> + Send + Sync {
    let steps = steps.iter().flat_map(|step| match *step {
        Write(text) => vec![(Some(Duration::ZERO), Some(text.to_owned()))],
        Drip(time, count) => vec![(Some(time), Some(" ".to_owned())); count],
        Block(length) => vec![(Some(Duration::ZERO), Some("x".repeat(length)))],
        Pause(time) => vec![(Some(time), Some(String::new()))],
        Cut => vec![(Some(Duration::ZERO), None)],
        Silence => vec![(None, None)],
    });
    stream::iter(steps).then(|(pause, text)| async move {
        match pause {
            Some(pause) => sleep(pause).await,
            None => std::future::pending().await,
        }
        text.ok_or_else(|| io::Error::other("cut"))
    })
}

/// Returns a client whose requests are answered like this, the last of them for all further ones, and the headers of the
/// requests that it sends. `None` is never answered.
fn client(answers: &'static [Option<Answer>]) -> (Client, Arc<Mutex<Vec<HeaderMap>>>) {
    let heads: Arc<Mutex<Vec<HeaderMap>>> = Arc::default();
    let recorded = heads.clone();
    let client = simulation::client(Client::builder(), move |request: &reqwest::Request| {
        let nth = lock(&recorded).len().min(answers.len() - 1);
        lock(&recorded).push(request.headers().clone());
        async move {
            let Some((status, headers, steps)) = answers[nth] else { return std::future::pending().await };
            let mut response = http::Response::builder().status(status);
            for (name, value) in headers {
                response = response.header(*name, *value);
            }
            response.body(Body::wrap_stream(body(steps))).unwrap().into()
        }
    });
    (client, heads)
}

/// Returns a client whose requests are read by `read`, after which they are answered.
fn reading_client<F: Future<Output = ()> + Send>(
    read: impl Fn(reqwest::Response) -> F + Clone + Send + Sync + 'static,
) -> Client {
    simulation::client_with_bodies(Client::builder(), move |request| {
        let read = read.clone();
        async move {
            // A body can be read only as that of a response.
            let body = http::Request::<Body>::try_from(request).unwrap().into_body();
            read(http::Response::new(body).into()).await;
            let (upload_url, file_url) = ("https://files.example/1?sig=x", "https://files.example/1");
            simulation::json(200, &json!({"seed": 1, "upload_url": upload_url, "file_url": file_url}))
        }
    })
}

fn run(client: &Client) -> crate::RunRequest<untyped::Any> {
    client.run(untyped::input("acme/app", json!({})))
}

fn minutes(start: Instant) -> u64 {
    start.elapsed().as_secs() / 60
}

const HALF: Option<Answer> = Some((200, &[("etag", "\"a\"")], &[Write("0123456789"), Silence]));

#[tokio::test(start_paused = true)]
async fn stalled_download_continues_where_it_stopped() {
    const REST: Option<Answer> =
        Some((206, &[("etag", "\"a\""), ("content-range", "bytes 10-19/*")], &[Write("abcdefghij")]));
    let (client, heads) = client(&[HALF, REST]);
    let start = Instant::now();
    assert_eq!(client.download(URL).await.unwrap().bytes().await.unwrap(), "0123456789abcdefghij");
    assert_eq!(minutes(start), 1);
    let heads = lock(&heads);
    assert_eq!(
        (&heads[1]["range"], &heads[1]["if-range"]),
        (&"bytes=10-".parse().unwrap(), &"\"a\"".parse().unwrap())
    );
}

#[tokio::test(start_paused = true)]
async fn silence_of_a_broken_download_does_not_count_for_its_rest() {
    const PAUSE: Step = Pause(Duration::from_secs(50));
    const BROKEN: Option<Answer> = Some((200, &[("etag", "\"a\"")], &[Write("0123456789"), PAUSE, Cut]));
    const REST: Option<Answer> =
        Some((206, &[("etag", "\"a\""), ("content-range", "bytes 10-19/*")], &[PAUSE, Write("abcdefghij")]));
    let (client, heads) = client(&[BROKEN, REST]);
    assert_eq!(client.download(URL).await.unwrap().bytes().await.unwrap(), "0123456789abcdefghij");
    assert_eq!(lock(&heads).len(), 2);
}

#[tokio::test(start_paused = true)]
async fn download_that_always_stalls_is_a_timeout() {
    const EMPTY_REST: Option<Answer> =
        Some((206, &[("etag", "\"a\""), ("content-range", "bytes 10-19/*")], &[Silence]));
    let (client, heads) = client(&[HALF, EMPTY_REST]);
    let folder = tempfile::tempdir().unwrap();
    let download = client.download(URL).await.unwrap();
    let error = download.save(folder.path().join("x")).await.unwrap_err();
    assert!(error.is_timeout() && error.to_string().contains("silent"), "{error:?}");
    assert_eq!(lock(&heads).len(), 4, "as many attempts as any request has");
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 0);
}

#[tokio::test(start_paused = true)]
async fn download_that_is_never_answered_is_a_timeout() {
    let (client, heads) = client(&[None]);
    let start = Instant::now();
    assert!(client.download(URL).await.unwrap_err().is_timeout());
    assert_eq!((lock(&heads).len(), minutes(start)), (4, 4));
    let start = Instant::now();
    let own = client.download(URL).idle_timeout(Duration::from_secs(5)).retry(Retry::none());
    assert!(own.await.unwrap_err().is_timeout());
    assert_eq!(start.elapsed().as_secs(), 5);
}

#[tokio::test(start_paused = true)]
async fn byte_now_and_then_is_silence_too() {
    const DRIPPING: Option<Answer> = Some((200, &[("etag", "\"a\"")], &[Drip(Duration::from_secs(1), 9000)]));
    let (client, _) = client(&[DRIPPING]);
    let start = Instant::now();
    let download = client.download(URL).retry(Retry::none()).await.unwrap();
    assert!(download.bytes().await.unwrap_err().is_timeout());
    assert_eq!(minutes(start), 1);
}

#[tokio::test(start_paused = true)]
async fn slow_but_steady_download_is_no_silence() {
    const PAUSE: Step = Pause(Duration::from_secs(55));
    const STEADY: &[Step] = &[PAUSE, Block(1024), PAUSE, Block(1024), PAUSE, Block(1024), PAUSE, Block(1024)];
    let (client, _) = client(&[Some((200, &[], STEADY))]);
    let download = client.download(URL).retry(Retry::none()).await.unwrap();
    assert_eq!(download.bytes().await.unwrap().len(), 4096);
}

#[tokio::test(start_paused = true)]
async fn slow_reader_of_a_download_is_not_silence() {
    const TWICE: &[Step] = &[Write("0123456789"), Pause(Duration::from_secs(50)), Write("abcdefghij")];
    let (client, _) = client(&[Some((200, &[], TWICE))]);
    let mut chunks = client.download(URL).await.unwrap().chunks();
    assert_eq!(chunks.next().await.unwrap().unwrap(), "0123456789");
    sleep(10 * IDLE).await;
    let mut rest = Vec::new();
    while let Some(chunk) = chunks.next().await {
        rest.extend(chunk.unwrap());
    }
    assert_eq!(rest, b"abcdefghij");
}

#[tokio::test(start_paused = true)]
async fn timeout_of_a_download_includes_its_content() {
    let (client, _) = client(&[HALF]);
    let call = client.download(URL).idle_timeout(None).timeout(Duration::from_secs(600));
    let start = Instant::now();
    let error = call.await.unwrap().bytes().await.unwrap_err();
    assert!(error.is_timeout() && error.to_string().contains("600s"), "{error}");
    assert_eq!(minutes(start), 10);
}

fn is_silent_and_may_be_running(error: &Error) -> bool {
    error.is_timeout() && error.may_be_accepted() && error.to_string().contains("may be running")
}

#[tokio::test(start_paused = true)]
async fn run_that_falls_silent_is_a_timeout_that_says_the_work_may_be_running() {
    const CUT: Option<Answer> = Some((200, &[], &[Write("{\"a\":"), Silence]));
    const REFUSED: Option<Answer> = Some((422, &[], &[Write("{\"detail\":\"no\""), Silence]));
    let (cut, unanswered) = (client(&[CUT]), client(&[None]));
    for ((client, heads), limit, expected) in
        [(&cut, None, 1), (&unanswered, None, 60), (&unanswered, Some(Duration::from_secs(300)), 5)]
    {
        let (start, before) = (Instant::now(), lock(heads).len());
        let call = match limit {
            Some(limit) => run(client).idle_timeout(limit),
            None => run(client),
        };
        let error = call.await.unwrap_err();
        assert!(is_silent_and_may_be_running(&error), "{error:?}");
        assert_eq!(
            (minutes(start), lock(heads).len() - before),
            (expected, 1),
            "the work is not started twice"
        );
    }
    // Of a refusal, what has arrived is enough.
    let (client, _) = client(&[REFUSED]);
    let error = run(&client).await.unwrap_err();
    assert!(
        error.status() == Some(StatusCode::UNPROCESSABLE_ENTITY) && error.to_string().contains("no"),
        "{error}"
    );
}

#[tokio::test(start_paused = true)]
async fn run_may_be_kept_alive_by_spaces_for_an_hour() {
    const SPACES: Option<Answer> =
        Some((200, &[], &[Drip(Duration::from_secs(15), 200), Write("{\"seed\":1}")]));
    const ENDLESS: Option<Answer> = Some((200, &[], &[Drip(Duration::from_secs(15), 100_000)]));
    assert_eq!(run(&client(&[SPACES]).0).await.unwrap()["seed"], 1);
    let start = Instant::now();
    let error = run(&client(&[ENDLESS]).0).await.unwrap_err();
    assert!(is_silent_and_may_be_running(&error), "{error:?}");
    assert_eq!(minutes(start), 60);
    // Other answers begin within ten minutes, and then do not drip for longer either.
    let start = Instant::now();
    let (client, heads) = client(&[ENDLESS]);
    let job = client.endpoint_id("acme/app").job("r1").retry(Retry::none());
    assert!(job.result().await.unwrap_err().is_timeout());
    assert_eq!((minutes(start), lock(&heads).len()), (10, 1));
}

#[tokio::test(start_paused = true)]
async fn run_may_take_longer_than_the_idle_timeout_to_begin_its_answer() {
    let client = simulation::client(Client::builder(), |_| async {
        sleep(Duration::from_secs(59 * 60)).await;
        simulation::json(200, &json!({"seed": 1}))
    });
    assert_eq!(run(&client).await.unwrap()["seed"], 1);
}

#[tokio::test(start_paused = true)]
async fn upload_that_stalls_is_sent_again_and_then_a_timeout() {
    let client = reading_client(|mut body| async move {
        // The request for a signed URL is small, and read whole.
        if body.chunk().await.unwrap().is_some_and(|chunk| chunk.len() > 1000) {
            body.chunk().await.unwrap();
            std::future::pending::<()>().await;
        }
    });
    let file = File::bytes(vec![7; 1 << 20], "image/png");
    let upload = client.upload(file).options(UploadOptions::default().repository(Repository::Rest));
    let start = Instant::now();
    let error = upload.await.unwrap_err();
    assert!(error.is_timeout() && error.to_string().contains("silent"), "{error:?}");
    assert_eq!(minutes(start), 4, "it is sent as often as any request is");
    // An input with large content in itself.
    let large = json!({"image_url": "x".repeat(1 << 20)});
    let start = Instant::now();
    let error = client.run(untyped::input("acme/app", large)).await.unwrap_err();
    assert!(is_silent_and_may_be_running(&error), "{error:?}");
    assert_eq!(minutes(start), 1);
}

#[tokio::test(start_paused = true)]
async fn slow_line_is_no_silence() {
    // 64 KiB in 50 seconds is about 10 kbit/s.
    let client = reading_client(|mut body| async move {
        while body.chunk().await.unwrap().is_some() {
            sleep(Duration::from_secs(50)).await;
        }
    });
    let start = Instant::now();
    let large = json!({"image_url": "x".repeat(1 << 20)});
    assert_eq!(client.run(untyped::input("acme/app", large)).await.unwrap()["seed"], 1);
    assert!(minutes(start) > 12, "the line was not slow: {:?}", start.elapsed());
}
