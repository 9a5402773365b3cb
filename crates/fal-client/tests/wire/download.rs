//! Downloads that are interrupted, too large, or saved to folders.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
};

use fal_client::{Client, File, storage::MediaExt, untyped};
use fal_emulator::{Emulator, FaultPoint, Pace, RequestKind, ResponseTemplate};
use serde_json::json;

use crate::server::{Received, Server, bytes, quick};

const LENGTH: usize = 900_000;

fn content() -> Vec<u8> {
    (0..LENGTH).map(|index| (index / 3 + index / 251) as u8).collect()
}

/// Starts an emulator with a file, and returns the URL of the file.
async fn start() -> (Emulator, Client, String) {
    let emulator = Emulator::builder().pace(Pace::instant()).start().await.unwrap();
    let client = Client::builder().emulator(emulator.url()).key("test:key").retry(quick()).build().unwrap();
    let file = client.upload(File::bytes(content(), "video/mp4").named("film.mp4")).await.unwrap();
    let url = file.as_url().unwrap().to_owned();
    (emulator, client, url)
}

fn requested_ranges(emulator: &Emulator) -> Vec<Option<String>> {
    let media = emulator.requests().into_iter().filter(|request| request.kind == RequestKind::Media);
    media.map(|request| request.header("range").map(str::to_owned)).collect()
}

#[tokio::test]
async fn an_interrupted_download_continues_where_it_stopped() {
    let (emulator, client, url) = start().await;
    let folder = tempfile::tempdir().unwrap();
    for at in [0, 1, 400_000, LENGTH - 1] {
        for turn in 0..3 {
            let broken = emulator.on_request(RequestKind::Media).reset(FaultPoint::Body(at)).times(2);
            let download = client.download(&url).await.unwrap();
            assert_eq!(
                (download.content_type(), download.content_length()),
                (Some("video/mp4"), Some(LENGTH as u64))
            );
            let whole = match turn {
                0 => download.bytes().await.unwrap().to_vec(),
                1 => {
                    let path = folder.path().join("film.mp4");
                    assert_eq!(download.save(&path).await.unwrap(), LENGTH as u64);
                    std::fs::read(path).unwrap()
                }
                _ => {
                    let (mut chunks, mut whole) = (download.chunks(), Vec::new());
                    while let Some(chunk) = chunks.next().await {
                        whole.extend_from_slice(&chunk.unwrap());
                    }
                    whole
                }
            };
            assert!(whole == content(), "broken at {at}");
            assert!(broken.hits() >= 1);
        }
    }
    let ranges: BTreeSet<_> = requested_ranges(&emulator).into_iter().flatten().collect();
    assert!(ranges.iter().all(|range| range.starts_with("bytes=") && range.ends_with('-')), "{ranges:?}");
    assert!(ranges.len() > 1, "{ranges:?}");
    let key = |request: &fal_emulator::Request| request.header("authorization").is_some();
    assert!(!emulator.requests().iter().any(|request| request.kind == RequestKind::Media && key(request)));
}

#[tokio::test]
async fn a_download_that_is_always_interrupted_is_an_error() {
    let (emulator, client, url) = start().await;
    let broken = emulator.on_request(RequestKind::Media).reset(FaultPoint::Body(10));
    let error = client.download(&url).await.unwrap().bytes().await.unwrap_err();
    assert!(error.is_transport(), "{error:?}");
    assert_eq!(broken.hits(), 4, "as many attempts as any request has");
    let retry = fal_client::Retry::none();
    assert!(client.download(&url).retry(retry).await.unwrap().bytes().await.unwrap_err().is_transport());
    assert_eq!(broken.hits(), 5);
}

#[tokio::test]
async fn attempts_are_counted_again_after_a_megabyte() {
    let (emulator, client, _) = start().await;
    let content: Vec<u8> = (0..6 << 20).map(|index: u32| (index / 5 + index / 257) as u8).collect();
    let file = client.upload(File::bytes(content.clone(), "video/mp4")).await.unwrap();
    let broken = emulator.on_request(RequestKind::Media).cut(FaultPoint::Body(1_200_000)).times(5);
    let whole = client.download(file.as_url().unwrap()).await.unwrap().bytes().await.unwrap();
    assert!(whole == content);
    assert_eq!(broken.hits(), 5, "more often than a request is tried");
}

