//! Previews of a picture in the terminal, while the model generates it.
//! `cargo run -p fal-client --example live_preview -- "a cat reading a map"`

#[path = "support/connect.rs"]
mod connect;

use std::{
    env,
    error::Error,
    fmt::Write,
    io::{Cursor, IsTerminal, stdout},
};

use fal_client::{input, storage::MediaExt};
use fal_flux::dev;

/// The width of a preview in characters. Each shows two pixels, one above the other.
const COLUMNS: usize = 64;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let prompt = env::args().nth(1).unwrap_or_else(|| "a cat reading a map".to_owned());
    let (client, _emulator) = connect::connect().await?;
    let draws = stdout().is_terminal();

    let call = client.stream(input!(dev { prompt: prompt, output_format: dev::OutputFormat::Png }));
    let mut events = call.await?;
    let mut lines = 0;
    while let Some(event) = events.next().await {
        let event = event?;
        let Some(image) = event.images.iter().flatten().next() else { continue };
        let file = image.download(&client).await?.bytes().await?;
        let picture = Picture::read(&file)?;
        if draws {
            // The preview replaces the one before.
            if lines > 0 {
                print!("\x1b[{lines}F\x1b[J");
            }
            print!("{}", picture.blocks());
            lines = picture.rows();
        }
        println!("preview {}: {} x {}, {} bytes", events.count(), picture.width, picture.height, file.len());
        lines += 1;
    }
    let reply = events.done().await?;
    println!("{}", reply.images[0].url);
    Ok(())
}

struct Picture {
    width: usize,
    height: usize,
    /// The number of bytes of a pixel, of which the first three are red, green and blue.
    depth: usize,
    pixels: Vec<u8>,
}

impl Picture {
    fn read(file: &[u8]) -> Result<Self, Box<dyn Error>> {
        let mut decoder = png::Decoder::new(Cursor::new(file));
        decoder.set_transformations(png::Transformations::normalize_to_color8());
        let mut reader = decoder.read_info()?;
        let mut pixels = vec![0; reader.output_buffer_size().ok_or("the picture is too large")?];
        let frame = reader.next_frame(&mut pixels)?;
        let (width, height) = (frame.width as usize, frame.height as usize);
        Ok(Self { width, height, depth: frame.color_type.samples(), pixels })
    }

    /// Returns the height in lines. Characters are twice as high as they are wide.
    fn rows(&self) -> usize {
        (COLUMNS * self.height / self.width.max(1) / 2).max(1)
    }

    fn blocks(&self) -> String {
        let mut text = String::new();
        let rows = self.rows();
        for row in 0..rows {
            for column in 0..COLUMNS {
                let (r, g, b) = self.color(column, row * 2, rows * 2);
                let _ = write!(text, "\x1b[38;2;{r};{g};{b}m");
                let (r, g, b) = self.color(column, row * 2 + 1, rows * 2);
                let _ = write!(text, "\x1b[48;2;{r};{g};{b}m▀");
            }
            text.push_str("\x1b[0m\n");
        }
        text
    }

    /// Returns the color of a cell in a grid over the picture.
    fn color(&self, column: usize, row: usize, rows: usize) -> (u8, u8, u8) {
        let (x, y) = (column * self.width / COLUMNS, row * self.height / rows);
        let at = (y * self.width + x) * self.depth;
        let sample = |index: usize| {
            // A grey pixel has one sample for all three.
            let index = if self.depth < 3 { 0 } else { index };
            self.pixels.get(at + index).copied().unwrap_or_default()
        };
        (sample(0), sample(1), sample(2))
    }
}
