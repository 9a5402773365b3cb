//! The kinds of errors, and their details. `cargo run -p fal-client --example errors`

#[path = "support/connect.rs"]
mod connect;

use std::error::Error as StdError;

use fal_client::{Error, ErrorKind, error_type, untyped};
use serde_json::json;

#[tokio::main]
async fn main() -> Result<(), Box<dyn StdError>> {
    let (client, _emulator) = connect::connect().await?;

    // Untyped, because this does not compile with a typed endpoint.
    let invalid = untyped::input("fal-ai/flux/dev", json!({ "prompt": "A cat", "num_images": 9 }));
    let Err(error) = client.subscribe(invalid).await else { return Err("9 images were made".into()) };
    explain(&error);

    let Err(error) = client.run(untyped::input("fal-ai/no-such-model", json!({}))).await else {
        return Err("a model that does not exist has answered".into());
    };
    explain(&error);
    Ok(())
}

fn explain(error: &Error) {
    println!("{error}");
    match error.kind() {
        // First, because fal refuses content in the form of an invalid parameter.
        _ if error.error_type() == Some(error_type::CONTENT_POLICY_VIOLATION) => println!("  refused"),
        ErrorKind::Validation(fields) => {
            for field in fields {
                println!("  {}: {} ({})", field.path, field.message, field.error_type);
            }
        }
        ErrorKind::Locked { reason, .. } => println!("  the account cannot spend: {reason}"),
        ErrorKind::RateLimited => println!("  try again in {:?}", error.retry_after()),
        ErrorKind::NotFound => println!("  there is no such endpoint"),
        ErrorKind::Timeout | ErrorKind::Transport => println!("  try again later"),
        _ => {
            println!("  status {:?}, body of {:?} bytes", error.status(), error.body().map(|body| body.len()))
        }
    }
    println!("  request {:?} of {:?}", error.request_id(), error.endpoint());
}
