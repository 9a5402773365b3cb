//! Saving the files of outputs in buckets of S3, Google Cloud Storage and Azure.
//!
//! The server of the first two is s3s, which checks the signatures of S3; Google's XML API has the same operations, with a
//! token in place of signatures. That of Azure is Azurite, found in `PATH`.

use std::{
    env,
    io::{BufRead, BufReader},
    net::Ipv4Addr,
    process::{Child, Command, Stdio},
    time::{Duration, SystemTime},
};

use axum::{
    body::Body,
    extract::Request,
    http::{StatusCode, header::AUTHORIZATION},
    response::Response,
    routing::get,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use fal_client::{Client, untyped::Any};
use fal_fleet::{
    Fleet, MediaStore,
    object_store::{self, ObjectStoreExt},
};
use fal_flux::dev;
use ring::hmac;
use s3s::{auth::SimpleAuth, service::S3ServiceBuilder};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use url::Url;

use crate::{
    cluster,
    support::{Stage, inputs},
};

/// The environment of the process of a worker.
const DATABASE: &str = "FAL_BUCKET_TEST_DATABASE";
const EMULATOR: &str = "FAL_BUCKET_TEST_EMULATOR";
const LOCATION: &str = "FAL_BUCKET_TEST_LOCATION";

/// The size of a film, in bytes: its upload has several parts.
const FILM: usize = 12_000_000;

/// A bucket, and what a process has in its environment to use it.
struct Bucket {
    location: &'static str,
    settings: Vec<(&'static str, String)>,
    /// The setting that is secret, and a wrong value of it.
    wrong: (&'static str, &'static str),
}

impl Bucket {
    /// Starts a worker whose environment has the settings.
    fn start_worker(&self, stage: &Stage, more: &[(&str, &str)]) -> Child {
        Command::new(env::current_exe().unwrap())
            .args(["--ignored", "--exact", "buckets::saves_for_another_process"])
            .env(DATABASE, stage.url())
            .env(EMULATOR, stage.emulator.url())
            .env(LOCATION, self.location)
            .envs(self.settings.iter().map(|(name, value)| (name, value)))
            .envs(more.iter().copied())
            .stdout(Stdio::null())
            .spawn()
            .unwrap()
    }

    async fn read(&self, name: &str) -> Vec<u8> {
        let url = Url::parse(&format!("{}/0000/{name}", self.location)).unwrap();
        let (store, path) = object_store::parse_url_opts(&url, self.settings.clone()).unwrap();
        store.get(&path).await.unwrap().bytes().await.unwrap().to_vec()
    }
}

#[tokio::test]
#[ignore = "runs in the process that another test starts"]
async fn saves_for_another_process() {
    let Ok(database) = env::var(DATABASE) else { return };
    let fleet = Fleet::connect(&database).await.unwrap();
    let client = Client::builder().emulator(env::var(EMULATOR).unwrap()).build().unwrap();
    let store = MediaStore::open(&env::var(LOCATION).unwrap(), "{key}/{name}.{ext}").unwrap();
    let worker = fleet.worker(client).poll_interval(Duration::from_millis(20)).save_media(store);
    let handler = async |done: fal_fleet::Done<Any>| {
        assert!(done.media().iter().all(|file| file.location.is_some()));
        Ok(())
    };
    worker.until_finished().run::<Any, _>(handler).await.unwrap();
}

/// Saves a small and a large file, after a worker with a wrong secret could not.
async fn small_and_large_files_are_saved_and_a_wrong_secret_loses_nothing(bucket: Bucket) {
    let Some(stage) = Stage::on_postgres().await else { return };
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

    let mut wrong = bucket.start_worker(&stage, &[bucket.wrong]);
    let failed = "select count(*) from fal.request where error ->> 'message' like '%cannot be saved%'";
    while stage.number(failed).await == 0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    wrong.kill().unwrap();
    wrong.wait().unwrap();
    let leaked =
        format!("select count(*) from fal.request where cast(error as text) like '%{}%'", bucket.wrong.1);
    assert_eq!(stage.number(&leaked).await, 0);
    // Another worker need not wait for the lease of the one that was killed.
    stage.execute("update fal.request set due = now()").await;

    let mut right = bucket.start_worker(&stage, &[]);
    let ended = tokio::task::spawn_blocking(move || right.wait()).await.unwrap().unwrap();
    assert!(ended.success());
    assert_eq!(bucket.read("images-0.png").await, b"a cat");
    assert!(bucket.read("images-1.mp4").await == film);
    let description: Value = serde_json::from_slice(&bucket.read("images-1.mp4.json").await).unwrap();
    assert_eq!((&description["bytes"], &description["seed"]), (&json!(FILM), &json!(7)));
    let location =
        format!("select count(*) from fal.media where location = '{}/0000/images-1.mp4'", bucket.location);
    assert_eq!((stage.number(&location).await, stage.submits()), (1, 1));
}

#[cfg(feature = "s3")]
#[tokio::test]
async fn files_are_saved_in_s3() {
    let folder = tempfile::tempdir().unwrap();
    let bucket = Bucket {
        location: "s3://renders/2026",
        settings: vec![
            ("AWS_ENDPOINT", serve_bucket(&folder, Access::Signature).await),
            ("AWS_ALLOW_HTTP", "true".to_owned()),
            ("AWS_REGION", "eu-north-1".to_owned()),
            ("AWS_ACCESS_KEY_ID", "tester".to_owned()),
            ("AWS_SECRET_ACCESS_KEY", SECRET.to_owned()),
        ],
        wrong: ("AWS_SECRET_ACCESS_KEY", "wrong-secret"),
    };
    small_and_large_files_are_saved_and_a_wrong_secret_loses_nothing(bucket).await;
}

#[cfg(feature = "gcs")]
#[tokio::test]
async fn files_are_saved_in_google_cloud_storage() {
    let folder = tempfile::tempdir().unwrap();
    let bucket = Bucket {
        location: "gs://renders/2026",
        settings: vec![
            ("GOOGLE_BASE_URL", serve_bucket(&folder, Access::Token).await),
            ("GOOGLE_ALLOW_HTTP", "true".to_owned()),
            ("GOOGLE_BEARER_TOKEN", SECRET.to_owned()),
        ],
        wrong: ("GOOGLE_BEARER_TOKEN", "wrong-token"),
    };
    small_and_large_files_are_saved_and_a_wrong_secret_loses_nothing(bucket).await;
}

#[cfg(feature = "azure")]
#[tokio::test]
async fn files_are_saved_in_azure() {
    let Some(azurite) = Azurite::start() else { return };
    azurite.create_container("renders").await;
    let bucket = Bucket {
        location: "az://renders/2026",
        settings: vec![
            ("AZURE_STORAGE_ENDPOINT", format!("http://{}/{ACCOUNT}", azurite.address)),
            ("AZURE_ALLOW_HTTP", "true".to_owned()),
            ("AZURE_STORAGE_ACCOUNT_NAME", ACCOUNT.to_owned()),
            ("AZURE_STORAGE_ACCOUNT_KEY", STANDARD.encode(SECRET)),
        ],
        wrong: ("AZURE_STORAGE_ACCOUNT_KEY", "d3Jvbmcta2V5"),
    };
    small_and_large_files_are_saved_and_a_wrong_secret_loses_nothing(bucket).await;
}

const SECRET: &str = "hunter2hunter2";

/// Proves that a request may use a bucket.
#[derive(Clone, Copy, PartialEq)]
enum Access {
    /// By the signatures of S3.
    Signature,
    /// By the token of Google.
    Token,
}

/// Serves a router, and returns its URL.
async fn serve(app: axum::Router) -> String {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await });
    url
}

