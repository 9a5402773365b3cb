//! OpenAPI Overlays: files that correct documents without editing them.
//!
//! An overlay is a file in JSON or YAML as the [Overlay Specification 1.0](https://spec.openapis.org/overlay/v1.0.0.html) describes.
//! Its actions are applied to a document before anything else is read from it.

use indexmap::IndexSet;
use serde_json::{Map, Value};
use serde_json_path::JsonPath;

use crate::{
    error::{Error, Errors, pointer, unescape},
    options::Source,
    schema::text,
};

const EXAMPLE: &str = "an overlay is `{\"overlay\": \"1.0.0\", \"info\": {\"title\": …, \"version\": …}, \
                       \"actions\": [{\"target\": \"$.…\", \"update\": {…}}]}`";

/// An overlay.
#[derive(Debug)]
pub(crate) struct Overlay {
    pub(crate) file: String,
    /// The document that it is for. `None` if it is for all.
    extends: Option<Extends>,
    actions: Vec<Action>,
}

/// The document that an overlay is for.
#[derive(Debug, PartialEq, Eq)]
enum Extends {
    /// A file, by its path.
    File(String),
    /// An endpoint, whose document fal publishes.
    Endpoint(String),
}

#[derive(Debug)]
struct Action {
    /// The JSON pointer of the action in the overlay.
    at: String,
    target: JsonPath,
    change: Change,
}

#[derive(Debug)]
enum Change {
    Update(Value),
    Remove,
}

impl Overlay {
    /// Parses an overlay.
    pub(crate) fn parse(source: &Source) -> Result<Self, Errors> {
        let file = &source.file;
        let error = |at: &str, message: String| Error::new(file, message).with_pointer(at).with_help(EXAMPLE);
        let value = text::parse(file, &source.text)?;
        let version = value.get("overlay").and_then(Value::as_str);
        if !version.is_some_and(|version| version.starts_with("1.")) {
            return Err(error("/overlay", "not an overlay of version 1".to_owned()).into());
        }
        let Some(actions) =
            value.get("actions").and_then(Value::as_array).filter(|actions| !actions.is_empty())
        else {
            return Err(error("/actions", "an overlay has at least one action".to_owned()).into());
        };
        let mut errors = Vec::new();
        let mut parsed = Vec::with_capacity(actions.len());
        for (index, action) in actions.iter().enumerate() {
            match Action::parse(action, pointer("/actions", index)) {
                Ok(action) => parsed.push(action),
                Err((at, message)) => errors.push(error(&at, message)),
            }
        }
        let extends = match value.get("extends") {
            None => None,
            Some(Value::String(uri)) => read_extends(file, uri),
            Some(_) => {
                errors.push(error("/extends", "`extends` is the path or URL of a document".to_owned()));
                None
            }
        };
        Errors::or(errors, Self { file: file.clone(), extends, actions: parsed })
    }

    /// Returns true if the overlay is for the documents of a file, whatever their endpoints.
    pub(crate) fn applies_to_file(&self, file: &str) -> bool {
        match &self.extends {
            None => true,
            Some(Extends::File(path)) => normalize_path(file) == *path,
            Some(Extends::Endpoint(_)) => false,
        }
    }

    /// Returns true if the overlay is for the document of this endpoint.
    pub(crate) fn applies_to_endpoint(&self, id: &str) -> bool {
        matches!(&self.extends, Some(Extends::Endpoint(endpoint)) if endpoint == id)
    }

    /// Applies all actions in their order. Returns for each of them if it found its target.
    ///
    /// # Errors
    ///
    /// Fails if an action selects a value that it cannot change.
    pub(crate) fn apply(&self, openapi: &mut Value) -> Result<Vec<bool>, Error> {
        let mut found = Vec::with_capacity(self.actions.len());
        for action in &self.actions {
            let places = action.find_places(openapi);
            found.push(!places.is_empty());
            // An item that is removed moves those after it, so the last ones go first.
            for place in places.iter().rev() {
                action.change.apply(openapi, place).map_err(|message| {
                    Error::new(&self.file, format!("`{}` selects {place}, {message}", action.target))
                        .with_pointer(&action.at)
                        .with_help("select an object or a list, whose members the update adds to or replaces")
                })?;
            }
        }
        Ok(found)
    }

