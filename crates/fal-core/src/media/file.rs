//! Files that models return.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::MapAccess};

use super::Media;
use crate::{File, json};

/// Defines a struct of these fields with the impls that generated structs have.
///
/// A `required` field must be present. An `optional` field may be `null`, and is written so again.
macro_rules! output {
    (
        $(#[$docs:meta])*
        pub struct $name:ident($json:literal) {
            $($(#[$field_docs:meta])* $field:ident: $presence:ident $read:ident $ty:ty,)*
        }
        $($media:tt)*
    ) => {
        $(#[$docs])*
        #[non_exhaustive]
        pub struct $name {
            $($(#[$field_docs])* pub $field: output!(@type $presence $ty),)*
            nulls: json::Nulls,
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let mut object = json::ObjectWriter::new(serializer)?;
                $(output!(@write $presence object stringify!($field), &self.$field, &self.nulls);)*
                object.end()
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                json::read_object(deserializer)
            }
        }

        impl<'de> json::ReadObject<'de> for $name {
            const NAME: &'static str = stringify!($name);

            fn read<A: MapAccess<'de>>(object: &mut json::ObjectReader<'de, A>) -> Option<Self> {
                $(let mut $field: Option<$ty> = None;)*
                while let Some(key) = object.next_key() {
                    match &*key {
                        $(stringify!($field) => output!(@next $presence object $read stringify!($field), &mut $field),)*
                        _ => object.skip(),
                    }
                }
                let nulls = object.nulls();
                Some(Self { $($field: output!(@read $presence object stringify!($field), $field),)* nulls })
            }
        }

        impl Media for $name {
            fn url(&self) -> &str {
                &self.url
            }

            fn content_type(&self) -> Option<&str> {
                self.content_type.as_deref()
            }

            $($media)*
        }

        /// Passes the output of one model to the next.
        impl From<$name> for File {
            fn from(file: $name) -> Self {
                Self::url(file.url)
            }
        }

        #[diagnostic::do_not_recommend]
        impl crate::TryParam<File> for $name {
            type Value = File;

            fn try_param(self) -> crate::Draft<File> {
                crate::Draft::new(self.into())
            }
        }

        #[cfg(feature = "schemars")]
        impl crate::json_schema::SchemaText for $name {
            const ID: &'static str = concat!("fal_core::media::", stringify!($name));
            const SCHEMA: &'static str = $json;
        }

        #[cfg(feature = "schemars")]
        crate::implement_json_schema!($name);
    };
    (@type required $ty:ty) => { $ty };
    (@type optional $ty:ty) => { Option<$ty> };
    (@write required $object:ident $name:expr, $value:expr, $nulls:expr) => { $object.write($name, $value) };
    (@write optional $object:ident $name:expr, $value:expr, $nulls:expr) => {
        $object.write_nullable($name, $value, $nulls)
    };
    (@next required $object:ident $read:ident $name:expr, $slot:expr) => { $object.$read($slot) };
    (@next optional $object:ident $read:ident $name:expr, $slot:expr) => { $object.$read($name, $slot) };
    (@read required $object:ident $name:expr, $slot:ident) => { $object.require($name, $slot)? };
    (@read optional $object:ident $name:expr, $slot:ident) => { $slot };
}

output! {
    /// An image file with its size.
    #[derive(Debug, Clone, PartialEq, Eq, Hash)]
    pub struct Image(r#"{
        "type": "object",
        "description": "An image file with its size.",
        "properties": {
            "url": { "type": "string", "description": "URL to download the image from." },
            "width": { "type": "integer", "description": "Width in pixels." },
            "height": { "type": "integer", "description": "Height in pixels." },
            "content_type": { "type": "string", "description": "Media type of the file." }
        },
        "required": ["url", "width", "height"]
    }"#) {
        /// URL to download the image from. In the sync mode that some models have, a data URI that contains
        /// the image.
        url: required read_unless_null String,
        /// Width in pixels.
        width: required read_size i64,
        /// Height in pixels.
        height: required read_size i64,
        /// Media type of the file, such as `image/png`.
        content_type: optional read_nullable String,
    }
}

impl Image {
    /// Returns the width and height in pixels.
    #[must_use]
    pub const fn dimensions(&self) -> (i64, i64) {
        (self.width, self.height)
    }
}

output! {
    /// An image file, with its size if the model reports it.
    #[derive(Debug, Clone, PartialEq, Eq, Hash)]
    pub struct ImageFile(r#"{
        "type": "object",
        "description": "An image file, with its size if the model reports it.",
        "properties": {
            "url": { "type": "string", "description": "URL to download the image from." },
            "content_type": { "type": "string", "description": "Media type of the file." },
            "file_name": { "type": "string", "description": "Name of the file." },
            "file_size": { "type": "integer", "description": "Size of the file in bytes." },
            "width": { "type": "integer", "description": "Width in pixels." },
            "height": { "type": "integer", "description": "Height in pixels." }
        },
        "required": ["url"]
    }"#) {
        /// URL to download the image from. In the sync mode that some models have, a data URI that contains
        /// the image.
        url: required read_unless_null String,
        /// Media type of the file, such as `image/png`.
        content_type: optional read_nullable String,
        /// Name of the file.
        file_name: optional read_nullable String,
        /// Size of the file in bytes.
        file_size: optional read_nullable_size i64,
        /// Width in pixels.
        width: optional read_nullable_size i64,
        /// Height in pixels.
        height: optional read_nullable_size i64,
    }

    fn file_name(&self) -> Option<&str> {
        self.file_name.as_deref()
    }

    fn file_size(&self) -> Option<i64> {
        self.file_size
    }
}

impl ImageFile {
    /// Returns the width and height in pixels, if the model reports both.
    #[must_use]
    pub fn dimensions(&self) -> Option<(i64, i64)> {
        self.width.zip(self.height)
    }
}

impl From<Image> for ImageFile {
    fn from(image: Image) -> Self {
        let Image { url, width, height, content_type, nulls } = image;
        Self {
            url,
            content_type,
            file_name: None,
            file_size: None,
            width: Some(width),
            height: Some(height),
            nulls,
        }
    }
}

output! {
    /// A video file, with the properties that the model reports.
    #[derive(Debug, Clone, PartialEq)]
    pub struct VideoFile(r#"{
        "type": "object",
        "description": "A video file, with the properties that the model reports.",
        "properties": {
            "url": { "type": "string", "description": "URL to download the video from." },
            "content_type": { "type": "string", "description": "Media type of the file." },
            "file_name": { "type": "string", "description": "Name of the file." },
            "file_size": { "type": "integer", "description": "Size of the file in bytes." },
            "width": { "type": "integer", "description": "Width in pixels." },
            "height": { "type": "integer", "description": "Height in pixels." },
            "fps": { "type": "number", "description": "Frames per second." },
            "duration": { "type": "number", "description": "Length of the video in seconds." },
            "num_frames": { "type": "integer", "description": "Number of frames in the video." }
        },
        "required": ["url"]
    }"#) {
        /// URL to download the video from. In the sync mode that some models have, a data URI that contains
        /// the video.
        url: required read_unless_null String,
        /// Media type of the file, such as `video/mp4`.
        content_type: optional read_nullable String,
        /// Name of the file.
        file_name: optional read_nullable String,
        /// Size of the file in bytes.
        file_size: optional read_nullable_size i64,
        /// Width in pixels.
        width: optional read_nullable_size i64,
        /// Height in pixels.
        height: optional read_nullable_size i64,
        /// Frames per second.
        fps: optional read_nullable f64,
        /// Length of the video in seconds.
        duration: optional read_nullable f64,
        /// Number of frames in the video.
        num_frames: optional read_nullable_size i64,
    }

    fn file_name(&self) -> Option<&str> {
        self.file_name.as_deref()
    }

    fn file_size(&self) -> Option<i64> {
        self.file_size
    }
}

impl VideoFile {
    /// Returns the width and height in pixels, if the model reports both.
    #[must_use]
    pub fn dimensions(&self) -> Option<(i64, i64)> {
        self.width.zip(self.height)
    }
}

output! {
    /// A file of any kind, such as an audio file, a 3D object or an archive.
    ///
    /// fal calls this type `File`. Here, [`File`](crate::File) is a file given to a model.
    #[derive(Debug, Clone, PartialEq, Eq, Hash)]
    pub struct FileOutput(r#"{
        "type": "object",
        "description": "A file of any kind.",
        "properties": {
            "url": { "type": "string", "description": "URL to download the file from." },
            "content_type": { "type": "string", "description": "Media type of the file." },
            "file_name": { "type": "string", "description": "Name of the file." },
            "file_size": { "type": "integer", "description": "Size of the file in bytes." }
        },
        "required": ["url"]
    }"#) {
        /// URL to download the file from. In the sync mode that some models have, a data URI that contains
        /// the file.
        url: required read_unless_null String,
        /// Media type of the file, such as `image/png` or `video/mp4`.
        content_type: optional read_nullable String,
        /// Name of the file.
        file_name: optional read_nullable String,
        /// Size of the file in bytes.
        file_size: optional read_nullable_size i64,
    }

    fn file_name(&self) -> Option<&str> {
        self.file_name.as_deref()
    }

    fn file_size(&self) -> Option<i64> {
        self.file_size
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use serde_json::{Value, from_value, json, to_value};

    use super::*;

    fn round_trip<T: Serialize + for<'de> Deserialize<'de>>(value: &Value) -> Value {
        to_value(from_value::<T>(value.clone()).unwrap()).unwrap()
    }

    #[test]
    fn deserialized_files_serialize_to_the_same_json() {
        let image = json!({ "url": "https://x/a", "width": 1, "height": 2, "content_type": "image/png" });
        assert_eq!(round_trip::<Image>(&image), image);
        let video = json!({ "url": "https://x/v", "fps": 24.0, "num_frames": 121, "duration": 5.04 });
        assert_eq!(round_trip::<VideoFile>(&video), video);
        let file = json!({ "url": "https://x/f", "file_size": 9_007_199_254_740_993_i64, "file_name": "f" });
        assert_eq!(round_trip::<FileOutput>(&file), file);
        // A size that no file has makes no reply unreadable.
        let file = json!({ "url": "https://x/f", "file_size": u64::MAX });
        assert_eq!(from_value::<FileOutput>(file.clone()).unwrap().file_size, None);
        assert_eq!(round_trip::<FileOutput>(&file), file);
    }

    #[test]
    fn integers_may_be_written_as_floats_and_null_is_no_field() {
        let given = json!({ "url": "data:image/png;base64,", "width": 512.0, "height": null, "new": [] });
        let image: ImageFile = from_value(given).unwrap();
        assert_eq!((image.width, image.height, image.dimensions()), (Some(512), None, None));
        assert!(image.is_inline());
    }

    #[test]
    fn error_names_the_missing_field() {
        let error = from_value::<Image>(json!({ "url": "https://x/a", "width": 1 })).unwrap_err();
        assert_eq!(error.to_string(), "missing field `height`");
        let error =
            from_value::<Image>(json!({ "url": "https://x/a", "width": 1.5, "height": 1 })).unwrap_err();
        assert!(error.to_string().contains("1.5"), "{error}");
    }

    #[test]
    fn an_output_converts_to_an_input_file() {
        let image: Image = from_value(json!({ "url": "https://x/a", "width": 3, "height": 2 })).unwrap();
        assert_eq!(image.dimensions(), (3, 2));
        assert_eq!(File::from(&image), File::url("https://x/a"));
        assert_eq!(crate::Param::<File>::into_param(&image), Some(File::url("https://x/a")));
        assert_eq!(ImageFile::from(image).dimensions(), Some((3, 2)));
    }
}
