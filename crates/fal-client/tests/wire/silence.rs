//! Servers that fall silent: each wait ends by its idle timeout, and what can be repeated is.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use fal_client::{Client, ClientBuilder, File, Retry, storage::UploadOptions, untyped};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use crate::server::quick;

/// The idle timeout of these tests.
const IDLE: Duration = Duration::from_millis(150);

/// A step of a server's answer.
#[derive(Clone, Copy)]
enum Step {
    /// Reads the head of a request, and the body that has arrived with it.
    Head,
    /// Reads a body of this length, at this many bytes each 10 ms.
    Slowly(usize, usize),
    Write(&'static str),
    /// Writes a byte each 20 ms, this many times.
    Drip(usize),
    /// Writes this many bytes.
    Block(usize),
    Pause(Duration),
    /// Keeps the connection open without another byte.
    Silence,
}

use Step::{Block, Drip, Head, Pause, Silence, Slowly, Write};

/// Starts a server that answers connection after connection with these steps, the last of them for all further ones.
/// Records the heads of the requests.
async fn start(answers: &'static [&'static [Step]]) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let heads: Arc<Mutex<Vec<String>>> = Arc::default();
    let (recorded, count) = (heads.clone(), AtomicUsize::new(0));
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let nth = count.fetch_add(1, Ordering::SeqCst).min(answers.len() - 1);
            tokio::spawn(answer(socket, answers[nth], recorded.clone()));
        }
    });
    (url, heads)
}

async fn answer(mut socket: TcpStream, steps: &'static [Step], heads: Arc<Mutex<Vec<String>>>) {
    for step in steps {
        match step {
            Head => {
                let mut head = Vec::new();
                while !head.windows(4).any(|end| end == b"\r\n\r\n") {
                    let mut some = [0; 1024];
                    let Ok(read @ 1..) = socket.read(&mut some).await else { return };
                    head.extend_from_slice(&some[..read]);
                }
                heads.lock().unwrap().push(String::from_utf8_lossy(&head).to_ascii_lowercase());
            }
            Slowly(length, at_a_time) => {
                let (mut left, mut some) = (*length, vec![0; *at_a_time]);
                while left > *at_a_time {
                    tokio::time::sleep(Duration::from_millis(10)).await;
                    let Ok(read @ 1..) = socket.read(&mut some).await else { return };
                    left = left.saturating_sub(read);
                }
            }
            Write(text) => socket.write_all(text.as_bytes()).await.unwrap_or_default(),
            Block(length) => socket.write_all(&vec![b'x'; *length]).await.unwrap_or_default(),
            Drip(count) => {
                for _ in 0..*count {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                    socket.write_all(b"x").await.unwrap_or_default();
                }
            }
            Pause(time) => tokio::time::sleep(*time).await,
            Silence => std::future::pending().await,
        }
    }
}

fn builder(url: &str) -> ClientBuilder {
    Client::builder().emulator(url).key("test:key").retry(quick()).idle_timeout(IDLE)
}

fn client(url: &str) -> Client {
    builder(url).build().unwrap()
}

/// Awaits `call`, which must end long before a default limit does.
async fn soon<T>(call: impl IntoFuture<Output = T>) -> T {
    let call = call.into_future();
    tokio::time::timeout(Duration::from_secs(30), call).await.expect("nothing ended the wait")
}

const HALF: &[Step] =
    &[Head, Write("HTTP/1.1 200 OK\r\ncontent-length: 20\r\netag: \"a\"\r\n\r\n0123456789"), Silence];
const REST: &[Step] = &[
    Head,
    Write(
        "HTTP/1.1 206 Partial\r\ncontent-length: 10\r\netag: \"a\"\r\ncontent-range: bytes 10-19/20\r\n\r\nabcdefghij",
    ),
    Silence,
];

