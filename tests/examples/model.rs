//! The call that the page of a model crate shows, on the embedded emulator.
//! `cargo run -p fal-tests --example model fal-flux`, or without a name for the names.

use std::error::Error;

use fal_client::Client;
use fal_emulator::Emulator;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let Some(name) = std::env::args().nth(1) else {
        println!("{}", fal_model_examples::CRATES.join("\n"));
        return Ok(());
    };
    // Always the emulator: nobody should pay for trying out a name.
    let emulator = Emulator::start().await?;
    let client = Client::builder().emulator(emulator.url()).build()?;
    let call = fal_model_examples::call(&name, &client).await;
    let answer: serde_json::Value = serde_json::from_slice(&call.ok_or("there is no such crate")??)?;
    println!("{answer:#}");
    Ok(())
}
