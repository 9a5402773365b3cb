//! Downloads of the files in an output.

use std::{
    fmt,
    path::{Path, PathBuf},
    time::Duration,
};

use bytes::Bytes;
use fal_core::media::Media;
use futures_util::{StreamExt, TryStreamExt, stream};
use serde_json::Value;

use super::download::{AllowedHosts, DownloadRequest};
use crate::{Client, Error, ErrorKind, Pending, Reply, Result, Retry, media_output, options::CallOptions};

/// The number of files of one output that are downloaded at the same time.
const FILE_CONCURRENCY: usize = 4;

/// An extension of [`Media`] that downloads a file in an output: `image.save(&client, "cat.png").await?`.
///
/// All files in the outputs of generated crates implement [`Media`]. Use [`Client::download`] for a plain URL, and
/// [`Reply::save_media`](crate::Reply::save_media) to save all files of an output at once.
///
/// ```no_run
/// use fal_client::{Client, media::Image, storage::MediaExt};
///
/// # async fn example(client: Client, image: Image) -> fal_client::Result<()> {
/// let (width, height) = image.dimensions();
/// println!("{width} by {height}");
/// image.save(&client, "out/cat.png").await?;
/// let png = image.download(&client).max_bytes(10_000_000).await?.bytes().await?;
/// # let _ = png;
/// # Ok(())
/// # }
/// ```
pub trait MediaExt: Media {
    /// Downloads the file like [`Client::download`].
    fn download(&self, client: &Client) -> DownloadRequest {
        client.download(self.url())
    }

    /// Downloads the file to `path` like [`Download::save`](crate::storage::Download::save), and returns its size in bytes.
    ///
    /// # Errors
    ///
    /// Those of [`Client::download`] and [`Download::save`](crate::storage::Download::save).
    fn save(
        &self,
        client: &Client,
        path: impl AsRef<Path> + Send,
    ) -> impl Future<Output = Result<u64>> + Send {
        let download = self.download(client);
        async move { download.await?.save(path).await }
    }

    /// Downloads the file to a new one in a folder like [`Download::save_in`](crate::storage::Download::save_in), and returns
    /// its path: `name` with the extension of the file's type.
    ///
    /// ```no_run
    /// use fal_client::{Client, media::Image, storage::MediaExt};
    ///
    /// # async fn example(client: Client, images: Vec<Image>) -> fal_client::Result<()> {
    /// for image in &images {
    ///     let path = image.save_in(&client, "out", "cat").await?; // out/cat.png, out/cat-2.png ...
    ///     println!("{}", path.display());
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`Client::download`] and [`Download::save`](crate::storage::Download::save).
    fn save_in(
        &self,
        client: &Client,
        folder: impl AsRef<Path> + Send,
        name: &str,
    ) -> impl Future<Output = Result<PathBuf>> + Send {
        let (download, name) = (self.download(client), name.to_owned());
        async move { download.await?.save_in(folder, &name).await }
    }

    /// Downloads the file and decodes it as a picture of the crate `image`. With the feature `image`.
    ///
    /// ```no_run
    /// use fal_client::{Client, media::Image, storage::MediaExt};
    ///
    /// # async fn example(client: Client, image: Image) -> fal_client::Result<()> {
    /// let thumbnail = image.to_image(&client).await?.thumbnail(256, 256);
    /// # let _ = thumbnail;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`Client::download`] and [`Download::image`](crate::storage::Download::image).
    #[cfg(feature = "image")]
    fn to_image(&self, client: &Client) -> impl Future<Output = Result<image::DynamicImage>> + Send {
        let download = self.download(client);
        async move { download.await?.image().await }
    }
}

impl<M: Media + ?Sized> MediaExt for M {}

/// A saved file of an output, from [`Reply::save_media`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SavedFile {
    /// The place of the file in the output, such as `images-0`.
    pub field: String,
    /// The path of the saved file.
    pub path: PathBuf,
}

impl<T> Reply<T> {
    /// Saves every file of the output into a folder, which is created if it does not exist. Returns the files in the
    /// order of the output.
    ///
    /// A file is named after its place in the output and its type, such as `images-0.png` and `video.mp4`. Existing
    /// files are kept; see [`Download::save_in`](crate::storage::Download::save_in).
    ///
    /// A file is an object with a `url`, a string in a field whose name ends in `url` or `urls`, or a `data:` URL, also
    /// in fields that `T` does not have. A URL that occurs twice is saved once.
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
    /// Those of [`Client::download`]; files that are already saved are kept. `Decode` if the output is not JSON.
    #[doc(alias("save image", "save video"))]
    pub fn save_media(&self, client: &Client, folder: impl AsRef<Path>) -> SaveMediaRequest {
        SaveMediaRequest {
            client: client.clone(),
            output: media_output::to_json(self.headers(), self.raw())
                .map_or_else(|| self.raw().clone(), Bytes::from),
            folder: folder.as_ref().to_owned(),
            options: CallOptions::default(),
            max_bytes: None,
            hosts: AllowedHosts::default(),
        }
    }
}

/// A request for all files of an output, from [`Reply::save_media`]. Await it to save them.
#[must_use = "nothing is saved until this is awaited"]
pub struct SaveMediaRequest {
    client: Client,
    output: Bytes,
    folder: PathBuf,
    options: CallOptions,
    max_bytes: Option<u64>,
    hosts: AllowedHosts,
}

