//! A batch on any number of machines: adds requests, works on them, receives webhooks, and shows the state.
//!
//! ```text
//! export DATABASE_URL=postgres://postgres:fal@localhost/postgres FAL_KEY=…
//! cargo run -p fal-fleet --features axum --example cats -- enqueue
//! cargo run -p fal-fleet --features axum --example cats -- work        # in as many terminals as you like
//! cargo run -p fal-fleet --features axum --example cats -- status
//! ```
//!
//! With `PUBLIC_URL`, such as `https://me.example/fal`, `enqueue` asks fal for webhooks and `serve` receives them on port 8080.

use std::{env, error::Error, net::Ipv4Addr};

use fal_client::{Client, Usd, batch::Budget, input, webhook::Verifier};
use fal_fleet::Fleet;
use fal_flux::dev;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let url = env::var("DATABASE_URL")
        .map_err(|_| "set DATABASE_URL, such as postgres://postgres:fal@localhost/postgres")?;
    let fleet = Fleet::connect(&url).await?;
    match env::args().nth(1).as_deref() {
        Some("enqueue") => enqueue(&fleet).await,
        Some("work") => work(&fleet).await,
        Some("serve") => serve(&fleet).await,
        Some("status") => {
            println!("{}", fleet.status().await?);
            Ok(())
        }
        _ => Err("expected `enqueue`, `work`, `serve` or `status`".into()),
    }
}

async fn enqueue(fleet: &Fleet) -> Result<(), Box<dyn Error + Send + Sync>> {
    let budget = Budget::new(Usd::dollars(5)).max_per_request(Usd::cents(5));
    let mut batch = fleet.batch("cats").concurrency(10).budget(budget).reconcile(true);
    if let Ok(url) = env::var("PUBLIC_URL") {
        batch = batch.webhook(url);
    }
    let cats = (0..100_i64).map(|seed| (seed, input!(dev { prompt: "a cat reading a map", seed: seed })));
    let enqueued = batch.enqueue(cats).await?;
    println!("{} added, {} known", enqueued.added, enqueued.known);
    Ok(())
}

async fn work(fleet: &Fleet) -> Result<(), Box<dyn Error + Send + Sync>> {
    let worker = fleet.worker(Client::from_env()?).stop_when(async { drop(tokio::signal::ctrl_c().await) });
    worker
        .run::<dev::Model, _>(async |done| {
            for saved in done.reply()?.save_media(done.client(), format!("out/{}", done.key())).await? {
                println!("{}: {}", done.key(), saved.path.display());
            }
            Ok(())
        })
        .await?;
    Ok(())
}

async fn serve(fleet: &Fleet) -> Result<(), Box<dyn Error + Send + Sync>> {
    let webhooks = fleet.webhooks(Verifier::new(&Client::from_env()?));
    let listener = tokio::net::TcpListener::bind((Ipv4Addr::UNSPECIFIED, 8080)).await?;
    axum::serve(listener, axum::Router::new().nest("/fal", webhooks.into_router())).await?;
    Ok(())
}
