//! The files in a message, whatever their form.

use std::{fmt, sync::OnceLock};

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use data_url::DataUrl;
use fal_core::media::Media;

use super::{
    message::{Format, Message},
    message_value::MessageValue,
};
use crate::{
    Client, Error, ErrorKind, Result,
    storage::{MediaExt, data_uri, is_data_uri},
};

/// A file in a message of a model, from [`Message::files`]: a picture, for most models.
///
/// Models send bytes, base64, a `data:` URL or the URL of a file, depending on the model and the format. All are the same
/// here. It is a [`Media`], so that [`MediaExt`] saves it.
#[derive(Clone)]
pub struct MessageFile {
    field: String,
    bytes: Option<Bytes>,
    content_type: Option<String>,
    /// The URL, or the `data:` URL of the bytes once it is asked for.
    url: OnceLock<String>,
}

impl<T> Message<T> {
    /// Returns the files in the message, in its order: objects with a `url` or `content`, bytes, and `data:` URLs.
    ///
    /// ```no_run
    /// # async fn example<M: fal_client::Realtime>(client: fal_client::Client) -> fal_client::Result<()> {
    /// # fn draw(picture: &[u8]) {}
    /// let mut connection = client.endpoint::<M>().realtime().await?;
    /// while let Some(message) = connection.recv().await? {
    ///     for file in message.files() {
    ///         draw(&file.fetch(&client).await?);
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn files(&self) -> Vec<MessageFile> {
        let value = match self.format() {
            Format::MessagePack => rmp_serde::from_slice(self.raw()).ok(),
            Format::Json => serde_json::from_slice(self.raw()).ok(),
        };
        let mut files = Vec::new();
        if let Some(value) = value {
            collect("", &value, &mut files);
        }
        files
    }
}

impl MessageFile {
    /// Returns the place of the file in the message, such as `images.0`.
    #[must_use]
    pub fn field(&self) -> &str {
        &self.field
    }

    /// Returns the content, or `None` if the message has only its URL.
    #[must_use]
    pub fn bytes(&self) -> Option<&Bytes> {
        self.bytes.as_ref()
    }

    /// Returns the content, and downloads it if the message has only its URL.
    ///
    /// # Errors
    ///
    /// Those of [`Client::download`].
    pub async fn fetch(&self, client: &Client) -> Result<Bytes> {
        match &self.bytes {
            Some(bytes) => Ok(bytes.clone()),
            None if self.url().is_empty() => {
                Err(Error::new(ErrorKind::File, format!("`{}` of the message is empty", self.field)))
            }
            None => self.download(client).await?.bytes().await,
        }
    }

    /// Creates a file of an object with a `url` or `content`.
    fn from_object(field: &str, object: &MessageValue) -> Option<Self> {
        let text =
            |key: &str| object.get(key).and_then(MessageValue::as_text).filter(|text| !text.is_empty());
        let content_type = text("content_type").map(str::to_owned);
        let content = match object.get("content") {
            Some(MessageValue::Bytes(bytes)) => Some(bytes.clone()),
            Some(MessageValue::Text(text)) if is_data_uri(text) => {
                return Self::from_url(field, text, content_type);
            }
            // A text that is no base64 is not the content of a file.
            Some(MessageValue::Text(text)) if !text.is_empty() => STANDARD.decode(text).ok().map(Bytes::from),
            _ => None,
        };
        match (content, text("url")) {
            (Some(bytes), _) => Some(Self::from_bytes(field, bytes, content_type)),
            (None, Some(url)) => Self::from_url(field, url, content_type),
            (None, None) => None,
        }
    }

    fn from_bytes(field: &str, bytes: Bytes, content_type: Option<String>) -> Self {
        let guessed = || infer::get(&bytes).map(|kind| kind.mime_type().to_owned());
        let content_type = content_type.or_else(guessed);
        Self { field: field.to_owned(), bytes: Some(bytes), content_type, url: OnceLock::new() }
    }

