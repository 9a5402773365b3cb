//! Files given to a model.

use std::{
    any::Any,
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
};

use serde::{Deserialize, Deserializer, Serialize, Serializer, ser::Error as _};

use crate::local_files;

/// A file given to a model: a URL, or content to upload.
///
/// The client reads and uploads local content when it sends the request, not before. [`inline`](Self::inline) sends it
/// inside the request instead.
///
/// A `PathBuf` or `&Path` is a file too. There is deliberately no `From<&str>`, because a string could be a URL or a
/// path. In [`input!`](crate::input!) a string literal, and in [`try_input!`](crate::try_input!) any string, is a URL
/// or a data URI.
///
/// # Examples
///
/// ```
/// use fal_core::File;
///
/// let online = File::url("https://example.com/cat.png");
/// let local = File::path("cat.png");
/// let in_memory = File::bytes(vec![0x89, b'P', b'N', b'G'], "image/png").named("cat.png");
/// let inside_the_request = File::path("icon.png").inline();
/// ```
///
/// A file that one model returned is given to the next one by reference, or with `File::from`:
///
/// ```
/// use fal_core::{File, media::Image};
///
/// # let json = r#"{ "url": "https://example.com/cat.png", "width": 512, "height": 512 }"#;
/// # let image: Image = serde_json::from_str(json)?;
/// let file = File::from(&image);
/// assert_eq!(file.as_url(), Some("https://example.com/cat.png"));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct File {
    source: FileSource,
    inline: bool,
}

/// The location of the content of a [`File`].
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum FileSource {
    /// An `https:`, `http:` or `data:` URL, which is sent as it is.
    Url(String),
    /// Content in memory.
    Bytes {
        /// The content. An `Arc<Vec<u8>>`, because making an `Arc<[u8]>` of a `Vec` copies it.
        data: Arc<Vec<u8>>,
        /// The media type, such as `image/png`. Detected from the first bytes if empty.
        content_type: String,
        /// The name of the uploaded file. Made from the media type if `None`.
        name: Option<String>,
    },
    /// A path on this machine.
    Path {
        /// The path of the file.
        path: PathBuf,
        /// The media type. Detected from the extension and the first bytes if `None`.
        content_type: Option<String>,
        /// The name of the uploaded file. The file name of the path if `None`.
        name: Option<String>,
    },
    /// Content that only a client can read, such as a reader of the `fal-client` crate.
    Custom {
        /// The content, which the client downcasts to a type of its own.
        content: CustomContent,
        /// The media type. Detected from the name and the first bytes if `None`.
        content_type: Option<String>,
        /// The name of the uploaded file. Made from the media type if `None`.
        name: Option<String>,
    },
}

/// A value that becomes a file: a [`File`], a path, content in memory, or a file that a model returned.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a file",
    label = "expected a `File`, found `{Self}`",
    note = "a URL known at run time is `File::url(..)`, a local file `File::path(..)`, content in memory `File::bytes(..)`"
)]
pub trait IntoFile {
    /// Returns the file.
    fn into_file(self) -> File;
}

/// Makes a file of a path on this machine, like [`File::path`].
impl From<PathBuf> for File {
    fn from(path: PathBuf) -> Self {
        Self::path(path)
    }
}

/// Makes a file of a path on this machine, like [`File::path`].
impl From<&PathBuf> for File {
    fn from(path: &PathBuf) -> Self {
        Self::path(path)
    }
}

/// Makes a file of a path on this machine, like [`File::path`].
impl From<&Path> for File {
    fn from(path: &Path) -> Self {
        Self::path(path)
    }
}

/// Makes a file of content in memory, like [`File::bytes`]. The client detects its media type.
impl From<Vec<u8>> for File {
    fn from(data: Vec<u8>) -> Self {
        Self::bytes(data, "")
    }
}

/// Makes a file of content in memory, like [`File::bytes`]. The client detects its media type.
#[cfg(feature = "bytes")]
impl From<bytes::Bytes> for File {
    fn from(data: bytes::Bytes) -> Self {
        Self::bytes(data, "")
    }
}

/// Makes a copy, whose content in memory is shared.
impl From<&File> for File {
    fn from(file: &File) -> Self {
        file.clone()
    }
}

#[diagnostic::do_not_recommend]
impl<T: Into<File>> IntoFile for T {
    fn into_file(self) -> File {
        self.into()
    }
}

