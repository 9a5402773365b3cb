//! The input of a model: arguments become JSON and local files, and every mistake is reported at once.

mod argument;
mod files;
mod problems;
mod value;

use std::path::{Path, PathBuf};

use fal_client::{Client, untyped};
use fal_emulator::catalogue::CatalogueModel;
use serde_json::{Map, Value};

use crate::failure::{Failure, Result};
use crate::model::{Kind, Parameter, parameter};
use crate::progress::Progress;

use argument::{Argument, Content};
pub(crate) use files::{LocalFile, read_text};

/// The URL in the place of a local file while the input is checked.
const PLACEHOLDER: &str = "https://v3.fal.media/files/local";

/// A checked input.
#[derive(Debug)]
pub(crate) struct Input {
    json: Value,
    /// The local files, by their JSON Pointers.
    files: Vec<(String, LocalFile)>,
}

/// The parts of an input, as the user gave them.
pub(crate) struct Given<'a> {
    pub(crate) arguments: &'a [String],
    /// A file with a JSON object, or `-` for stdin.
    pub(crate) base: Option<&'a PathBuf>,
    /// True if the schema has no say.
    pub(crate) is_unchecked: bool,
}

/// Reads and checks an input.
///
/// # Errors
///
/// Returns a failure with a line for each mistake.
pub(crate) fn read(model: &CatalogueModel, given: &Given<'_>) -> Result<Input> {
    let parameters = parameter::parameters(model);
    let mut draft =
        Draft { json: base(given.base)?, files: Vec::new(), mistakes: Vec::new(), refused: Vec::new() };
    for argument in argument::parse(given.arguments, &parameters, &mut draft.mistakes) {
        draft.set(&parameters, argument, given.is_unchecked);
    }
    let Draft { json, files, mut mistakes, refused } = draft;
    let mut json = Value::Object(json);
    if !given.is_unchecked {
        mistakes.extend(files::problems(&files, &parameters));
        mistakes.extend(problems::unknown_names(&json, &parameters));
        match model.check(json.clone()) {
            Ok(checked) => json = checked,
            Err(details) => mistakes.extend(problems::lines(&details, &parameters)),
        }
    }
    // A value that could not be read is not missing, and what two rules find is one mistake.
    let mut told: Vec<String> = refused.iter().map(|name| problems::missing(name)).collect();
    mistakes.retain(|line| {
        let is_new = !told.contains(line);
        told.push(line.clone());
        is_new
    });
    if mistakes.is_empty() { Ok(Input { json, files }) } else { Err(Failure::mistakes(mistakes)) }
}

/// Checks an input that is complete JSON, such as that of a tool. Returns it with its numbers converted.
///
/// # Errors
///
/// Returns a failure with a line for each mistake.
pub(crate) fn check(model: &CatalogueModel, json: Value) -> Result<Value> {
    let parameters = parameter::parameters(model);
    let mut mistakes = problems::unknown_names(&json, &parameters);
    match model.check(json) {
        Ok(checked) if mistakes.is_empty() => return Ok(checked),
        Ok(_) => {}
        Err(details) => mistakes.extend(problems::lines(&details, &parameters)),
    }
    Err(Failure::mistakes(mistakes))
}

/// Reads the object that the parameters are added to.
fn base(path: Option<&PathBuf>) -> Result<Map<String, Value>> {
    let Some(path) = path else { return Ok(Map::new()) };
    let shown = path.display();
    let text = files::read_text(path).map_err(|error| Failure::usage(format!("--input {shown}: {error}")))?;
    match serde_json::from_str(&text) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err(Failure::usage(format!("--input {shown}: it is not a JSON object"))),
        Err(error) => Err(Failure::usage(format!("--input {shown}: {error}"))),
    }
}

/// An input that is being put together.
struct Draft {
    json: Map<String, Value>,
    files: Vec<(String, LocalFile)>,
    mistakes: Vec<String>,
    /// The parameters whose values could not be read.
    refused: Vec<String>,
}

impl Draft {
    /// Sets the value of one argument.
    fn set(&mut self, parameters: &[Parameter], argument: Argument, is_unchecked: bool) {
        let Argument { name, content } = argument;
        let parts: Vec<&str> = match parameters.iter().any(|parameter| parameter.name == name) {
            true => vec![&name],
            false => name.split('.').collect(),
        };
        let found = parameter_at(parameters, &parts);
        if found.is_none() && !is_unchecked {
            self.mistakes.push(problems::unknown_name(&name, parameters));
            return;
        }
        let values = match content {
            Content::Json(text) => value::json(&text).map(|value| vec![Part::Value(value)]),
            Content::JsonFile(path) => {
                let text = files::read_text(&path);
                text.and_then(|text| value::json(&text)).map(|value| vec![Part::Value(value)])
            }
            Content::Text(text) => value::from_text(&text, found).map(|value| vec![Part::Value(value)]),
            Content::Bare(is_true) => Ok(vec![Part::Value(is_true.into())]),
            Content::File(path) if found.is_none_or(|parameter| parameter.kind.takes_files()) => {
                LocalFile::open(&path).map(|file| vec![Part::File(file)])
            }
            Content::File(path) => files::read_text(&path).map(|text| vec![Part::Value(text.into())]),
            Content::Stdin if found.is_some_and(|parameter| !parameter.kind.takes_files()) => {
                let text = files::read_text(Path::new("-"));
                text.and_then(|text| value::from_text(text.trim_end(), found))
                    .map(|value| vec![Part::Value(value)])
            }
            Content::Stdin => {
                files::media_from_stdin().map(|media| media.into_iter().map(Part::from).collect())
            }
        };
        match values {
            Ok(values) => {
                let kind = found.map(|parameter| &parameter.kind);
                // Of several files on stdin, a parameter that takes one gets the first.
                let most = if kind.is_some_and(Kind::is_list) { values.len() } else { 1 };
                for value in values.into_iter().take(most) {
                    if let Err(problem) = self.insert(&parts, value, kind) {
                        self.mistakes.push(format!("{name}: {problem}"));
                    }
                }
            }
            Err(problem) => {
                self.mistakes.push(format!("{name}: {problem}"));
                self.refused.push(name);
            }
        }
    }

