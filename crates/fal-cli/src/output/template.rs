//! Paths of saved files, such as `out/{model}_{seed}.{ext}`.

use std::path::{Path, PathBuf};

use fal_client::storage::NameTemplate;
use serde_json::Value;

use crate::failure::{Failure, Result};
use crate::model::parameter::value_text;

/// A path with places for facts about a call and a file.
#[derive(Debug, Clone)]
pub(crate) struct Template {
    name: NameTemplate,
    is_folder: bool,
}

/// The facts about a call.
pub(crate) struct Facts<'a> {
    pub(crate) model: &'a str,
    pub(crate) request: &'a str,
    pub(crate) input: &'a Value,
    pub(crate) output: &'a Value,
    /// The row of a batch.
    pub(crate) row: Option<&'a Value>,
}

/// The facts about a file of a call.
pub(crate) struct FileFacts<'a> {
    call: &'a Facts<'a>,
    pub(crate) field: &'a str,
    index: usize,
}

/// The place of a saved file.
pub(crate) enum Target {
    /// Any new name in a folder.
    Folder(PathBuf),
    File(PathBuf),
}

impl<'a> Facts<'a> {
    /// Returns the facts about the file at `field`, which is the `index`th.
    pub(crate) fn file(&'a self, field: &'a str, index: usize) -> FileFacts<'a> {
        FileFacts { call: self, field, index }
    }
}

impl Template {
    /// Parses a path. `known` are names of places beside those of every template.
    ///
    /// # Errors
    ///
    /// Returns a failure for a brace without its counterpart and for a place that does not exist.
    pub(crate) fn parse(text: &str, known: &[&str]) -> Result<Self> {
        const PLACES: [&str; 6] = ["model", "name", "index", "seed", "request", "ext"];
        let name = NameTemplate::parse(text)
            .map_err(|error| Failure::usage(format!("--output {text}: {}", error.message())))?;
        if let Some(place) = name.places().find(|place| !PLACES.contains(place) && !known.contains(place)) {
            let places: Vec<String> =
                PLACES.iter().chain(known).map(|place| format!("{{{place}}}")).collect();
            return Err(Failure::usage(format!(
                "--output {text}: there is no {{{place}}}; there are {}",
                places.join(", ")
            )));
        }
        let has_extension = Path::new(text).extension().is_some();
        let is_folder = text.ends_with('/')
            || Path::new(text).is_dir()
            || name.places().next().is_none() && !has_extension;
        Ok(Self { name, is_folder })
    }

    /// Returns the place of a file with this extension.
    pub(crate) fn path(&self, facts: &FileFacts<'_>, extension: &str) -> Target {
        let text = self.name.fill(|place| facts.get(place, extension));
        if self.is_folder { Target::Folder(text.into()) } else { Target::File(text.into()) }
    }
}

impl FileFacts<'_> {
    fn get(&self, place: &str, extension: &str) -> String {
        let Facts { model, request, input, output, row } = self.call;
        match place {
            "model" => model.replace('/', "-"),
            "name" => self.field.to_owned(),
            "index" => self.index.to_string(),
            "request" => (*request).to_owned(),
            "ext" => extension.to_owned(),
            other => [row.unwrap_or(&Value::Null), output, input]
                .iter()
                .find_map(|facts| facts.get(other).filter(|value| !value.is_null()))
                .map(value_text)
                .unwrap_or_else(|| "none".to_owned()),
        }
    }
}

/// Returns the path, or the first of `cat-2.png`, `cat-3.png`… that does not exist: a saved file is never overwritten.
pub(crate) fn free(path: PathBuf) -> PathBuf {
    if !path.exists() {
        return path;
    }
    let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let extension =
        path.extension().map(|extension| format!(".{}", extension.to_string_lossy())).unwrap_or_default();
    let numbered = (2..).map(|number: u32| path.with_file_name(format!("{stem}-{number}{extension}")));
    numbered.into_iter().find(|path| !path.exists()).unwrap_or(path.clone())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn path(template: &str, output: &Value) -> String {
        let facts =
            Facts { model: "fal-ai/flux/dev", request: "r1", input: &json!({"seed": 3}), output, row: None };
        match Template::parse(template, &[]).unwrap().path(&facts.file("images-0", 1), "png") {
            Target::Folder(path) => format!("folder {}", path.display()),
            Target::File(path) => path.display().to_string(),
        }
    }

    #[test]
    fn places_are_filled_and_cannot_leave_the_folder() {
        let output = json!({"seed": 7});
        let table = [
            ("out/{model}_{seed}.{ext}", "out/fal-ai-flux-dev_7.png"),
            ("{name}-{index}-{request}.{ext}", "images-0-1-r1.png"),
            ("out/", "folder out/"),
            ("pictures", "folder pictures"),
            ("cat.png", "cat.png"),
        ];
        for (template, expected) in table {
            assert_eq!(path(template, &output), expected, "{template}");
        }
        assert_eq!(path("out/{seed}.{ext}", &json!({})), "out/3.png");
        assert_eq!(path("out/{seed}.{ext}", &json!({"seed": "../../etc"})), "out/_.._etc.png");
        assert!(Template::parse("{what}", &[]).is_err());
        assert!(Template::parse("{seed", &[]).is_err());
        assert!(Template::parse("{row}", &["row"]).is_ok());
    }
}
