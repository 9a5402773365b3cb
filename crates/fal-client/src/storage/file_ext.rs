//! Methods of files that need more than the core types.

use fal_core::File;
use tokio::io::AsyncRead;

#[cfg(feature = "image")]
use super::picture;
use super::{data_uri, reader::Reader};
use crate::Result;

/// An extension of [`File`] with methods that need an async runtime or a feature of this crate.
pub trait FileExt: Sized {
    /// Creates a file whose content is read while it is uploaded, such as a pipe, a download or an archive that is
    /// being packed.
    ///
    /// The reader is read once: clones of the file share it, and after the upload they all stand for its URL. Up to
    /// one part is kept in memory, and up to `part_concurrency` parts of larger content; see
    /// [`UploadOptions`](crate::storage::UploadOptions). For a file on disk, prefer [`File::path`], which can be read again
    /// when the connection breaks.
    ///
    /// ```no_run
    /// use fal_client::{Client, File, storage::FileExt};
    ///
    /// # async fn example(client: Client) -> fal_client::Result<()> {
    /// let file = File::reader(tokio::io::empty()).named("nothing.txt");
    /// let uploaded = client.upload(file).await?;
    /// # Ok(())
    /// # }
    /// ```
    fn reader(reader: impl AsyncRead + Send + 'static) -> Self;

    /// Encodes a picture of the crate `image` as a file in memory. With the feature `image`, which has PNG, JPEG and
    /// WebP without loss; features of the crate `image` add more.
    ///
    /// A picture whose kind of pixel the format does not have is converted: JPEG has no transparency, and WebP has 8 bits.
    ///
    /// ```
    /// use fal_client::{File, image::{DynamicImage, ImageFormat}, storage::FileExt};
    ///
    /// let picture = DynamicImage::new_rgb8(64, 48); // or `image::open("cat.png")?`
    /// let file = File::from_image(&picture, ImageFormat::Png)?;
    /// # assert!(format!("{file:?}").contains("image/png"));
    /// # Ok::<(), fal_client::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `File` if the picture cannot be encoded in this format.
    #[cfg(feature = "image")]
    fn from_image(picture: &image::DynamicImage, format: image::ImageFormat) -> Result<Self>;

    /// Reads the file and returns it as a `data:` URI, for JSON that is written by hand.
    ///
    /// A typed input takes [`File::inline`] instead. A URI that the file has already is returned as it is.
    ///
    /// ```no_run
    /// use fal_client::{File, storage::FileExt, untyped};
    /// use serde_json::json;
    ///
    /// # async fn example() -> fal_client::Result<()> {
    /// let uri = File::path("cat.png").to_data_uri().await?;
    /// let input = untyped::input("fal-ai/flux/dev/image-to-image", json!({ "image_url": uri }));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// `File` if the file cannot be read, or has an `http` URL.
    fn to_data_uri(&self) -> impl Future<Output = Result<String>> + Send;
}

impl FileExt for File {
    fn reader(reader: impl AsyncRead + Send + 'static) -> Self {
        Self::custom(Reader::new(reader))
    }

    #[cfg(feature = "image")]
    fn from_image(picture: &image::DynamicImage, format: image::ImageFormat) -> Result<Self> {
        picture::encode(picture, format)
    }

    fn to_data_uri(&self) -> impl Future<Output = Result<String>> + Send {
        data_uri::to_data_uri(self)
    }
}