/// Content of a type that this crate does not know.
///
/// A client that supports it gets the content back with [`downcast`](Self::downcast). It is `dyn Any` because
/// reading it is asynchronous, and this crate has no async code. Equal only to its clones.
#[derive(Clone)]
pub struct CustomContent(Arc<dyn Any + Send + Sync>);

impl CustomContent {
    /// Returns the content if it is a `T`.
    #[must_use]
    pub fn downcast<T: Any + Send + Sync>(&self) -> Option<Arc<T>> {
        self.0.clone().downcast().ok()
    }
}

impl PartialEq for CustomContent {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for CustomContent {}

impl fmt::Debug for CustomContent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad("..")
    }
}

impl File {
    fn new(source: FileSource) -> Self {
        Self { source, inline: false }
    }

    /// Creates a file from a URL that the service can download.
    pub fn url(url: impl Into<String>) -> Self {
        Self::new(FileSource::Url(url.into()))
    }

    /// Creates a file from a data URI, `data:<media type>;base64,<content>`, which is sent as it is.
    pub fn data_uri(uri: impl Into<String>) -> Self {
        Self::new(FileSource::Url(uri.into()))
    }

    /// Creates a file from content in memory, which is uploaded when the request is sent.
    ///
    /// `content_type` is the media type, such as `image/png`. If it is empty, the client detects the type from the
    /// first bytes. A `Vec<u8>`, or a `bytes::Bytes` that is not shared, is not copied.
    pub fn bytes(data: impl Into<Vec<u8>>, content_type: impl Into<String>) -> Self {
        Self::new(FileSource::Bytes {
            data: Arc::new(data.into()),
            content_type: content_type.into(),
            name: None,
        })
    }

    /// Creates a file from content that only a client can read, such as a reader of the `fal-client` crate.
    pub fn custom(content: impl Any + Send + Sync) -> Self {
        let content = CustomContent(Arc::new(content));
        Self::new(FileSource::Custom { content, content_type: None, name: None })
    }

    /// Creates a file from a path on this machine, which is read and uploaded when the request is sent.
    pub fn path(path: impl Into<PathBuf>) -> Self {
        Self::new(FileSource::Path { path: path.into(), content_type: None, name: None })
    }

    /// Sets the name of the uploaded file. Has no effect on a URL.
    #[must_use]
    pub fn named(mut self, file_name: impl Into<String>) -> Self {
        if let FileSource::Bytes { name, .. }
        | FileSource::Path { name, .. }
        | FileSource::Custom { name, .. } = &mut self.source
        {
            *name = Some(file_name.into());
        }
        self
    }

    /// Sets the media type of the uploaded file, such as `image/png`. Has no effect on a URL.
    #[must_use]
    pub fn with_content_type(mut self, media_type: impl Into<String>) -> Self {
        match &mut self.source {
            FileSource::Url(_) => {}
            FileSource::Bytes { content_type, .. } => *content_type = media_type.into(),
            FileSource::Path { content_type, .. } | FileSource::Custom { content_type, .. } => {
                *content_type = Some(media_type.into());
            }
        }
        self
    }

    /// Sends the content inside the request, as a `data:` URI, in place of uploading it. Has no effect on a URL.
    ///
    /// This saves an upload and leaves no file at fal, but base64 adds a third to the size, so it suits files of up to
    /// some hundred kilobytes. `Client::upload` uploads the file all the same.
    ///
    /// ```
    /// use fal_core::File;
    ///
    /// let icon = File::path("icon.png").inline();
    /// let noise = File::bytes(vec![0; 64], "audio/basic").inline();
    /// assert!(icon.is_inline() && noise.is_inline());
    /// ```
    #[doc(alias("encode_file", "encode_image", "data_uri"))]
    #[must_use]
    pub fn inline(mut self) -> Self {
        self.inline = self.as_url().is_none();
        self
    }

    /// Returns true if the content is to be sent inside the request.
    #[must_use]
    pub fn is_inline(&self) -> bool {
        self.inline
    }

    /// Returns the location of the content.
    #[must_use]
    pub fn source(&self) -> &FileSource {
        &self.source
    }

    /// Returns the URL, or `None` if the file has to be uploaded.
    #[must_use]
    pub fn as_url(&self) -> Option<&str> {
        match &self.source {
            FileSource::Url(url) => Some(url),
            _ => None,
        }
    }
}

