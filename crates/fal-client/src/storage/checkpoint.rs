//! What is known of an upload that was interrupted.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::UNIX_EPOCH,
};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use url::Url;

use super::{options::Repository, piece::Version};

/// Which parts of a file fal has already, so that an interrupted upload goes on instead of beginning anew.
///
/// For files on disk that are large enough for parts. A file that was changed since, and an upload that fal has
/// forgotten, begin anew by themselves. Serialisable, for another process: it holds URLs that open the upload, so
/// keep it as private as the file.
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
pub struct Checkpoint(Arc<Mutex<Option<Noted>>>);

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Noted {
    length: u64,
    /// Nanoseconds since 1970.
    modified: Option<u64>,
    pub(super) part_size: u64,
    cdn: bool,
    pub(super) target: String,
    pub(super) file_url: String,
    pub(super) parts: BTreeMap<u32, String>,
}

impl Noted {
    pub(super) fn new(
        version: Version,
        part_size: u64,
        repository: Repository,
        target: &Url,
        file_url: &str,
    ) -> Self {
        Self {
            length: version.length,
            modified: nanoseconds(version),
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

fn nanoseconds(version: Version) -> Option<u64> {
    version.modified?.duration_since(UNIX_EPOCH).ok()?.as_nanos().try_into().ok()
}

impl Checkpoint {
    /// How many parts fal has. 0 before an upload, and after one that went through.
    #[must_use]
    pub fn parts(&self) -> usize {
        self.lock().as_ref().map_or(0, |noted| noted.parts.len())
    }

    /// What is noted of this version of a file. One without a time of change cannot be told from another.
    pub(super) fn of(&self, version: Version) -> Option<Noted> {
        let modified = nanoseconds(version)?;
        let noted = self.lock().clone()?;
        (noted.length == version.length && noted.modified == Some(modified) && noted.part_size > 0)
            .then_some(noted)
    }

    pub(super) fn begin(&self, noted: Noted) {
        *self.lock() = Some(noted);
    }

    pub(super) fn note(&self, number: u32, tag: &str) {
        if let Some(noted) = &mut *self.lock() {
            noted.parts.insert(number, tag.to_owned());
        }
    }

    pub(super) fn clear(&self) {
        *self.lock() = None;
    }

    fn lock(&self) -> MutexGuard<'_, Option<Noted>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Serialize for Checkpoint {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.lock().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Checkpoint {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Option::deserialize(deserializer).map(|noted| Self(Arc::new(Mutex::new(noted))))
    }
}

/// Without the URLs, which open the upload.
impl fmt::Debug for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Checkpoint({} parts)", self.parts())
    }
}
