//! Options of uploads.

use super::{lifecycle::Lifecycle, shared_uploads::SharedUploads};

/// The largest number of parts of an upload, as in S3.
pub(super) const MAX_PARTS: u64 = 10_000;

/// Options for uploads, of a client or of one upload.
///
/// ```
/// use std::time::Duration;
/// use fal_client::{Client, storage::{Lifecycle, UploadOptions}};
///
/// let week = Lifecycle::default().expires_after(Duration::from_secs(7 * 86_400));
/// let client = Client::builder()
///     .key("0a1b2c:3d4e5f")
///     .uploads(UploadOptions::default().inline_up_to(32 << 10).lifecycle(week))
///     .build()?;
/// # Ok::<(), fal_client::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UploadOptions {
    pub(super) repository: Option<Repository>,
    pub(super) fallback: bool,
    pub(super) multipart_above: u64,
    pub(super) part_size: u64,
    pub(super) part_concurrency: usize,
    pub(super) inline_up_to: u64,
    pub(super) lifecycle: Option<Lifecycle>,
    pub(super) shared: Option<SharedUploads>,
}

/// The service that takes an upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Repository {
    /// The CDN, with a token that is kept for further files. fal's Python client uploads this way.
    Cdn,
    /// A signed URL, which is requested from the REST service for each file. fal's JavaScript client uploads this way.
    Rest,
}

/// The defaults of fal's official clients.
impl Default for UploadOptions {
    fn default() -> Self {
        Self {
            repository: None,
            fallback: true,
            multipart_above: 100 << 20,
            part_size: 10 << 20,
            part_concurrency: 10,
            inline_up_to: 0,
            lifecycle: None,
            shared: None,
        }
    }
}

impl UploadOptions {
    /// Sets the service that takes the files.
    ///
    /// By default it is the CDN; behind a proxy, with a [token](crate::Credentials::token) in place of a key, and for
    /// file names that no HTTP header can carry, it is the REST service.
    #[must_use]
    pub fn repository(mut self, repository: Repository) -> Self {
        self.repository = Some(repository);
        self
    }

    /// Sets whether a file that the CDN does not take is sent to the REST service instead. On by default.
    #[must_use]
    pub fn fallback(mut self, fallback: bool) -> Self {
        self.fallback = fallback;
        self
    }

    /// Sets the size in bytes above which a file is uploaded in parts. 100 MiB by default.
    #[must_use]
    pub fn multipart_above(mut self, bytes: u64) -> Self {
        self.multipart_above = bytes;
        self
    }

    /// Sets the size of a part in bytes, at least 1. 10 MiB by default.
    ///
    /// The last part may be smaller. Parts of a file that would have more than 10,000 are larger.
    #[must_use]
    pub fn part_size(mut self, bytes: u64) -> Self {
        self.part_size = bytes.max(1);
        self
    }

    /// Sets the number of parts of a file that are sent at the same time, at least 1. 10 by default.
    #[must_use]
    pub fn part_concurrency(mut self, parts: usize) -> Self {
        self.part_concurrency = parts.max(1);
        self
    }

    /// Sets the size in bytes up to which the local files of an input are sent inside the request, as `data:` URLs.
    /// 0 by default, so that none are.
    ///
    /// This saves the upload, but makes the request larger: base64 adds a third to a file. For one file, whatever its size,
    /// there is [`File::inline`](crate::File::inline).
    #[must_use]
    pub fn inline_up_to(mut self, bytes: u64) -> Self {
        self.inline_up_to = bytes;
        self
    }

    /// Sets how long uploaded files are kept and who may read them. By default, the settings of the account apply.
    #[must_use]
    pub fn lifecycle(mut self, lifecycle: Lifecycle) -> Self {
        self.lifecycle = Some(lifecycle);
        self
    }

    /// Uploads a file on disk once for all inputs that are encoded with these options.
    pub(crate) fn share(mut self) -> Self {
        self.shared = Some(SharedUploads::default());
        self
    }

    /// Returns the size of the parts of a file of `length` bytes, large enough for [`MAX_PARTS`].
    pub(super) fn part_size_for(&self, length: u64) -> u64 {
        self.part_size.max(length.div_ceil(MAX_PARTS))
    }
}
