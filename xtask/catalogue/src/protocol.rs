//! `cargo xtask protocol`: compares fal's own documents of its wire protocol with those in `schemas/inference`.
//!
//! Both describe the same in other words, so only facts are compared: operations, parameters with their bounds, statuses,
//! headers, and the names and values in bodies.

#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use reqwest::{Client, Url, redirect};
use serde_json::Value;

use crate::{http, root};

/// fal's documents.
const BASE: &str = "https://fal.ai/docs/api-reference/inference-api/openapi/";

/// The names of the documents, there and here.
const NAMES: [&str; 2] = ["queue", "sync"];

/// The folder of our documents, and of the list of known differences.
const FOLDER: &str = "schemas/inference";

/// The deepest nesting of a body that is compared.
const MAX_DEPTH: usize = 8;

/// Keywords of schemas that are bounds.
const BOUNDS: [&str; 6] =
    ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "minLength", "maxLength"];

/// Arguments of `cargo xtask protocol`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Reads `queue.json` and `sync.json` from a folder in place of fal.
    #[arg(long, value_name = "DIR")]
    from: Option<PathBuf>,
    /// URL below which fal has the documents.
    #[arg(long, value_name = "URL", default_value = BASE)]
    base_url: String,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), String> {
    let folder = root().join(FOLDER);
    let known = read(&folder.join("differences.txt"))?;
    let mut lines = Vec::new();
    let mut unused: BTreeSet<String> = known_differences(&known).collect();
    for name in NAMES {
        let file = format!("{name}.json");
        let theirs = match &arguments.from {
            Some(folder) => read(&folder.join(&file))?,
            None => fetch(&arguments.base_url, &file)?,
        };
        let parse = |text: &str, place: &str| -> Result<Value, String> {
            serde_json::from_str(text).map_err(|error| format!("{place}{file}: {error}"))
        };
        let ours = parse(&read(&folder.join(&file))?, "schemas/inference/")?;
        let differences = compare(&ours, &parse(&theirs, "fal's ")?);
        let new: Vec<String> = differences
            .into_iter()
            .map(|difference| format!("{name}: {difference}"))
            .filter(|difference| !unused.remove(difference))
            .collect();
        if !new.is_empty() {
            lines.push(new.join("; "));
        }
    }
    lines.extend(
        unused.iter().map(|line| format!("schemas/inference/differences.txt: no longer true: {line}")),
    );
    match lines.as_slice() {
        [] => {
            println!("fal's documents of its protocol say what {FOLDER} says");
            Ok(())
        }
        lines => Err(lines.join("\n")),
    }
}

fn read(path: &Path) -> Result<String, String> {
    fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
}

fn fetch(base: &str, file: &str) -> Result<String, String> {
    // An error means that a provider is installed already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let url =
        Url::parse(base).and_then(|base| base.join(file)).map_err(|error| format!("--base-url: {error}"))?;
    let fetched = http::runtime()?.block_on(async {
        // No key is needed, and none is sent.
        let client = Client::builder()
            .redirect(redirect::Policy::limited(5))
            .timeout(Duration::from_secs(60))
            .build()?;
        client.get(url.clone()).send().await?.error_for_status()?.text().await
    });
    fetched.map_err(|error: reqwest::Error| format!("{url}: {}", http::with_causes(&error.without_url())))
}

/// Returns the lines of the list of known differences, which has comments after `#`.
fn known_differences(text: &str) -> impl Iterator<Item = String> {
    text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')).map(str::to_owned)
}

/// Returns the facts in which two documents differ, each once with its operations.
fn compare(ours: &Value, theirs: &Value) -> Vec<String> {
    let (ours, theirs) = (Facts::of(ours).0, Facts::of(theirs).0);
    let mut differences: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for (here, there, words) in [(&ours, &theirs, "is gone"), (&theirs, &ours, "is new")] {
        let missing: BTreeSet<_> = here.difference(there).collect();
        for (operation, fact) in &missing {
            // What belongs to something that is new or gone needs no line of its own.
            let is_missing = |whole: &str| missing.contains(&(operation.clone(), whole.to_owned()));
            let mut ends = [": ", " = ", "."].into_iter().flat_map(|mark| fact.match_indices(mark));
            let is_part = (!fact.is_empty() && is_missing(""))
                || ends.any(|(end, _)| fact.get(..end).is_some_and(is_missing));
            if !is_part {
                differences.entry(format!("{fact} {words}")).or_default().push(operation);
            }
        }
    }
    let lines = differences.into_iter().map(|(difference, operations)| match operations.join(", ") {
        operations if difference.starts_with(' ') => format!("{operations}{difference}"),
        operations => format!("{difference} ({operations})"),
    });
    lines.collect()
}

