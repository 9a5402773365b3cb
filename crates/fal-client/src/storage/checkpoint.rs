//! The state of an interrupted upload.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard},
    time::UNIX_EPOCH,
};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use url::Url;

use super::{byte_source::FileVersion, options::Repository};
use crate::sync::lock;

/// The parts of a file that fal has already received, so that an interrupted upload continues where it stopped.
///
/// It works for files on disk that are large enough to be sent in parts. If the file has changed, or fal does not know
/// the upload any more, the upload starts again from the beginning.
///
/// A checkpoint can be serialized for another process. It contains URLs that give access to the upload, so keep it as
/// private as the file. Clones share their state.
///
/// ```no_run
/// # use fal_client::{Client, File, storage::Checkpoint};
/// # async fn example(client: Client) -> fal_client::Result<()> {
/// let checkpoint = Checkpoint::default();
/// let film = File::path("film.mp4");
/// let uploaded = match client.upload(film.clone()).checkpoint(&checkpoint).await {
///     Err(error) if error.is_transport() => client.upload(film).checkpoint(&checkpoint).await?,
///     uploaded => uploaded?,
/// };
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Default)]
pub struct Checkpoint(Arc<Mutex<Option<PartialUpload>>>);

/// An upload in parts that has begun.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct PartialUpload {
    length: u64,
    /// The modification time in nanoseconds since 1970.
    modified: Option<u64>,
    pub(super) part_size: u64,
    cdn: bool,
    pub(super) target: String,
    pub(super) file_url: String,
    /// The tags of the parts that fal has, by number.
    pub(super) parts: BTreeMap<u32, String>,
}

impl PartialUpload {
    pub(super) fn new(
        version: FileVersion,
        part_size: u64,
        repository: Repository,
        target: &Url,
        file_url: &str,
    ) -> Self {
        Self {
            length: version.length,
            modified: modified_nanoseconds(version),
            part_size,
            cdn: repository == Repository::Cdn,
            target: target.to_string(),
            file_url: file_url.to_owned(),
            parts: BTreeMap::new(),
        }
    }

    pub(super) fn repository(&self) -> Repository {
        if self.cdn { Repository::Cdn } else { Repository::Rest }
    }
}

fn modified_nanoseconds(version: FileVersion) -> Option<u64> {
    version.modified?.duration_since(UNIX_EPOCH).ok()?.as_nanos().try_into().ok()
}

impl Checkpoint {
    /// Returns the number of parts that fal has. It is 0 before an upload and after one that has completed.
    #[must_use]
    pub fn parts(&self) -> usize {
        self.lock().as_ref().map_or(0, |partial| partial.parts.len())
    }

    /// Returns the upload of this version of a file. A file without a modification time cannot be recognized.
    pub(super) fn get(&self, version: FileVersion) -> Option<PartialUpload> {
        let modified = modified_nanoseconds(version)?;
        let partial = self.lock().clone()?;
        (partial.length == version.length && partial.modified == Some(modified) && partial.part_size > 0)
            .then_some(partial)
    }

    pub(super) fn start(&self, partial: PartialUpload) {
        *self.lock() = Some(partial);
    }

    pub(super) fn add_part(&self, number: u32, tag: &str) {
        if let Some(partial) = &mut *self.lock() {
            partial.parts.insert(number, tag.to_owned());
        }
    }

    pub(super) fn clear(&self) {
        *self.lock() = None;
    }

    fn lock(&self) -> MutexGuard<'_, Option<PartialUpload>> {
        lock(&self.0)
    }
}

impl Serialize for Checkpoint {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.lock().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Checkpoint {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Option::deserialize(deserializer).map(|partial| Self(Arc::new(Mutex::new(partial))))
    }
}

/// Shows the number of parts and hides the URLs, which give access to the upload.
impl fmt::Debug for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Checkpoint({} parts)", self.parts())
    }
}