    /// Returns an error for each action that found its target in no document. `found` has the results of all documents.
    pub(crate) fn find_unused(&self, found: &[Vec<bool>]) -> Vec<Error> {
        if found.is_empty() {
            let target = match &self.extends {
                Some(Extends::File(path)) => format!("`{path}`"),
                Some(Extends::Endpoint(id)) => format!("the endpoint `{id}`"),
                None => "any".to_owned(),
            };
            return vec![
                Error::new(&self.file, format!("is for {target}, and there is no such document"))
                    .with_pointer("/extends")
                    .with_help("give the document too, or leave the overlay out"),
            ];
        }
        let unused = self
            .actions
            .iter()
            .enumerate()
            .filter(|(index, _)| !found.iter().any(|document| document.get(*index) == Some(&true)));
        let errors = unused.map(|(_, action)| {
            Error::new(&self.file, format!("`{}` selects nothing", action.target))
                .with_pointer(pointer(&action.at, "target"))
                .with_help("remove the action if the document was corrected, or correct its target")
        });
        errors.collect()
    }
}

impl Action {
    /// Parses an action. An `Err` has the place and the message.
    fn parse(action: &Value, at: String) -> Result<Self, (String, String)> {
        let Some(target) = action.get("target").and_then(Value::as_str) else {
            return Err((at, "an action has a `target`".to_owned()));
        };
        let target = JsonPath::parse(target)
            .map_err(|error| (pointer(&at, "target"), format!("{target:?} is not a JSONPath: {error}")))?;
        let change = match (action.get("remove"), action.get("update")) {
            (Some(Value::Bool(true)), _) => Change::Remove,
            (_, Some(update)) => Change::Update(update.clone()),
            _ => return Err((at, "an action has an `update`, or `remove: true`".to_owned())),
        };
        Ok(Self { at, target, change })
    }

    /// Returns the JSON pointers of the values that the target selects, in the order of the document.
    fn find_places(&self, openapi: &Value) -> Vec<String> {
        let nodes = self.target.query_located(openapi);
        let places: IndexSet<String> = nodes.iter().map(|node| node.location().to_json_pointer()).collect();
        places.into_iter().collect()
    }
}

impl Change {
    /// Changes the value at `place`. An `Err` says why it cannot be changed.
    fn apply(&self, openapi: &mut Value, place: &str) -> Result<(), &'static str> {
        match self {
            Self::Remove if place.is_empty() => Err("the whole document, which cannot be removed"),
            Self::Remove => {
                remove(openapi, place);
                Ok(())
            }
            Self::Update(update) => match openapi.pointer_mut(place) {
                Some(Value::Object(object)) => match update {
                    Value::Object(update) => {
                        merge(object, update);
                        Ok(())
                    }
                    _ => Err("an object, and the update is not"),
                },
                Some(Value::Array(items)) => {
                    match update {
                        Value::Array(more) => items.extend(more.iter().cloned()),
                        item => items.push(item.clone()),
                    }
                    Ok(())
                }
                // An earlier place of the same action contained it.
                None => Ok(()),
                Some(_) => Err("which is neither an object nor a list"),
            },
        }
    }
}

/// Merges objects recursively, appends lists, and replaces everything else.
fn merge(object: &mut Map<String, Value>, update: &Map<String, Value>) {
    for (key, value) in update {
        match (object.get_mut(key), value) {
            (Some(Value::Object(inner)), Value::Object(update)) => merge(inner, update),
            (Some(Value::Array(items)), Value::Array(more)) => items.extend(more.iter().cloned()),
            _ => drop(object.insert(key.clone(), value.clone())),
        }
    }
}

fn remove(openapi: &mut Value, place: &str) {
    let Some((parent, last)) = place.rsplit_once('/') else { return };
    match openapi.pointer_mut(parent) {
        Some(Value::Object(object)) => drop(object.shift_remove(&unescape(last))),
        Some(Value::Array(items)) => {
            if let Some(index) = last.parse().ok().filter(|index| *index < items.len()) {
                items.remove(index);
            }
        }
        _ => {}
    }
}

/// Reads the document that an overlay extends: a file relative to the overlay, or an endpoint in the URL of fal's
/// documents. Another URL says where the document was published, and the overlay is for all documents then.
fn read_extends(file: &str, uri: &str) -> Option<Extends> {
    if let Some((_, id)) = uri.split_once("endpoint_id=") {
        let id = id.split('&').next().unwrap_or_default().replace("%2F", "/").replace("%2f", "/");
        return Some(Extends::Endpoint(id));
    }
    let path = match uri.split_once("://") {
        Some(("file", path)) => path.to_owned(),
        Some(_) => return None,
        None => match file.rsplit_once('/') {
            Some((folder, _)) if !uri.starts_with('/') => format!("{folder}/{uri}"),
            _ => uri.to_owned(),
        },
    };
    Some(Extends::File(normalize_path(&path)))
}

