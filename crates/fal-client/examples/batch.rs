//! Many inputs, and a journal that outlives the process. `cargo run -p fal-client --example batch -- FILE`
//!
//! Kill it in the middle and start it again: nothing is lost, and nothing is paid for twice.

#[path = "support/connect.rs"]
mod connect;

use std::{env, error::Error};

use fal_client::{batch::FileJournal, input};
use fal_flux::dev;
use futures_util::StreamExt;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let (client, _emulator) = connect::connect().await?;

    let inputs = (0..8).map(|seed| input!(dev { prompt: "a cat reading a map", seed: Some(seed) }));
    let mut batch = client.batch(inputs).concurrency(4);
    if let Some(path) = env::args().nth(1) {
        batch = batch.journal(FileJournal::open(path)?);
    }
    let mut done = batch.as_completed().await?;
    while let Some((index, reply)) = done.next().await {
        match reply {
            Ok(reply) => println!("{index}: {}", reply.images[0].url),
            Err(error) => println!("{index}: {error}"),
        }
    }
    Ok(())
}
