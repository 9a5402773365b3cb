//! Saving everything that an output holds.

use std::path::{Path, PathBuf};

use futures_util::{StreamExt, TryStreamExt, stream};
use serde_json::Value;

use crate::{Client, Error, ErrorKind, Reply, Result};

/// How many files of one output are downloaded at a time.
const AT_A_TIME: usize = 4;

/// A file of an output that was saved, from [`Reply::save_media`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SavedFile {
    /// Where in the output it is, such as `images-0`.
    pub field: String,
    /// Where it is now.
    pub path: PathBuf,
}

impl<T> Reply<T> {
    /// Saves every file of the output into a folder, which is made if it is not there, and returns them in the
    /// order of the output.
    ///
    /// A file is called by its place in the output and its type, such as `images-0.png` and `video.mp4`. Files that
    /// are there already stay; see [`Download::save_in`](crate::storage::Download::save_in). Found are all objects with a
    /// `url`, all texts whose name ends in `url` or `urls`, and all `data:` URLs, also in fields that `T` does not
    /// know; what is in the output twice is saved once.
    ///
    /// ```no_run
    /// # use fal_client::{Client, untyped};
    /// # async fn example(client: Client) -> fal_client::Result<()> {
    /// let input = untyped::input("fal-ai/flux/dev", serde_json::json!({ "prompt": "a cat", "num_images": 2 }));
    /// let reply = client.subscribe(input).await?;
    /// for saved in reply.save_media(&client, "out").await? {
    ///     println!("{}", saved.path.display());
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As a download; files that are saved by then stay. `Decode` when the output is not JSON.
    pub async fn save_media(&self, client: &Client, folder: impl AsRef<Path>) -> Result<Vec<SavedFile>> {
        let folder = folder.as_ref();
        let output: Value = serde_json::from_slice(self.raw()).map_err(|cause| {
            let kind = ErrorKind::Decode { path: ".".to_owned() };
            Error::new(kind, format!("the output is not JSON: {cause}")).with_source(cause)
        })?;
        let files = find(&output).into_iter().map(|(field, url)| async move {
            let path = client.download(&url).await?.save_in(folder, &field).await;
            path.map(|path| SavedFile { field, path })
        });
        stream::iter(files).buffered(AT_A_TIME).try_collect().await
    }
}

/// The place and the URL of every file, in order.
fn find(output: &Value) -> Vec<(String, String)> {
    let mut found = Vec::new();
    walk(output, &mut Vec::new(), &mut found);
    found
}

fn walk(value: &Value, place: &mut Vec<String>, found: &mut Vec<(String, String)>) {
    match value {
        Value::String(url) if is_media(url, place) && !found.iter().any(|(_, known)| known == url) => {
            found.push((name(place), url.clone()));
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                step(index.to_string(), item, place, found);
            }
        }
        Value::Object(fields) => {
            for (field, value) in fields {
                step(field.clone(), value, place, found);
            }
        }
        _ => {}
    }
}

fn step(name: String, value: &Value, place: &mut Vec<String>, found: &mut Vec<(String, String)>) {
    place.push(name);
    walk(value, place, found);
    place.pop();
}

fn is_media(text: &str, place: &[String]) -> bool {
    let begins =
        |scheme: &str| text.get(..scheme.len()).is_some_and(|head| head.eq_ignore_ascii_case(scheme));
    // The items of `image_urls` have numbers for names.
    let field = place.iter().rev().find(|name| name.parse::<usize>().is_err());
    let is_named = || field.is_some_and(|name| name.ends_with("url") || name.ends_with("urls"));
    (begins("data:") && text.contains(',')) || ((begins("https://") || begins("http://")) && is_named())
}

/// `images-0` for `images[0].url`.
fn name(place: &[String]) -> String {
    let parts: Vec<_> = place.iter().map(String::as_str).collect();
    let parts = match parts.as_slice() {
        [above @ .., "url"] if !above.is_empty() => above,
        all => all,
    };
    parts.join("-")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn files_are_found_wherever_they_are() {
        let output = json!({
            "images": [{"url": "https://x/a", "width": 1}, {"url": "https://x/b"}, {"url": "https://x/a"}],
            "video": {"url": "https://x/v", "thumbnail": {"url": "HTTPS://x/t"}},
            "image_urls": ["https://x/1", "https://x/2"],
            "audio_url": "http://x/s",
            "mask": "data:image/png;base64,AA==",
            "text": "https://x/not a file",
            "note": "data: none",
            "link": {"href": "https://x/no"},
            "url": "https://x/whole",
            "prompt_url": "see above",
            "empty": {"url": ""},
            "nothing": {"url": null},
        });
        let mut found = find(&output);
        found.sort();
        let names: Vec<_> = found.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(
            names,
            [
                "audio_url",
                "image_urls-0",
                "image_urls-1",
                "images-0",
                "images-1",
                "mask",
                "url",
                "video",
                "video-thumbnail",
            ]
        );
    }
}
