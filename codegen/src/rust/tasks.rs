//! The tasks of `fal_core::task` that an endpoint does, judged by the shape of its document.

use super::{Crate, Endpoint, Field, Item, Module, Output, Presence, Struct, Ty};

/// A trait of `fal_core::task` that an endpoint implements.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TaskImpl {
    /// The name of the trait.
    pub(crate) name: &'static str,
    /// The name of the task in the table of tasks.
    pub(crate) task: &'static str,
    /// The constants whose values are not the defaults of the trait.
    pub(crate) constants: Vec<(&'static str, String)>,
}

/// A task: the parameters that it gives, and the field of the output that it is for.
struct Shape {
    name: &'static str,
    task: &'static str,
    parameters: &'static [Parameter],
    output: Made,
    /// The name of the constant of the output's field, and its default.
    made: (&'static str, &'static str),
    /// Rows of parts of a [`Fact`] that tell such endpoints from others of the same shape. Any endpoint fits if there are none.
    marks: &'static [&'static [&'static str]],
    /// Rows that tell endpoints of the same shape that do something else.
    foreign_marks: &'static [&'static [&'static str]],
}

/// The words of one fact about an endpoint in lower case: its id, its title, or the first sentence of its description.
///
/// A space is before and after each word, so that ` upscal` is found where a word begins so, and `sr ` where one ends so.
struct Fact(String);

impl Fact {
    fn new(text: &str) -> Self {
        let lower = text.to_lowercase();
        let words = lower.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
        Self(words.fold(" ".to_owned(), |text, word| text + word + " "))
    }

    fn of(endpoint: &Endpoint) -> [Self; 3] {
        let sentence = endpoint.description.split(". ").next().unwrap_or_default();
        [&endpoint.id, &endpoint.title, sentence].map(Self::new)
    }

    /// Returns true if the fact has all parts of one of the rows.
    fn has_one(&self, rows: &[&[&str]]) -> bool {
        rows.iter().any(|row| row.iter().all(|part| self.0.contains(part)))
    }
}

/// Marks of endpoints whose image is a mask, not the image changed.
const SEGMENTING: &[&[&str]] = &[&[" segment"]];

/// A parameter that a task gives: the name of its constant, the default, and the other names that it has.
struct Parameter {
    constant: &'static str,
    kind: Ty,
    names: &'static [&'static str],
}

#[derive(Clone, Copy, PartialEq)]
enum Made {
    Images,
    File,
    Text,
}

const PROMPT: Parameter = Parameter { constant: "PROMPT", kind: Ty::Text, names: &["prompt"] };
const CHANGE: Parameter = Parameter { constant: "PROMPT", kind: Ty::Text, names: &["prompt", "instruction"] };
const IMAGE: Parameter = Parameter {
    constant: "IMAGE",
    kind: Ty::File,
    names: &[
        "image_url",
        "start_image_url",
        "first_frame_url",
        "first_frame_image_url",
        "input_image_url",
        "image_urls",
        "input_image_urls",
        "reference_image_url",
        "reference_image_urls",
    ],
};
const VIDEO: Parameter =
    Parameter { constant: "SOURCE", kind: Ty::File, names: &["video_url", "input_video_url"] };
const IMAGES: (&str, &str) = ("IMAGES", "images");
const ONE_IMAGE: (&str, &str) = ("IMAGES", "image");

const SHAPES: &[Shape] = &[
    Shape {
        name: "TextToImage",
        task: "text-to-image",
        parameters: &[PROMPT],
        output: Made::Images,
        made: IMAGES,
        marks: &[],
        foreign_marks: &[],
    },
    Shape {
        name: "ImageToImage",
        task: "image-to-image",
        parameters: &[CHANGE, IMAGE],
        output: Made::Images,
        made: IMAGES,
        marks: &[],
        foreign_marks: SEGMENTING,
    },
    Shape {
        name: "TextToVideo",
        task: "text-to-video",
        parameters: &[PROMPT],
        output: Made::File,
        made: ("VIDEO", "video"),
        marks: &[],
        foreign_marks: &[],
    },
    Shape {
        name: "ImageToVideo",
        task: "image-to-video",
        parameters: &[PROMPT, IMAGE],
        output: Made::File,
        made: ("VIDEO", "video"),
        marks: &[],
        foreign_marks: &[],
    },
    Shape {
        name: "VideoToVideo",
        task: "video-to-video",
        parameters: &[PROMPT, VIDEO],
        output: Made::File,
        made: ("VIDEO", "video"),
        marks: &[],
        foreign_marks: &[],
    },
    Shape {
        name: "TextToSpeech",
        task: "text-to-speech",
        parameters: &[Parameter { constant: "TEXT", kind: Ty::Text, names: &["text", "prompt", "input"] }],
        output: Made::File,
        made: ("AUDIO", "audio"),
        marks: &[&[" text to speech "], &["tts "], &[" kokoro "]],
        foreign_marks: &[],
    },
    Shape {
        name: "TextToAudio",
        task: "text-to-audio",
        parameters: &[Parameter { constant: "PROMPT", kind: Ty::Text, names: &["prompt", "text"] }],
        output: Made::File,
        made: ("AUDIO", "audio"),
        marks: &[&[" text to audio "], &[" music "], &[" sound effect"]],
        foreign_marks: &[],
    },
    Shape {
        name: "SpeechToText",
        task: "speech-to-text",
        parameters: &[Parameter { constant: "AUDIO", kind: Ty::File, names: &["audio_url"] }],
        output: Made::Text,
        made: ("TEXT", "text"),
        marks: &[&[" speech to text "], &[" transcri"], &["whisper "], &["asr "]],
        foreign_marks: &[],
    },
    Shape {
        name: "Upscale",
        task: "upscale",
        parameters: &[IMAGE],
        output: Made::Images,
        made: ONE_IMAGE,
        marks: &[
            &[" upscal"],
            &[" enlarge"],
            &[" super resolution "],
            &[" increase resolution "],
            &["srgan "],
            // Names of models for super-resolution end so.
            &["sr "],
        ],
        foreign_marks: &[],
    },
    Shape {
        name: "RemoveBackground",
        task: "remove-background",
        parameters: &[IMAGE],
        output: Made::Images,
        made: ONE_IMAGE,
        marks: &[
            &[" background", " remov"],
            &[" background", " cut"],
            &[" rembg "],
            &[" rmbg "],
            &[" birefnet "],
            &[" matting "],
        ],
        foreign_marks: &[],
    },
];

/// Returns the tasks that an endpoint of a crate does.
pub(crate) fn of(krate: &Crate, endpoint: &Endpoint) -> Vec<TaskImpl> {
    let (Some(input), Output::Struct(output)) = (&endpoint.input, &endpoint.output) else {
        return Vec::new();
    };
    let mut tasks: Vec<TaskImpl> =
        SHAPES.iter().filter_map(|shape| fit(shape, krate, endpoint, input, output)).collect();
    // A voice is a sound, too.
    if tasks.iter().any(|task| task.name == "TextToSpeech") {
        tasks.retain(|task| task.name != "TextToAudio");
    }
    tasks
}

/// Returns the tasks of the endpoints of a crate, each with the path of the endpoint's module.
pub(crate) fn of_crate(krate: &Crate) -> Vec<(&'static str, String)> {
    let mut found = Vec::new();
    add_module(krate, &krate.root, &mut found);
    found
}

fn add_module(krate: &Crate, module: &Module, found: &mut Vec<(&'static str, String)>) {
    if let Some(endpoint) = &module.endpoint {
        let path: String = module.path.iter().map(|part| format!("::{part}")).collect();
        let path = format!("{}{path}", krate.lib_name());
        found.extend(of(krate, endpoint).into_iter().map(|task| (task.task, path.clone())));
    }
    module.children.iter().for_each(|child| add_module(krate, child, found));
}

fn fit(
    shape: &Shape,
    krate: &Crate,
    endpoint: &Endpoint,
    input: &Struct,
    output: &Struct,
) -> Option<TaskImpl> {
    let category = endpoint.category.as_deref().unwrap_or_default();
    let facts = Fact::of(endpoint);
    let is_marked = |rows| facts.iter().any(|fact| fact.has_one(rows));
    if !shape.marks.is_empty() && category != shape.task && !is_marked(shape.marks)
        || is_marked(shape.foreign_marks)
    {
        return None;
    }
    let (mut constants, mut given, mut requires_file) = (Vec::new(), Vec::new(), false);
    for parameter in shape.parameters {
        let field = find(parameter, input)?;
        given.push(field.json_name.as_str());
        requires_file |= parameter.kind == Ty::File && field.presence == Presence::Required;
        let list = if matches!(field.ty, Ty::List(_)) { "[]" } else { "" };
        let name = format!("{}{list}", field.json_name);
        if name != parameter.names[0] {
            constants.push((parameter.constant, name));
        }
    }
    // An endpoint that is listed for another task, and can do without what this task gives, wants something else.
    if shape.marks.is_empty() && !category.is_empty() && category != shape.task && !requires_file {
        return None;
    }
    // A parameter that the endpoint requires and the task does not give.
    let is_missing =
        |field: &&Field| field.presence == Presence::Required && !given.contains(&field.json_name.as_str());
    if input.fields.iter().any(|field| is_missing(&field)) {
        return None;
    }
    let made = made(shape, krate, endpoint, output)?;
    if made != shape.made.1 {
        constants.push((shape.made.0, made));
    }
    Some(TaskImpl { name: shape.name, task: shape.task, constants })
}

/// Returns the field of an input that takes a parameter of a task: one that is required before one that is not.
fn find<'a>(parameter: &Parameter, input: &'a Struct) -> Option<&'a Field> {
    let is_of_kind = |field: &&Field| {
        field.ty == parameter.kind
            || parameter.kind == Ty::File && matches!(&field.ty, Ty::List(item) if **item == Ty::File)
    };
    let fields = || {
        let named = |name: &&str| input.fields.iter().find(|field| field.json_name == **name);
        parameter.names.iter().filter_map(named).filter(is_of_kind)
    };
    let required = fields().find(|field| field.presence == Presence::Required);
    required.or_else(|| fields().next())
}