/// Serves a bucket `renders` from a folder, and returns the URL of the server.
async fn serve_bucket(folder: &TempDir, access: Access) -> String {
    std::fs::create_dir(folder.path().join("renders")).unwrap();
    let mut builder = S3ServiceBuilder::new(s3s_fs::FileSystem::new(folder.path()).unwrap());
    if access == Access::Signature {
        builder.set_auth(SimpleAuth::from_single("tester", SECRET));
    }
    let service = builder.build();
    serve(axum::Router::new().fallback(async move |mut request: Request| {
        let refused = |status: StatusCode, text: String| {
            let mut response = Response::new(Body::from(text));
            *response.status_mut() = status;
            response
        };
        if access == Access::Token {
            let token = request.headers_mut().remove(AUTHORIZATION);
            if token.is_none_or(|token| token != format!("Bearer {SECRET}")) {
                return refused(StatusCode::UNAUTHORIZED, "invalid token".to_owned());
            }
        }
        match service.call(request.map(s3s::Body::http_body_unsync)).await {
            Ok(response) => response.map(Body::new),
            Err(error) => refused(StatusCode::INTERNAL_SERVER_ERROR, format!("{error:?}")),
        }
    }))
    .await
}

const ACCOUNT: &str = "renderer";

/// A server of Azure's blobs, killed when it is dropped.
struct Azurite {
    process: Child,
    /// The host and the port.
    address: String,
}

impl Azurite {
    /// Returns `None` if it is not installed.
    fn start() -> Option<Self> {
        let mut command = Command::new("azurite-blob");
        command
            .args(["--silent", "--inMemoryPersistence", "--disableTelemetry", "--skipApiVersionCheck"])
            .args(["--blobHost", "127.0.0.1", "--blobPort", "0"])
            .env("AZURITE_ACCOUNTS", format!("{ACCOUNT}:{}", STANDARD.encode(SECRET)));
        let Ok(mut process) =
            command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()
        else {
            cluster::report_skip(
                "the test of fal-fleet with Azure was skipped: install Azurite (`npm install --global azurite`)",
            );
            return None;
        };
        let lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let address = lines.map_while(Result::ok).find_map(|line| {
            line.split_once("successfully listens on http://").map(|(_, address)| address.to_owned())
        });
        Some(Self { process, address: address.expect("the address of Azurite") })
    }

    /// Creates a container, which object_store cannot do.
    async fn create_container(&self, name: &str) {
        let date = httpdate::fmt_http_date(SystemTime::now());
        let headers = format!("x-ms-date:{date}\nx-ms-version:2021-12-02");
        // The account is part of the path, too.
        let resource = format!("/{ACCOUNT}/{ACCOUNT}/{name}\nrestype:container");
        let signed = format!("PUT\n\n\n\n\n\n\n\n\n\n\n\n{headers}\n{resource}");
        let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes());
        let signature = STANDARD.encode(hmac::sign(&key, signed.as_bytes()));
        let request = format!(
            "PUT /{ACCOUNT}/{name}?restype=container HTTP/1.1\r\nhost: {}\r\n{}\r\n\
             authorization: SharedKey {ACCOUNT}:{signature}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
            self.address,
            headers.replace('\n', "\r\n")
        );
        let mut connection = TcpStream::connect(&self.address).await.unwrap();
        connection.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        connection.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 201 "), "{answer}");
    }
}

impl Drop for Azurite {
    fn drop(&mut self) {
        self.process.kill().and_then(|()| self.process.wait()).ok();
    }
}