/// Removes `.` and `..` from a path.
fn normalize_path(path: &str) -> String {
    let mut segments: Vec<&str> = Vec::new();
    for segment in path.split('/') {
        match segment {
            "." => {}
            ".." if segments.last().is_some_and(|last| !matches!(*last, "" | "..")) => drop(segments.pop()),
            segment => segments.push(segment),
        }
    }
    segments.join("/")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parse(value: &Value) -> Result<Overlay, Errors> {
        Overlay::parse(&Source { file: "o/x.json".to_owned(), text: value.to_string() })
    }

    fn overlay(actions: Value) -> Overlay {
        parse(&json!({ "overlay": "1.0.0", "actions": actions })).unwrap()
    }

    #[track_caller]
    fn check(actions: Value, before: Value, after: Value) {
        let mut document = before;
        overlay(actions).apply(&mut document).unwrap();
        assert_eq!(document, after);
    }

    #[test]
    fn an_update_merges_objects_and_appends_to_lists() {
        check(
            json!([{ "target": "$.a", "update": { "x": { "z": 2 }, "l": [3], "new": null } }]),
            json!({ "a": { "x": { "y": 1, "z": 1 }, "l": [1] }, "b": 1 }),
            json!({ "a": { "x": { "y": 1, "z": 2 }, "l": [1, 3], "new": null }, "b": 1 }),
        );
        check(
            json!([{ "target": "$.l", "update": { "a": 1 } }, { "target": "$.l", "update": [2, 3] }]),
            json!({ "l": [] }),
            json!({ "l": [{ "a": 1 }, 2, 3] }),
        );
    }

    #[test]
    fn a_removal_removes_members_and_several_items_of_a_list() {
        check(
            json!([{ "target": "$.l[?@ < 3]", "remove": true }, { "target": "$['a/b']", "remove": true }]),
            json!({ "l": [1, 3, 2, 4, 1], "a/b": 1, "c": 1 }),
            json!({ "l": [3, 4], "c": 1 }),
        );
    }

    #[test]
    fn actions_follow_one_another_and_those_without_a_target_are_named() {
        let overlay = overlay(json!([
            { "target": "$.a[?@.min == 1]", "update": { "minimum": 1 } },
            { "target": "$.a.*.min", "remove": true },
            { "target": "$.gone", "remove": true },
        ]));
        let mut document = json!({ "a": { "x": { "min": 1 }, "y": { "min": 2 } } });
        let found = overlay.apply(&mut document).unwrap();
        assert_eq!(document, json!({ "a": { "x": { "minimum": 1 }, "y": {} } }));
        let unused = overlay.find_unused(&[found]);
        assert_eq!(unused.len(), 1);
        assert!(unused[0].to_string().starts_with("o/x.json: /actions/2/target: `$.gone` selects nothing"));
    }

    #[test]
    fn an_update_of_a_text_is_an_error() {
        let error =
            overlay(json!([{ "target": "$.a", "update": "b" }])).apply(&mut json!({ "a": "x" })).unwrap_err();
        assert!(error.to_string().contains("selects /a, which is neither an object nor a list"), "{error}");
    }

    #[test]
    fn a_removal_of_the_whole_document_is_an_error() {
        let error = overlay(json!([{ "target": "$", "remove": true }])).apply(&mut json!({})).unwrap_err();
        assert!(error.to_string().contains("the whole document, which cannot be removed"), "{error}");
    }

    #[test]
    fn malformed_overlays_are_errors_with_pointers() {
        for (value, at) in [
            (json!({ "overlay": "2.0.0", "actions": [{}] }), "/overlay"),
            (json!({ "overlay": "1.0.0", "actions": [] }), "/actions"),
            (json!({ "overlay": "1.0.0", "actions": [{ "target": "$.a" }] }), "/actions/0"),
            (
                json!({ "overlay": "1.0.0", "actions": [{ "target": "a.b", "remove": true }] }),
                "/actions/0/target",
            ),
            (
                json!({ "overlay": "1.0.0", "extends": 7, "actions": [{ "target": "$.a", "remove": true }] }),
                "/extends",
            ),
        ] {
            assert_eq!(parse(&value).unwrap_err().0[0].pointer, at, "{value}");
        }
    }

    #[test]
    fn an_overlay_extends_a_file_or_an_endpoint() {
        let extends = |uri: &str| read_extends("schemas/overlays/a/x.json", uri);
        let file = |path: &str| Some(Extends::File(path.to_owned()));
        assert_eq!(extends("../../a/x.json"), file("schemas/a/x.json"));
        assert_eq!(extends("/docs/./x.json"), file("/docs/x.json"));
        assert_eq!(read_extends("x.json", "../app.json"), file("../app.json"));
        let endpoint = Some(Extends::Endpoint("fal-ai/flux/dev".to_owned()));
        assert_eq!(
            extends("https://fal.ai/api/openapi/queue/openapi.json?endpoint_id=fal-ai%2Fflux/dev"),
            endpoint
        );
        assert_eq!(extends("https://example.com/openapi.json"), None);
    }
}
