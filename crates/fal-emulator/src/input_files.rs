//! Checks the files of an input as fal's apps do when they fetch them: by their URLs, their content and the limits of the
//! parameter.

use serde_json::{Value, json};

use crate::components::Components;
use crate::hosts::{self, BaseUrls};
use crate::models::Model;
use crate::store::Store;

mod content;
mod limits;
mod parameter;

use content::{Content, Fetched, fetch};
use parameter::{FileKind, FileParameter};

/// Returns the kind of file that a parameter certainly takes, such as `image`.
pub(crate) fn file_kind(name: &str, schema: &Value, resolved: &Value) -> Option<&'static str> {
    let parameter =
        FileParameter::new(name, schema, resolved, None).filter(|parameter| parameter.is_certain)?;
    Some(parameter.kind.name())
}

/// The nesting from which nothing is checked.
const MAX_DEPTH: usize = 16;
/// The most violations that are explained.
const MAX_DETAILS: usize = 50;

/// A checker of the files of inputs.
pub(crate) struct FileChecker<'a> {
    pub(crate) store: &'a Store,
    /// The URLs by which the caller reaches the emulator.
    pub(crate) urls: &'a BaseUrls,
}

impl FileChecker<'_> {
    /// Returns what is wrong with the files of an input, in the order of the model's parameters.
    ///
    /// A file at a foreign URL is not fetched, and so never wrong. Of a generated video or recording, only the type is
    /// checked, because it is smaller and shorter than that of fal.
    pub(crate) fn check(&self, model: &Model, input: &Value) -> Vec<Value> {
        let mut walk = Walk { checker: self, components: &model.components, details: Vec::new() };
        walk.visit(&model.input, input, &[json!("body")], None, 0);
        walk.details
    }

    /// Returns true if a URL points to the CDN of this emulator.
    fn is_own(&self, url: &str) -> bool {
        let host = url.split_once("://").and_then(|(_, rest)| rest.split(['/', '?', '#']).next());
        let host = host.map(|host| host.rsplit_once(':').map_or(host, |(name, _)| name)).unwrap_or_default();
        url.starts_with(&format!("{}/", self.urls.cdn())) || hosts::service_prefix(host) == Some("/cdn")
    }
}

/// A walk through an input and its schema.
struct Walk<'a> {
    checker: &'a FileChecker<'a>,
    components: &'a Components,
    details: Vec<Value>,
}

impl Walk<'_> {
    /// Visits a value. `file` describes the parameter that it belongs to, if that one takes files.
    fn visit(
        &mut self,
        schema: &Value,
        value: &Value,
        loc: &[Value],
        file: Option<&FileParameter<'_>>,
        depth: usize,
    ) {
        if depth > MAX_DEPTH || self.details.len() >= MAX_DETAILS {
            return;
        }
        match value {
            Value::String(text) => {
                if let Some(file) = file {
                    let problem = self.problem(text, file);
                    self.details.extend(problem.map(|problem| problem.into_json(loc, value)));
                }
            }
            Value::Array(items) => {
                let list = self.find(schema, |schema| schema.get("items").is_some());
                let item = list.and_then(|list| list.get("items"));
                let Some(item) = item.cloned() else { return };
                let file = file.map(|file| file.item(&item));
                for (index, value) in items.iter().enumerate() {
                    self.visit(&item, value, &with(loc, json!(index)), file.as_ref(), depth + 1);
                }
            }
            Value::Object(object) => {
                let has_all = |schema: &Value| {
                    let properties = schema.get("properties").and_then(Value::as_object);
                    properties.is_some_and(|known| object.keys().all(|name| known.contains_key(name)))
                };
                let described = self.find(schema, has_all);
                let described =
                    described.or_else(|| self.find(schema, |schema| schema.get("properties").is_some()));
                let Some(schema) = described.cloned() else { return };
                let order = schema.get("x-fal-order-properties").and_then(Value::as_array);
                let rank = |name: &str| {
                    order.and_then(|order| order.iter().position(|known| known == name)).unwrap_or(usize::MAX)
                };
                let mut names: Vec<&String> = object.keys().collect();
                names.sort_by_key(|name| rank(name));
                for name in names {
                    let (Some(value), Some(property)) =
                        (object.get(name), schema.pointer(&pointer(name)).cloned())
                    else {
                        continue;
                    };
                    let (resolved, _) = self.components.resolve(&property);
                    let parent = file.map(|file| file.kind);
                    let file = FileParameter::new(name, &property, resolved, parent);
                    // What the document itself gives is no mistake of the caller.
                    if property.get("default") != Some(value) {
                        self.visit(&property, value, &with(loc, json!(name)), file.as_ref(), depth + 1);
                    }
                }
            }
            _ => {}
        }
    }

    /// Returns the schema, or the first of its alternatives, that `matches` accepts.
    fn find<'a>(&'a self, schema: &'a Value, matches: impl Fn(&Value) -> bool + Copy) -> Option<&'a Value> {
        let (schema, _) = self.components.resolve(schema);
        if matches(schema) {
            return Some(schema);
        }
        let branches = ["anyOf", "oneOf", "allOf"].iter().filter_map(|name| schema.get(*name)?.as_array());
        branches.flatten().find_map(|branch| {
            let (branch, _) = self.components.resolve(branch);
            matches(branch).then_some(branch)
        })
    }

    fn problem(&self, text: &str, file: &FileParameter<'_>) -> Option<FileProblem> {
        match fetch(self.checker.store, text, file.limits.is_object()) {
            Fetched::NoUrl if file.is_certain => Some(FileProblem::download()),
            Fetched::NoUrl => None,
            Fetched::Broken => Some(FileProblem::download()),
            Fetched::Elsewhere if self.checker.is_own(text) => Some(FileProblem::missing()),
            Fetched::Elsewhere => None,
            Fetched::Generated { content_type } => {
                let is_fitting = file.kind.accepts_type(&content_type);
                (!is_fitting).then(|| FileProblem::wrong_kind(file.kind))
            }
            Fetched::Content(content) => check_content(&content, file),
        }
    }
}

