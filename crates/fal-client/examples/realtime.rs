//! A picture for every prompt that is typed, over one connection.
//! `cargo run -p fal-client --features realtime --example realtime`

#[path = "support/connect.rs"]
mod connect;

use std::{error::Error, time::Duration};

use fal_client::{File, input};
use fal_flux_2::klein::realtime;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let (client, _emulator) = connect::connect().await?;

    // One answer for each input, in order.
    let mut connection = client.endpoint::<realtime::Model>().realtime().await?;
    for prompt in ["a cat", "a cat with a hat", "a cat with a red hat"] {
        let answer = connection.request(frame(prompt)?).await?;
        println!("{prompt}: {}", show(&answer));
    }
    connection.close().await?;

    // A token takes the place of the key, for apps that must not have it. Of prompts that are typed too fast, the latest is
    // sent, and the last one is always answered.
    let call = client.endpoint::<realtime::Model>().realtime().with_token();
    let (sender, mut answers) = call.throttle(Duration::from_millis(33)).reconnect().await?.split();
    let typing = tokio::spawn(async move {
        let mut keys = tokio::time::interval(Duration::from_millis(10));
        for end in 1..="a cat on a mat".len() {
            keys.tick().await;
            sender.latest(frame(&"a cat on a mat"[..end]).ok()?).ok()?;
        }
        sender.finish();
        Some(())
    });
    while let Some(answer) = answers.recv().await? {
        for picture in answer.files() {
            println!("{}, {} bytes", show(&answer), picture.fetch(&client).await?.len());
        }
    }
    typing.await?.ok_or("an input could not be sent")?;
    Ok(())
}

fn frame(prompt: &str) -> Result<realtime::Input, Box<dyn Error>> {
    // The file is sent inside the message.
    let canvas = File::bytes(canvas()?, "image/png");
    Ok(input!(realtime { prompt: prompt, image_url: canvas, seed: 35 }))
}

fn show(answer: &realtime::Output) -> String {
    let Some(image) = answer.images.first() else { return "no picture".to_owned() };
    let (width, height) = (image.width.unwrap_or_default(), image.height.unwrap_or_default());
    format!("{width} x {height}, {}", image.content_type.as_deref().unwrap_or("of an unknown type"))
}

/// Returns a grey square, in place of the picture of a camera or a drawing.
fn canvas() -> Result<Vec<u8>, png::EncodingError> {
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, 64, 64);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.write_header()?.write_image_data(&[128; 64 * 64])?;
    Ok(file)
}
