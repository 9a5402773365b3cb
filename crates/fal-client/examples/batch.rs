//! A batch with a journal, keys and a budget. `cargo run -p fal-client --example batch -- FILE`
//!
//! Stop it in the middle and start it again: it continues without losing a request or paying for one twice, and skips what was
//! saved.

#[path = "support/connect.rs"]
mod connect;

use std::{env, error::Error};

use fal_client::{
    Usd,
    batch::{Concurrency, FileJournal},
    input,
};
use fal_flux::dev;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let (client, _emulator) = connect::connect().await?;

    let cats = ["tabby", "tuxedo", "calico", "siamese"];
    let rows = cats.map(|cat| (cat, input!(dev { prompt: format!("a {cat} cat reading a map") })));
    let mut batch = client.batch_by_key(rows).concurrency(Concurrency::adaptive()).budget(Usd::dollars(1));
    if let Some(path) = env::args().nth(1) {
        batch = batch.journal(FileJournal::open(path)?);
    }
    println!("estimated: {}", batch.estimate().await?);
    let mut done = batch.as_completed().await?;
    while let Some((cat, reply)) = done.next().await {
        match reply {
            Ok(reply) => {
                println!("{cat}: {}", reply.images[0].url);
                // After the caller's own work, so that the next run skips this cat.
                done.acknowledge(&cat).await?;
            }
            Err(error) => println!("{cat}: {error}"),
        }
        println!("{}", done.progress());
    }
    println!("{}", done.spent().await?);
    Ok(())
}
