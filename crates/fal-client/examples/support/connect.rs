//! The client of the examples.

use std::{env, error::Error};

use fal_client::Client;
use fal_emulator::Emulator;

/// Returns a client that is configured by the environment, or one of an emulator in this process, which stops when it is
/// dropped.
pub(crate) async fn connect() -> Result<(Client, Option<Emulator>), Box<dyn Error>> {
    let set = |name| env::var_os(name).is_some_and(|value| !value.is_empty());
    if ["FAL_KEY", "FAL_KEY_ID", "FAL_EMULATOR_URL"].into_iter().any(set) {
        let client = Client::from_env()?;
        println!("Calling {}", client.hosts().queue());
        return Ok((client, None));
    }
    let emulator = Emulator::start().await?;
    println!("FAL_KEY is not set: calling the embedded emulator at {}", emulator.url());
    let client = Client::builder().emulator(emulator.url()).build()?;
    Ok((client, Some(emulator)))
}
