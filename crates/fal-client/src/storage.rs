//! Files on their way to and from fal.

mod content_type;
mod download;
mod upload;

#[cfg(feature = "realtime")]
pub(crate) use self::content_type::guess;
pub(crate) use self::upload::upload_all;
pub use self::{
    download::{Download, Fetch},
    upload::Upload,
};
