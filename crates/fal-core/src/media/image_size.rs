//! Image sizes: presets, or an exact width and height.

use std::{borrow::Cow, fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use serde_json::Value;

use super::CustomImageSize;
use crate::{
    Draft, FromText, Number, OutOfRange, ParamValue, Parameters, TryParam, UnknownValue, enums, token::Token,
};

/// An image size: a preset, or an exact width and height.
///
/// ```
/// use fal_core::media::ImageSize;
///
/// let wide = ImageSize::Landscape16_9;
/// let exact = ImageSize::try_from((640, 480))?;
/// assert_eq!((wide.dimensions(), exact.dimensions()), ((1024, 576), (640, 480)));
/// assert!(ImageSize::try_from((640, 20_000)).is_err());
/// # Ok::<(), fal_core::OutOfRange>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ImageSize {
    /// `square_hd`: 1024 by 1024 pixels.
    SquareHd,
    /// `square`: 512 by 512 pixels.
    Square,
    /// `portrait_4_3`: 768 by 1024 pixels.
    Portrait4_3,
    /// `portrait_16_9`: 576 by 1024 pixels.
    Portrait16_9,
    /// `landscape_4_3`: 1024 by 768 pixels.
    Landscape4_3,
    /// `landscape_16_9`: 1024 by 576 pixels.
    Landscape16_9,
    /// An exact size, for when none of the presets fits.
    Custom(CustomImageSize),
}

/// The error for a string that is not a preset.
const NOT_A_PRESET: &str = "an image size must be `square_hd`, `square`, `portrait_4_3`, `portrait_16_9`, `landscape_4_3` \
                         or `landscape_16_9`, or `{ width: .., height: .. }`";

impl ImageSize {
    /// Every preset, in the order of the schema.
    pub const PRESETS: &'static [Self] = &[
        Self::SquareHd,
        Self::Square,
        Self::Portrait4_3,
        Self::Portrait16_9,
        Self::Landscape4_3,
        Self::Landscape16_9,
    ];

    #[doc(hidden)]
    #[must_use]
    #[track_caller]
    pub const fn from_token(token: Token) -> Self {
        match Self::preset(token.as_bytes()) {
            Some(preset) => preset,
            None => token.reject_by(NOT_A_PRESET),
        }
    }

    const fn preset(text: &[u8]) -> Option<Self> {
        Some(match text {
            b"square_hd" => Self::SquareHd,
            b"square" => Self::Square,
            b"portrait_4_3" => Self::Portrait4_3,
            b"portrait_16_9" => Self::Portrait16_9,
            b"landscape_4_3" => Self::Landscape4_3,
            b"landscape_16_9" => Self::Landscape16_9,
            _ => return None,
        })
    }

    /// Returns the name of the preset in JSON, or `None` for an exact size.
    #[must_use]
    pub const fn as_preset(&self) -> Option<&'static str> {
        Some(match self {
            Self::SquareHd => "square_hd",
            Self::Square => "square",
            Self::Portrait4_3 => "portrait_4_3",
            Self::Portrait16_9 => "portrait_16_9",
            Self::Landscape4_3 => "landscape_4_3",
            Self::Landscape16_9 => "landscape_16_9",
            Self::Custom(_) => return None,
        })
    }

    /// Returns the width and height in pixels, with the presets as fal defines them.
    ///
    /// A model may round the size to one that it supports.
    #[must_use]
    pub const fn dimensions(&self) -> (i64, i64) {
        match self {
            Self::SquareHd => (1024, 1024),
            Self::Square => (512, 512),
            Self::Portrait4_3 => (768, 1024),
            Self::Portrait16_9 => (576, 1024),
            Self::Landscape4_3 => (1024, 768),
            Self::Landscape16_9 => (1024, 576),
            Self::Custom(size) => size.dimensions(),
        }
    }
}

impl From<CustomImageSize> for ImageSize {
    fn from(size: CustomImageSize) -> Self {
        Self::Custom(size)
    }
}

/// Converts a width and height in pixels.
impl TryFrom<(i64, i64)> for ImageSize {
    type Error = OutOfRange;

    fn try_from(size: (i64, i64)) -> Result<Self, OutOfRange> {
        size.try_into().map(Self::Custom)
    }
}

/// Writes the name of a preset as in JSON, and an exact size as `640x480`.
impl fmt::Display for ImageSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.as_preset() {
            Some(preset) => f.write_str(preset),
            None => {
                let (width, height) = self.dimensions();
                write!(f, "{width}x{height}")
            }
        }
    }
}

/// Parses the format of `Display`.
impl FromStr for ImageSize {
    type Err = UnknownValue;

    fn from_str(text: &str) -> Result<Self, UnknownValue> {
        let custom = || {
            let (width, height) = text.split_once('x')?;
            Self::try_from((width.parse().ok()?, height.parse().ok()?)).ok()
        };
        custom().map_or_else(|| enums::parse_closed(text, Self::PRESETS, Self::to_string), Ok)
    }
}

impl Parameters for ImageSize {}

