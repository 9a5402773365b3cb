//! A backend that makes videos for a web page: fal delivers them to a webhook, and the page follows their progress.
//!
//! ```sh
//! PUBLIC_URL=https://my-app.example cargo run -p fal-client --features axum --example video_backend
//! ```
//!
//! A backend that was killed reads its videos from a log, and fetches the outcomes that it has missed.

use std::{collections::HashMap, env, error::Error, fs, io, io::Write, path::Path, sync::Arc};

use axum::{
    Json, Router,
    extract::{self, FromRef, State},
    http::StatusCode,
    response::{Response, Result},
    routing::{get, post},
};
use fal_client::{Client, Reply, queue::Ticket, webhook};
use fal_kling_video::v2_5_turbo::pro::text_to_video::{Input, Model, Output};
use serde::{Deserialize, Serialize};
use tokio::{net::TcpListener, sync::Mutex};

#[cfg(test)]
mod tests;

#[derive(Clone, FromRef)]
struct App {
    client: Client,
    verifier: webhook::Verifier,
    webhook_url: String,
    videos: Arc<Mutex<Videos>>,
}

/// The videos by the ids of their requests, and a log of all changes.
struct Videos {
    by_id: HashMap<String, Video>,
    log: fs::File,
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "snake_case")]
enum Video {
    Running { ticket: Ticket<Model> },
    Done(Output),
    Failed { reason: String },
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let backend = start(Client::from_env()?, &env::var("PUBLIC_URL")?, "videos.jsonl".as_ref())?;
    Ok(axum::serve(TcpListener::bind("0.0.0.0:8080").await?, backend).await?)
}

fn start(client: Client, public_url: &str, log: &Path) -> io::Result<Router> {
    let videos = Videos::open(log)?;
    let known = videos.by_id.clone();
    let (verifier, webhook_url) = (webhook::Verifier::new(&client), format!("{public_url}/fal"));
    let app = App { client, verifier, webhook_url, videos: Arc::new(Mutex::new(videos)) };
    for video in known.into_values() {
        if let Video::Running { ticket } = video {
            tokio::spawn(fetch_missed_outcome(app.clone(), ticket));
        }
    }
    let router = Router::new().route("/videos", post(create)).route("/videos/{id}", get(show));
    let router = router.route("/videos/{id}/events", get(events)).route("/fal", post(deliver));
    Ok(router.with_state(app))
}

async fn create(State(app): State<App>, Json(input): Json<Input>) -> Result<String> {
    let job = app.client.submit(input).webhook(app.webhook_url).await?;
    app.videos.lock().await.set(job.request_id(), Video::Running { ticket: job.ticket() })?;
    Ok(job.request_id().to_owned())
}

async fn show(State(app): State<App>, extract::Path(id): extract::Path<String>) -> Result<Json<Video>> {
    let video = app.videos.lock().await.by_id.get(&id).cloned();
    Ok(Json(video.ok_or(StatusCode::NOT_FOUND)?))
}

async fn events(State(client): State<Client>, extract::Path(id): extract::Path<String>) -> Response {
    client.endpoint::<Model>().job(id).updates().into_sse()
}

async fn deliver(State(app): State<App>, delivery: webhook::Delivery) -> Result<()> {
    app.videos.lock().await.set(delivery.request_id(), to_video(delivery.parse::<Model>()))?;
    delivery.acknowledge();
    Ok(())
}

async fn fetch_missed_outcome(app: App, ticket: Ticket<Model>) -> Result<()> {
    let job = app.client.resume(ticket);
    let outcome = to_video(job.wait().await.map(Reply::into_inner));
    Ok(app.videos.lock().await.set(job.request_id(), outcome)?)
}

fn to_video(outcome: fal_client::Result<Output>) -> Video {
    outcome.map_or_else(|error| Video::Failed { reason: error.message().to_owned() }, Video::Done)
}

impl Videos {
    fn open(path: &Path) -> io::Result<Self> {
        let log = fs::File::options().create(true).append(true).open(path)?;
        // A process that was killed may have left half a line, which is skipped.
        let by_id = fs::read_to_string(path)?.lines().flat_map(serde_json::from_str).collect();
        Ok(Self { by_id, log })
    }

    fn set(&mut self, id: &str, video: Video) -> Result<(), StatusCode> {
        // A webhook may be faster than the response to the submit.
        if matches!(video, Video::Done(_) | Video::Failed { .. }) || !self.by_id.contains_key(id) {
            // The break comes first, so that half a line before it does not spoil this one.
            let line = serde_json::to_string(&(id, &video)).map_err(io::Error::from);
            let written = line.and_then(|line| write!(self.log, "\n{line}"));
            written.map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
            self.by_id.insert(id.to_owned(), video);
        }
        Ok(())
    }
}
