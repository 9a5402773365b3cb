use serde::{Deserialize, Serialize};

#[derive(Serialize)]
struct Input<'a> {
    prompt: &'a str,
    num_inference_steps: u32,
}

#[derive(Deserialize)]
struct Output {
    images: Vec<Image>,
}

#[derive(Deserialize)]
struct Image {
    url: String,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    rustls::crypto::ring::default_provider().install_default().map_err(|_| "TLS has a provider already")?;
    let key = std::env::var("FAL_KEY")?;
    let input = Input { prompt: "a cat reading a map", num_inference_steps: 28 };
    let request = reqwest::Client::new().post("https://fal.run/fal-ai/flux/dev");
    let request = request.header("authorization", format!("Key {key}"));
    let request = request.header("content-type", "application/json").body(serde_json::to_vec(&input)?);
    let reply = request.send().await?.error_for_status()?.bytes().await?;
    let output: Output = serde_json::from_slice(&reply)?;
    println!("{}", output.images[0].url);
    Ok(())
}
