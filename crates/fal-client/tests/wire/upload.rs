//! Uploads to the emulator.

use std::{
    io::Write,
    net::Ipv4Addr,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use bytes::Bytes;
use fal_client::{
    Client, Credentials, File,
    storage::{Access, Acl, Checkpoint, FileExt, Lifecycle, Repository, UploadEvent, UploadOptions},
    untyped,
};
use fal_emulator::{Emulator, FaultPoint, RequestKind};
use ring::digest::{SHA256, digest};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpSocket,
};

use crate::{
    model::{Input, cat},
    server::{Received, Server, bytes, json as answer, quick},
};

const PART: u64 = 300_000;
const SIZES: [u64; 6] = [0, 1, PART - 1, PART, PART + 1, 3 * PART + PART / 2];

/// Returns pseudorandom bytes, so that no two parts are alike.
fn content(length: u64) -> Vec<u8> {
    let mut state = length ^ 0x9e37_79b9_7f4a_7c15;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    let mut bytes: Vec<u8> = (0..length.div_ceil(8)).flat_map(|_| next()).collect();
    bytes.truncate(length as usize);
    bytes
}

fn checksum(bytes: &[u8]) -> Vec<u8> {
    digest(&SHA256, bytes).as_ref().to_vec()
}

fn multipart() -> UploadOptions {
    UploadOptions::default().multipart_above(0).part_size(PART).part_concurrency(4)
}

async fn start() -> (Emulator, Client) {
    start_with(UploadOptions::default()).await
}

async fn start_with(options: UploadOptions) -> (Emulator, Client) {
    let emulator = Emulator::builder().require_key("test:key").start().await.unwrap();
    let client = Client::builder().emulator(emulator.url()).key("test:key").retry(quick()).uploads(options);
    (emulator, client.build().unwrap())
}

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn file(&self, name: &str, content: &[u8]) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::write(&path, content).unwrap();
        path
    }
}

/// Returns true if access was denied to a request that carried no key, so that the key is not to blame.
fn is_denied(error: &fal_client::Error) -> bool {
    error.status().is_some_and(|status| status == 403) && !error.is_auth()
}

/// Downloads the content of a file.
async fn content_of(client: &Client, file: &File) -> Vec<u8> {
    client.download(file.as_url().unwrap()).await.unwrap().bytes().await.unwrap().to_vec()
}

/// Returns the numbers of the parts in every request that completes an upload.
fn completed_parts(emulator: &Emulator) -> Vec<Vec<u64>> {
    let requests = emulator.requests();
    let lists = requests.iter().filter(|request| request.path.ends_with("/complete"));
    let numbers = |list: Value| -> Vec<u64> {
        list["parts"].as_array().unwrap().iter().map(|part| part["partNumber"].as_u64().unwrap()).collect()
    };
    lists.map(|request| numbers(request.json())).collect()
}

fn count(emulator: &Emulator, is: impl Fn(&fal_emulator::Request) -> bool) -> usize {
    emulator.requests().iter().filter(|request| is(request)).count()
}

fn is_part(request: &fal_emulator::Request) -> bool {
    request.method == "PUT" && request.path.contains("/multipart/")
}

#[tokio::test]
async fn content_is_unchanged_from_every_source_and_at_every_size() {
    let folder = Folder::new();
    for repository in [Repository::Cdn, Repository::Rest] {
        for options in [UploadOptions::default(), multipart()] {
            let (emulator, client) = start_with(options.repository(repository)).await;
            for size in SIZES {
                let bytes = content(size);
                let path = folder.file("a.bin", &bytes);
                let reader = std::io::Cursor::new(bytes.clone());
                for file in [File::path(path), File::bytes(bytes.clone(), ""), File::reader(reader)] {
                    let what = format!("{file:?} of {size} bytes to {repository:?}");
                    let uploaded = client.upload(file).await.unwrap();
                    assert_eq!(checksum(&content_of(&client, &uploaded).await), checksum(&bytes), "{what}");
                }
            }
            for list in completed_parts(&emulator) {
                assert!(list.iter().copied().eq(1..=list.len() as u64), "{list:?}");
            }
        }
    }
}

#[tokio::test]
async fn everything_that_is_a_file_is_uploaded() {
    let (_emulator, client) = start().await;
    let bytes = content(1000);
    let folder = Folder::new();
    let path = folder.file("a.bin", &bytes);
    let file = File::path(&path);
    let uploads = [
        client.upload(&file),
        client.upload(path.as_path()),
        client.upload(&path),
        client.upload(path),
        client.upload(bytes.clone()),
        client.upload(Bytes::from(bytes.clone())),
    ];
    for upload in uploads {
        let uploaded = upload.await.unwrap();
        assert!(content_of(&client, &uploaded).await == bytes, "{uploaded:?}");
        // One that is online stays what it is.
        assert_eq!(client.upload(&uploaded).await.unwrap(), uploaded);
    }
}

