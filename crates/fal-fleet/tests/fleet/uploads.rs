//! Local files of inputs.

use std::{fs, time::Duration};

use fal_client::{File, untyped};
use fal_emulator::RequestKind;
use serde_json::json;

use crate::support::Stage;

on_both_ledgers! {
    equal_content_is_uploaded_once_by_all_who_add_requests,
    a_file_that_expires_soon_is_uploaded_again,
    a_failed_upload_adds_nothing_and_is_tried_again,
}

const KEEP: Duration = Duration::from_secs(7200);

fn input(file: File) -> untyped::Input {
    untyped::input("fal-ai/flux/dev/image-to-image", json!({ "prompt": "a tiger" })).file("image_url", file)
}

fn png(pixel: u8) -> Vec<u8> {
    [b"\x89PNG\r\n\x1a\n".as_slice(), &[pixel; 100]].concat()
}

fn uploads(stage: &Stage) -> usize {
    stage.emulator.requests().iter().filter(|request| request.kind == RequestKind::Upload).count()
}

async fn equal_content_is_uploaded_once_by_all_who_add_requests(stage: Stage) {
    let folder = tempfile::tempdir().unwrap();
    let paths = ["cat.png", "copy.png", "other.png"].map(|name| folder.path().join(name));
    for (path, pixel) in paths.iter().zip([1, 1, 2]) {
        fs::write(path, png(pixel)).unwrap();
    }
    let add = async |nth: usize| {
        let requests = (0..6).map(|index| (format!("{nth}-{index}"), input(File::path(&paths[index % 3]))));
        stage.fleet.batch("tigers").upload_files(stage.client(), KEEP).enqueue(requests).await.unwrap()
    };
    let (first, second) = tokio::join!(add(1), add(2));
    assert_eq!((first.added, second.added), (6, 6));
    assert_eq!(uploads(&stage), 2);
    // In memory, without a name.
    let memory = [("memory", input(File::bytes(png(1), "png")))];
    stage.fleet.batch("tigers").upload_files(stage.client(), KEEP).enqueue(memory).await.unwrap();
    assert_eq!(uploads(&stage), 2);
    // Of another account, which may not read it.
    let batch = stage.fleet.batch("lions").account("other").upload_files(stage.client(), KEEP);
    batch.enqueue([("cat", input(File::path(&paths[0])))]).await.unwrap();
    assert_eq!(uploads(&stage), 3);
    let local = "select count(*) from fal.request where cast(input as text) not like '%http%'";
    assert_eq!(stage.number(local).await, 0);
    assert_eq!(stage.number("select count(distinct cast(input as text)) from fal.request").await, 3);
}

async fn a_file_that_expires_soon_is_uploaded_again(stage: Stage) {
    let batch = stage.fleet.batch("tigers").upload_files(stage.client(), KEEP);
    for key in ["first", "second"] {
        batch.enqueue([(key, input(File::bytes(png(1), "image/png")))]).await.unwrap();
    }
    assert_eq!(uploads(&stage), 1);
    let longer = stage.fleet.batch("tigers").upload_files(stage.client(), KEEP * 3);
    longer.enqueue([("third", input(File::bytes(png(1), "image/png")))]).await.unwrap();
    assert_eq!(uploads(&stage), 2);
}

async fn a_failed_upload_adds_nothing_and_is_tried_again(stage: Stage) {
    for kind in [RequestKind::Upload, RequestKind::UploadInitiate] {
        stage.emulator.on_request(kind).fail(403, json!({ "detail": "no" }));
    }
    let batch = stage.fleet.batch("tigers").upload_files(stage.client(), KEEP);
    let add = async || batch.enqueue([("cat", input(File::bytes(png(1), "image/png")))]).await;
    let error = add().await.unwrap_err();
    assert_eq!(error.kind(), fal_fleet::ErrorKind::Fal);
    stage.emulator.reset();
    assert_eq!(add().await.unwrap().added, 1);
    // Without a client it says what to do.
    let plain =
        stage.fleet.batch("tigers").enqueue([("dog", input(File::path("dog.png")))]).await.unwrap_err();
    assert!(plain.to_string().contains("upload_files"), "{plain}");
    let missing = batch.enqueue([("dog", input(File::path("/none/dog.png")))]).await.unwrap_err();
    assert!(missing.to_string().contains("/none/dog.png"), "{missing}");
    assert_eq!(stage.fleet.batch("tigers").status().await.unwrap().waiting, 1);
}