/// The facts of a document: an operation, and a property of it. The operation itself is a fact without text.
struct Facts(BTreeSet<(String, String)>);

impl Facts {
    fn of(root: &Value) -> Self {
        let mut reader = Reader { root, operation: String::new(), facts: Facts(BTreeSet::new()) };
        for server in root["servers"].as_array().into_iter().flatten() {
            reader.operation = format!("server {}", server["url"].as_str().unwrap_or_default());
            reader.add(String::new());
        }
        for (path, item) in root["paths"].as_object().into_iter().flatten() {
            for (method, operation) in item.as_object().into_iter().flatten() {
                if ["get", "put", "post", "delete", "patch", "head"].contains(&method.as_str()) {
                    reader.operation = format!("{} {}", method.to_uppercase(), without_names(path));
                    reader.read_operation(item, operation);
                }
            }
        }
        reader.facts
    }
}

/// Replaces the names of parameters in a path, which are words.
fn without_names(path: &str) -> String {
    let segments = path.split('/').map(|segment| if segment.starts_with('{') { "{}" } else { segment });
    segments.collect::<Vec<_>>().join("/")
}

struct Reader<'a> {
    root: &'a Value,
    operation: String,
    facts: Facts,
}

impl<'a> Reader<'a> {
    fn add(&mut self, fact: String) {
        self.facts.0.insert((self.operation.clone(), fact));
    }

    fn resolve(&self, value: &'a Value) -> &'a Value {
        let mut value = value;
        for _ in 0..MAX_DEPTH {
            let Some(pointer) = value["$ref"].as_str().and_then(|text| text.strip_prefix('#')) else { break };
            value = self.root.pointer(pointer).unwrap_or(&Value::Null);
        }
        value
    }

    fn read_operation(&mut self, item: &'a Value, operation: &'a Value) {
        self.add(String::new());
        for parameters in [&item["parameters"], &operation["parameters"]] {
            for parameter in parameters.as_array().into_iter().flatten() {
                self.read_parameter(self.resolve(parameter));
            }
        }
        self.read_content("input", &operation["requestBody"]);
        for (status, response) in operation["responses"].as_object().into_iter().flatten() {
            let (response, answer) = (self.resolve(response), format!("status {status}"));
            self.add(answer.clone());
            for name in response["headers"].as_object().into_iter().flat_map(|headers| headers.keys()) {
                self.add(format!("{answer}: header {}", name.to_lowercase()));
            }
            self.read_content(&answer, response);
        }
    }

    fn read_parameter(&mut self, parameter: &'a Value) {
        let place = parameter["in"].as_str().unwrap_or_default();
        if place == "path" {
            return;
        }
        let name = parameter["name"].as_str().unwrap_or_default().to_lowercase();
        let parameter_name = format!("{place} {name}");
        self.add(parameter_name.clone());
        for mark in ["required", "deprecated"] {
            if parameter[mark] == true {
                self.add(format!("{parameter_name}: {mark}"));
            }
        }
        self.read_values(&parameter_name, &parameter["schema"]);
    }

    /// Reads the values and bounds that a schema allows.
    fn read_values(&mut self, name: &str, schema: &'a Value) {
        let schema = self.resolve(schema);
        for value in schema["enum"].as_array().into_iter().flatten().chain(schema.get("const")) {
            self.add(format!("{name} = {value}"));
        }
        for bound in BOUNDS.into_iter().filter(|bound| schema[*bound].is_number()) {
            self.add(format!("{name}: {bound} {}", schema[bound]));
        }
    }

    fn read_content(&mut self, place: &str, holder: &'a Value) {
        let holder = self.resolve(holder);
        for (media_type, content) in holder["content"].as_object().into_iter().flatten() {
            self.add(format!("{place}: {media_type}"));
            self.read_body(&format!("{place}: "), "", &content["schema"], 0);
        }
    }

    fn read_body(&mut self, place: &str, path: &str, schema: &'a Value, depth: usize) {
        let schema = self.resolve(schema);
        if depth > MAX_DEPTH {
            return;
        }
        if !path.is_empty() {
            self.read_values(&format!("{place}{path}"), schema);
        }
        for (name, property) in schema["properties"].as_object().into_iter().flatten() {
            let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
            self.add(format!("{place}{path}"));
            self.read_body(place, &path, property, depth + 1);
        }
        for keyword in ["oneOf", "anyOf", "allOf"] {
            for part in schema[keyword].as_array().into_iter().flatten() {
                self.read_body(place, path, part, depth + 1);
            }
        }
        if schema["items"].is_object() {
            self.read_body(place, path, &schema["items"], depth + 1);
        }
    }
}