/// Returns the field of an output that a task is for.
fn made(shape: &Shape, krate: &Crate, endpoint: &Endpoint, output: &Struct) -> Option<String> {
    let is_file = |ty: &Ty| matches!(ty, Ty::Named(name) if is_file(krate, endpoint, name));
    let is_list = |ty: &Ty| matches!(ty, Ty::List(item) if is_file(item));
    let is_text = |ty: &Ty| *ty == Ty::Text;
    let files = output.fields.iter().filter(|field| is_file(&field.ty) || is_list(&field.ty)).count();
    // An output that may lack the only thing that its endpoint is listed for lacks it when something went wrong.
    let is_sure = |field: &Field| {
        field.presence == Presence::Required
            || files == 1 && endpoint.category.as_deref() == Some(shape.task) && is_file(&field.ty)
    };
    let has = |name: &str, check: &dyn Fn(&Ty) -> bool| {
        output.fields.iter().any(|field| field.json_name == name && is_sure(field) && check(&field.ty))
    };
    let found = match shape.output {
        Made::Images if has("images", &is_list) => Some("images"),
        Made::Images => has("image", &is_file).then_some("image"),
        // A video is made by an endpoint that has no sound file of the same standing, and the other way round.
        Made::File if has(shape.made.1, &is_file) => Some(shape.made.1),
        Made::File => (shape.made.1 == "audio" && has("audio_file", &is_file)).then_some("audio_file"),
        Made::Text => ["text", "output"].into_iter().find(|name| has(name, &is_text)),
    };
    found.map(str::to_owned)
}

/// Returns true for the name of a struct that has a URL.
fn is_file(krate: &Crate, endpoint: &Endpoint, name: &str) -> bool {
    let mut items = endpoint.types().chain(&krate.types).filter(|item| item.name() == Some(name));
    items.next().is_some_and(|item| match item {
        Item::Struct(item) => item.fields.iter().any(|field| {
            field.json_name == "url" && field.ty == Ty::Text && field.presence == Presence::Required
        }),
        _ => false,
    })
}