/// Starts a server that breaks off after ten bytes, and answers later requests with `rest`.
async fn start_interrupted(
    head: &'static str,
    rest: fn(&Received) -> crate::server::Reaction,
) -> (Server, String) {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    let server = Server::start(move |request: &Received, _: &str| rest(request)).await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/file", listener.local_addr().unwrap());
    let behind = server.url.trim_start_matches("http://").to_owned();
    tokio::spawn(async move {
        let (mut first, _) = listener.accept().await.unwrap();
        let mut asked = [0; 4096];
        let _ = first.read(&mut asked).await.unwrap();
        first.write_all(format!("HTTP/1.1 200 OK\r\n{head}\r\n0123456789").as_bytes()).await.unwrap();
        drop(first);
        loop {
            let (mut client, _) = listener.accept().await.unwrap();
            let mut server = tokio::net::TcpStream::connect(&behind).await.unwrap();
            tokio::spawn(async move { tokio::io::copy_bidirectional(&mut client, &mut server).await });
        }
    });
    (server, url)
}

#[tokio::test]
async fn the_rest_of_another_version_is_an_error() {
    type Rest = fn(&Received) -> crate::server::Reaction;
    const TAGGED: &str = "content-length: 20\r\netag: \"a\"\r\n";
    const PLAIN: &str = "content-length: 20\r\n";
    // A weak tag does not say that the bytes are the same, and no server takes it for `If-Range`.
    const WEAK: &str = "content-length: 20\r\netag: W/\"a\"\r\n";
    let table: [(&str, &str, Rest, bool); 9] = [
        (
            "the rest",
            TAGGED,
            |_| bytes(206, &[("etag", "\"a\""), ("content-range", "bytes 10-19/20")], "abcdefghij"),
            true,
        ),
        ("all of it", TAGGED, |_| bytes(200, &[("etag", "\"a\"")], "0123456789abcdefghij"), true),
        ("another file", TAGGED, |_| bytes(200, &[("etag", "\"b\"")], "ABCDEFGHIJabcdefghij"), false),
        (
            "the rest of another",
            TAGGED,
            |_| bytes(206, &[("etag", "\"b\""), ("content-range", "bytes 10-19/20")], "abcdefghij"),
            false,
        ),
        (
            "another part",
            TAGGED,
            |_| bytes(206, &[("etag", "\"a\""), ("content-range", "bytes 9-19/20")], "9abcdefghij"),
            false,
        ),
        ("a part without a range", TAGGED, |_| bytes(206, &[("etag", "\"a\"")], "abcdefghij"), false),
        (
            "the rest by length alone",
            PLAIN,
            |_| bytes(206, &[("content-range", "bytes 10-19/20")], "abcdefghij"),
            true,
        ),
        (
            "the rest by length, with a weak tag",
            WEAK,
            |_| bytes(206, &[("etag", "W/\"a\""), ("content-range", "bytes 10-19/20")], "abcdefghij"),
            true,
        ),
        (
            "another length",
            PLAIN,
            |_| bytes(206, &[("content-range", "bytes 10-29/30")], "abcdefghijabcdefghij"),
            false,
        ),
    ];
    for (what, head, rest, good) in table {
        let (server, url) = start_interrupted(head, rest).await;
        let client = Client::builder().emulator(&server.url).retry(quick()).build().unwrap();
        let result = client.download(url).await.unwrap().bytes().await;
        let asked = server.received().remove(0);
        assert_eq!(asked.header("range"), Some("bytes=10-"), "{what}");
        assert_eq!(asked.header("if-range"), (head == TAGGED).then_some("\"a\""), "{what}");
        match result {
            Ok(whole) => assert!(good && whole == "0123456789abcdefghij", "{what}: {whole:?}"),
            Err(error) => assert!(!good && error.to_string().contains("changed"), "{what}: {error}"),
        }
    }
}

