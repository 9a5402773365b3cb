//! The names of saved files.

use fal_client::storage::NameTemplate;
use serde_json::Value;

use crate::{Error, Result, ledger::Unsaved};

/// The places of every template, beside `input.…`.
const PLACES: [&str; 8] = ["batch", "key", "model", "request", "name", "index", "ext", "seed"];

/// The facts about a file.
pub(super) struct NameFacts<'a> {
    pub(super) unsaved: &'a Unsaved,
    pub(super) input: &'a Value,
    pub(super) output: &'a Value,
    pub(super) field: &'a str,
    pub(super) index: usize,
}

impl NameFacts<'_> {
    /// Returns the seed that the model used, or else the one that was asked for.
    pub(super) fn seed(&self) -> Option<&Value> {
        [self.output, self.input]
            .into_iter()
            .find_map(|facts| facts.get("seed").filter(|seed| !seed.is_null()))
    }

    fn get(&self, place: &str, extension: &str) -> String {
        let collected = &self.unsaved.collected;
        match place {
            "batch" => collected.batch.clone(),
            "key" => collected.key.clone(),
            "model" => collected.endpoint.replace('/', "-"),
            "request" => collected.request_id.clone(),
            "name" => self.field.to_owned(),
            "index" => self.index.to_string(),
            "ext" => extension.to_owned(),
            "seed" => text(self.seed()),
            place => text(place.strip_prefix("input.").and_then(|name| self.input.get(name))),
        }
    }
}

fn text(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => "none".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(value) => value.to_string(),
    }
}

/// Parses the template of a store.
pub(super) fn parse(text: &str) -> Result<NameTemplate> {
    let refused = |why: &str| Error::config(format!("the name of files `{}`: {why}", text.escape_debug()));
    let template = NameTemplate::parse(text).map_err(|error| Error::config(error.message()))?;
    let is_known = |place: &&str| {
        PLACES.contains(place) || place.strip_prefix("input.").is_some_and(|name| !name.is_empty())
    };
    if let Some(place) = template.places().find(|place| !is_known(place)) {
        let places: Vec<String> = PLACES.iter().map(|place| format!("{{{place}}}")).collect();
        return Err(refused(&format!(
            "there is no {{{place}}}; there are {} and {{input.…}}, such as {{input.prompt}}",
            places.join(", ")
        )));
    }
    let is_name = |segment: &str| !matches!(segment, "" | "." | "..");
    if !text.split('/').all(is_name) || text.contains(|letter: char| letter == '\\' || letter.is_control()) {
        return Err(refused("it needs the form `folder/file`, without `..`, `\\` or an empty part"));
    }
    Ok(template)
}

/// Returns the names that a file may have, in the order in which they are tried: that of the template, one with the id at
/// fal, and one that no other file has.
pub(super) fn candidates(template: &NameTemplate, facts: &NameFacts<'_>, extension: &str) -> [String; 3] {
    let name = template.fill(|place| facts.get(place, extension));
    let (folder, file) = name.rsplit_once('/').map_or(("", &*name), |(folder, file)| (folder, file));
    let (stem, dotted) = file
        .rsplit_once('.')
        .map_or((file, String::new()), |(stem, extension)| (stem, format!(".{extension}")));
    let numbered = |number: &str| {
        // The id comes from fal, and is made safe as a place is.
        let id = NameTemplate::parse("{request}").map_or_else(
            |_| facts.unsaved.collected.held.id.to_string(),
            |template| template.fill(|_| facts.unsaved.collected.request_id.clone()),
        );
        let slash = if folder.is_empty() { "" } else { "/" };
        format!("{folder}{slash}{stem}-{id}{number}{dotted}")
    };
    let with_index = numbered(&format!("-{}-{}", facts.unsaved.collected.held.id, facts.index));
    [name.clone(), numbered(""), with_index]
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::ledger::{Collected, Held};

    fn names(template: &str, key: &str) -> [String; 3] {
        let collected = Collected {
            held: Held { id: 1, epoch: 1 },
            batch: "cats & dogs".to_owned(),
            key: key.to_owned(),
            endpoint: "fal-ai/flux/dev".to_owned(),
            input: String::new(),
            output: String::new(),
            request_id: "r/1".to_owned(),
            cost: None,
            units: None,
            traceparent: None,
        };
        let unsaved = Unsaved { collected, done_at: String::new(), age: std::time::Duration::ZERO };
        let (input, output) = (json!({ "prompt": "a cat", "seed": 3, "steps": 4 }), json!({ "seed": 7 }));
        let facts =
            NameFacts { unsaved: &unsaved, input: &input, output: &output, field: "images-0", index: 2 };
        candidates(&parse(template).unwrap(), &facts, "png")
    }

    #[test]
    fn names_are_made_of_facts_and_stay_in_the_store() {
        for (template, key, expected) in [
            ("{batch}/{key}-{index}.{ext}", "tom", "cats _ dogs/tom-2.png"),
            ("{key}.{ext}", "../../etc/passwd", "_.._etc_passwd.png"),
            ("{key}/{name}.{ext}", "..", "file/images-0.png"),
            ("{key}.{ext}", "NUL", "_NUL.png"),
            (
                "{model}/{seed}-{input.prompt}-{input.steps}-{input.none}",
                "a",
                "fal-ai-flux-dev/7-a cat-4-none",
            ),
            ("{request}.{ext}", "a", "r_1.png"),
        ] {
            assert_eq!(names(template, key)[0], expected, "{template}");
        }
        assert_eq!(names("a/{key}.{ext}", "tom"), ["a/tom.png", "a/tom-r_1.png", "a/tom-r_1-1-2.png"]);
        assert_eq!(names("{key}", "tom"), ["tom", "tom-r_1", "tom-r_1-1-2"]);
    }

    #[test]
    fn templates_that_lead_elsewhere_or_name_unknown_places_are_refused() {
        for bad in [
            "{kye}.png",
            "{input.}",
            "{key",
            "../{key}",
            "/{key}",
            "{key}/",
            "a//{key}",
            "a/./{key}",
            "a\\{key}",
            "",
            "a\n{key}",
        ] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
