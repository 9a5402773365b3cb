//! Errors of starting an emulator and of parsing a scenario.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

/// The reason for which an emulator could not be started.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The emulator could not listen on the address.
    Listen {
        /// The address that was asked for.
        host: IpAddr,
        /// The port that was asked for; 0 asks for any free one.
        port: u16,
        /// The error of the system.
        source: std::io::Error,
    },
    /// A schema or scenario file, or a folder, could not be read.
    Read {
        /// The file or folder.
        path: PathBuf,
        /// The error of the system.
        source: std::io::Error,
    },
    /// A file could not be written.
    Write {
        /// The file.
        path: PathBuf,
        /// The error of the system.
        source: std::io::Error,
    },
    /// A schema file is not a model document.
    Document {
        /// The file. The path of a built-in file is relative to the schema folder.
        path: PathBuf,
        /// The problem of the document.
        problem: String,
    },
    /// The id of an app is not `owner/alias`.
    AppId {
        /// The id that was given.
        id: String,
    },
    /// A file is not the document of an app.
    App {
        /// The app that the file should describe.
        id: String,
        /// The file.
        path: PathBuf,
        /// The problem of the document.
        problem: String,
    },
    /// Two schema files describe the same endpoint.
    Duplicate {
        /// The endpoint that both describe.
        endpoint: String,
        /// The file that was read second.
        path: PathBuf,
    },
    /// A schema file or folder contains no model document.
    NoModels {
        /// The file or folder.
        path: PathBuf,
    },
    /// A scenario file is not valid.
    Scenario {
        /// The file.
        path: PathBuf,
        /// The problem of the scenario.
        source: BadScenario,
    },
    /// A file of prices is not valid.
    Prices {
        /// The file.
        path: PathBuf,
        /// The problem of the prices.
        problem: String,
    },
    /// Certificates could not be made.
    Tls {
        /// The error of the TLS library or of the system.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A file of a recording is damaged, or no part of one.
    Recording {
        /// The file.
        path: PathBuf,
        /// The problem of the file.
        problem: String,
    },
    /// The real service cannot be called.
    Upstream {
        /// The error of the TLS library, or of the key.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The required key is empty or cannot be sent in a header.
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
            Self::AppId { id } => write!(out, "{id:?} is not the id of an app: expected OWNER/ALIAS"),
            Self::App { id, path, problem } => {
                write!(out, "{} does not describe the app {id}: {problem}", path.display())
            }
            Self::Duplicate { endpoint, path } => write!(
                out,
                "{} describes {endpoint}, which another file already describes; remove one of them",
                path.display()
            ),
            Self::NoModels { path } => write!(
                out,
                "{} contains no model document: expected JSON with {{endpoint_id, openapi}}, or an OpenAPI document",
                path.display()
            ),
            Self::Scenario { path, source } => {
                write!(out, "{} is not a valid scenario: {source}", path.display())
            }
            Self::Prices { path, problem } => {
                write!(out, "{} does not hold valid prices: {problem}", path.display())
            }
            Self::Tls { source } => write!(out, "cannot make certificates: {source}"),
            Self::Recording { path, problem } => {
                write!(out, "{} is no part of a recording: {problem}", path.display())
            }
            Self::Upstream { source } => write!(out, "cannot call the real service: {source}"),
            Self::Key => out.write_str("the required key must be visible ASCII, as in id:secret"),
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
            Self::Tls { source } | Self::Upstream { source } => Some(source.as_ref()),
            _ => None,
        }
    }
}

/// The reason for which a text is not a valid [`Scenario`](crate::Scenario).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadScenario(String);

impl BadScenario {
    pub(crate) fn new(problem: String) -> Self {
        Self(problem)
    }
}

impl fmt::Display for BadScenario {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.0.trim_end())
    }
}

impl std::error::Error for BadScenario {}
