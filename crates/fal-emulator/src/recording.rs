//! Recording of the real service, and replaying of what was recorded.
//!
//! A recording is a folder: `recording.json` tells its format, `exchanges/` has a JSON file for each request with its reply,
//! and `bodies/` the content that is large or no text, each file under its SHA-256. A folder may come from anywhere, so
//! everything in it is checked before it is used.

mod body_sink;
mod connections;
mod exchange;
mod folder;
mod live_service;
mod message_player;
mod message_tape;
mod player;
mod request_key;
mod secrets;
mod session;
mod urls;

use std::path::PathBuf;

pub(crate) use session::{Answer, RecordingSession};

/// The setting of an emulator that records the real service.
#[derive(Clone)]
pub(crate) struct RecordSettings {
    pub(crate) folder: PathBuf,
    /// The key of the user.
    pub(crate) key: String,
    /// A server in place of fal's hosts, as a URL without a path.
    pub(crate) upstream: Option<String>,
}

/// The reply of an emulator that replays to a request that was not recorded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum UnrecordedReply {
    /// A 404 that tells what was not recorded, and what is most like it.
    #[default]
    Fail,
    /// The reply that the emulator makes up, as without a recording.
    Synthesize,
}