impl fmt::Debug for File {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.source.fmt(f)?;
        f.write_str(if self.inline { " inline" } else { "" })
    }
}

/// Prints the length of content instead of the content, so that a printed input stays readable. Of URLs, leaves out
/// passwords and queries, which may let their bearer read the file.
impl fmt::Debug for FileSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Url(url) => fmt_url(url, f),
            Self::Bytes { data, content_type, name } => {
                write!(f, "Bytes({} bytes, {content_type:?}, {name:?})", data.len())
            }
            Self::Path { path, content_type, name } => {
                write!(f, "Path({path:?}, {content_type:?}, {name:?})")
            }
            Self::Custom { content, content_type, name } => {
                write!(f, "Custom({content:?}, {content_type:?}, {name:?})")
            }
        }
    }
}

fn fmt_url(url: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    const SHOWN: usize = 80;
    let is_data = url.get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case("data:"));
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    let shown = if is_data || scheme.is_empty() {
        url.to_owned()
    } else {
        // A password may hold any character.
        let rest = rest.rsplit_once('@').map_or(rest.to_owned(), |(_, rest)| format!("…@{rest}"));
        match rest.split_once(['?', '#']) {
            Some((path, _)) => format!("{scheme}://{path}?…"),
            None => format!("{scheme}://{rest}"),
        }
    };
    match shown.char_indices().nth(if is_data { SHOWN } else { 4 * SHOWN }) {
        Some((end, _)) => {
            write!(f, "Url({:?}… {} bytes)", shown.get(..end).unwrap_or_default(), url.len())
        }
        None => write!(f, "Url({shown:?})"),
    }
}

impl Serialize for File {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.source {
            FileSource::Url(url) => serializer.serialize_str(url),
            _ => match local_files::collect(self) {
                Some(text) => serializer.serialize_str(&text),
                None => Err(S::Error::custom(
                    "a local file has no URL yet: send the input through a client, which uploads it, \
                     or upload it first with `Client::upload`",
                )),
            },
        }
    }
}

impl<'de> Deserialize<'de> for File {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::url)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn serializing_a_local_file_fails() {
        let error = serde_json::to_string(&File::path("cat.png")).unwrap_err().to_string();
        assert!(error.contains("Client::upload"), "{error}");
        assert_eq!(serde_json::to_string(&File::url("https://x/y.png")).unwrap(), "\"https://x/y.png\"");
    }

    #[test]
    fn only_local_content_can_be_inline() {
        let file = File::path("cat.png").inline();
        assert!(file.is_inline() && file != File::path("cat.png"));
        assert_eq!(format!("{file:?}"), r#"Path("cat.png", None, None) inline"#);
        assert_eq!(File::url("https://x/y").inline(), File::url("https://x/y"));
    }

    #[test]
    fn custom_content_is_equal_only_to_its_clones() {
        let file = File::custom(7_u8).named("seven.bin").with_content_type("image/x-seven");
        assert_eq!(file.clone(), file);
        assert_ne!(file, File::custom(7_u8));
        let FileSource::Custom { content, .. } = file.source() else { panic!("{file:?}") };
        assert_eq!(content.downcast::<u8>().as_deref(), Some(&7));
        assert_eq!(content.downcast::<u16>(), None);
        assert_eq!(format!("{file:?}"), r#"Custom(.., Some("image/x-seven"), Some("seven.bin"))"#);
    }

    #[test]
    fn debug_does_not_print_passwords_and_queries() {
        for (url, shown) in [
            ("https://fal.media/files/x.png", "Url(\"https://fal.media/files/x.png\")"),
            ("https://user:p/w@host/x?sig=1", "Url(\"https://…@host/x?…\")"),
            ("https://host/x#token=1", "Url(\"https://host/x?…\")"),
        ] {
            assert_eq!(format!("{:?}", File::url(url)), shown);
        }
        let long = format!("https://host/{}", "x".repeat(1_000_000));
        assert!(format!("{:?}", File::url(long)).len() < 400);
    }

    #[test]
    fn debug_does_not_print_content() {
        let file = File::bytes(vec![7; 5000], "image/png").named("seven.png");
        assert_eq!(format!("{file:?}"), r#"Bytes(5000 bytes, "image/png", Some("seven.png"))"#);
        let uri = File::data_uri(format!("data:text/plain,{}", "ž".repeat(500)));
        assert!(format!("{uri:?}").len() < 200);
    }
}