#[tokio::test]
#[ignore = "takes a gigabyte of memory and three of disk, and a minute"]
async fn a_gigabyte_is_unchanged() {
    let (_emulator, client) = start().await;
    let folder = Folder::new();
    let bytes = content(1 << 30);
    let expected = checksum(&bytes);
    let path = folder.file("big.bin", &bytes);
    drop(bytes);
    let uploaded = client.upload(File::path(path)).await.unwrap();
    let copy = folder.0.path().join("copy.bin");
    assert_eq!(
        client.download(uploaded.as_url().unwrap()).await.unwrap().save(&copy).await.unwrap(),
        1 << 30
    );
    assert_eq!(checksum(&std::fs::read(copy).unwrap()), expected);
}

#[tokio::test]
async fn parts_are_completed_in_order_even_if_the_first_are_slow() {
    let (emulator, client) = start_with(multipart().part_size(10_000)).await;
    // The first parts are the slowest.
    for delay in [80, 60, 40, 20] {
        emulator.on_request(RequestKind::Upload).delay(Duration::from_millis(delay)).after(1).times(1);
    }
    let bytes = content(95_000);
    let uploaded = client.upload(File::bytes(bytes.clone(), "image/png")).await.unwrap();
    assert!(content_of(&client, &uploaded).await == bytes);
    assert_eq!(completed_parts(&emulator), [(1..=10).collect::<Vec<_>>()]);
}

#[tokio::test]
async fn a_failed_part_is_retried_alone() {
    let folder = Folder::new();
    let bytes = content(3 * PART + 7);
    for at in [FaultPoint::Arrival, FaultPoint::Reply, FaultPoint::Head(10)] {
        let (emulator, client) = start_with(multipart().part_concurrency(1)).await;
        // The initiation and the first part succeed, then a part fails.
        let broken = emulator.on_request(RequestKind::Upload).reset(at).after(2).times(1);
        let busy =
            emulator.on_request(RequestKind::Upload).fail(503, json!({"detail": "busy"})).after(2).times(1);
        let reports = Arc::new(Mutex::new(Vec::new()));
        let reported = reports.clone();
        let upload = client.upload(File::path(folder.file("a.bin", &bytes)));
        let uploaded =
            upload.on_progress(move |progress| reported.lock().unwrap().push(progress)).await.unwrap();
        assert!(content_of(&client, &uploaded).await == bytes);
        assert_eq!((broken.hits(), busy.hits()), (1, 1), "{at:?}");
        assert_eq!(count(&emulator, is_part), 4 + 2, "{at:?}");
        let reports = reports.lock().unwrap();
        let last = reports.last().unwrap();
        assert_eq!((last.done(), last.total()), (bytes.len() as u64, Some(bytes.len() as u64)));
    }
}

#[tokio::test]
async fn an_interrupted_upload_continues_from_its_checkpoint() {
    let folder = Folder::new();
    let bytes = content(5 * PART + 1);
    let path = folder.file("film.mp4", &bytes);
    for repository in [Repository::Cdn, Repository::Rest] {
        let (emulator, client) = start_with(multipart().part_concurrency(1).repository(repository)).await;
        let passed = usize::from(repository == Repository::Cdn) + 3;
        let broken = emulator
            .on_request(RequestKind::Upload)
            .fail(400, json!({"detail": "broken"}))
            .after(passed)
            .times(1);
        let checkpoint = Checkpoint::default();
        let error = client.upload(File::path(&path)).checkpoint(&checkpoint).await.unwrap_err();
        assert!(error.to_string().contains("an upload failed: part 4: broken"), "{error}");
        assert_eq!((checkpoint.parts(), broken.hits()), (3, 1));
        assert!(!format!("{checkpoint:?}").contains("http"));

        // As another process would, with parts of another size by now, which the noted ones must not be mixed with.
        let stored = serde_json::to_string(&checkpoint).unwrap();
        // A full disk took only a part of it.
        let cut = (0..stored.len()).map(|length| serde_json::from_str::<Checkpoint>(&stored[..length]));
        println!("attacks: {}", stored.len());
        assert!(cut.into_iter().all(|read| read.is_err()));
        let checkpoint: Checkpoint = serde_json::from_str(&stored).unwrap();
        let before = count(&emulator, is_part);
        let other_size = multipart().part_size(PART / 2).repository(repository);
        let resumed = client.upload(File::path(&path)).options(other_size).checkpoint(&checkpoint);
        let uploaded = resumed.await.unwrap();
        assert!(content_of(&client, &uploaded).await == bytes);
        assert_eq!((count(&emulator, is_part) - before, checkpoint.parts()), (3, 0));
        assert_eq!(completed_parts(&emulator), [(1..=6).collect::<Vec<_>>()]);

        // An upload that fal does not know any more, or of another version of the file, starts again.
        let old: Checkpoint = serde_json::from_str(&stored).unwrap();
        assert!(
            content_of(&client, &client.upload(File::path(&path)).checkpoint(&old).await.unwrap()).await
                == bytes
        );
        let changed = content(5 * PART + 2);
        let other: Checkpoint = serde_json::from_str(&stored).unwrap();
        let path = folder.file("film.mp4", &changed);
        let uploaded = client.upload(File::path(path)).checkpoint(&other).await.unwrap();
        assert!(content_of(&client, &uploaded).await == changed);
        folder.file("film.mp4", &bytes);
    }
}

