//! How files are uploaded.

use std::fmt;

use super::Lifecycle;

/// How files are uploaded, for a client or for one upload.
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
    pub(super) parts_at_once: usize,
    pub(super) inline_up_to: u64,
    pub(super) lifecycle: Option<Lifecycle>,
}

/// The way by which a file gets to fal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Repository {
    /// To the CDN at once, with a token that is kept for the next files. What fal's Python client does.
    Cdn,
    /// To a signed URL that the REST service gives, asked for before every file. What fal's JavaScript
    /// client does.
    Rest,
}

/// The official clients' numbers.
impl Default for UploadOptions {
    fn default() -> Self {
        Self {
            repository: None,
            fallback: true,
            multipart_above: 100 << 20,
            part_size: 10 << 20,
            parts_at_once: 10,
            inline_up_to: 0,
            lifecycle: None,
        }
    }
}

impl UploadOptions {
    /// The way by which files go. The CDN by default; the REST service behind a proxy, and for names that no
    /// HTTP header can carry.
    #[must_use]
    pub fn repository(mut self, repository: Repository) -> Self {
        self.repository = Some(repository);
        self
    }

    /// Whether a file that the CDN does not take goes to the REST service instead. On by default.
    #[must_use]
    pub fn fallback(mut self, fallback: bool) -> Self {
        self.fallback = fallback;
        self
    }

    /// Files of more than this many bytes are uploaded in parts; 100 MiB by default.
    #[must_use]
    pub fn multipart_above(mut self, bytes: u64) -> Self {
        self.multipart_above = bytes;
        self
    }

    /// The size of a part in bytes, of which the last may have less; 10 MiB by default, and at least 1. Larger
    /// where there would be more than 10,000 parts.
    #[must_use]
    pub fn part_size(mut self, bytes: u64) -> Self {
        self.part_size = bytes.max(1);
        self
    }

    /// How many parts are on their way at a time; 10 by default, and at least 1.
    #[must_use]
    pub fn parts_at_once(mut self, parts: usize) -> Self {
        self.parts_at_once = parts.max(1);
        self
    }

    /// Sends files of an input of up to this many bytes inside the request, as `data:` URLs, which saves an
    /// upload. 0 by default: none. A request is meant to stay small: base64 makes a third more of a file.
    #[must_use]
    pub fn inline_up_to(mut self, bytes: u64) -> Self {
        self.inline_up_to = bytes;
        self
    }

    /// How long uploaded files are kept, and who may see them. What the account's settings say by default.
    #[must_use]
    pub fn lifecycle(mut self, lifecycle: Lifecycle) -> Self {
        self.lifecycle = Some(lifecycle);
        self
    }

    /// Large enough that the parts of `length` bytes can be counted.
    pub(super) fn part_size_for(&self, length: u64) -> u64 {
        self.part_size.max(length.div_ceil(MOST_PARTS))
    }
}

/// What storage of this kind takes.
pub(super) const MOST_PARTS: u64 = 10_000;

/// How far an upload or a download is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    pub(super) done: u64,
    pub(super) total: Option<u64>,
}

impl Progress {
    /// The bytes so far. Less than before when something is sent again.
    #[must_use]
    pub fn done(&self) -> u64 {
        self.done
    }

    /// The bytes in all, if that is known.
    #[must_use]
    pub fn total(&self) -> Option<u64> {
        self.total
    }
}

/// `1048576/4194304 bytes`
impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.total {
            Some(total) => write!(f, "{}/{total} bytes", self.done),
            None => write!(f, "{} bytes", self.done),
        }
    }
}
