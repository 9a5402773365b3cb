//! Types of the caller in calls of apps that have no crate.

use fal_client::{File, endpoint, storage::Repository, storage::UploadOptions, untyped};
use http::Method;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::server::{Received, Server, bytes, json as answer};

#[derive(Serialize, Clone)]
struct Request {
    layers: Vec<Layer>,
    scale: u32,
}

#[derive(Serialize, Clone)]
struct Layer {
    image_url: File,
}

// Not `Serialize`, and without a default.
#[derive(Debug, PartialEq, Deserialize)]
struct Answer {
    seed: u64,
}

endpoint! {
    /// An app of one's own.
    Own = "acme/app/edit": OwnRequest { image_url, mask_url } => Answer
}

#[derive(Serialize)]
struct OwnRequest {
    image_url: File,
    mask_url: Option<File>,
}

async fn start() -> Server {
    Server::start(|request: &Received, url: &str| match request.path.as_str() {
        "/rest/storage/upload/initiate" => {
            answer(200, &json!({"upload_url": format!("{url}/signed"), "file_url": "https://cdn/cat.webp"}))
        }
        path if path.ends_with("/stream") && path.starts_with("/run") => bytes(
            200,
            &[("content-type", "text/event-stream")],
            "data: {\"seed\":1}\n\ndata: {\"seed\":2}\n\n",
        ),
        path if path.ends_with("/stream") => answer(404, &json!({})),
        path if path.ends_with("/status") => answer(200, &json!({"status": "COMPLETED"})),
        path if path.starts_with("/queue") && request.method == Method::POST => {
            answer(200, &json!({"request_id": "r1"}))
        }
        _ => answer(200, &json!({"seed": 7})),
    })
    .await
}

#[tokio::test]
async fn own_types_go_into_and_come_out_of_every_call() {
    let server = start().await;
    let uploads = UploadOptions::default().repository(Repository::Rest);
    let client = server.builder().uploads(uploads).build().unwrap();
    let cat = File::bytes(b"the cat".to_vec(), "image/webp").named("cat.webp");
    let request = Request { layers: vec![Layer { image_url: cat.clone() }; 2], scale: 4 };
    let input = || untyped::input("acme/app/edit", &request).with_output::<Answer>();
    let seven = Answer { seed: 7 };

    assert_eq!(*client.run(input()).await.unwrap(), seven);
    let layer = json!({"image_url": "https://cdn/cat.webp"});
    let sent = server.received().pop().unwrap().json();
    assert_eq!(sent, json!({"layers": [layer, layer], "scale": 4}));
    assert_eq!(*client.subscribe(input()).await.unwrap(), seven);
    let job = client.submit(input()).await.unwrap();
    assert_eq!(*job.wait().await.unwrap(), seven);
    let ticket: fal_client::queue::Ticket<untyped::Typed<Answer>> =
        serde_json::from_str(&serde_json::to_string(&job.ticket()).unwrap()).unwrap();
    assert_eq!(*client.resume(ticket).result().await.unwrap(), seven);
    let job = client.endpoint_id("acme/app/edit").with_output::<Answer>().job("r1");
    assert_eq!(*job.wait().await.unwrap(), seven);
    let replies = client.batch([input(), input()]).await.unwrap();
    assert!(replies.iter().all(|reply| **reply.as_ref().unwrap() == seven));
    let mut events = client.stream(input().with_events::<Answer>()).await.unwrap();
    assert_eq!(*events.next().await.unwrap().unwrap(), Answer { seed: 1 });
    assert_eq!(*events.done().await.unwrap(), Answer { seed: 2 });
}

#[tokio::test]
async fn declared_endpoint_uploads_the_files_that_it_names() {
    let server = start().await;
    let uploads = UploadOptions::default().repository(Repository::Rest);
    let client = server.builder().uploads(uploads).build().unwrap();
    let cat = File::bytes(b"the cat".to_vec(), "image/webp").named("cat.webp");
    let request = OwnRequest { image_url: cat, mask_url: Some(File::url("https://x/y")) };
    assert_eq!(*client.run(request).await.unwrap(), Answer { seed: 7 });
    let sent = server.received().pop().unwrap();
    assert_eq!(sent.json(), json!({"image_url": "https://cdn/cat.webp", "mask_url": "https://x/y"}));
    assert_eq!(*client.endpoint::<Own>().job("r1").wait().await.unwrap(), Answer { seed: 7 });
}

#[tokio::test]
async fn value_that_is_no_json_is_an_error_of_the_call() {
    let server = start().await;
    let parameters = std::collections::BTreeMap::from([((1, 2), 3)]);
    let error = server.client().run(untyped::input("acme/app", parameters)).await.unwrap_err();
    assert!(matches!(error.kind(), fal_client::ErrorKind::Encode), "{error}");
    assert!(server.received().is_empty());
}
