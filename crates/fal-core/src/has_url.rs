//! Everything that has a URL.

use std::borrow::Cow;

use crate::{File, media::Media};

/// A value that has a URL: text, a `url::Url`, a [`File`], or a file that a model returned.
///
/// ```
/// use fal_core::{File, HasUrl, media::Image};
///
/// fn print(file: &impl HasUrl) {
///     println!("{}", file.as_url().unwrap_or("not uploaded yet"));
/// }
///
/// # let json = r#"{ "url": "https://example.com/cat.png", "width": 512, "height": 512 }"#;
/// let image: Image = serde_json::from_str(json)?;
/// print(&image);
/// print(&"https://example.com/cat.png");
/// print(&File::path("cat.png"));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no URL",
    label = "expected a URL, a `File` or a file that a model returned, found `{Self}`"
)]
pub trait HasUrl {
    /// Returns the URL, or `None` for a local file that is not uploaded yet.
    fn as_url(&self) -> Option<&str>;
}

#[diagnostic::do_not_recommend]
impl<M: Media + ?Sized> HasUrl for M {
    fn as_url(&self) -> Option<&str> {
        Some(self.url())
    }
}

/// Implements the trait for types that are text, and for references to them.
///
/// One impl for all references would overlap with the one for [`Media`].
macro_rules! text {
    ($($ty:ty),*) => {
        $(
            impl HasUrl for $ty {
                fn as_url(&self) -> Option<&str> {
                    Some(AsRef::<str>::as_ref(self))
                }
            }

            impl HasUrl for &$ty {
                fn as_url(&self) -> Option<&str> {
                    Some(AsRef::<str>::as_ref(*self))
                }
            }
        )*
    };
}

text!(str, String, Cow<'_, str>, Box<str>);
#[cfg(feature = "url")]
text!(url::Url);

impl HasUrl for File {
    fn as_url(&self) -> Option<&str> {
        File::as_url(self)
    }
}

impl HasUrl for &File {
    fn as_url(&self) -> Option<&str> {
        File::as_url(self)
    }
}