#[tokio::test]
async fn a_file_above_the_limit_is_refused() {
    let (emulator, client, url) = start().await;
    let error = client.download(&url).max_bytes(LENGTH as u64 - 1).await.unwrap_err();
    assert!(error.is_too_large());
    client.download(&url).max_bytes(LENGTH as u64).await.unwrap().bytes().await.unwrap();
    assert!(client.download("data:,1234").max_bytes(3).await.unwrap_err().is_too_large());
    // The server does not announce the length.
    let endless = Server::start(|_, _| {
        let chunks = (0..1000).map(|_| Ok::<_, std::io::Error>(vec![7_u8; 1000]));
        bytes(200, &[], axum::body::Body::from_stream(futures_util::stream::iter(chunks)))
    })
    .await;
    let folder = tempfile::tempdir().unwrap();
    let download = client.download(&endless.url).max_bytes(5000).await.unwrap();
    assert!(download.save(folder.path().join("x")).await.unwrap_err().is_too_large());
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 0);
    drop(emulator);
}

#[tokio::test]
async fn progress_counts_every_byte_once() {
    let (emulator, client, url) = start().await;
    emulator.on_request(RequestKind::Media).reset(FaultPoint::Body(300_000)).times(1);
    let reports = Arc::new(Mutex::new(Vec::new()));
    let reported = reports.clone();
    let download = client.download(&url).on_progress(move |progress| reported.lock().unwrap().push(progress));
    download.await.unwrap().bytes().await.unwrap();
    let reports = reports.lock().unwrap();
    assert!(reports.is_sorted_by_key(|progress| progress.done()));
    let last = reports.last().unwrap();
    assert_eq!((last.done(), last.total()), (LENGTH as u64, Some(LENGTH as u64)));
}

#[tokio::test]
async fn existing_files_in_a_folder_are_kept() {
    let (emulator, client, url) = start().await;
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("new/out");
    let mut names = Vec::new();
    for _ in 0..3 {
        let path = client.download(&url).await.unwrap().save_in(&out, "film").await.unwrap();
        assert!(std::fs::read(&path).unwrap() == content());
        names.push(path.file_name().unwrap().to_str().unwrap().to_owned());
    }
    assert_eq!(names, ["film.mp4", "film-2.mp4", "film-3.mp4"]);
    let path =
        client.download("data:image/png;base64,AAAA").await.unwrap().save_in(&out, "../../up").await.unwrap();
    assert_eq!(path, out.join("_.._up.png"));
    // The extension of the URL is used for a generic type.
    emulator.on_request(RequestKind::Media).content_type("application/octet-stream");
    let path = client.download(&url).await.unwrap().save_in(&out, "other").await.unwrap();
    assert_eq!(path, out.join("other.mp4"));
    assert_eq!(std::fs::read_dir(&out).unwrap().count(), 5, "nothing unfinished stays");
    let file: fal_client::media::FileOutput = serde_json::from_value(json!({"url": url})).unwrap();
    let path = file.save_in(&client, &out, "film").await.unwrap();
    assert_eq!(path, out.join("film-4.mp4"));
}

