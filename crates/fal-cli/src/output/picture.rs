//! Pictures inside a terminal, in the protocols of kitty and iTerm2, and as sixels.

use std::io::{Cursor, Write as _};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use clap::ValueEnum;
use fal_client::Client;
use icy_sixel::SixelImage;
use image::{DynamicImage, ImageFormat};

use super::OutputFile;
use crate::failure::{Failure, Result};

/// The largest chunk of a picture in the protocol of kitty.
const CHUNK: usize = 4096;
/// The largest picture that is shown, in bytes.
const MAX_BYTES: u64 = 20 << 20;
/// The largest side of a picture of sixels, in pixels: a terminal does not make it smaller.
const MAX_SIXELS: u32 = 800;

/// Parts of `TERM` in terminals that show sixels.
const SIXEL_TERMINALS: [&str; 5] = ["sixel", "foot", "mlterm", "contour", "yaft"];

/// A protocol for pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Protocol {
    /// The one that the terminal has
    Auto,
    /// kitty, Ghostty and Konsole
    Kitty,
    /// iTerm2, WezTerm and the terminal of VS Code
    Iterm,
    /// foot, mlterm, Contour, Windows Terminal, and xterm with sixels
    Sixel,
}

impl Protocol {
    /// Returns the protocol of the terminal, by the variables that it sets.
    ///
    /// # Errors
    ///
    /// Returns a failure if the terminal has none.
    pub(crate) fn choose(self) -> Result<Self> {
        let var = |name: &str| std::env::var(name).unwrap_or_default();
        let (program, terminal) = (var("TERM_PROGRAM"), var("TERM"));
        match self {
            Self::Auto if ["iTerm.app", "WezTerm", "vscode"].contains(&program.as_str()) => Ok(Self::Iterm),
            Self::Auto if terminal.contains("kitty") || terminal.contains("ghostty") => Ok(Self::Kitty),
            Self::Auto if !var("KITTY_WINDOW_ID").is_empty() || !var("KONSOLE_VERSION").is_empty() => {
                Ok(Self::Kitty)
            }
            Self::Auto if SIXEL_TERMINALS.iter().any(|name| terminal.contains(name)) => Ok(Self::Sixel),
            Self::Auto if !var("WT_SESSION").is_empty() => Ok(Self::Sixel),
            Self::Auto => Err(Failure::usage(
                "--show: this terminal is not known to show pictures; --show=kitty, --show=iterm and --show=sixel choose a protocol",
            )),
            chosen => Ok(chosen),
        }
    }
}

/// Shows the pictures among the files of an output. A picture that the protocol does not show is named.
pub(crate) async fn show(client: &Client, files: &[OutputFile], protocol: Protocol) -> Result<()> {
    for file in files {
        let content = match &file.path {
            Some(path) => std::fs::read(path)
                .map_err(|error| Failure::usage(format!("{} cannot be read: {error}", path.display())))?,
            None => client.download(file.url.as_str()).max_bytes(MAX_BYTES).await?.bytes().await?.to_vec(),
        };
        let sequence = match protocol {
            Protocol::Iterm if content.starts_with(b"GIF8") => Ok(iterm(&content)),
            _ => image::load_from_memory(&content).map_err(|error| error.to_string()).and_then(|picture| {
                match protocol {
                    Protocol::Iterm => Ok(iterm(&content)),
                    Protocol::Sixel => sixel(&picture),
                    Protocol::Kitty | Protocol::Auto => to_png(&picture).map(|png| kitty(&png)),
                }
            }),
        };
        match sequence {
            Ok(sequence) => write(&sequence),
            Err(problem) => eprintln!("{} is not shown: {problem}", file.field),
        }
    }
    Ok(())
}

/// Returns a picture as PNG, the format of kitty's protocol.
fn to_png(picture: &DynamicImage) -> std::result::Result<Vec<u8>, String> {
    let mut png = Cursor::new(Vec::new());
    picture.write_to(&mut png, ImageFormat::Png).map_err(|error| error.to_string())?;
    Ok(png.into_inner())
}

fn sixel(picture: &DynamicImage) -> std::result::Result<String, String> {
    let is_large = picture.width() > MAX_SIXELS || picture.height() > MAX_SIXELS;
    let pixels =
        if is_large { picture.thumbnail(MAX_SIXELS, MAX_SIXELS).to_rgba8() } else { picture.to_rgba8() };
    let (width, height) = (pixels.width() as usize, pixels.height() as usize);
    SixelImage::from_rgba(pixels.into_raw(), width, height).encode().map_err(|error| error.to_string())
}

fn write(sequence: &str) {
    let mut stdout = std::io::stdout().lock();
    // A terminal that has gone is no failure.
    writeln!(stdout, "{sequence}").and_then(|()| stdout.flush()).ok();
}

fn kitty(png: &[u8]) -> String {
    let encoded = BASE64.encode(png);
    let mut rest = encoded.as_str();
    let (mut sequence, mut control) = (String::new(), "f=100,a=T,");
    loop {
        let (chunk, more) = rest.split_at(rest.len().min(CHUNK));
        let goes_on = u8::from(!more.is_empty());
        sequence.push_str(&format!("\x1b_G{control}m={goes_on};{chunk}\x1b\\"));
        (rest, control) = (more, "");
        if rest.is_empty() {
            return sequence;
        }
    }
}

fn iterm(picture: &[u8]) -> String {
    format!("\x1b]1337;File=inline=1;size={}:{}\x07", picture.len(), BASE64.encode(picture))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_pictures_are_sent_in_chunks() {
        assert_eq!(kitty(b"png"), "\x1b_Gf=100,a=T,m=0;cG5n\x1b\\");
        let large = kitty(&[0; 5000]);
        assert_eq!(large.matches("\x1b_G").count(), 2);
        assert!(large.contains("m=1;") && large.contains("\x1b_Gm=0;"));
        assert_eq!(iterm(b"png"), "\x1b]1337;File=inline=1;size=3:cG5n\x07");
    }

    #[test]
    fn sixels_have_the_size_of_the_picture_up_to_a_limit() {
        for (side, expected) in [(60, 60), (2000, 800)] {
            let picture = DynamicImage::new_rgb8(side, side / 2);
            let shown = SixelImage::decode(sixel(&picture).unwrap().as_bytes()).unwrap();
            assert_eq!(shown.corrected_dimensions().0, expected);
        }
    }
}
