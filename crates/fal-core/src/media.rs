//! Types that mean the same at every model: files that models give, and sizes of images.
//!
//! A generated crate offers them under its own path and under the name that fal gives them there; where an app
//! means something else by the name, its crate has a type of its own. So a function that takes an [`Image`] takes
//! that of every model that gives one, and a function that takes `&impl` [`Media`] takes every file.

mod custom_size;
mod file;
mod image_size;

pub use custom_size::{CustomImageSize, CustomImageSizeBuilder, CustomImageSizeHeight, CustomImageSizeWidth};
pub use file::{FileOutput, Image, ImageFile, VideoFile};
pub use image_size::ImageSize;
#[doc(hidden)]
pub use image_size::shape;

use crate::{File, Nullable, Param};

/// A file that a model gives: something with a URL to download it from.
///
/// `fal_client::MediaExt` downloads and saves it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no file of an output",
    note = "files have a `url`; download any other URL with `Client::download`"
)]
pub trait Media {
    /// Where to download it from. A `data:` URL that holds the file itself in sync mode, where there is one.
    fn url(&self) -> &str;

    /// Its media type, such as `image/png`, if the model tells.
    fn content_type(&self) -> Option<&str> {
        None
    }

    /// Its name, if the model tells.
    fn file_name(&self) -> Option<&str> {
        None
    }

    /// Its size in bytes, if the model tells.
    fn file_size(&self) -> Option<i64> {
        None
    }

    /// Whether the URL holds the file itself, so that nothing has to be downloaded.
    fn is_inline(&self) -> bool {
        self.url().get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case("data:"))
    }
}

impl<M: Media + ?Sized> Media for &M {
    fn url(&self) -> &str {
        (**self).url()
    }

    fn content_type(&self) -> Option<&str> {
        (**self).content_type()
    }

    fn file_name(&self) -> Option<&str> {
        (**self).file_name()
    }

    fn file_size(&self) -> Option<i64> {
        (**self).file_size()
    }
}

/// What one model gives, the next one can take.
#[diagnostic::do_not_recommend]
impl<M: Media> From<&M> for File {
    fn from(file: &M) -> Self {
        Self::url(file.url())
    }
}

#[diagnostic::do_not_recommend]
impl<M: Media> Param<File> for &M {
    fn into_param(self) -> Option<File> {
        Some(self.into())
    }
}

#[diagnostic::do_not_recommend]
impl<M: Media> Param<Nullable<File>> for &M {
    fn into_param(self) -> Option<Nullable<File>> {
        Some(Nullable::Value(self.into()))
    }
}