#[tokio::test]
async fn save_media_saves_all_files_of_an_output() {
    let (emulator, client, _) = start().await;
    let folder = tempfile::tempdir().unwrap();
    let input = |sync| {
        let size = json!({"width": 64, "height": 48});
        let parameters = json!({"prompt": "a cat", "image_size": size, "num_images": 2, "sync_mode": sync});
        untyped::input("fal-ai/flux/dev", parameters)
    };
    for (sync, expected) in [(false, ["images-0", "images-1"]), (true, ["images-0-2", "images-1-2"])] {
        let reply = client.run(input(sync)).await.unwrap();
        let saved = reply.save_media(&client, folder.path()).await.unwrap();
        let fields: Vec<_> = saved.iter().map(|saved| saved.field.as_str()).collect();
        assert_eq!(fields, ["images-0", "images-1"]);
        for (saved, stem) in saved.iter().zip(expected) {
            assert_eq!(saved.path.file_stem().unwrap(), stem);
            let kind = extension_of(&std::fs::read(&saved.path).unwrap());
            assert_eq!(saved.path.extension().unwrap(), kind);
        }
    }
    emulator.on_endpoint("acme/app").reply(|_| json!({"text": "no files", "score": 1}));
    let reply = client.run(untyped::input("acme/app", json!({}))).await.unwrap();
    assert!(reply.save_media(&client, folder.path().join("none")).await.unwrap().is_empty());
    assert!(!folder.path().join("none").exists());
    emulator.on_request(RequestKind::Media).respond(ResponseTemplate::json(404, json!({"detail": "gone"})));
    let reply = client.run(input(false)).await.unwrap();
    assert!(reply.save_media(&client, folder.path()).await.unwrap_err().is_not_found());
}

fn extension_of(content: &[u8]) -> &'static str {
    match content {
        [0x89, b'P', b'N', b'G', ..] => "png",
        [0xff, 0xd8, ..] => "jpg",
        _ => panic!("neither PNG nor JPEG"),
    }
}

#[tokio::test]
async fn save_media_fetches_only_from_allowed_hosts_and_only_so_much() {
    let stranger = Server::start(|_, _| bytes(200, &[("content-type", "image/png")], "secret")).await;
    let elsewhere = stranger.url.replace("127.0.0.1", "localhost");
    let redirected = elsewhere.clone();
    let server = Server::start(move |request: &Received, url: &str| match request.path.as_str() {
        "/run/acme/app" => json_answer(&json!({
            "images": [{"url": format!("{url}/a.png")}, {"url": format!("{elsewhere}/meta-data")}],
        })),
        "/run/acme/redirect" => json_answer(&json!({"image": {"url": format!("{url}/redirect")}})),
        "/run/acme/large" => json_answer(&json!({"image": {"url": format!("{url}/a.png")}})),
        "/redirect" => bytes(302, &[("location", redirected.as_str())], ""),
        _ => bytes(200, &[("content-type", "image/png")], "0123456789"),
    })
    .await;
    let client = server.client();
    let folder = tempfile::tempdir().unwrap();
    let run = |endpoint: &'static str| client.run(untyped::input(endpoint, json!({})));
    for endpoint in ["acme/app", "acme/redirect"] {
        let reply = run(endpoint).await.unwrap();
        let error = reply.save_media(&client, folder.path()).hosts(["127.0.0.1"]).await.unwrap_err();
        assert!(error.is_file() && error.to_string().contains("`localhost`"), "{error}");
        assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 0);
    }
    assert!(stranger.received().is_empty());
    let reply = run("acme/large").await.unwrap();
    assert!(reply.save_media(&client, folder.path()).max_bytes(9).await.unwrap_err().is_too_large());
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 0);
    let saved = reply.save_media(&client, folder.path()).max_bytes(10).hosts(["127.0.0.1"]).await.unwrap();
    assert_eq!(saved.len(), 1);
}

fn json_answer(body: &serde_json::Value) -> crate::server::Reaction {
    crate::server::json(200, body)
}

#[cfg(unix)]
#[tokio::test]
async fn new_file_is_readable_by_its_owner_only_and_a_replaced_one_stays_as_it_was() {
    use std::os::unix::fs::PermissionsExt;

    let client = Client::builder().key("test:key").build().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let path = folder.path().join("cat.txt");
    client.download("data:,cat").await.unwrap().save(&path).await.unwrap();
    assert_eq!(mode(&path), 0o600);
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    client.download("data:,dog").await.unwrap().save(&path).await.unwrap();
    assert_eq!((std::fs::read_to_string(&path).unwrap().as_str(), mode(&path)), ("dog", 0o644));
    let saved = client.download("data:,cat").await.unwrap().save_in(folder.path(), "nul").await.unwrap();
    assert_eq!((saved.file_name().unwrap().to_str().unwrap(), mode(&saved)), ("_nul.txt", 0o600));
}