impl SaveMediaRequest {
    /// Sets the largest size of each file, in bytes. A larger file is a `TooLarge` error. No limit by default.
    pub fn max_bytes(mut self, bytes: u64) -> Self {
        self.max_bytes = Some(bytes);
        self
    }

    /// Fetches only from these hosts and their subdomains, also after a redirect, such as `["fal.media"]`. By default
    /// from any host.
    ///
    /// If a file is elsewhere, nothing is saved. An output may contain URLs that its user chose, so a server should set
    /// this: those URLs can point into its own network.
    pub fn hosts(mut self, hosts: impl IntoIterator<Item: Into<String>>) -> Self {
        self.hosts = AllowedHosts::new(hosts);
        self
    }

    /// Limits the download of each file. Defaults to the client's timeout, and to no limit without one.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.options.timeout = Some(timeout);
        self
    }

    /// Limits the time for which a server may be silent, like
    /// [`DownloadRequest::idle_timeout`](crate::storage::DownloadRequest::idle_timeout).
    pub fn idle_timeout(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.options.idle_timeout = Some(limit.into());
        self
    }

    /// Sets when requests are sent again.
    pub fn retry(mut self, retry: Retry) -> Self {
        self.options.retry = Some(retry);
        self
    }

    async fn send(self) -> Result<Vec<SavedFile>> {
        let Self { client, output, folder, options, max_bytes, hosts } = self;
        let output: Value = serde_json::from_slice(&output).map_err(|cause| {
            let kind = ErrorKind::Decode { path: ".".to_owned() };
            Error::new(kind, format!("the output is not JSON: {cause}")).with_source(cause)
        })?;
        let mut files = Vec::new();
        for MediaUrl { field, url } in find_media(&output) {
            let download = DownloadRequest::with_options(&client, &url, &options, max_bytes, &hosts);
            download.check_host().map_err(|error| error.with_context(&field))?;
            files.push((field, download));
        }
        let folder = &folder;
        let files = files.into_iter().map(|(field, download)| async move {
            let path = download.await?.save_in(folder, &field).await;
            path.map(|path| SavedFile { field, path })
        });
        stream::iter(files).buffered(FILE_CONCURRENCY).try_collect().await
    }
}

impl IntoFuture for SaveMediaRequest {
    type Output = Result<Vec<SavedFile>>;
    type IntoFuture = Pending<Vec<SavedFile>>;

    fn into_future(self) -> Self::IntoFuture {
        Pending::new(self.send())
    }
}

impl fmt::Debug for SaveMediaRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SaveMediaRequest")
            .field("folder", &self.folder)
            .field("max_bytes", &self.max_bytes)
            .field("hosts", &self.hosts)
            .finish_non_exhaustive()
    }
}

/// A file of an output, from [`find_media`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct MediaUrl {
    /// The place of the file in the output, such as `images-0`.
    pub field: String,
    /// The URL of the file, which may be a `data:` URL.
    pub url: String,
}

/// Returns the files of an output of any model, in their order, as [`Reply::save_media`] finds them.
///
/// ```
/// use fal_client::storage::find_media;
///
/// let output = serde_json::json!({ "images": [{ "url": "https://v3.fal.media/files/cat.png" }], "seed": 7 });
/// assert_eq!(find_media(&output)[0].field, "images-0");
/// ```
#[must_use]
pub fn find_media(output: &Value) -> Vec<MediaUrl> {
    let mut found = Vec::new();
    walk(output, &mut Vec::new(), &mut found);
    found
}

fn walk(value: &Value, place: &mut Vec<String>, found: &mut Vec<MediaUrl>) {
    match value {
        Value::String(url) if is_file_url(url, place) && !found.iter().any(|known| known.url == *url) => {
            found.push(MediaUrl { field: place_name(place), url: url.clone() });
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                descend(index.to_string(), item, place, found);
            }
        }
        Value::Object(fields) => {
            for (field, value) in fields {
                descend(field.clone(), value, place, found);
            }
        }
        _ => {}
    }
}

fn descend(name: String, value: &Value, place: &mut Vec<String>, found: &mut Vec<MediaUrl>) {
    place.push(name);
    walk(value, place, found);
    place.pop();
}

fn is_file_url(text: &str, place: &[String]) -> bool {
    let has_scheme =
        |scheme: &str| text.get(..scheme.len()).is_some_and(|head| head.eq_ignore_ascii_case(scheme));
    // Items of a list such as `image_urls` have numbers as names.
    let field = place.iter().rev().find(|name| name.parse::<usize>().is_err());
    let is_named = || field.is_some_and(|name| name.ends_with("url") || name.ends_with("urls"));
    (has_scheme("data:") && text.contains(','))
        || ((has_scheme("https://") || has_scheme("http://")) && is_named())
}

/// Returns the name of a file by its place, such as `images-0` for `images[0].url`.
fn place_name(place: &[String]) -> String {
    let parts: Vec<_> = place.iter().map(String::as_str).collect();
    let parts = match parts.as_slice() {
        [parent @ .., "url"] if !parent.is_empty() => parent,
        whole => whole,
    };
    parts.join("-")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn files_are_found_at_every_depth() {
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
        let found = find_media(&output);
        let mut names: Vec<_> = found.iter().map(|media| media.field.as_str()).collect();
        names.sort_unstable();
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
