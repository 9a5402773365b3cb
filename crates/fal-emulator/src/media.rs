//! Encoders for synthesized media, one module for each format, and a probe for uploaded media.

use std::sync::LazyLock;

use tokio::sync::Semaphore;

mod aac;
pub(crate) mod bit_writer;
pub(crate) mod caption;
pub(crate) mod captioned_jpeg;
pub(crate) mod clip;
#[cfg(test)]
mod decoded_sound;
pub(crate) mod drawn_images;
pub(crate) mod glb;
pub(crate) mod h264;
pub(crate) mod jpeg;
mod jpeg_units;
mod melody;
pub(crate) mod minimal_files;
pub(crate) mod mp3;
pub(crate) mod mp4;
pub(crate) mod picture;
pub(crate) mod png;
pub(crate) mod probe;
pub(crate) mod wav;
pub(crate) mod webp;

/// Width and height, in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Size {
    pub(crate) width: u32,
    pub(crate) height: u32,
}

impl Size {
    pub(crate) fn new(width: u32, height: u32) -> Self {
        Self { width, height }
    }

    /// Scales the size to a longer side of `longest`, with both sides even and at least 16.
    pub(crate) fn fitted(self, longest: u32) -> Self {
        let longer = self.width.max(self.height).max(1);
        let scale = |side: u32| (u64::from(side) * u64::from(longest) / u64::from(longer)) as u32 / 2 * 2;
        Self::new(scale(self.width).max(16), scale(self.height).max(16))
    }
}

/// A format of generated images.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ImageFormat {
    Jpeg,
    Png,
    WebP,
}

/// Drawing occupies a core, so more threads would not make it faster; each would cost memory.
static DRAWING_THREADS: LazyLock<Semaphore> =
    LazyLock::new(|| Semaphore::new(std::thread::available_parallelism().map_or(2, usize::from)));

/// Calls a function that draws on a thread for it, as soon as one of as many as there are cores is free. Returns `None`
/// if it panicked.
pub(crate) async fn on_drawing_thread<T: Send + 'static>(
    draw: impl FnOnce() -> T + Send + 'static,
) -> Option<T> {
    let _permit = DRAWING_THREADS.acquire().await.ok();
    tokio::task::spawn_blocking(draw).await.ok()
}

#[cfg(test)]
mod tests {
    use super::Size;

    #[test]
    fn fitted_keeps_the_shape() {
        assert_eq!(Size::new(1920, 1080).fitted(640), Size::new(640, 360));
        assert_eq!(Size::new(9, 16).fitted(640), Size::new(360, 640));
        assert_eq!(Size::new(1, 1000).fitted(640), Size::new(16, 640));
        assert_eq!(Size::new(0, 0).fitted(640), Size::new(16, 16));
    }
}
