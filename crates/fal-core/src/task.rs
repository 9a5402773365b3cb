//! Tasks that many models can do, so that one model can be swapped for another by changing one path.
//!
//! A generated endpoint has the trait of a task if its document fits by shape: the task gives all parameters that the
//! endpoint requires, and its output has what the task is for. The category, id, title and description decide between
//! purposes that have the same shape, such as upscaling and colorizing.
//!
//! | Task | Trait | Output |
//! |---|---|---|
//! | [`text_to_image`] | [`TextToImage`] | `Vec<ImageFile>` |
//! | [`image_to_image`] | [`ImageToImage`] | `Vec<ImageFile>` |
//! | [`text_to_video`] | [`TextToVideo`] | `VideoFile` |
//! | [`image_to_video`] | [`ImageToVideo`] | `VideoFile` |
//! | [`video_to_video`] | [`VideoToVideo`] | `VideoFile` |
//! | [`text_to_speech`] | [`TextToSpeech`] | `FileOutput` |
//! | [`text_to_audio`] | [`TextToAudio`] | `FileOutput` |
//! | [`speech_to_text`] | [`SpeechToText`] | `String` |
//! | [`upscale`] | [`Upscale`] | `Vec<ImageFile>` |
//! | [`remove_background`] | [`RemoveBackground`] | `Vec<ImageFile>` |
//!
//! The input that a task makes is an ordinary input of the endpoint, and the compiler refuses an endpoint that does not do
//! the task:
//!
//! ```
//! use fal_core::{Violations, task::{self, Performs, TextToImage}};
//!
//! fn picture<M: TextToImage>(prompt: &str) -> Result<M::Input, Violations> {
//!     M::input(&task::text_to_image(prompt))
//! }
//! ```

use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};

use crate::{
    Check, Endpoint, File, Parameters, Violation, Violations,
    media::{FileOutput, ImageFile, VideoFile},
};

/// Something to do, in the terms of no particular model.
pub trait Task: Clone + std::fmt::Debug + Send + Sync + 'static {
    /// The name, such as `text-to-image`.
    const NAME: &'static str;
    /// The type of the result.
    type Output: Send + 'static;
}

/// An endpoint that does the task `T`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not do the task `{T}`",
    note = "the table of tasks in `crates/models/README.md` lists the endpoints that do it"
)]
pub trait Performs<T: Task>: Endpoint {
    /// Returns the input that does `task`, with the endpoint's own defaults for everything else.
    ///
    /// # Errors
    ///
    /// Returns all violations at once, such as a prompt that is too long for the endpoint.
    fn input(task: &T) -> Result<Self::Input, Violations>;

    /// Returns what the endpoint made, or `None` if the output has nothing of the kind.
    fn output(output: &Self::Output) -> Option<T::Output>;
}