#[tokio::test]
async fn the_token_is_shared_and_replaced_after_a_refusal() {
    let (emulator, client) = start().await;
    let files = (0..20).map(|index| client.upload(File::bytes(vec![index], "image/png")).into_future());
    futures_util::future::try_join_all(files).await.unwrap();
    let is_token = |request: &fal_emulator::Request| request.path == "/rest/storage/auth/token";
    assert_eq!(count(&emulator, is_token), 1);
    let refused = emulator.on_request(RequestKind::Upload).fail(401, json!({"detail": "expired"})).times(1);
    client.upload(File::bytes(vec![7], "image/png")).await.unwrap();
    assert_eq!((refused.hits(), count(&emulator, is_token)), (1, 2));
    for request in emulator.requests() {
        let key = request.header("authorization").unwrap().starts_with("Key ");
        assert_eq!(key, is_token(&request), "{} {:?}", request.line(), request.headers);
    }
}

#[tokio::test]
async fn a_token_is_replaced_within_a_minute_of_its_expiry() {
    for (seconds, fetches) in [(-30, 3), (30, 3), (55, 3), (90, 1), (3600, 1)] {
        let (emulator, client) = start().await;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let expires_at = iso8601(now.checked_add_signed(seconds).unwrap());
        let token = json!({"token": "t", "token_type": "Bearer", "base_url": emulator.urls().cdn, "expires_at": expires_at});
        let issued =
            emulator.on_request(RequestKind::Token).respond(fal_emulator::ResponseTemplate::json(200, token));
        emulator.on_request(RequestKind::Upload).respond(fal_emulator::ResponseTemplate::json(
            200,
            json!({"access_url": "https://v3.fal.media/x"}),
        ));
        for _ in 0..3 {
            client.upload(File::bytes(vec![7], "image/png")).await.unwrap();
        }
        assert_eq!(issued.hits(), fetches, "a token that expires in {seconds} s, at {expires_at}");
    }
}

/// Formats seconds since 1970 as `2026-11-21T07:30:00Z`.
fn iso8601(seconds: u64) -> String {
    // Such as `Sat, 21 Nov 2026 07:30:00 GMT`.
    let http_date = httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(seconds));
    let parts: Vec<&str> = http_date.split(' ').collect();
    let month = "JanFebMarAprMayJunJulAugSepOctNovDec".find(parts[2]).unwrap() / 3 + 1;
    format!("{}-{month:02}-{}T{}Z", parts[3], parts[1], parts[4])
}

#[tokio::test]
async fn the_rest_service_takes_files_that_the_cdn_refuses() {
    let bytes = content(1000);
    for options in [UploadOptions::default(), multipart().part_size(400)] {
        let (emulator, client) = start_with(options.clone()).await;
        let broken = emulator.on_request(RequestKind::Token).fail(500, json!({"detail": "no tokens"}));
        let uploaded = client.upload(File::bytes(bytes.clone(), "image/png")).await.unwrap();
        assert!(content_of(&client, &uploaded).await == bytes);
        assert_eq!(broken.hits(), 4, "after the usual attempts");
        let alone = client.upload(File::bytes(bytes.clone(), "image/png")).options(options.fallback(false));
        assert!(alone.await.unwrap_err().to_string().contains("no tokens"));
    }
    let (emulator, client) = start().await;
    emulator.on_request(RequestKind::Token).fail(500, json!({"detail": "no tokens"}));
    emulator.on_request(RequestKind::UploadInitiate).fail(500, json!({"detail": "no places"}));
    let error = client.upload(File::bytes(bytes, "image/png")).await.unwrap_err().to_string();
    assert!(error.contains("no tokens") && error.contains("no places"), "{error}");
}

