//! Uploads and downloads, with a scripted server.

use fal_client::{
    Client, File,
    storage::{Repository, UploadOptions},
};
use serde_json::json;

use crate::{
    model::{Input, cat},
    server::{Reaction, Received, Server, bytes, closing, json as answer},
};

/// Responds as a storage service with its own upload URLs, and as an endpoint.
fn storage(request: &Received, url: &str) -> Reaction {
    match request.path.as_str() {
        "/rest/storage/upload/initiate" => {
            let name = request.json()["file_name"].as_str().unwrap().to_owned();
            answer(
                200,
                &json!({
                    "upload_url": format!("{url}/signed/{name}?sig=s"), "file_url": format!("https://cdn/{name}"),
                }),
            )
        }
        path if path.starts_with("/signed/") => bytes(200, &[], ""),
        _ => answer(200, &json!({"seed": 1})),
    }
}

fn by_rest(server: &Server) -> Client {
    server.builder().uploads(UploadOptions::default().repository(Repository::Rest)).build().unwrap()
}

fn with_images(images: Vec<File>) -> Input {
    Input { images, ..cat() }
}

#[tokio::test]
async fn local_files_are_uploaded_once_and_replaced() {
    let server = Server::start(storage).await;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("dog.png");
    std::fs::write(&path, b"the dog").unwrap();
    let memory = File::bytes(b"the cat".to_vec(), "image/webp").named("cat.webp");
    let input = with_images(vec![
        File::url("https://example.com/a.png"),
        memory.clone(),
        File::path(&path),
        memory,
        File::data_uri("data:,x"),
    ]);
    by_rest(&server).run(input).await.unwrap();

    let received = server.received();
    let run = received.last().unwrap();
    assert_eq!(run.line(), "POST /run/acme/app/edit");
    assert_eq!(
        run.json()["images"],
        json!([
            "https://example.com/a.png",
            "https://cdn/cat.webp",
            "https://cdn/dog.png",
            "https://cdn/cat.webp",
            "data:,x",
        ])
    );
    let of =
        |path: &str| -> Vec<_> { received.iter().filter(|request| request.path.starts_with(path)).collect() };
    let initiated = of("/rest");
    assert_eq!(initiated.len(), 2);
    assert!(initiated.iter().all(|request| request.query == "storage_type=fal-cdn-v3"));
    assert!(initiated.iter().all(|request| request.header("authorization") == Some("Key test:key")));
    let dog = initiated.iter().find(|request| request.json()["file_name"] == "dog.png").unwrap();
    assert_eq!(dog.json()["content_type"], "image/png");

    let puts = of("/signed");
    assert_eq!(puts.len(), 2);
    for (name, content, content_type) in
        [("cat.webp", "the cat", "image/webp"), ("dog.png", "the dog", "image/png")]
    {
        let put = puts.iter().find(|put| put.path.ends_with(name)).unwrap();
        assert_eq!(put.line(), format!("PUT /signed/{name}?sig=s"));
        assert_eq!(put.body, content.as_bytes());
        assert_eq!(put.header("content-type"), Some(content_type));
        assert_eq!(put.header("content-length"), Some("7"));
        assert_eq!(put.header("authorization"), None);
    }
}

#[tokio::test]
async fn a_failed_upload_is_retried() {
    let server = Server::start(|request: &Received, url: &str| match (request.path.as_str(), request.nth) {
        (path, 0) if path.starts_with("/signed/") => bytes(503, &[], ""),
        _ => storage(request, url),
    })
    .await;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.txt");
    std::fs::write(&path, b"text").unwrap();
    let file = by_rest(&server).upload(File::path(&path)).await.unwrap();
    assert_eq!(file.as_url(), Some("https://cdn/a.txt"));
    let puts: Vec<_> = server.received().into_iter().filter(|request| request.method == "PUT").collect();
    assert_eq!(puts.iter().map(|put| put.body.as_slice()).collect::<Vec<_>>(), [b"text", b"text"]);
    // A file with a URL is not uploaded.
    assert_eq!(server.client().upload(file.clone()).await.unwrap(), file);
    assert_eq!(server.received().len(), 3);
}

#[tokio::test]
async fn a_missing_file_is_an_error_before_anything_is_sent() {
    let server = Server::start(storage).await;
    for path in ["/nowhere/cat.png", "/"] {
        let error = server.client().run(with_images(vec![File::path(path)])).await.unwrap_err();
        assert!(error.is_file() && error.to_string().contains(&format!("cannot read {path}")), "{error}");
        assert_eq!(error.endpoint(), Some("acme/app/edit"));
    }
    assert!(server.received().is_empty());
}

#[tokio::test]
async fn a_failed_upload_is_the_error_of_the_call() {
    let server = Server::start(|_, _| answer(403, &json!({"detail": "not yours"}))).await;
    let error =
        server.client().submit(with_images(vec![File::bytes(vec![1], "image/png")])).await.unwrap_err();
    assert!(error.is_auth());
    assert_eq!(error.to_string(), "acme/app/edit: 403 an upload failed: not yours");
    assert_eq!(server.received().len(), 1);
}