/// A value of a task, on its way into a parameter.
enum Given<'a> {
    Text(&'a str),
    File(&'a File),
}

/// Marks the place of a file until the input is read. No URL that a caller gives begins like this.
const PLACEHOLDER: &str = "fal-task:";

/// Reads an input from the values of a task. A name with `[]` at its end is that of a list.
fn fill<I: DeserializeOwned + Parameters>(given: &[(&str, Given<'_>)]) -> Result<I, Violations> {
    let (mut object, mut files) = (Map::new(), Vec::new());
    for (name, given) in given {
        let value = match given {
            Given::Text(text) => Value::from(*text),
            Given::File(file) => {
                files.push(*file);
                format!("{PLACEHOLDER}{}", files.len() - 1).into()
            }
        };
        match name.strip_suffix("[]") {
            Some(name) => object.insert(name.to_owned(), Value::Array(vec![value])),
            None => object.insert((*name).to_owned(), value),
        };
    }
    let mut input = I::deserialize(Value::Object(object))
        .map_err(|error| Violations::from(Violation::new("body", error.to_string(), Value::Null)))?;
    input.visit_files(&mut |file| {
        let index = file.as_url().and_then(|url| url.strip_prefix(PLACEHOLDER)?.parse::<usize>().ok());
        if let Some(given) = index.and_then(|index| files.get(index)) {
            *file = (*given).clone();
        }
    });
    let mut check = Check::new();
    input.check(&mut check);
    check.finish().map(|()| input)
}

/// A result of a task, read from a field of an output.
trait Made: Sized {
    fn read(value: Value) -> Option<Self>;
}

impl<T: DeserializeOwned> Made for Vec<T> {
    fn read(value: Value) -> Option<Self> {
        match value {
            Value::Array(items) => items.into_iter().map(|item| serde_json::from_value(item).ok()).collect(),
            Value::Null => None,
            one => serde_json::from_value(one).ok().map(|one| vec![one]),
        }
    }
}

macro_rules! made {
    ($($ty:ty),*) => {
        $(impl Made for $ty {
            fn read(value: Value) -> Option<Self> {
                serde_json::from_value(value).ok()
            }
        })*
    };
}

made!(VideoFile, FileOutput, String);

macro_rules! tasks {
    ($(
        $(#[$docs:meta])*
        $task:ident $name:literal $make:ident($($(#[$field_docs:meta])* $field:ident: $kind:ident as $parameter:ident = $default:literal),*)
            -> $output:ty as $made:ident = $made_default:literal,
        $(#[$trait_docs:meta])*
        $endpoint:ident
    )*) => {$(
        $(#[$docs])*
        #[derive(Debug, Clone, PartialEq)]
        #[non_exhaustive]
        pub struct $task {
            $($(#[$field_docs])* pub $field: tasks!(@type $kind),)*
        }

        $(#[$docs])*
        pub fn $make($($field: impl Into<tasks!(@type $kind)>),*) -> $task {
            $task { $($field: $field.into()),* }
        }

        impl Task for $task {
            const NAME: &'static str = $name;
            type Output = $output;
        }

        $(#[$trait_docs])*
        ///
        /// Generated crates implement it; [`Performs`] has its methods.
        #[diagnostic::on_unimplemented(
            message = "`{Self}` does not do this task",
            label = "`{Self}` is no endpoint for it",
            note = "the table of tasks in `crates/models/README.md` lists the endpoints that do it"
        )]
        pub trait $endpoint: Endpoint<Input: DeserializeOwned, Output: Serialize> {
            $(#[doc(hidden)] const $parameter: &'static str = $default;)*
            #[doc(hidden)]
            const $made: &'static str = $made_default;
        }

        impl<E: $endpoint> Performs<$task> for E {
            fn input(task: &$task) -> Result<Self::Input, Violations> {
                fill(&[$((E::$parameter, Given::$kind(&task.$field))),*])
            }

            fn output(output: &Self::Output) -> Option<$output> {
                let mut output = serde_json::to_value(output).ok()?;
                Made::read(output.get_mut(E::$made)?.take())
            }
        }
    )*};
    (@type Text) => { String };
    (@type File) => { File };
}

tasks! {
    /// Makes images of a description.
    TextToImageTask "text-to-image" text_to_image(
        /// The description.
        prompt: Text as PROMPT = "prompt"
    ) -> Vec<ImageFile> as IMAGES = "images",
    /// An endpoint that makes images of a description.
    TextToImage

    /// Changes an image as a description says.
    ImageToImageTask "image-to-image" image_to_image(
        /// The description of the change, or of the new image.
        prompt: Text as PROMPT = "prompt",
        /// The image.
        image: File as IMAGE = "image_url"
    ) -> Vec<ImageFile> as IMAGES = "images",
    /// An endpoint that changes an image as a description says.
    ImageToImage

    /// Makes a video of a description.
    TextToVideoTask "text-to-video" text_to_video(
        /// The description.
        prompt: Text as PROMPT = "prompt"
    ) -> VideoFile as VIDEO = "video",
    /// An endpoint that makes a video of a description.
    TextToVideo

    /// Makes a video that begins with an image.
    ImageToVideoTask "image-to-video" image_to_video(
        /// The description of what happens.
        prompt: Text as PROMPT = "prompt",
        /// The image.
        image: File as IMAGE = "image_url"
    ) -> VideoFile as VIDEO = "video",
    /// An endpoint that makes a video from an image.
    ImageToVideo

    /// Changes a video as a description says.
    VideoToVideoTask "video-to-video" video_to_video(
        /// The description of the change.
        prompt: Text as PROMPT = "prompt",
        /// The video.
        video: File as SOURCE = "video_url"
    ) -> VideoFile as VIDEO = "video",
    /// An endpoint that changes a video as a description says.
    VideoToVideo

    /// Speaks a text.
    TextToSpeechTask "text-to-speech" text_to_speech(
        /// The text.
        text: Text as TEXT = "text"
    ) -> FileOutput as AUDIO = "audio",
    /// An endpoint that speaks a text.
    TextToSpeech

    /// Makes music or a sound of a description.
    TextToAudioTask "text-to-audio" text_to_audio(
        /// The description.
        prompt: Text as PROMPT = "prompt"
    ) -> FileOutput as AUDIO = "audio",
    /// An endpoint that makes music or a sound of a description.
    TextToAudio

    /// Writes down the speech of a recording.
    SpeechToTextTask "speech-to-text" speech_to_text(
        /// The recording.
        audio: File as AUDIO = "audio_url"
    ) -> String as TEXT = "text",
    /// An endpoint that writes down speech.
    SpeechToText

    /// Makes an image larger, with more detail.
    UpscaleTask "upscale" upscale(
        /// The image.
        image: File as IMAGE = "image_url"
    ) -> Vec<ImageFile> as IMAGES = "image",
    /// An endpoint that makes an image larger.
    Upscale

    /// Cuts the background out of an image.
    RemoveBackgroundTask "remove-background" remove_background(
        /// The image.
        image: File as IMAGE = "image_url"
    ) -> Vec<ImageFile> as IMAGES = "image",
    /// An endpoint that cuts the background out of an image.
    RemoveBackground
}
