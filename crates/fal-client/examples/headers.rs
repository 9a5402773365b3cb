//! Options and headers of the platform, on any call. `cargo run -p fal-client --example headers`

#[path = "support/connect.rs"]
mod connect;

use std::{error::Error, time::Duration};

use fal_client::{
    input,
    queue::{Priority, ServerRetries},
    storage::Lifecycle,
};
use fal_flux::dev;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let (client, _emulator) = connect::connect().await?;

    // Any header by name …
    let reply = client.subscribe(input!(dev { prompt: "a sunset" })).header("x-fal-no-retry", "1").await?;
    println!("{}", reply.images[0].url);

    // … or typed options for the known ones.
    let day = Lifecycle::default().expires_after(Duration::from_secs(86_400));
    let reply = client
        .subscribe(input!(dev { prompt: "a sunset" }))
        .server_retries(ServerRetries::default().server_error(2))
        .start_timeout(Duration::from_secs(30))
        .priority(Priority::Low)
        .runner_hint("session-1")
        .lifecycle(day)
        .store_io(false)
        .tag("team", "examples")
        .await?;

    // The headers of the response.
    println!("request {}, {:?} billable units", reply.request_id(), reply.billable_units());
    println!("{:?}", reply.headers());
    Ok(())
}
