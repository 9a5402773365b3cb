//! Uploads that the inputs of a batch share.

use std::{
    collections::HashMap,
    future::Future,
    path::PathBuf,
    sync::{Arc, Mutex},
    time::{Duration, Instant, SystemTime},
};

use fal_core::{File, FileSource};
use tokio::sync::OnceCell;

use crate::{Result, sync::lock};

/// The longest time for which an upload is used again.
const MAX_AGE: Duration = Duration::from_secs(3600);

/// The files on disk that a batch has uploaded. Inputs that have the same file share its upload.
#[derive(Debug, Clone, Default)]
pub(crate) struct SharedUploads(Arc<Mutex<HashMap<FileVersion, SharedUpload>>>);

/// A file on disk, as long as it is not written.
#[derive(Debug, PartialEq, Eq, Hash)]
struct FileVersion {
    file: PathBuf,
    content_type: Option<String>,
    name: Option<String>,
    length: u64,
    written: Option<SystemTime>,
}

#[derive(Debug, Clone)]
struct SharedUpload {
    begun: Instant,
    url: Arc<OnceCell<String>>,
}

/// Equal if they are the same uploads.
impl PartialEq for SharedUploads {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for SharedUploads {}

impl SharedUploads {
    /// Returns the file that an earlier input has uploaded, or else uploads it. fal must keep it for `kept`, if that is known.
    ///
    /// # Errors
    ///
    /// Returns that of the upload, after which another input uploads the file.
    pub(super) async fn get_or_upload(
        &self,
        file: &File,
        kept: Option<Duration>,
        upload: impl Future<Output = Result<File>>,
    ) -> Result<File> {
        let Some(version) = FileVersion::find(file).await else { return upload.await };
        let max_age = kept.map_or(MAX_AGE, |kept| MAX_AGE.min(kept / 2));
        let shared = {
            let mut uploads = lock(&self.0);
            let shared = uploads.entry(version).or_insert_with(SharedUpload::begin);
            if shared.begun.elapsed() >= max_age {
                *shared = SharedUpload::begin();
            }
            shared.url.clone()
        };
        let url = shared.get_or_try_init(|| async {
            let uploaded = upload.await?;
            Ok(uploaded.as_url().unwrap_or_default().to_owned())
        });
        url.await.map(File::url)
    }
}

impl SharedUpload {
    fn begin() -> Self {
        Self { begun: Instant::now(), url: Arc::default() }
    }
}

impl FileVersion {
    /// Returns the version of a file on disk, or `None` for others.
    async fn find(file: &File) -> Option<Self> {
        let FileSource::Path { path, content_type, name } = file.source() else { return None };
        let facts = tokio::fs::metadata(path).await.ok()?;
        Some(Self {
            file: path.clone(),
            content_type: content_type.clone(),
            name: name.clone(),
            length: facts.len(),
            written: facts.modified().ok(),
        })
    }
}
