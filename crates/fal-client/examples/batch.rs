//! A batch of requests, with a journal in a file. `cargo run -p fal-client --example batch -- FILE`
//!
//! Stop it in the middle and start it again: it continues without losing a request or paying for one twice.

#[path = "support/connect.rs"]
mod connect;

use std::{env, error::Error};

use fal_client::{batch::FileJournal, input};
use fal_flux::dev;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let (client, _emulator) = connect::connect().await?;

    let inputs = (0..8).map(|seed| input!(dev { prompt: "a cat reading a map", seed: Some(seed) }));
    let mut batch = client.batch(inputs).concurrency(4);
    if let Some(path) = env::args().nth(1) {
        batch = batch.journal(FileJournal::open(path)?);
    }
    let mut completions = batch.as_completed().await?;
    while let Some((index, reply)) = completions.next().await {
        match reply {
            Ok(reply) => println!("{index}: {}", reply.images[0].url),
            Err(error) => println!("{index}: {error}"),
        }
    }
    Ok(())
}
