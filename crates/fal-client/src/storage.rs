//! Files on their way to and from fal.

mod access;
mod checkpoint;
mod content_type;
mod download;
mod events;
mod lifecycle;
mod media;
mod media_ext;
mod meter;
mod multipart;
mod options;
mod piece;
mod reader;
mod single;
mod source;
mod token;
mod upload;

#[cfg(feature = "realtime")]
pub(crate) use self::content_type::guess;
pub use self::{
    access::Storage,
    checkpoint::Checkpoint,
    download::{Chunks, Download, DownloadRequest},
    events::{UploadEvent, UploadEvents},
    lifecycle::{Access, Acl, Lifecycle},
    media::SavedFile,
    media_ext::MediaExt,
    options::{Progress, Repository, UploadOptions},
    reader::FileExt,
    upload::UploadRequest,
};
pub(crate) use self::{token::Tokens, upload::upload_all};
