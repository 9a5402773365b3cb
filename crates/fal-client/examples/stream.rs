//! The events of a stream, and its output. `cargo run -p fal-client --example stream`

#[path = "support/connect.rs"]
mod connect;

use std::error::Error;

use fal_client::{input, untyped};
use fal_flux::dev;
use serde_json::json;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let (client, _emulator) = connect::connect().await?;

    let mut events = client.stream(input!(dev { prompt: "a cat", seed: 6252023, num_images: 4 })).await?;
    while let Some(event) = events.next().await {
        let event = event?; // partial output; fields that are not there yet are `None`
        println!("{} images so far", event.images.as_ref().map_or(0, Vec::len));
    }
    println!("{} events of request {:?}", events.count(), events.request_id());
    let reply = events.done().await?;
    println!("{}", reply.images[0].url);

    // A model without a crate: JSON in, JSON out.
    let mut events = client.stream(untyped::input("fal-ai/flux/dev", json!({ "prompt": "a dog" }))).await?;
    while let Some(event) = events.next().await {
        println!("{}", event?["images"][0]["url"]);
    }
    Ok(())
}
