//! Images that were drawn lately, so that programs that ask for the same one again and again do not wait for it.

use std::collections::VecDeque;
use std::sync::Mutex;

use bytes::Bytes;

use super::picture::fnv1a;
use super::{ImageFormat, Size};
use crate::sync::lock;

/// The largest number of images that are kept, and their largest total size in bytes.
const MAX_IMAGES: usize = 256;
const MAX_BYTES: usize = 4 << 20;

/// The properties that decide the bytes of an image.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ImageKey {
    pub(crate) size: Size,
    pub(crate) seed: u64,
    /// The length and the hash of the prompt, which may have megabytes itself.
    pub(crate) prompt: (usize, u64),
    pub(crate) noise: u32,
    pub(crate) is_black: bool,
    pub(crate) format: ImageFormat,
}

impl ImageKey {
    pub(crate) fn hash(prompt: &str) -> (usize, u64) {
        (prompt.len(), fnv1a(prompt.as_bytes()))
    }
}

static IMAGES: Mutex<VecDeque<(ImageKey, Bytes)>> = Mutex::new(VecDeque::new());

/// Returns the image with these properties, which is drawn if it is not kept.
pub(crate) fn get(key: &ImageKey, draw: impl FnOnce() -> Vec<u8>) -> Bytes {
    let find = |images: &mut VecDeque<(ImageKey, Bytes)>| {
        let index = images.iter().position(|(known, _)| known == key)?;
        let found = images.remove(index)?;
        let bytes = found.1.clone();
        images.push_back(found);
        Some(bytes)
    };
    if let Some(bytes) = find(&mut lock(&IMAGES)) {
        return bytes;
    }
    // Without spare room, which would be kept with the bytes.
    let bytes = Bytes::from(draw().into_boxed_slice());
    let mut images = lock(&IMAGES);
    images.push_back((key.clone(), bytes.clone()));
    let size =
        |images: &VecDeque<(ImageKey, Bytes)>| images.iter().map(|(_, bytes)| bytes.len()).sum::<usize>();
    while images.len() > MAX_IMAGES || (size(&images) > MAX_BYTES && images.len() > 1) {
        images.pop_front();
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_is_drawn_once_until_others_push_it_out() {
        let key = |seed| ImageKey {
            size: Size::new(1, 1),
            seed,
            prompt: ImageKey::hash("a test of drawn images"),
            noise: 0,
            is_black: false,
            format: ImageFormat::Jpeg,
        };
        let never = || panic!("it is kept");
        assert_eq!(get(&key(0), || vec![7]), vec![7]);
        assert_eq!(get(&key(0), never), vec![7]);
        for seed in 1..=4 {
            get(&key(seed), || vec![0; MAX_BYTES / 2]);
        }
        assert_eq!(get(&key(0), || vec![8]), vec![8]);
    }
}