#[tokio::test]
async fn a_download_has_no_key_and_follows_redirects() {
    let server = Server::start(|request: &Received, url: &str| match request.path.as_str() {
        "/old" => bytes(302, &[("location", "/cdn/new")], ""),
        "/older" => bytes(302, &[("location", &format!("{url}/cdn/new"))], ""),
        "/loop" => bytes(302, &[("location", "/loop")], ""),
        "/gone" => bytes(404, &[], ""),
        _ => bytes(200, &[("content-type", "image/png")], "picture"),
    })
    .await;
    let client = server.client();
    let download = client.download(format!("{}/old", server.url)).await.unwrap();
    assert_eq!((download.content_type(), download.content_length()), (Some("image/png"), Some(7)));
    assert_eq!(download.bytes().await.unwrap().as_ref(), b"picture");
    assert_eq!(server.lines(), ["GET /old", "GET /cdn/new"]);
    assert!(server.received().iter().all(|request| request.header("authorization").is_none()));

    // The user and password of a URL are for that URL and those below its host, and for no other.
    let url = server.url.replace("://", "://me:pass%20word@");
    for (path, is_for_both) in [("old", true), ("older", false)] {
        let before = server.received().len();
        client.download(format!("{url}/{path}")).await.unwrap();
        let sent: Vec<_> = server.received().into_iter().skip(before).collect();
        assert_eq!(sent[0].header("authorization"), Some("Basic bWU6cGFzcyB3b3Jk"));
        assert_eq!(sent[1].header("authorization").is_some(), is_for_both, "{path}");
    }

    assert!(client.download(format!("{}/gone", server.url)).await.unwrap_err().is_not_found());
    assert!(client.download(format!("{}/loop", server.url)).await.unwrap_err().is_file());
    assert!(client.download("file:///etc/passwd").await.unwrap_err().is_file());
    assert_eq!(client.download("DATA:,here").await.unwrap().bytes().await.unwrap().as_ref(), b"here");
}

#[tokio::test]
async fn a_download_is_saved_completely_or_not_at_all() {
    let server = Server::start(|_, _| bytes(200, &[], vec![7_u8; 300_000])).await;
    let (cut, _) = closing(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf").await;
    let client = server.builder().max_reply_bytes(1000).build().unwrap();
    let directory = tempfile::tempdir().unwrap();
    let target = directory.path().join("out.bin");
    std::fs::write(&target, "old").unwrap();

    let cut = client.download(cut).await.unwrap();
    assert!(cut.save(&target).await.unwrap_err().is_transport());
    assert_eq!(std::fs::read(&target).unwrap(), b"old");

    // The limit applies only to content in memory.
    let whole = client.download(format!("{}/whole", server.url)).await.unwrap();
    assert_eq!(whole.save(&target).await.unwrap(), 300_000);
    assert_eq!(std::fs::read(&target).unwrap(), vec![7; 300_000]);
    let error = client.download(format!("{}/whole", server.url)).await.unwrap().bytes().await.unwrap_err();
    assert!(error.is_too_large());

    let below_a_file = client.download("data:,x").await.unwrap();
    assert!(below_a_file.save(target.join("out.bin")).await.unwrap_err().is_file());
    assert_eq!(std::fs::read_dir(&directory).unwrap().count(), 1, "partial files are removed");

    let in_a_new_folder = directory.path().join("new/folder/out.bin");
    client.download("data:,x").await.unwrap().save(&in_a_new_folder).await.unwrap();
    assert_eq!(std::fs::read(&in_a_new_folder).unwrap(), b"x");
}

/// Responds as a storage service and as a queue that completes at once. The first `refused` uploads of content are refused.
async fn storage_and_queue(refused: usize) -> Server {
    let is_refused = move |request: &Received| request.path.starts_with("/signed/") && request.nth < refused;
    Server::start(move |request: &Received, url: &str| match request.path.as_str() {
        _ if is_refused(request) => bytes(400, &[], ""),
        path if path.contains("/storage/") || path.starts_with("/signed/") => storage(request, url),
        _ if request.method == "POST" => answer(200, &json!({"request_id": "id"})),
        path if path.ends_with("/status") => answer(200, &json!({"status": "COMPLETED"})),
        _ => answer(200, &json!({"seed": 1})),
    })
    .await
}

fn uploads(server: &Server) -> usize {
    server.received().iter().filter(|request| request.method == "PUT").count()
}

#[tokio::test]
async fn inputs_of_a_batch_share_the_upload_of_a_file() {
    let server = storage_and_queue(0).await;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("dog.png");
    std::fs::write(&path, b"the dog").unwrap();
    let rows = || (0..5).map(|_| with_images(vec![File::path(&path)])).collect::<Vec<_>>();
    let client = by_rest(&server);
    let replies = client.batch(rows()).concurrency(5).await.unwrap();
    assert!(replies.iter().all(Result::is_ok), "{replies:?}");
    assert_eq!(uploads(&server), 1);
    let posts = server.received().into_iter().filter(|request| request.method == "POST");
    let images: Vec<_> =
        posts.map(|post| post.json()["images"].clone()).filter(|images| !images.is_null()).collect();
    assert_eq!(images, vec![json!(["https://cdn/dog.png"]); 5]);

    // A file that is written while the batch runs is another.
    let changed = path.clone();
    let changing = rows().into_iter().enumerate().map(move |(row, input)| {
        if row == 3 {
            std::fs::write(&changed, b"another dog").unwrap();
        }
        input
    });
    client.batch(changing).concurrency(1).await.unwrap();
    let bodies: Vec<Vec<u8>> =
        server.received().into_iter().filter(|request| request.method == "PUT").map(|put| put.body).collect();
    assert_eq!(bodies[1..], [&b"the dog"[..], b"another dog"]);
}

#[tokio::test]
async fn an_input_uploads_the_file_that_another_could_not() {
    let server = storage_and_queue(1).await;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("dog.png");
    std::fs::write(&path, b"the dog").unwrap();
    let rows = (0..3).map(|_| with_images(vec![File::path(&path)])).collect::<Vec<_>>();
    let replies = by_rest(&server).batch(rows).concurrency(3).await.unwrap();
    assert_eq!(replies.iter().filter(|reply| reply.is_err()).count(), 1, "{replies:?}");
    assert_eq!(uploads(&server), 2);
}
