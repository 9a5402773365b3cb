//! The queue step by step: submit, status, updates, result, cancel. `cargo run -p fal-client --example queue`

#[path = "support/connect.rs"]
mod connect;

use std::error::Error;

use fal_client::{
    input,
    queue::{Cancelled, Ticket},
};
use fal_flux::dev;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let (client, _emulator) = connect::connect().await?;
    let sunset = || input!(dev { prompt: "a sunset over mountains" });

    let job = client.submit(sunset()).await?;
    println!("Request ID: {}", job.request_id());
    println!("{:?}", job.status().logs().await?);

    // The result of a running job is an error of its own kind.
    if let Err(error) = job.result().await {
        println!("{error} (not ready: {})", error.is_not_ready());
    }

    // Another process can resume the job with its ticket.
    let stored = serde_json::to_string(&job.ticket())?;
    println!("{stored}");
    let ticket: Ticket<dev::Model> = serde_json::from_str(&stored)?;
    let job = client.resume(ticket);

    let mut updates = job.updates();
    while let Some(update) = updates.next().await {
        println!("{:?}", update?);
    }
    println!("{}", job.result().await?.images[0].url);

    match client.submit(sunset()).await?.cancel().await? {
        Cancelled::Removed => println!("cancelled before it ran"),
        Cancelled::Requested => println!("asked to stop"),
        Cancelled::AlreadyCompleted => println!("too late"),
        _ => println!("unknown"),
    }
    Ok(())
}
