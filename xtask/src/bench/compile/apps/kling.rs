use fal_client::{Client, input};
use fal_kling_video::v2_1::master::text_to_video;

#[tokio::main]
async fn main() -> fal_client::Result<()> {
    let client = Client::from_env()?;
    let input = input!(text_to_video { prompt: "a cat reading a map", cfg_scale: 0.5 });
    let reply = client.run(input).await?;
    println!("{}", reply.video.url);
    Ok(())
}