    fn from_url(field: &str, url: &str, content_type: Option<String>) -> Option<Self> {
        if !is_data_uri(url) {
            let (field, url) = (field.to_owned(), OnceLock::from(url.to_owned()));
            return Some(Self { field, bytes: None, content_type, url });
        }
        let data = DataUrl::process(url).ok()?;
        let (bytes, _) = data.decode_to_vec().ok()?;
        let content_type = content_type.unwrap_or_else(|| data.mime_type().to_string());
        Some(Self::from_bytes(field, bytes.into(), Some(content_type)))
    }
}

/// Adds the files of a value at `field`.
fn collect(field: &str, value: &MessageValue, files: &mut Vec<MessageFile>) {
    let below = |name: &dyn fmt::Display| match field {
        "" => name.to_string(),
        _ => format!("{field}.{name}"),
    };
    match value {
        MessageValue::Bytes(bytes) => files.push(MessageFile::from_bytes(field, bytes.clone(), None)),
        MessageValue::Text(text) if is_data_uri(text) => {
            files.extend(MessageFile::from_url(field, text, None))
        }
        MessageValue::List(items) => {
            for (index, item) in items.iter().enumerate() {
                collect(&below(&index), item, files);
            }
        }
        MessageValue::Object(entries) => match MessageFile::from_object(field, value) {
            Some(file) => files.push(file),
            None => {
                for (key, value) in entries {
                    collect(&below(key), value, files);
                }
            }
        },
        _ => {}
    }
}

/// The URL of a file that came as bytes or base64 is a `data:` URL.
impl Media for MessageFile {
    fn url(&self) -> &str {
        self.url.get_or_init(|| {
            let content_type = self.content_type.as_deref().unwrap_or("application/octet-stream");
            data_uri(content_type, self.bytes.as_deref().unwrap_or_default())
        })
    }

    fn content_type(&self) -> Option<&str> {
        self.content_type.as_deref()
    }

    fn file_size(&self) -> Option<i64> {
        self.bytes.as_ref().and_then(|bytes| i64::try_from(bytes.len()).ok())
    }
}

/// Prints the length of the content.
impl fmt::Debug for MessageFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MessageFile")
            .field("field", &self.field)
            .field("bytes", &self.bytes.as_ref().map(Bytes::len))
            .field("content_type", &self.content_type)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const PNG: &[u8] = b"\x89PNG\r\n\x1a\nrest";

    fn files_of(value: &Value, format: Format) -> Vec<MessageFile> {
        let raw = match format {
            Format::Json => serde_json::to_vec(value).unwrap(),
            Format::MessagePack => rmp_serde::to_vec_named(value).unwrap(),
        };
        Message::new((), raw.into(), format).files()
    }

    #[test]
    fn files_are_the_same_in_every_form() {
        let base64 = STANDARD.encode(PNG);
        let uri = format!("data:image/png;base64,{base64}");
        let forms = [
            json!({ "images": [{ "content": base64, "content_type": "image/png", "width": 8 }] }),
            json!({ "images": [{ "url": uri }] }),
            json!({ "images": [{ "url": null, "content": uri }] }),
            json!({ "images": [uri] }),
            json!({ "images": [{ "content": base64 }] }),
        ];
        for form in forms {
            for format in [Format::Json, Format::MessagePack] {
                let files = files_of(&form, format);
                assert_eq!(files.len(), 1, "{form}");
                assert_eq!(
                    (files[0].bytes().unwrap().as_ref(), files[0].field()),
                    (PNG, "images.0"),
                    "{form}"
                );
                assert_eq!((files[0].content_type(), files[0].url()), (Some("image/png"), &*uri));
            }
        }
        let bytes = MessageValue::Object(vec![("image".to_owned(), MessageValue::Bytes(PNG.into()))]);
        let mut files = Vec::new();
        collect("", &bytes, &mut files);
        assert_eq!((files[0].bytes().unwrap().as_ref(), files[0].field()), (PNG, "image"));
    }

    #[test]
    fn file_with_a_url_has_no_bytes() {
        let message = json!({ "image": { "url": "https://v3.fal.media/cat.png" }, "text": "hello", "n": 1 });
        let files = files_of(&message, Format::Json);
        assert_eq!(
            (files.len(), files[0].bytes(), files[0].url()),
            (1, None, "https://v3.fal.media/cat.png")
        );
    }
}
