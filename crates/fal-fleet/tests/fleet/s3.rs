//! Saving the files of outputs in a bucket of S3. The server is s3s, which checks the signatures of requests.

use std::{
    env,
    net::Ipv4Addr,
    process::{Child, Command, Stdio},
    time::Duration,
};

use axum::{body::Body, extract::Request, http::StatusCode, response::Response, routing::get};
use fal_client::{Client, untyped::Any};
use fal_flux::dev;
use s3s::{auth::SimpleAuth, service::S3ServiceBuilder};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpListener;

use crate::support::{Stage, inputs};

const SECRET: &str = "hunter2hunter2";

/// The environment of the process of a worker.
const DATABASE: &str = "FAL_S3_TEST_DATABASE";
const EMULATOR: &str = "FAL_S3_TEST_EMULATOR";

/// The size of a film, in bytes: its upload has several parts.
const FILM: usize = 12_000_000;

/// Serves a router, and returns its URL.
async fn serve(app: axum::Router) -> String {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await });
    url
}

/// Serves a bucket `renders` from a folder, and returns the URL of the server.
async fn serve_bucket(folder: &TempDir) -> String {
    std::fs::create_dir(folder.path().join("renders")).unwrap();
    let mut builder = S3ServiceBuilder::new(s3s_fs::FileSystem::new(folder.path()).unwrap());
    builder.set_auth(SimpleAuth::from_single("tester", SECRET));
    let service = builder.build().into_shared();
    serve(axum::Router::new().fallback(async move |request: Request| {
        match service.as_ref().call(request.map(s3s::Body::http_body_unsync)).await {
            Ok(response) => response.map(Body::new),
            Err(error) => {
                let mut response = Response::new(Body::from(error.to_string()));
                *response.status_mut() = error.status_code().unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
                response
            }
        }
    }))
    .await
}

/// Starts a worker with settings for S3 in its environment, which a process has for all of its tests.
fn start_worker(stage: &Stage, bucket: &str, secret: &str) -> Child {
    Command::new(env::current_exe().unwrap())
        .args(["--ignored", "--exact", "s3::saves_for_another_process"])
        .env(DATABASE, stage.url())
        .env(EMULATOR, stage.emulator.url())
        .env("AWS_ENDPOINT", bucket)
        .env("AWS_ALLOW_HTTP", "true")
        .env("AWS_REGION", "eu-north-1")
        .env("AWS_ACCESS_KEY_ID", "tester")
        .env("AWS_SECRET_ACCESS_KEY", secret)
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

#[tokio::test]
#[ignore = "runs in the process that another test starts"]
async fn saves_for_another_process() {
    let Ok(database) = env::var(DATABASE) else { return };
    let fleet = fal_fleet::Fleet::connect(&database).await.unwrap();
    let client = Client::builder().emulator(env::var(EMULATOR).unwrap()).build().unwrap();
    let store = fal_fleet::MediaStore::open("s3://renders/2026", "{key}/{name}.{ext}").unwrap();
    let worker = fleet.worker(client).poll_interval(Duration::from_millis(20)).save_media(store);
    let handler = async |done: fal_fleet::Done<Any>| {
        assert!(done.media().iter().all(|file| file.location.is_some()));
        Ok(())
    };
    worker.until_finished().run::<Any, _>(handler).await.unwrap();
}

#[tokio::test]
async fn small_and_large_files_are_saved_in_a_bucket_and_a_wrong_secret_loses_nothing() {
    let Some(stage) = Stage::on_postgres().await else { return };
    let folder = tempfile::tempdir().unwrap();
    let bucket = serve_bucket(&folder).await;
    let film: Vec<u8> = (0..FILM).map(|place| (place % 251) as u8).collect();
    let served = film.clone();
    let files = axum::Router::new()
        .route("/film.mp4", get(async move || ([("content-type", "video/mp4")], served)))
        .route("/cat.png", get(async || ([("content-type", "image/png")], "a cat")));
    let files = serve(files).await;
    let output = json!({
        "images": [{ "url": format!("{files}/cat.png") }, { "url": format!("{files}/film.mp4") }],
        "prompt": "a cat", "seed": 7, "timings": {}, "has_nsfw_concepts": [false],
    });
    stage.emulator.on::<dev::Model>().reply(move |_| output.clone());
    stage.fleet.batch("cats").enqueue(inputs(1)).await.unwrap();

    let mut wrong = start_worker(&stage, &bucket, "wrong");
    let failed = "select count(*) from fal.request where error ->> 'message' like '%cannot be saved%'";
    while stage.number(failed).await == 0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    wrong.kill().unwrap();
    wrong.wait().unwrap();
    let leaked = "select count(*) from fal.request where cast(error as text) like '%wrong%'";
    assert_eq!(stage.number(leaked).await, 0);
    // Another worker need not wait for the lease of the one that was killed.
    stage.execute("update fal.request set due = now()").await;

    let mut right = start_worker(&stage, &bucket, SECRET);
    let ended = tokio::task::spawn_blocking(move || right.wait()).await.unwrap().unwrap();
    assert!(ended.success());
    let saved = folder.path().join("renders/2026/0000");
    assert_eq!(std::fs::read(saved.join("images-0.png")).unwrap(), b"a cat");
    assert!(std::fs::read(saved.join("images-1.mp4")).unwrap() == film);
    let description: Value =
        serde_json::from_slice(&std::fs::read(saved.join("images-1.mp4.json")).unwrap()).unwrap();
    assert_eq!((&description["bytes"], &description["seed"]), (&json!(FILM), &json!(7)));
    let location = "select count(*) from fal.media where location = 's3://renders/2026/0000/images-1.mp4'";
    assert_eq!((stage.number(location).await, stage.submits()), (1, 1));
}