#[tokio::test]
async fn a_refused_key_is_not_tried_at_the_rest_service() {
    for options in [UploadOptions::default(), multipart()] {
        let (emulator, client) = start_with(options).await;
        emulator.on_request(RequestKind::Token).fail(403, json!({"detail": "not yours"}));
        let error = client.upload(File::bytes(content(1000), "image/png")).await.unwrap_err();
        assert!(error.is_auth(), "{error}");
        assert_eq!(count(&emulator, |request| request.path.contains("/storage/upload/")), 0);
    }
}

#[tokio::test]
async fn file_names_are_sent_unchanged() {
    let (emulator, client) = start().await;
    let folder = Folder::new();
    for name in ["plain.png", "řeč \u{1f408}.png", "a\"b.png", "a%20b.png"] {
        let uploaded = client.upload(File::path(folder.file(name, b"x"))).await.unwrap();
        assert_eq!(content_of(&client, &uploaded).await, b"x");
        let request = emulator
            .requests()
            .into_iter()
            .rfind(|request| {
                request.kind == RequestKind::UploadInitiate || request.path == "/cdn/files/upload"
            })
            .unwrap();
        let in_header = request.header("x-fal-file-name").map(str::to_owned);
        let sent = in_header.or_else(|| request.json()["file_name"].as_str().map(str::to_owned));
        assert_eq!(sent.as_deref(), Some(name), "{}", request.line());
    }
}

#[tokio::test]
async fn the_lifecycle_is_sent_in_both_headers() {
    let lifecycle = Lifecycle::default().expires_after(Duration::from_secs(60)).access(Access::Hide);
    for options in
        [UploadOptions::default(), UploadOptions::default().repository(Repository::Rest), multipart()]
    {
        let (emulator, client) = start_with(options).await;
        let secret = client.upload(File::bytes(vec![1, 2, 3], "image/png")).lifecycle(lifecycle.clone());
        let secret = secret.await.unwrap();
        assert!(client.download(secret.as_url().unwrap()).await.unwrap_err().is_not_found());
        let begin = |request: &fal_emulator::Request| request.header("x-fal-object-lifecycle").is_some();
        assert_eq!(count(&emulator, begin), 1);
        let request = emulator.requests().into_iter().find(begin).unwrap();
        assert_eq!(request.header("x-fal-object-lifecycle-preference"), Some(lifecycle.to_string().as_str()));
    }
}

#[tokio::test]
async fn small_files_are_inlined_into_the_request() {
    let (emulator, client) = start_with(UploadOptions::default().inline_up_to(5)).await;
    emulator.on_endpoint("acme/app/edit").reply(|_| json!({"seed": 1}));
    let folder = Folder::new();
    let input = Input {
        images: vec![
            File::path(folder.file("five.png", b"12345")),
            File::bytes(b"six666".to_vec(), "image/png"),
            File::bytes(Vec::new(), "text/plain"),
        ],
        ..cat()
    };
    client.run(input).await.unwrap();
    let call =
        emulator.requests().into_iter().find(|request| request.kind == RequestKind::Run).unwrap().json();
    let images: Vec<_> = call["images"].as_array().unwrap().iter().map(|url| url.as_str().unwrap()).collect();
    assert_eq!((images[0], images[2]), ("data:image/png;base64,MTIzNDU=", "data:text/plain;base64,"));
    assert!(images[1].starts_with("http://127.0.0.1"), "{images:?}");
    // An explicit upload is not inlined.
    let uploaded = client.upload(File::bytes(vec![1], "image/png")).await.unwrap();
    assert!(uploaded.as_url().unwrap().starts_with("http://"));
}

#[tokio::test]
async fn a_reader_is_uploaded_once_and_then_has_a_url() {
    let (emulator, client) = start_with(multipart()).await;
    emulator.on_endpoint("acme/app/edit").reply(|_| json!({"seed": 1}));
    let bytes = content(2 * PART + 5);
    let reader = File::reader(std::io::Cursor::new(bytes.clone())).named("a.bin");
    let input = Input { images: vec![reader.clone(), reader.clone()], ..cat() };
    client.run(input.clone()).await.unwrap();
    client.run(input).await.unwrap();
    assert_eq!(completed_parts(&emulator).len(), 1);
    let uploaded = client.upload(reader).await.unwrap();
    assert!(content_of(&client, &uploaded).await == bytes);

    let broken = File::reader(failing_reader());
    let error = client.upload(broken.clone()).await.unwrap_err();
    assert!(error.is_file() && error.to_string().contains("the pipe broke"), "{error}");
    let error = client.upload(broken).await.unwrap_err();
    assert!(error.is_file() && error.to_string().contains("read already"), "{error}");
}

