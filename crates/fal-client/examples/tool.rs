//! A model as a tool of a language model: the schema of its input goes out, and JSON comes back.
//! `cargo run -p fal-client --example tool`
//!
//! In an app: `fal-flux = { version = "..", features = ["schemars"] }`.

#[path = "support/connect.rs"]
mod connect;

use std::error::Error;

use fal_flux::dev;
use schemars::schema_for;
use serde_json::json;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let (client, _emulator) = connect::connect().await?; // Client::from_env() in an app

    // The definition that APIs of language models take: a name, a description and a JSON Schema, with the
    // descriptions, bounds, defaults and allowed values of fal's document.
    let tool = json!({
        "name": "make_image",
        "description": "Makes an image of the prompt and returns its URL.",
        "input_schema": schema_for!(dev::Input),
    });
    println!("{}", tool["input_schema"]["properties"]["num_inference_steps"]);

    // The arguments that a language model writes are parsed as an input. The message of an error can be sent back to
    // the model.
    let invalid = json!({ "prompt": "a lighthouse", "num_inference_steps": 500 });
    if let Err(error) = serde_json::from_value::<dev::Input>(invalid) {
        println!("to the model: {error}");
    }
    let arguments = json!({ "prompt": "a lighthouse", "image_size": { "width": 512, "height": 384 } });
    let input: dev::Input = serde_json::from_value(arguments)?;
    input.validate()?;

    let reply = client.subscribe(input).await?;
    println!("{} {:?}", reply.images[0].url, reply.images[0].dimensions());
    Ok(())
}
