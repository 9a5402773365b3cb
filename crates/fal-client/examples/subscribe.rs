//! A call through the queue, with progress and logs. `cargo run -p fal-client --example subscribe`

#[path = "support/connect.rs"]
mod connect;

use std::{error::Error, time::Duration};

use fal_client::{input, queue::Update};
use fal_flux::dev;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let (client, _emulator) = connect::connect().await?;

    let reply = client
        .subscribe(input!(dev { prompt: "a sunset over mountains" }))
        .logs()
        .on_update(|update| {
            if let Update::Queued { position, .. } = update {
                println!("{position} ahead");
            }
            for log in update.logs() {
                println!("{}", log.message); // each line once
            }
        })
        .timeout(Duration::from_secs(120)) // cancels the job
        .cancel_on_drop() // also if this future is dropped
        .await?;
    println!("{}", reply.images[0].url);
    Ok(())
}
