//! Types that all models share: files that models return, and image sizes.
//!
//! Generated crates re-export these types under the names that fal gives them. If an app uses such a name for
//! something else, its crate has a type of its own. A function that takes an [`Image`] therefore works with every
//! model that returns one, and a function that takes `&impl` [`Media`] works with every file.
//!
//! ```
//! use fal_core::media::Media;
//!
//! fn describe(file: &impl Media) -> String {
//!     format!("{} ({})", file.url(), file.content_type().unwrap_or("unknown type"))
//! }
//! ```

mod custom_size;
mod file;
mod image_size;

pub use custom_size::{CustomImageSize, CustomImageSizeBuilder, CustomImageSizeHeight, CustomImageSizeWidth};
pub use file::{FileOutput, Image, ImageFile, VideoFile};
pub use image_size::ImageSize;
#[doc(hidden)]
pub use image_size::shape;

use crate::{Draft, File, Nullable, Param, TryParam};

/// A file that a model returned.
///
/// `MediaExt` of the `fal-client` crate downloads and saves it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no file of an output",
    note = "files have a `url`; download any other URL with `Client::download`"
)]
pub trait Media {
    /// Returns the URL to download the file from.
    ///
    /// In the sync mode that some models have, it is a `data:` URL that contains the file.
    fn url(&self) -> &str;

    /// Returns the media type, such as `image/png`, if the model reports it.
    fn content_type(&self) -> Option<&str> {
        None
    }

    /// Returns the name of the file, if the model reports it.
    fn file_name(&self) -> Option<&str> {
        None
    }

    /// Returns the size in bytes, if the model reports it.
    fn file_size(&self) -> Option<i64> {
        None
    }

    /// Returns true if the URL is a `data:` URL, which contains the file, so that nothing has to be downloaded.
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

/// Passes the output of one model to the next.
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

#[diagnostic::do_not_recommend]
impl<M: Media> TryParam<File> for &M {
    type Value = File;

    fn try_param(self) -> Draft<File> {
        Draft::new(self.into())
    }
}

#[diagnostic::do_not_recommend]
impl<M: Media> TryParam<Nullable<File>> for &M {
    type Value = Nullable<File>;

    fn try_param(self) -> Draft<Nullable<File>> {
        Draft::new(Nullable::Value(self.into()))
    }
}