    /// Puts a value at its place. The values of a list are added to it; any other value replaces an earlier one.
    fn insert(&mut self, parts: &[&str], part: Part, kind: Option<&Kind>) -> std::result::Result<(), String> {
        let (value, file) = match part {
            Part::Value(value) => (value, None),
            Part::File(file) => (PLACEHOLDER.into(), Some(file)),
        };
        let Some((last, parents)) = parts.split_last() else { return Ok(()) };
        let mut object = &mut self.json;
        for parent in parents {
            let value = object.entry(*parent).or_insert_with(|| Value::Object(Map::new()));
            object = value.as_object_mut().ok_or_else(|| format!("`{parent}` has another value already"))?;
        }
        let mut pointer: String = parts.iter().map(|part| pointer_part(part)).collect();
        let slot = object.entry(*last).or_insert(Value::Null);
        let is_list = match kind {
            Some(Kind::List(_)) => true,
            // A single value stays one where both are allowed.
            Some(kind) => kind.is_list() && !slot.is_null(),
            None => false,
        };
        if !is_list || value.is_array() && slot.is_null() {
            self.files.retain(|(place, _)| *place != pointer);
            *slot = value;
        } else {
            if !slot.is_array() {
                for (place, _) in self.files.iter_mut().filter(|(place, _)| *place == pointer) {
                    place.push_str("/0");
                }
                let first = slot.take();
                *slot = if first.is_null() { Vec::new() } else { vec![first] }.into();
            }
            if let Value::Array(items) = slot {
                pointer.push_str(&format!("/{}", items.len()));
                match value {
                    Value::Array(more) => items.extend(more),
                    item => items.push(item),
                }
            }
        }
        self.files.extend(file.map(|file| (pointer, file)));
        Ok(())
    }
}

/// A value, or a file whose URL will be the value.
enum Part {
    Value(Value),
    File(LocalFile),
}

impl From<files::Media> for Part {
    fn from(media: files::Media) -> Self {
        match media {
            files::Media::Url(url) => Self::Value(url.into()),
            files::Media::File(file) => Self::File(file),
        }
    }
}

fn pointer_part(name: &str) -> String {
    format!("/{}", name.replace('~', "~0").replace('/', "~1"))
}

/// Returns the parameter at a path of names, such as `image_size`, `width`.
fn parameter_at<'a>(parameters: &'a [Parameter], parts: &[&str]) -> Option<&'a Parameter> {
    let (first, rest) = parts.split_first()?;
    let parameter = parameters.iter().find(|parameter| parameter.name == *first)?;
    match rest {
        [] => Some(parameter),
        rest => parameter.kind.objects().into_iter().find_map(|parts| parameter_at(parts, rest)),
    }
}

impl Input {
    /// Returns the input as it would be sent, with a note in place of each local file.
    pub(crate) fn preview(&self) -> Value {
        self.with_files(|file| format!("<upload {}>", file.name()))
    }

    /// Returns the input with a text in place of each local file.
    pub(crate) fn with_files(&self, mut text: impl FnMut(&LocalFile) -> String) -> Value {
        let mut json = self.json.clone();
        for (pointer, file) in &self.files {
            if let Some(place) = json.pointer_mut(pointer) {
                *place = text(file).into();
            }
        }
        json
    }

    /// Returns the local files.
    #[cfg_attr(not(feature = "fleet"), expect(dead_code, reason = "batches in a database use it"))]
    pub(crate) fn files(&self) -> impl Iterator<Item = &LocalFile> {
        self.files.iter().map(|(_, file)| file)
    }

    /// Returns an input that uploads its files when it is sent.
    pub(crate) fn into_untyped(self, id: &str) -> untyped::Input {
        let Self { json, files } = self;
        let input = untyped::input(id, json);
        files.into_iter().fold(input, |input, (pointer, file)| input.file(pointer, file.to_file()))
    }

    /// Uploads the local files and returns the JSON to send.
    pub(crate) async fn upload(self, client: &Client, progress: &Progress) -> Result<Value> {
        let Self { mut json, files } = self;
        for (pointer, file) in files {
            let url = file.upload(client, progress).await?;
            if let Some(place) = json.pointer_mut(&pointer) {
                *place = url.into();
            }
        }
        Ok(json)
    }
}