fn failing_reader() -> impl tokio::io::AsyncRead + Send + 'static {
    use tokio::io::AsyncReadExt;

    struct Fails;
    impl tokio::io::AsyncRead for Fails {
        fn poll_read(
            self: std::pin::Pin<&mut Self>,
            _: &mut std::task::Context<'_>,
            _: &mut tokio::io::ReadBuf<'_>,
        ) -> std::task::Poll<std::io::Result<()>> {
            std::task::Poll::Ready(Err(std::io::Error::other("the pipe broke")))
        }
    }
    std::io::Cursor::new(content(PART + 10)).chain(Fails)
}

#[tokio::test]
async fn a_file_that_changes_during_the_upload_is_an_error() {
    for options in [UploadOptions::default(), multipart().part_concurrency(1)] {
        let (_emulator, client) = start_with(options).await;
        let folder = Folder::new();
        let path = folder.file("log.txt", &content(2 * PART));
        let log = path.clone();
        // The file grows with every chunk that is sent.
        let upload = client.upload(File::path(&path)).on_progress(move |_| {
            let mut log = std::fs::OpenOptions::new().append(true).open(&log).unwrap();
            log.write_all(b"line\n").unwrap();
        });
        let error = upload.await.unwrap_err();
        assert!(error.is_file() && error.to_string().contains("changed while it was uploaded"), "{error}");
    }
}

