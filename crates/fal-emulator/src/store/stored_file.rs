//! Files of the CDN and the metadata that their uploads announce.

use std::sync::Arc;
use std::time::Instant;

use super::access::{Acl, Lifecycle};
use super::content::FileContent;

/// A file of the CDN.
#[derive(Clone)]
pub(crate) struct StoredFile {
    /// The name from the upload; the path holds a reduced form of it.
    pub(crate) name: String,
    pub(crate) content_type: String,
    pub(crate) content: FileContent,
    pub(crate) acl: Acl,
    pub(super) expires: Option<Instant>,
    /// The scope of the request that made the file.
    pub(super) scope: Option<Arc<str>>,
}

/// The metadata of an upload, which is known before its bytes.
#[derive(Clone)]
pub(crate) struct UploadMetadata {
    pub(crate) name: String,
    pub(crate) content_type: String,
    pub(crate) lifecycle: Lifecycle,
}

impl UploadMetadata {
    /// Turns the upload into a file, whose lifetime begins now.
    pub(super) fn into_file(self, content: FileContent) -> StoredFile {
        let expires = self.lifecycle.expires_at();
        self.into_file_until(expires, content)
    }

    /// Turns the upload into a file that is gone after `expires`.
    pub(super) fn into_file_until(self, expires: Option<Instant>, content: FileContent) -> StoredFile {
        StoredFile {
            name: self.name,
            content_type: self.content_type,
            content,
            acl: self.lifecycle.acl.unwrap_or_default(),
            expires,
            scope: self.lifecycle.scope,
        }
    }
}
