use fal_client::{Client, input};
use fal_pixverse::v5::text_to_video;

#[tokio::main]
async fn main() -> fal_client::Result<()> {
    let client = Client::from_env()?;
    let input = input!(text_to_video { prompt: "a cat reading a map", seed: 7 });
    let reply = client.run(input).await?;
    println!("{}", reply.video.url);
    Ok(())
}
