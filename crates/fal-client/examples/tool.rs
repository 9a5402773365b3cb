//! A model as a tool of a language model: its definition goes out, and arguments come back.
//! `cargo run -p fal-client --features schemars --example tool`
//!
//! In an app: the feature `schemars` of `fal-client` and of the model crate.

#[path = "support/connect.rs"]
mod connect;

use std::error::Error;

use fal_client::tool;
use fal_flux::dev;
use serde_json::json;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let (client, _emulator) = connect::connect().await?; // Client::from_env() in an app

    // The name, the description and a closed schema, with the bounds, defaults and allowed values of fal's document.
    // Serialized, it is what Anthropic's API takes; `to_openai()` is what OpenAI's takes, in its strict mode.
    let tool = tool::<dev::Model>().with_name("make_image");
    println!("{}: {}", tool.name(), tool.description());
    println!("{}", tool.input_schema()["properties"]["num_inference_steps"]);

    // Every mistake of the language model at once, in words that can be sent back to it.
    let invalid = json!({ "prompt": "a lighthouse", "steps": 40, "num_images": 9 });
    if let Err(violations) = tool.parse(&invalid) {
        println!("to the model: {violations}");
    }
    let input =
        tool.parse(&json!({ "prompt": "a lighthouse", "image_size": { "width": 512, "height": 384 } }))?;

    let reply = client.subscribe(input).await?;
    println!("{} {:?}", reply.images[0].url, reply.images[0].dimensions());
    Ok(())
}
