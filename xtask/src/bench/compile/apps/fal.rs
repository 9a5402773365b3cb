use fal::endpoints::fal_ai::flux;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let input = flux::dev::DevTextToImageInput {
        prompt: "a cat reading a map".to_owned(),
        num_inference_steps: Some(28),
        ..Default::default()
    };
    let reply = flux::dev::dev(input).with_api_key(std::env::var("FAL_KEY")?).send().await?;
    println!("{}", reply.images[0].url);
    Ok(())
}
