//! The ticket of a request, while its caller still waits.

use std::sync::{Arc, Mutex};

use fal_client::{ErrorKind, File, queue::Update, untyped};
use serde_json::json;

use crate::{
    job::accepted,
    model::cat,
    server::{Received, Server, json as answer},
};

/// Starts a queue whose request is done when it is first asked for.
async fn queue() -> Server {
    Server::start(|request: &Received, url: &str| match request.path.as_str() {
        "/queue/acme/app/edit" => accepted(url),
        path if path.ends_with("/status/stream") => answer(404, &json!({})),
        path if path.ends_with("/status") => {
            answer(200, &json!({"status": "COMPLETED", "request_id": "other"}))
        }
        _ => answer(200, &json!({"seed": 7})),
    })
    .await
}

#[tokio::test]
async fn ticket_is_given_once_before_anything_else_is_sent() {
    let server = Arc::new(queue().await);
    let given: Arc<Mutex<Vec<(String, usize)>>> = Arc::default();
    let (notes, lines) = (given.clone(), server.clone());
    let call = server.client().subscribe(cat()).on_queued(move |ticket| {
        let stored = serde_json::to_string(&ticket).unwrap();
        notes.lock().unwrap().push((stored, lines.received().len()));
    });
    call.await.unwrap();
    let ticket = r#"{"endpoint":"acme/app/edit","request_id":"r1"}"#;
    assert_eq!(*given.lock().unwrap(), [(ticket.to_owned(), 1)]);
}

#[tokio::test]
async fn ticket_is_not_given_to_a_call_that_is_refused() {
    let server = Server::start(|_, _| answer(422, &json!({"detail": "no"}))).await;
    let call = server.client().subscribe(cat()).on_queued(|_| panic!("the request was refused"));
    assert_eq!(call.await.unwrap_err().status().unwrap().as_u16(), 422);
}

#[tokio::test]
async fn batch_gives_the_ticket_of_each_request() {
    let server = queue().await;
    let given: Arc<Mutex<Vec<usize>>> = Arc::default();
    let notes = given.clone();
    let batch = server.client().batch([cat(), cat(), cat()]).on_queued(move |index, ticket| {
        assert_eq!(ticket.request_id(), "r1");
        notes.lock().unwrap().push(index);
    });
    assert!(batch.await.unwrap().iter().all(Result::is_ok));
    given.lock().unwrap().sort_unstable();
    assert_eq!(*given.lock().unwrap(), [0, 1, 2]);
}

#[tokio::test]
async fn updates_have_the_id_of_the_request() {
    let server = queue().await;
    let ids: Arc<Mutex<Vec<String>>> = Arc::default();
    let notes = ids.clone();
    let note = move |update: &Update| notes.lock().unwrap().push(update.request_id().to_owned());
    server.client().subscribe(cat()).on_update(note).await.unwrap();
    assert_eq!(*ids.lock().unwrap(), ["r1"]);
    let job = server.client().endpoint_id("acme/app/edit").job("r1");
    assert_eq!(job.status().await.unwrap().request_id(), "r1");
}

#[tokio::test]
async fn files_of_untyped_inputs_are_uploaded_or_sent_inside() {
    let server = Server::start(|request: &Received, url: &str| match request.path.as_str() {
        "/rest/storage/upload/initiate" => {
            answer(200, &json!({"upload_url": format!("{url}/signed"), "file_url": "https://cdn/cat.webp"}))
        }
        _ => answer(200, &json!({"seed": 1})),
    })
    .await;
    let options =
        fal_client::storage::UploadOptions::default().repository(fal_client::storage::Repository::Rest);
    let client = server.builder().uploads(options.clone()).build().unwrap();
    let cat = File::bytes(b"the cat".to_vec(), "image/webp").named("cat.webp");
    let input = |cat: File| {
        let input = untyped::input("acme/app", json!({"prompt": "a", "layers": [{}]}));
        input
            .file("image_url", cat.clone())
            .file("/layers/0/url", File::url("https://x/y"))
            .file("/more/-", cat)
    };
    let inline = "data:image/webp;base64,dGhlIGNhdA==";

    client.run(input(cat.clone())).await.unwrap();
    let uploads = |server: &Server| server.received().iter().filter(|sent| sent.path == "/signed").count();
    let sent = server.received().pop().unwrap();
    let expected = |url: &str| json!({"prompt": "a", "layers": [{"url": "https://x/y"}], "image_url": url, "more": [url]});
    assert_eq!((sent.json(), uploads(&server)), (expected("https://cdn/cat.webp"), 1));

    client.run(input(cat.clone().inline())).await.unwrap();
    assert_eq!(server.received().pop().unwrap().json(), expected(inline));
    client.run(input(cat.clone())).uploads(options.clone().inline_up_to(7)).await.unwrap();
    assert_eq!(server.received().pop().unwrap().json(), expected(inline));
    assert_eq!(uploads(&server), 1);
    client.run(input(cat.clone())).uploads(options.inline_up_to(6)).await.unwrap();
    assert_eq!(uploads(&server), 2);

    let error = client.run(input(cat).file("/layers/1/url", File::url("u"))).await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Encode), "{error}");
    assert!(error.to_string().contains("`/layers/1/url`: there is no `1`"), "{error}");
}

#[tokio::test]
async fn data_uris_are_made_of_paths_bytes_and_readers() {
    use fal_client::storage::FileExt;

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cat.webp");
    std::fs::write(&path, b"the cat").unwrap();
    let uri = "data:image/webp;base64,dGhlIGNhdA==";
    let reader = File::reader(std::io::Cursor::new(b"the cat")).named("cat.webp");
    for file in [
        File::path(&path),
        File::bytes(b"the cat", "image/webp"),
        reader.clone(),
        reader,
        File::data_uri(uri),
    ] {
        assert_eq!(file.to_data_uri().await.unwrap(), uri, "{file:?}");
    }
    for file in [File::url("https://x/y"), File::path(folder.path().join("dog.png"))] {
        assert!(file.to_data_uri().await.unwrap_err().is_file());
    }

    let server = Server::start(|_, _| answer(200, &json!({"seed": 1}))).await;
    let input = crate::model::Input { images: vec![File::path(&path).inline()], ..cat() };
    server.client().run(input).await.unwrap();
    assert_eq!(server.received()[0].json()["images"], json!([uri]));
}

#[tokio::test]
async fn everything_that_has_a_url_can_be_downloaded() {
    let client = queue().await.client();
    let text = "data:,cat";
    let image: fal_client::media::ImageFile = serde_json::from_value(json!({"url": text})).unwrap();
    let (owned, file, url) = (text.to_owned(), File::url(text), url::Url::parse(text).unwrap());
    let requests = [
        client.download(text),
        client.download(text.to_owned()),
        client.download(&owned),
        client.download(&url),
        client.download(url),
        client.download(&image),
        client.download(image),
        client.download(&file),
        client.download(File::url(text)),
    ];
    for request in requests {
        assert_eq!(request.await.unwrap().bytes().await.unwrap().as_ref(), b"cat");
    }
    let error = client.download(File::path("cat.png")).await.unwrap_err();
    assert!(error.is_file() && error.to_string().contains("local file"), "{error}");
}