#[tokio::test]
async fn events_of_an_upload_end_with_the_file() {
    let (_emulator, client) = start_with(multipart()).await;
    let bytes = content(2 * PART);
    let mut stream = client.upload(File::bytes(bytes, "image/png")).events();
    let mut events = Vec::new();
    while let Some(event) = stream.next().await {
        events.push(event.unwrap());
    }
    let (last, before) = events.split_last().unwrap();
    assert!(matches!(last, UploadEvent::Done(file) if file.as_url().is_some()), "{last:?}");
    let done: Vec<_> = before
        .iter()
        .map(|event| match event {
            UploadEvent::Sent(progress) => progress.done(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert!(!done.is_empty() && done.is_sorted() && *done.last().unwrap() <= 2 * PART, "{done:?}");
}

/// Starts a server that takes one file at some hundred megabits a second, and returns its URL and the number of bytes that
/// it has read.
async fn slow_reader(length: u64) -> (String, Arc<AtomicU64>) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(64 << 10).unwrap();
    socket.bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
    let listener = socket.listen(1).unwrap();
    let url = format!("http://{}/signed", listener.local_addr().unwrap());
    let received: Arc<AtomicU64> = Arc::default();
    let count = received.clone();
    tokio::spawn(async move {
        let mut socket = BufReader::new(listener.accept().await.unwrap().0);
        let mut line = String::new();
        while line != "\r\n" {
            line.clear();
            socket.read_line(&mut line).await.unwrap();
        }
        let mut buffer = vec![0; 256 << 10];
        while count.load(Ordering::SeqCst) < length {
            let read = socket.read_exact(&mut buffer).await.unwrap();
            count.fetch_add(read as u64, Ordering::SeqCst);
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        socket.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await.unwrap();
    });
    (url, received)
}

#[tokio::test]
async fn progress_of_an_upload_in_one_request_is_reported_while_it_is_sent() {
    const LENGTH: u64 = 16 << 20;
    let (upload_url, received) = slow_reader(LENGTH).await;
    let server = Server::start(move |_, url| {
        answer(200, &json!({"upload_url": upload_url, "file_url": format!("{url}/file")}))
    })
    .await;
    let rest = UploadOptions::default().repository(Repository::Rest);
    let mut events = server.client().upload(File::bytes(content(LENGTH), "image/png")).options(rest).events();
    let (mut done, mut is_complete) = (Vec::new(), false);
    while let Some(event) =
        tokio::time::timeout(Duration::from_secs(60), events.next()).await.expect("it hangs")
    {
        match event.unwrap() {
            UploadEvent::Sent(progress) => {
                assert_eq!(progress.total(), Some(LENGTH));
                done.push((progress.done(), received.load(Ordering::SeqCst)));
            }
            event => is_complete = matches!(event, UploadEvent::Done(_)),
        }
    }
    assert!(is_complete);
    assert!(done.len() >= 5 && done.is_sorted_by(|before, after| before.0 < after.0), "{done:?}");
    assert!(done.iter().all(|(sent, _)| *sent <= LENGTH), "{done:?}");
    assert!(done[4].1 < LENGTH, "the first events come before the end: {done:?}");
}

#[tokio::test]
async fn a_dropped_upload_stops() {
    let (emulator, client) = start_with(multipart().part_concurrency(1)).await;
    emulator.on_request(RequestKind::Upload).stall(FaultPoint::Reply).after(2).times(1);
    let upload = tokio::spawn(client.upload(File::bytes(content(9 * PART), "image/png")).into_future());
    tokio::time::timeout(Duration::from_secs(60), async {
        while count(&emulator, is_part) < 2 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await
    .unwrap();
    upload.abort();
    assert!(upload.await.unwrap_err().is_cancelled());
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!((count(&emulator, is_part), completed_parts(&emulator).len()), (2, 0));
}

#[tokio::test]
async fn invalid_responses_are_errors_and_the_token_is_not_sent_to_strangers() {
    let stranger = crate::server::Server::start(|_, _| crate::server::json(200, &json!({}))).await;
    let (emulator, client) = start_with(multipart().fallback(false)).await;
    let file = || File::bytes(content(10), "image/png");
    let begin = json!({"access_url": format!("{}/files/x", stranger.url), "uploadId": "u"});
    emulator
        .on_request(RequestKind::Upload)
        .respond(fal_emulator::ResponseTemplate::json(200, begin))
        .times(1);
    let error = client.upload(file()).await.unwrap_err();
    assert!(error.is_decode() && error.to_string().contains("not fal's"), "{error}");
    assert!(stranger.received().is_empty());

    emulator
        .on_request(RequestKind::Upload)
        .without_header("etag")
        .respond(fal_emulator::ResponseTemplate::json(200, json!({})))
        .after(1)
        .times(1);
    let error = client.upload(file()).await.unwrap_err();
    assert!(error.is_decode() && error.to_string().contains("what tag the part has"), "{error}");

    let token = json!({"token": "t", "token_type": "Bearer", "base_url": "http://evil.example"});
    let (emulator, client) = start_with(multipart().fallback(false)).await;
    emulator.on_request(RequestKind::Token).respond(fal_emulator::ResponseTemplate::json(200, token));
    let error = client.upload(file()).await.unwrap_err();
    assert!(error.is_decode() && error.to_string().contains("base_url"), "{error}");
}

#[tokio::test]
async fn a_missing_file_is_named_in_the_error() {
    let (_emulator, client) = start().await;
    for path in ["/nowhere/cat.png", "/"] {
        let error = client.upload(File::path(Path::new(path))).await.unwrap_err();
        assert!(error.is_file() && error.to_string().contains(&format!("cannot read {path}")), "{error}");
    }
}

#[cfg(unix)]
#[tokio::test]
async fn pipes_and_devices_are_neither_read_nor_replaced() {
    use std::os::unix::{fs::FileTypeExt, net::UnixListener};

    let (emulator, client) = start().await;
    let folder = tempfile::tempdir().unwrap();
    let [pipe, socket, link] = ["pipe", "socket", "link"].map(|name| folder.path().join(name));
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let _listener = UnixListener::bind(&socket).unwrap();
    std::os::unix::fs::symlink("/dev/zero", &link).unwrap();
    for path in [&pipe, &socket, &link] {
        let error = client.upload(File::path(path)).await.unwrap_err();
        assert!(error.is_file() && error.to_string().contains("it is not a regular file"), "{error}");
        let input = json!({"image_url": ""});
        let input = untyped::input("acme/app", input).file("image_url", File::path(path));
        assert!(client.run(input).await.unwrap_err().is_file());
        let error = client.download("data:,x").await.unwrap().save(path).await.unwrap_err();
        assert!(error.is_file() && error.to_string().contains("it is not a regular file"), "{error}");
    }
    assert!(std::fs::metadata(&pipe).unwrap().file_type().is_fifo());
    assert!(std::fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 3);
    assert!(emulator.requests().is_empty());
}

#[tokio::test]
async fn the_access_of_a_file_can_be_changed() {
    let (emulator, client) = start().await;
    let storage = client.storage();
    let hidden = Lifecycle::default().access(Access::Hide);
    let file = client.upload(File::bytes(b"secret".to_vec(), "text/plain")).lifecycle(hidden).await.unwrap();
    let url = file.as_url().unwrap();
    assert_eq!(storage.access(url).await.unwrap().default_access(), Some(Access::Hide));
    assert!(client.download(url).await.unwrap_err().is_not_found());

    let signed = storage.sign(url, Duration::from_secs(60)).await.unwrap();
    assert_eq!(client.download(signed).await.unwrap().bytes().await.unwrap(), "secret");
    let acl = storage.set_access(url, &Acl::new(Access::Forbid).rule("nobody", Access::Allow)).await.unwrap();
    assert_eq!(
        (acl.default_access(), acl.rules().count()),
        (Some(Access::Forbid), 0),
        "unknown users are dropped"
    );
    assert!(is_denied(&client.download(url).await.unwrap_err()));
    storage.set_access(url, &Acl::new(Access::Allow)).await.unwrap();
    assert_eq!(client.download(url).await.unwrap().bytes().await.unwrap(), "secret");

    for time in [Duration::ZERO, Duration::from_millis(999), Duration::from_secs(604_801)] {
        assert!(storage.sign(url, time).await.unwrap_err().is_config());
    }
    let missing = format!("{}/files/b/none/x.txt", emulator.urls().cdn);
    assert!(storage.access(&missing).await.unwrap_err().is_not_found());
}

#[tokio::test]
async fn settings_apply_to_later_files() {
    let (_emulator, client) = start().await;
    let storage = client.storage();
    assert_eq!(storage.settings().await.unwrap(), Lifecycle::default());
    let day = Lifecycle::default().expires_after(Duration::from_secs(86_400)).access(Access::Forbid);
    assert_eq!(storage.set_settings(&day).await.unwrap(), day);
    let settings = storage.settings().await.unwrap();
    assert_eq!(settings.expiration(), Some(Duration::from_secs(86_400)));
    assert_eq!(settings.acl().unwrap().default_access(), Some(Access::Forbid));
    let file = client.upload(File::bytes(b"secret".to_vec(), "text/plain")).await.unwrap();
    assert!(is_denied(&client.download(file.as_url().unwrap()).await.unwrap_err()));
}

fn in_half_a_minute() -> String {
    let end = time::OffsetDateTime::from(SystemTime::now() + Duration::from_secs(30));
    let (hour, minute, second) = end.time().as_hms();
    format!("{}T{hour:02}:{minute:02}:{second:02}Z", end.date())
}

/// Starts a server that issues tokens and signed URLs, and answers the PUTs of a file one after the other with `puts`.
async fn signing_server(puts: &'static [(u16, &'static str)]) -> Server {
    Server::start(move |request: &Received, url: &str| match request.path.as_str() {
        "/rest/storage/upload/initiate" => answer(
            200,
            &json!({"upload_url": format!("{url}/signed?nth={}", request.nth), "file_url": format!("{url}/file")}),
        ),
        "/rest/storage/auth/token" => {
            let token = format!("t{}", request.nth);
            answer(200, &json!({"token": token, "token_type": "Bearer", "expires_at": in_half_a_minute()}))
        }
        "/signed" => {
            let (status, body) = puts[request.nth.min(puts.len() - 1)];
            bytes(status, &[("content-type", "application/xml")], body)
        }
        _ => answer(200, &json!({"access_url": format!("{url}/file")})),
    })
    .await
}

const EXPIRED: (u16, &str) =
    (403, "<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>");

#[tokio::test]
async fn expired_signed_url_is_asked_for_anew_once() {
    let rest = UploadOptions::default().repository(Repository::Rest);
    const GOOGLE: (u16, &str) =
        (400, "<Error><Code>ExpiredToken</Code><Message>The token has expired.</Message></Error>");
    for (puts, puts_sent, is_uploaded) in [
        (&[EXPIRED, (200, "")] as &'static [_], 2, true),
        (&[GOOGLE, (200, "")], 2, true),
        (&[EXPIRED], 2, false),
        (&[(400, "<Error><Code>BadDigest</Code></Error>")], 1, false),
    ] {
        let server = signing_server(puts).await;
        let upload = server.client().upload(File::bytes(content(10), "image/png")).options(rest.clone());
        let uploaded = upload.await;
        let lines = server.lines();
        let sent: Vec<_> = lines.iter().filter(|line| line.starts_with("PUT")).collect();
        assert_eq!((sent.len(), uploaded.is_ok()), (puts_sent, is_uploaded), "{puts:?}: {lines:?}");
        assert!(sent.windows(2).all(|pair| pair[0] != pair[1]), "each has a URL of its own: {lines:?}");
        if let Err(error) = uploaded {
            assert!(!error.is_auth(), "the key was not sent: {error:?}");
        }
    }
}

#[tokio::test]
async fn multipart_upload_whose_signed_url_expires_starts_again() {
    let server = Server::start(|request: &Received, url: &str| {
        if request.path.ends_with("initiate-multipart") {
            let upload_url = format!("{url}/signed{}", request.nth);
            return answer(200, &json!({"upload_url": upload_url, "file_url": format!("{url}/file")}));
        }
        match request.path.as_str() {
            // The URL expires after the first part.
            "/signed0/2" => bytes(EXPIRED.0, &[("content-type", "application/xml")], EXPIRED.1),
            _ => bytes(200, &[("etag", "\"tag\"")], ""),
        }
    })
    .await;
    let options = multipart().part_concurrency(1).repository(Repository::Rest);
    let mut events =
        server.client().upload(File::bytes(content(3 * PART), "image/png")).options(options).events();
    let mut done = Vec::new();
    while let Some(event) = events.next().await {
        if let UploadEvent::Sent(progress) = event.unwrap() {
            done.push(progress.done());
        }
    }
    let lines = server.lines();
    assert_eq!(lines.iter().filter(|line| line.contains("initiate-multipart")).count(), 2, "{lines:?}");
    let parts: Vec<_> = lines.iter().filter(|line| line.starts_with("PUT /signed1/")).collect();
    assert_eq!(parts.len(), 3, "{lines:?}");
    assert_eq!(lines.last().unwrap(), "POST /signed1/complete");
    assert!(done.iter().all(|done| *done <= 3 * PART), "progress starts again: {done:?}");
}

#[tokio::test]
async fn upload_with_a_bearer_token_fetches_no_token_of_the_account() {
    let provider = || async { Ok::<_, std::io::Error>(Credentials::token("user")) };
    for credentials in [Credentials::token("user"), Credentials::provider(provider)] {
        let server = signing_server(&[(200, "")]).await;
        let client = server.builder().credentials(credentials).build().unwrap();
        client.upload(File::bytes(content(10), "image/png")).await.unwrap();
        assert_eq!(
            server.lines(),
            ["POST /rest/storage/upload/initiate?storage_type=fal-cdn-v3", "PUT /signed?nth=0"]
        );
        assert_eq!(server.received()[0].header("authorization"), Some("Bearer user"));
        assert_eq!(server.received()[1].header("authorization"), None);
    }
}

#[tokio::test]
async fn bearer_token_does_not_continue_an_upload_that_a_key_began_at_the_cdn() {
    let bytes = content(4 * PART);
    let folder = Folder::new();
    let path = folder.file("film.mp4", &bytes);
    let emulator = Emulator::builder().start().await.unwrap();
    let client = |credentials| {
        let builder = Client::builder().emulator(emulator.url()).credentials(credentials).retry(quick());
        builder.uploads(multipart().part_concurrency(1)).build().unwrap()
    };
    emulator.on_request(RequestKind::Upload).fail(400, json!({"detail": "broken"})).after(3).times(1);
    let checkpoint = Checkpoint::default();
    client(Credentials::key("test:key")).upload(File::path(&path)).checkpoint(&checkpoint).await.unwrap_err();
    assert_eq!(checkpoint.parts(), 2);
    let tokens = || count(&emulator, |request| request.kind == RequestKind::Token);
    let (before, bearer) = (tokens(), client(Credentials::token("user")));
    let uploaded = bearer.upload(File::path(&path)).checkpoint(&checkpoint).await.unwrap();
    assert!(content_of(&bearer, &uploaded).await == bytes);
    assert_eq!(tokens(), before);
}

#[tokio::test]
async fn signed_url_in_place_of_the_cdn_is_renewed_too() {
    let server = Server::start(|request: &Received, url: &str| match request.path.as_str() {
        path if path.ends_with("/auth/token") => answer(404, &json!({"detail": "no tokens"})),
        path if path.ends_with("initiate-multipart") => {
            let upload_url = format!("{url}/signed{}", request.nth);
            answer(200, &json!({"upload_url": upload_url, "file_url": format!("{url}/file")}))
        }
        "/signed0/2" => bytes(EXPIRED.0, &[("content-type", "application/xml")], EXPIRED.1),
        _ => bytes(200, &[("etag", "\"tag\"")], ""),
    })
    .await;
    let options = multipart().part_concurrency(1);
    server.client().upload(File::bytes(content(3 * PART), "image/png")).options(options).await.unwrap();
    assert_eq!(server.lines().last().unwrap(), "POST /signed1/complete");
}

#[tokio::test]
async fn token_that_is_about_to_expire_is_not_used_again() {
    let server = signing_server(&[(200, "")]).await;
    let client = server.client();
    for _ in 0..2 {
        client.upload(File::bytes(content(10), "image/png")).await.unwrap();
    }
    let tokens = server.lines().iter().filter(|line| line.contains("/auth/token")).count();
    assert_eq!(tokens, 2, "each ends in 30 s");
}