#[tokio::test]
async fn stalled_download_continues_where_it_stopped() {
    let (url, heads) = start(&[HALF, REST]).await;
    let whole = soon(soon(client(&url).download(&url)).await.unwrap().bytes()).await.unwrap();
    assert_eq!(whole, "0123456789abcdefghij");
    let heads = heads.lock().unwrap();
    assert!(heads[1].contains("range: bytes=10-") && heads[1].contains("if-range: \"a\""), "{heads:?}");
}

#[tokio::test]
async fn download_that_always_stalls_is_a_timeout() {
    let folder = tempfile::tempdir().unwrap();
    const EMPTY_REST: &[Step] = &[
        Head,
        Write(
            "HTTP/1.1 206 Partial\r\ncontent-length: 10\r\netag: \"a\"\r\ncontent-range: bytes 10-19/20\r\n\r\n",
        ),
        Silence,
    ];
    let (url, heads) = start(&[HALF, EMPTY_REST]).await;
    let download = soon(client(&url).download(&url)).await.unwrap();
    let error = soon(download.save(folder.path().join("x"))).await.unwrap_err();
    assert!(error.is_timeout() && error.to_string().contains("silent"), "{error:?}");
    assert_eq!(heads.lock().unwrap().len(), 4, "as many attempts as any request has");
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 0);
}

#[tokio::test]
async fn download_that_is_never_answered_is_a_timeout() {
    let (url, heads) = start(&[&[Head, Silence]]).await;
    assert!(soon(client(&url).download(&url)).await.unwrap_err().is_timeout());
    assert_eq!(heads.lock().unwrap().len(), 4);
    let own = Client::builder().emulator(&url).retry(Retry::none()).build().unwrap();
    assert!(soon(own.download(&url).idle_timeout(IDLE)).await.unwrap_err().is_timeout());
}

#[tokio::test]
async fn byte_now_and_then_is_silence_too() {
    const DRIPPING: &[Step] =
        &[Head, Write("HTTP/1.1 200 OK\r\ncontent-length: 9000\r\netag: \"a\"\r\n\r\n"), Drip(9000)];
    let (url, _) = start(&[DRIPPING]).await;
    let download = soon(client(&url).download(&url).retry(Retry::none())).await.unwrap();
    assert!(soon(download.bytes()).await.unwrap_err().is_timeout());
}

#[tokio::test]
async fn slow_but_steady_download_is_no_silence() {
    const PAUSE: Step = Pause(Duration::from_millis(60));
    const STEADY: &[Step] = &[
        Head,
        Write("HTTP/1.1 200 OK\r\ncontent-length: 6144\r\n\r\n"),
        PAUSE,
        Block(1024),
        PAUSE,
        Block(1024),
        PAUSE,
        Block(1024),
        PAUSE,
        Block(1024),
        PAUSE,
        Block(1024),
        PAUSE,
        Block(1024),
    ];
    let (url, _) = start(&[STEADY]).await;
    let download =
        soon(client(&url).download(&url).retry(Retry::none()).idle_timeout(IDLE * 2)).await.unwrap();
    assert_eq!(soon(download.bytes()).await.unwrap().len(), 6144);
}

#[tokio::test]
async fn slow_reader_of_a_download_is_not_silence() {
    const TWICE: &[Step] = &[
        Head,
        Write("HTTP/1.1 200 OK\r\ncontent-length: 20\r\n\r\n0123456789"),
        Pause(Duration::from_millis(100)),
        Write("abcdefghij"),
    ];
    let (url, _) = start(&[TWICE]).await;
    let mut chunks = soon(client(&url).download(&url)).await.unwrap().chunks();
    assert_eq!(chunks.next().await.unwrap().unwrap(), "0123456789");
    tokio::time::sleep(IDLE * 2).await;
    assert_eq!(chunks.next().await.unwrap().unwrap(), "abcdefghij");
    assert!(chunks.next().await.is_none());
}

