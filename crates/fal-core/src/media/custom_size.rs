//! Image sizes of an exact width and height.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::MapAccess};

use crate::{Checked, Int, Mode, OutOfRange, Param, Parameters, Range, Strict, json};

/// An exact image size, for when none of the presets of [`ImageSize`](super::ImageSize) fits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct CustomImageSize {
    /// Width in pixels.
    ///
    /// Between 1 and 14142. Default `512`.
    pub width: Option<CustomImageSizeWidth>,
    /// Height in pixels.
    ///
    /// Between 1 and 14142. Default `512`.
    pub height: Option<CustomImageSizeHeight>,
}

/// The `width` of an image in pixels, between 1 and 14142.
pub type CustomImageSizeWidth = Int<bounds::Width>;

/// The `height` of an image in pixels, between 1 and 14142.
pub type CustomImageSizeHeight = Int<bounds::Height>;

impl CustomImageSize {
    /// The width or height in pixels that the service uses if it is left out.
    pub const DEFAULT_SIDE: i64 = 512;

    /// Creates a builder with nothing set.
    pub fn builder() -> CustomImageSizeBuilder {
        Self::builder_with(Strict)
    }

    /// Creates a builder that takes any number, and whose `build` returns all violations.
    pub fn try_builder() -> CustomImageSizeBuilder<Checked> {
        Self::builder_with(Checked::default())
    }

    #[doc(hidden)]
    pub fn builder_with<M: Mode>(mode: M) -> CustomImageSizeBuilder<M> {
        CustomImageSizeBuilder { size: Self::default(), mode }
    }

    /// Returns the width and height in pixels.
    #[must_use]
    pub const fn dimensions(&self) -> (i64, i64) {
        let width = match self.width {
            Some(width) => width.get(),
            None => Self::DEFAULT_SIDE,
        };
        let height = match self.height {
            Some(height) => height.get(),
            None => Self::DEFAULT_SIDE,
        };
        (width, height)
    }
}

/// Converts a width and height in pixels.
impl TryFrom<(i64, i64)> for CustomImageSize {
    type Error = OutOfRange;

    fn try_from((width, height): (i64, i64)) -> Result<Self, OutOfRange> {
        Ok(Self { width: Some(width.try_into()?), height: Some(height.try_into()?) })
    }
}

/// A builder of [`CustomImageSize`].
#[derive(Debug, Clone)]
#[must_use = "a builder does nothing until `build` takes it"]
pub struct CustomImageSizeBuilder<M = Strict> {
    size: CustomImageSize,
    mode: M,
}

impl<M: Mode> CustomImageSizeBuilder<M> {
    /// Sets [`width`](CustomImageSize::width): Width in pixels. Between 1 and 14142. Default `512`.
    pub fn width(mut self, value: impl Param<CustomImageSizeWidth, M>) -> Self {
        self.size.width = self.mode.optional("width", value);
        self
    }

    /// Sets [`height`](CustomImageSize::height): Height in pixels. Between 1 and 14142. Default `512`.
    pub fn height(mut self, value: impl Param<CustomImageSizeHeight, M>) -> Self {
        self.size.height = self.mode.optional("height", value);
        self
    }

    /// Returns the finished size.
    #[must_use]
    pub fn build(self) -> M::Built<CustomImageSize> {
        self.mode.finish(self.size)
    }
}

impl Parameters for CustomImageSize {}

impl Serialize for CustomImageSize {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = json::ObjectWriter::new(serializer)?;
        object.write_optional("width", &self.width);
        object.write_optional("height", &self.height);
        object.end()
    }
}

impl<'de> Deserialize<'de> for CustomImageSize {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        json::read_object(deserializer)
    }
}

impl<'de> json::ReadObject<'de> for CustomImageSize {
    const NAME: &'static str = "CustomImageSize";

    fn read<A: MapAccess<'de>>(object: &mut json::ObjectReader<'de, A>) -> Option<Self> {
        let mut size = Self::default();
        while let Some(key) = object.next_key() {
            match &*key {
                "width" => object.read(&mut size.width),
                "height" => object.read(&mut size.height),
                _ => object.skip(),
            }
        }
        Some(size)
    }
}

mod bounds {
    use super::Range;

    #[derive(Debug)]
    pub enum Width {}

    impl Range<i64> for Width {
        const MIN: i64 = 1;
        const MAX: i64 = 14_142;
        const MESSAGE: &'static str = "`width` of an image must be between 1 and 14142";
    }

    #[derive(Debug)]
    pub enum Height {}

    impl Range<i64> for Height {
        const MIN: i64 = 1;
        const MAX: i64 = 14_142;
        const MESSAGE: &'static str = "`height` of an image must be between 1 and 14142";
    }
}
