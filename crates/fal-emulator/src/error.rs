//! Why an emulator could not be started.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use crate::scenario::BadScenario;

/// Why an emulator could not be started.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The address could not be listened on.
    Listen {
        /// The address that was asked for.
        host: IpAddr,
        /// The port that was asked for; 0 asks for any free one.
        port: u16,
        /// What the system said.
        source: std::io::Error,
    },
    /// A schema file or folder could not be read.
    Read {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file could not be written.
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A schema file is not a model document.
    Document {
        /// The file; relative to the schema folder when it is one of the built-in ones.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// Two schema files describe the same endpoint.
    Duplicate {
        /// The endpoint both describe.
        endpoint: String,
        /// The file that was read second.
        path: PathBuf,
    },
    /// The schema folder holds no model document.
    NoModels {
        /// The folder.
        path: PathBuf,
    },
    /// A scenario file says what no scenario says.
    Scenario {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: BadScenario,
    },
    /// Certificates could not be made.
    Tls {
        /// What is wrong.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The key to require is empty or cannot be sent in a header.
    Key,
}

impl fmt::Display for Error {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Listen { host, port, source } => write!(
                out,
                "cannot listen on {}: {source}; choose another port, or 0 for any free one",
                SocketAddr::new(*host, *port)
            ),
            Self::Read { path, source } => write!(out, "cannot read {}: {source}", path.display()),
            Self::Write { path, source } => write!(out, "cannot write {}: {source}", path.display()),
            Self::Document { path, problem } => write!(
                out,
                "{} is not a model document: {problem}; fetch it again or remove it",
                path.display()
            ),
            Self::Duplicate { endpoint, path } => write!(
                out,
                "{} describes {endpoint}, which another file already describes; remove one of them",
                path.display()
            ),
            Self::NoModels { path } => write!(
                out,
                "{} holds no model document: expected .json files of {{endpoint_id, openapi}}",
                path.display()
            ),
            Self::Scenario { path, source } => write!(out, "{} is no scenario: {source}", path.display()),
            Self::Tls { source } => write!(out, "cannot make certificates: {source}"),
            Self::Key => out.write_str("the key to require must be visible ASCII, as in id:secret"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Listen { source, .. } | Self::Read { source, .. } | Self::Write { source, .. } => {
                Some(source)
            }
            Self::Scenario { source, .. } => Some(source),
            Self::Tls { source } => Some(source.as_ref()),
            _ => None,
        }
    }
}
