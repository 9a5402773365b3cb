//! Pictures inside a terminal, in the protocols of kitty and iTerm2.

use std::io::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use clap::ValueEnum;
use fal_client::Client;

use super::OutputFile;
use crate::failure::{Failure, Result};

/// The largest chunk of a picture in the protocol of kitty.
const CHUNK: usize = 4096;
/// The largest picture that is shown, in bytes.
const MAX_BYTES: u64 = 20 << 20;

/// A protocol for pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Protocol {
    /// The one that the terminal has
    Auto,
    /// kitty, Ghostty and Konsole; shows PNG
    Kitty,
    /// iTerm2, WezTerm and the terminal of VS Code
    Iterm,
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
            Self::Auto => Err(Failure::usage(
                "--show: this terminal shows no pictures that are known; --show=kitty and --show=iterm choose a protocol",
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
        let is_png = content.starts_with(b"\x89PNG");
        let is_picture = is_png || content.starts_with(b"\xff\xd8") || content.starts_with(b"GIF8");
        match protocol {
            Protocol::Kitty if is_png => write(&kitty(&content)),
            Protocol::Iterm if is_picture => write(&iterm(&content)),
            _ => eprintln!("{} is not shown: the terminal does not know its format", file.field),
        }
    }
    Ok(())
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
}
