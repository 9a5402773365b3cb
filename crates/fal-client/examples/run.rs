//! A direct call: one request, one response. `cargo run -p fal-client --example run`

#[path = "support/connect.rs"]
mod connect;

use std::error::Error;

use fal_client::{input, untyped};
use fal_flux::dev;
use serde_json::json;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let (client, _emulator) = connect::connect().await?; // Client::from_env() in an app

    let reply = client
        .run(input!(dev { prompt: "A beautiful landscape", image_size: dev::ImageSize::Landscape16_9 }))
        .await?;
    println!("{} ({} x {})", reply.images[0].url, reply.images[0].width, reply.images[0].height);
    println!("request {}", reply.request_id());

    // An app of your own, or any model without a crate: JSON in, JSON out.
    let input = untyped::input("fal-ai/flux/schnell", json!({ "prompt": "A cat" }));
    let reply = client.run(input).await?;
    println!("{}", reply["images"][0]["url"]);
    Ok(())
}
