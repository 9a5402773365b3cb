//! A server that receives completed requests as webhooks instead of waiting for them.
//!
//! It submits a request for a picture and one for a transcript, and receives both deliveries at one URL. A delivery is
//! verified, dispatched to the handler of its model, decoded as the model's output, and acknowledged.
//!
//! `cargo run -p fal-client --features axum --example webhook` uses the embedded emulator. If `FAL_KEY` and `PUBLIC_URL`
//! are set, the latter to a URL such as `https://my-app.example/fal`, fal delivers to this server.

use std::{env, error::Error, net::Ipv4Addr};

use axum::{
    extract::{FromRef, State},
    http::{StatusCode, Uri},
    routing::post,
};
use fal_client::{
    Client, Endpoint, File, input,
    webhook::{self, Delivery, Router, Verifier},
};
use fal_emulator::Emulator;
use fal_flux::dev;
use tokio::{net::TcpListener, sync::mpsc};

/// The state of the handlers.
#[derive(Clone, FromRef)]
struct App {
    /// The verifier for the extractor of [`Delivery`].
    verifier: Verifier,
    router: Router<StatusCode>,
}

async fn on_webhook(State(router): State<Router<StatusCode>>, uri: Uri, delivery: Delivery) -> StatusCode {
    let endpoint = webhook::endpoint_from_url(&uri).unwrap_or_default();
    router.route(&endpoint, delivery).await.unwrap_or(StatusCode::NOT_FOUND)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let here = format!("http://{}/fal", listener.local_addr()?);
    // Kept until the end: dropping an emulator stops it.
    let (client, _emulator, url) = match env::var("PUBLIC_URL") {
        Ok(url) => (Client::from_env()?, None, url),
        Err(_) => {
            let emulator = Emulator::start().await?;
            (Client::builder().emulator(emulator.url()).build()?, Some(emulator), here)
        }
    };

    let (done, mut finished) = mpsc::unbounded_channel();
    let also_done = done.clone();
    let router = Router::new()
        .on::<dev::Model, _>(move |output, delivery| {
            match output {
                Ok(output) => println!("{}: {}", delivery.request_id(), output.images[0].url),
                Err(error) => println!("no picture: {error}"),
            }
            delivery.acknowledge();
            let _ = done.send(());
            async { StatusCode::OK }
        })
        .on::<fal_whisper::Model, _>(move |output, delivery| {
            match output {
                Ok(output) => println!("{}: {}", delivery.request_id(), output.text),
                Err(error) => println!("no transcript: {error}"),
            }
            delivery.acknowledge();
            let _ = also_done.send(());
            async { StatusCode::OK }
        });
    let app = App { verifier: Verifier::new(&client).remember(10_000), router };
    let app = axum::Router::new().route("/fal", post(on_webhook)).with_state(app);
    let server = tokio::spawn(async move { axum::serve(listener, app).await });

    let picture = input!(dev { prompt: "a cat reading a map" });
    let hook = webhook::url_with_endpoint(&url, dev::Model::ID)?;
    println!("submitted {}", client.submit(picture).webhook(hook).await?.request_id());

    let speech = File::bytes(include_bytes!("demo/speech.wav"), "audio/wav");
    let hook = webhook::url_with_endpoint(&url, fal_whisper::Model::ID)?;
    let transcript = input!(fal_whisper { audio_url: speech });
    println!("submitted {}", client.submit(transcript).webhook(hook).await?.request_id());

    for _ in 0..2 {
        finished.recv().await;
    }
    server.abort();
    Ok(())
}
