//! Media given to a model.

use std::{any::Any, fmt, path::PathBuf, sync::Arc};

use serde::{Deserialize, Deserializer, Serialize, Serializer, ser::Error as _};

use crate::{Check, Parameters};

/// A file that a model takes: one that is online already, or one to be uploaded.
///
/// A local file is uploaded by the client when the request is sent; nothing is read before that.
/// There is deliberately no `From<&str>`: whether a text is a URL or a path must be said.
///
/// ```
/// use fal_core::File;
///
/// let online = File::url("https://example.com/cat.png");
/// let local = File::path("cat.png");
/// let memory = File::bytes(vec![0x89, b'P', b'N', b'G'], "image/png").named("cat.png");
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct File(FileSource);

/// Where the content of a [`File`] is.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum FileSource {
    /// At an `https:`, `http:` or `data:` URL, which is sent as it is.
    Url(String),
    /// In memory.
    Bytes {
        /// The content. Not a slice, so that a `Vec` becomes a file without being copied.
        data: Arc<Vec<u8>>,
        /// Its media type, such as `image/png`.
        content_type: String,
        /// The name it is uploaded under; a name made from the media type when `None`.
        name: Option<String>,
    },
    /// On this machine.
    Path {
        /// Where it is read from.
        path: PathBuf,
        /// Its media type; told from the extension and the first bytes when `None`.
        content_type: Option<String>,
        /// The name it is uploaded under; the path's own when `None`.
        name: Option<String>,
    },
    /// Somewhere that only the client knows how to read, such as a reader of the `fal-client` crate.
    Custom {
        /// What the client reads.
        content: CustomContent,
        /// Its media type; told from the name and the first bytes when `None`.
        content_type: Option<String>,
        /// The name it is uploaded under; a name made from the media type when `None`.
        name: Option<String>,
    },
}

/// What a required file parameter takes: a [`File`], or a file that another model gave.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a file",
    label = "expected a `File`, found `{Self}`",
    note = "a URL known at run time is `File::url(..)`, a local file `File::path(..)`, content in memory `File::bytes(..)`"
)]
pub trait IntoFile {
    /// The file.
    fn into_file(self) -> File;
}

#[diagnostic::do_not_recommend]
impl<T: Into<File>> IntoFile for T {
    fn into_file(self) -> File {
        self.into()
    }
}

/// Content of a kind that this crate does not know. Equal to its clones alone.
#[derive(Clone)]
pub struct CustomContent(Arc<dyn Any + Send + Sync>);

impl CustomContent {
    /// The content as `T`, if that is what it is.
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
    /// A file that the service can fetch itself.
    pub fn url(url: impl Into<String>) -> Self {
        Self(FileSource::Url(url.into()))
    }

    /// A file inside its own URL, `data:<media type>;base64,<content>`. Sent as it is.
    pub fn data_uri(uri: impl Into<String>) -> Self {
        Self(FileSource::Url(uri.into()))
    }

    /// A file in memory, uploaded when the request is sent. Small ones can be sent inside the request instead,
    /// which is an option of the client.
    ///
    /// Takes a `Vec<u8>` and a `bytes::Bytes` that nothing else shares without copying them. With an empty media
    /// type, the first bytes tell it.
    pub fn bytes(data: impl Into<Vec<u8>>, content_type: impl Into<String>) -> Self {
        Self(FileSource::Bytes { data: Arc::new(data.into()), content_type: content_type.into(), name: None })
    }

    /// A file of a kind that a client adds, such as the reader of the `fal-client` crate.
    pub fn custom(content: impl Any + Send + Sync) -> Self {
        let content = CustomContent(Arc::new(content));
        Self(FileSource::Custom { content, content_type: None, name: None })
    }

    /// A file on this machine, read and uploaded when the request is sent.
    pub fn path(path: impl Into<PathBuf>) -> Self {
        Self(FileSource::Path { path: path.into(), content_type: None, name: None })
    }

    /// Uploads the file under this name. A URL keeps the name it has.
    #[must_use]
    pub fn named(mut self, file_name: impl Into<String>) -> Self {
        if let FileSource::Bytes { name, .. }
        | FileSource::Path { name, .. }
        | FileSource::Custom { name, .. } = &mut self.0
        {
            *name = Some(file_name.into());
        }
        self
    }

    /// Uploads the file with this media type. A URL keeps the type it has.
    #[must_use]
    pub fn with_content_type(mut self, media_type: impl Into<String>) -> Self {
        match &mut self.0 {
            FileSource::Url(_) => {}
            FileSource::Bytes { content_type, .. } => *content_type = media_type.into(),
            FileSource::Path { content_type, .. } | FileSource::Custom { content_type, .. } => {
                *content_type = Some(media_type.into());
            }
        }
        self
    }

    /// Where the content is.
    #[must_use]
    pub fn source(&self) -> &FileSource {
        &self.0
    }

    /// The URL, if the file needs no upload.
    #[must_use]
    pub fn as_url(&self) -> Option<&str> {
        match &self.0 {
            FileSource::Url(url) => Some(url),
            _ => None,
        }
    }
}

impl fmt::Debug for File {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Content is summarised, so that printing an input stays readable.
impl fmt::Debug for FileSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 80;
        match self {
            Self::Url(url) => match url.char_indices().nth(SHOWN) {
                Some((end, _)) if url.starts_with("data:") => {
                    write!(f, "Url({:?}… {} bytes)", &url[..end], url.len())
                }
                _ => write!(f, "Url({url:?})"),
            },
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

impl Parameters for File {
    fn visit_files(&mut self, visit: &mut dyn FnMut(&mut File)) {
        visit(self);
    }

    fn check(&self, _: &mut Check) {}
}

impl Serialize for File {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.0 {
            FileSource::Url(url) => serializer.serialize_str(url),
            _ => Err(S::Error::custom(
                "a local file has no URL yet: send the input through a client, which uploads it, \
                 or upload it first with `Client::upload`",
            )),
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
    fn a_local_file_is_not_written_as_if_it_were_online() {
        let error = serde_json::to_string(&File::path("cat.png")).unwrap_err().to_string();
        assert!(error.contains("Client::upload"), "{error}");
        assert_eq!(serde_json::to_string(&File::url("https://x/y.png")).unwrap(), "\"https://x/y.png\"");
    }

    #[test]
    fn custom_content_is_equal_to_its_clones_alone() {
        let file = File::custom(7_u8).named("seven.bin").with_content_type("image/x-seven");
        assert_eq!(file.clone(), file);
        assert_ne!(file, File::custom(7_u8));
        let FileSource::Custom { content, .. } = file.source() else { panic!("{file:?}") };
        assert_eq!(content.downcast::<u8>().as_deref(), Some(&7));
        assert_eq!(content.downcast::<u16>(), None);
        assert_eq!(format!("{file:?}"), r#"Custom(.., Some("image/x-seven"), Some("seven.bin"))"#);
    }

    #[test]
    fn debug_does_not_print_content() {
        let file = File::bytes(vec![7; 5000], "image/png").named("seven.png");
        assert_eq!(format!("{file:?}"), r#"Bytes(5000 bytes, "image/png", Some("seven.png"))"#);
        let uri = File::data_uri(format!("data:text/plain,{}", "ž".repeat(500)));
        assert!(format!("{uri:?}").len() < 200);
    }
}