fn check_content(content: &Content, file: &FileParameter<'_>) -> Option<FileProblem> {
    let limits = file.limits;
    limits::check_size(content, limits)
        .or_else(|| (!file.kind.accepts(content)).then(|| FileProblem::wrong_kind(file.kind)))
        .or_else(|| limits::check_media(content, file.kind, limits))
}

/// A problem of a file, of one of the types that fal documents.
struct FileProblem {
    kind: &'static str,
    message: String,
    context: Option<Value>,
}

impl FileProblem {
    fn new(kind: &'static str, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), context: None }
    }

    fn with_context(self, context: Value) -> Self {
        Self { context: Some(context), ..self }
    }

    fn download() -> Self {
        Self::new(
            "file_download_error",
            "Failed to download the file. Please check if the URL is accessible and try again.",
        )
    }

    /// Describes a file of the CDN that does not exist here. Files of fal's own CDN do not.
    fn missing() -> Self {
        let mut problem = Self::download();
        problem.message.push_str(" (The CDN of fal-emulator has no such file; upload it first.)");
        problem
    }

    fn wrong_kind(kind: FileKind) -> Self {
        let unsupported = |name: &'static str, noun: &str, formats: &[&str]| {
            let text = format!("Unsupported {noun} format. Supported formats: {}", formats.join(", "));
            Self::new(name, text).with_context(json!({"supported_formats": formats}))
        };
        match kind {
            FileKind::Video => {
                unsupported("unsupported_video_format", "video", &[".mp4", ".mov", ".webm", ".m4v", ".gif"])
            }
            FileKind::Audio => {
                unsupported("unsupported_audio_format", "audio", &[".mp3", ".ogg", ".wav", ".m4a", ".aac"])
            }
            FileKind::Archive => {
                let extensions = [".zip", ".tar", ".tar.gz"];
                let text = format!("The file is no archive. Supported extensions: {}", extensions.join(", "));
                Self::new("invalid_archive", text).with_context(json!({"supported_extensions": extensions}))
            }
            FileKind::Image | FileKind::Visual | FileKind::Any => Self::new(
                "image_load_error",
                "Failed to load the image. Please ensure that the file is an image and is not damaged.",
            ),
        }
    }

    fn into_json(self, loc: &[Value], input: &Value) -> Value {
        // A file inside the input would make the reply as large as the request.
        let input = match input {
            Value::String(text) if text.len() > MAX_INPUT => {
                json!(format!("{}…", text.chars().take(MAX_INPUT).collect::<String>()))
            }
            other => other.clone(),
        };
        let mut json = json!({
            "loc": loc, "msg": self.message, "type": self.kind, "input": input,
            "url": format!("https://docs.fal.ai/errors/#{}", self.kind),
        });
        if let Some(context) = self.context {
            json["ctx"] = context;
        }
        json
    }
}

/// The longest input that is repeated whole, in characters.
const MAX_INPUT: usize = 1_000;

fn pointer(name: &str) -> String {
    format!("/properties/{}", name.replace('~', "~0").replace('/', "~1"))
}

fn with(loc: &[Value], last: Value) -> Vec<Value> {
    loc.iter().cloned().chain([last]).collect()
}

#[cfg(test)]
mod tests;
