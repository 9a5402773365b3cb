use fal_client::{Client, input};
use fal_flux::dev;

#[tokio::main]
async fn main() -> fal_client::Result<()> {
    let client = Client::from_env()?;
    let input = input!(dev { prompt: "a cat reading a map", num_inference_steps: 28 });
    let reply = client.run(input).await?;
    println!("{}", reply.images[0].url);
    Ok(())
}