#[tokio::test]
async fn timeout_of_a_download_includes_its_content() {
    let (url, _) = start(&[HALF]).await;
    let limit = Duration::from_millis(200);
    let timed = builder(&url).idle_timeout(None).timeout(limit).build().unwrap();
    let error = soon(soon(timed.download(&url)).await.unwrap().bytes()).await.unwrap_err();
    assert!(error.is_timeout() && error.to_string().contains("200ms"), "{error}");
}

#[tokio::test]
async fn run_that_falls_silent_is_a_timeout_that_says_the_work_may_be_running() {
    const CUT: &[Step] = &[Head, Write("HTTP/1.1 200 OK\r\ncontent-length: 20\r\n\r\n{\"a\":"), Silence];
    let input = || untyped::input("acme/app", json!({}));
    for (answers, idle_timeout) in [(&[CUT] as &[_], None), (&[&[Head, Silence] as &[_]], Some(IDLE))] {
        let (url, heads) = start(answers).await;
        let mut run = client(&url).run(input());
        if let Some(limit) = idle_timeout {
            run = run.idle_timeout(limit);
        }
        let error = soon(run).await.unwrap_err();
        assert!(error.is_timeout(), "{error:?}");
        assert!(error.to_string().contains("may be running"), "{error}");
        assert_eq!(heads.lock().unwrap().len(), 1, "the work is not started twice");
    }
}

#[tokio::test]
async fn run_may_take_longer_than_the_idle_timeout_to_begin_its_answer() {
    const LATE: &[Step] = &[
        Head,
        Pause(Duration::from_millis(400)),
        Write("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{\"seed\":1"),
        Pause(Duration::from_millis(50)),
        Write("}"),
    ];
    let (url, _) = start(&[LATE]).await;
    let reply = soon(client(&url).run(untyped::input("acme/app", json!({})))).await;
    assert!(reply.is_err_and(|error| error.is_decode()), "the body was announced one byte too short");
}

#[tokio::test]
async fn upload_that_stalls_is_sent_again_and_then_a_timeout() {
    // The sizes are larger than the buffers of a connection, so that sending has to wait for the server.
    let content = || File::bytes(vec![7; 24 << 20], "image/png");
    let (url, heads) = start(&[&[Head, Silence]]).await;
    let options = UploadOptions::default().fallback(false);
    let started = Instant::now();
    let error = soon(client(&url).upload(content()).options(options).idle_timeout(IDLE)).await.unwrap_err();
    assert!(error.is_timeout(), "{error:?}");
    assert!(started.elapsed() < Duration::from_secs(5));
    assert_eq!(heads.lock().unwrap().len(), 4, "the token is asked for as often as any request is sent");
    // An input with large content in itself.
    let large = json!({"image_url": "x".repeat(24 << 20)});
    let (url, _) = start(&[&[Head, Silence]]).await;
    let error = soon(client(&url).run(untyped::input("acme/app", large))).await.unwrap_err();
    assert!(error.is_timeout() && error.to_string().contains("may be running"), "{error:?}");
}

#[tokio::test]
async fn slow_line_is_no_silence() {
    const LENGTH: usize = 24 << 20;
    let body = json!({"image_url": "x".repeat(LENGTH)});
    const SLOW: &[Step] = &[
        Head,
        Slowly(LENGTH, 64 << 10),
        Write("HTTP/1.1 200 OK\r\ncontent-length: 10\r\nconnection: close\r\n\r\n{\"seed\":1}"),
        Silence,
    ];
    let (url, _) = start(&[SLOW]).await;
    let started = Instant::now();
    let idle = Duration::from_secs(1);
    let client = builder(&url).idle_timeout(idle).build().unwrap();
    let reply = soon(client.run(untyped::input("acme/app", body))).await.unwrap();
    assert_eq!(reply["seed"], 1);
    assert!(started.elapsed() > idle * 2, "the line was not slow: {:?}", started.elapsed());
}
