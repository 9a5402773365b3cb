//! Downloading and saving the files of an output.

use std::path::Path;

use fal_core::media::Media;

use crate::{Client, Result, storage::DownloadRequest};

/// Downloads a file that a model gave: `image.save(&client, "cat.png").await?`.
///
/// For every [`Media`], which all files in outputs of generated crates are. What has only a URL is downloaded with
/// [`Client::download`], and [`Reply::save_media`](crate::Reply::save_media) saves everything at once.
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
    /// Downloads it, as [`Client::download`] does.
    fn download(&self, client: &Client) -> DownloadRequest {
        client.download(self.url())
    }

    /// Downloads it into a file, as [`Download::save`](crate::storage::Download::save) does, and returns its size in bytes.
    ///
    /// # Errors
    ///
    /// As the download and the file system.
    fn save(
        &self,
        client: &Client,
        path: impl AsRef<Path> + Send,
    ) -> impl Future<Output = Result<u64>> + Send {
        let download = self.download(client);
        async move { download.await?.save(path).await }
    }
}

impl<M: Media + ?Sized> MediaExt for M {}
