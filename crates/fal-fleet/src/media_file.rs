//! A file of an output, as a worker has saved it.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use url::Url;

use crate::{Error, ErrorKind, Result};

/// A file of an output that a worker with a media store has saved, from [`Done::media`](crate::Done::media).
///
/// The view `fal.media` of the database has the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct MediaFile {
    /// The place of the file in the output, such as `images-0`.
    pub field: String,
    /// The URL of the saved file, such as `s3://renders/cats/tom-0.png` or `file:///srv/cats/tom-0.png`. `None` if it could
    /// not be saved, for the reason in [`error`](Self::error).
    pub location: Option<String>,
    /// The size in bytes.
    pub bytes: Option<u64>,
    /// The media type that the server of the file gave.
    pub content_type: Option<String>,
    /// The reason for which the file is lost: fal no longer had it, it is too large, or its host is not allowed.
    pub error: Option<String>,
}

impl MediaFile {
    /// Returns the path of a file in a local folder.
    #[must_use]
    pub fn path(&self) -> Option<PathBuf> {
        Url::parse(self.location.as_deref()?).ok()?.to_file_path().ok()
    }
}

/// Returns files as JSON text for the ledger.
#[cfg(feature = "media")]
pub(crate) fn to_json(files: &[MediaFile]) -> Result<String> {
    serde_json::to_string(files).map_err(|error| {
        Error::new(ErrorKind::Database, format!("the saved files cannot be written down: {error}"))
    })
}

/// Returns the files that the ledger has for a request.
pub(crate) fn parse(json: Option<&str>) -> Result<Vec<MediaFile>> {
    json.map_or(Ok(Vec::new()), |json| {
        serde_json::from_str(json).map_err(|error| {
            Error::new(ErrorKind::Database, format!("the saved files of a request cannot be read: {error}"))
        })
    })
}