impl Serialize for ImageSize {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Custom(size) => size.serialize(serializer),
            preset => serializer.serialize_str(preset.as_preset().unwrap_or_default()),
        }
    }
}

impl<'de> Deserialize<'de> for ImageSize {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::String(preset) => {
                Self::preset(preset.as_bytes()).ok_or_else(|| D::Error::custom(NOT_A_PRESET))
            }
            size => CustomImageSize::deserialize(size).map(Self::Custom).map_err(D::Error::custom),
        }
    }
}

impl ParamValue for ImageSize {}

impl FromText for ImageSize {
    fn from_text(text: Cow<'_, str>) -> Draft<Self> {
        match text.parse() {
            Ok(size) => Draft::new(size),
            Err(_) => {
                let presets: Vec<String> = Self::PRESETS.iter().map(|preset| format!("`{preset}`")).collect();
                let presets = presets.join(", ");
                Draft::refused(
                    Self::Square,
                    format!("must be {presets} or a size such as `640x480`, not `{text}`"),
                    &text,
                )
            }
        }
    }
}

#[diagnostic::do_not_recommend]
impl<W: Into<Number>, H: Into<Number>> TryParam<ImageSize> for (W, H) {
    type Value = ImageSize;

    fn try_param(self) -> Draft<ImageSize> {
        let sides = (self.0.into(), self.1.into());
        let side = |number: Number| number.as_i64().unwrap_or_default();
        match ImageSize::try_from((side(sides.0), side(sides.1))) {
            Ok(size) => Draft::new(size),
            Err(error) => Draft::refused(ImageSize::Square, error.to_string(), &sides),
        }
    }
}

/// Types that `input!` looks up, like the module `types::shape` of generated crates.
#[allow(non_camel_case_types, non_snake_case, missing_docs, reason = "only the macro names them")]
pub mod shape {
    pub mod ImageSize {
        pub use super::CustomImageSize::*;
        pub type __Target = crate::media::ImageSize;
    }

    pub mod CustomImageSize {
        pub type __Built = crate::media::CustomImageSize;
        pub type __Target = crate::media::CustomImageSize;

        pub mod arg {
            pub type width = crate::media::CustomImageSizeWidth;
            pub type height = crate::media::CustomImageSizeHeight;
        }
    }
}

#[cfg(feature = "schemars")]
mod json_schema {
    use crate::json_schema::{SchemaText, TypeReference, reference};
    use crate::media::{CustomImageSize, ImageSize};

    impl SchemaText for ImageSize {
        const ID: &'static str = "fal_core::media::ImageSize";
        const SCHEMA: &'static str = r#"{
            "anyOf": [
                {"$type": "CustomImageSize"},
                {
                    "type": "string",
                    "enum": [
                        "square_hd", "square", "portrait_4_3", "portrait_16_9", "landscape_4_3", "landscape_16_9"
                    ]
                }
            ]
        }"#;
        const TYPES: &'static [TypeReference] = &[reference::<CustomImageSize>("CustomImageSize")];
    }

    impl SchemaText for CustomImageSize {
        const ID: &'static str = "fal_core::media::CustomImageSize";
        const SCHEMA: &'static str = r#"{
            "type": "object",
            "description": "Exact size of an image, for when none of the presets fits.",
            "properties": {
                "width": {
                    "type": "integer", "minimum": 1, "maximum": 14142, "default": 512,
                    "description": "Width in pixels."
                },
                "height": {
                    "type": "integer", "minimum": 1, "maximum": 14142, "default": 512,
                    "description": "Height in pixels."
                }
            }
        }"#;
    }

    crate::implement_json_schema!(ImageSize, CustomImageSize);
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use serde_json::{from_value, json, to_value};

    use super::*;

    #[test]
    fn presets_parse_from_their_names() {
        for preset in ImageSize::PRESETS {
            let name = preset.as_preset().unwrap();
            assert_eq!(to_value(preset).unwrap(), name);
            assert_eq!(from_value::<ImageSize>(json!(name)).unwrap(), *preset);
            assert_eq!(name.parse::<ImageSize>().unwrap(), *preset);
            assert_eq!(preset.to_string(), name);
        }
    }

    #[test]
    fn exact_sizes_are_objects_with_checked_sides() {
        let size = ImageSize::try_from((640, 480)).unwrap();
        assert_eq!(to_value(size).unwrap(), json!({ "width": 640, "height": 480 }));
        assert_eq!(size.to_string().parse::<ImageSize>().unwrap(), size);
        let narrow: ImageSize = from_value(json!({ "width": 64.0 })).unwrap();
        assert_eq!(narrow.dimensions(), (64, 512));
        for wrong in
            [json!({ "width": 0 }), json!({ "height": 14_143 }), json!("huge"), json!(7), json!(null)]
        {
            assert!(from_value::<ImageSize>(wrong.clone()).is_err(), "{wrong}");
        }
        let error = ImageSize::try_from((0, 5)).unwrap_err();
        assert_eq!(error.to_string(), "`width` of an image must be between 1 and 14142, not 0");
    }
}
