//! Runs the example call of a model crate on the embedded emulator.
//!
//! `cargo run -p fal-model-tests --example model fal-flux` runs the call of `fal-flux`. Without a name it lists the crates.

use std::error::Error;

use fal_client::Client;
use fal_emulator::Emulator;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let Some(name) = std::env::args().nth(1) else {
        println!("{}", fal_model_examples::CRATES.join("\n"));
        return Ok(());
    };
    // The emulator costs nothing.
    let emulator = Emulator::start().await?;
    let client = Client::builder().emulator(emulator.url()).build()?;
    let call = fal_model_examples::call(&name, &client).await;
    let answer: serde_json::Value =
        serde_json::from_slice(&call.ok_or("unknown crate; run without a name to list the crates")??)?;
    println!("{answer:#}");
    Ok(())
}
