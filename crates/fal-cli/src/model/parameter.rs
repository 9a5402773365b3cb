//! The parameters of a model, from the schema of its input.

use fal_codegen::normalize::requirements;
use fal_codegen::rust::describe_requirement;
use fal_emulator::catalogue::CatalogueModel;
use serde_json::{Map, Value, json};

use super::file_limits;

/// The nesting from which types are shown as `json`.
const MAX_DEPTH: usize = 6;

/// A parameter, or a property of an object in one.
pub(crate) struct Parameter {
    pub(crate) name: String,
    pub(crate) is_required: bool,
    pub(crate) kind: Kind,
    /// The bounds in words, such as `1..50`. Empty without any.
    pub(crate) bounds: String,
    pub(crate) description: String,
    pub(crate) default: Option<Value>,
    pub(crate) examples: Vec<Value>,
    /// The limits of its files, `x-fal`. Null without any.
    pub(crate) limits: Value,
    /// The schema as the document has it.
    schema: Value,
}

/// The values that a parameter takes.
pub(crate) enum Kind {
    Text,
    Integer,
    Number,
    Boolean,
    /// One of these values.
    Choice(Vec<Value>),
    /// The URL of a file of this kind, such as `image`.
    File(&'static str),
    List(Box<Kind>),
    Object(Vec<Parameter>),
    /// Any of these.
    Union(Vec<Kind>),
    Json,
}

/// Returns the parameters of a model, in the order of its document.
pub(crate) fn parameters(model: &CatalogueModel) -> Vec<Parameter> {
    properties(model, model.input(), 0)
}

/// Returns the rules about which parameters go together, a sentence each.
pub(crate) fn rules(model: &CatalogueModel) -> Vec<String> {
    let rules = requirements::read(model.input());
    rules.iter().map(|rule| format!("{}.", describe_requirement(rule))).collect()
}

fn properties(model: &CatalogueModel, schema: &Value, depth: usize) -> Vec<Parameter> {
    let Some(known) = schema.get("properties").and_then(Value::as_object) else { return Vec::new() };
    let list = |name: &str| schema.get(name).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let (order, required) = (list("x-fal-order-properties"), list("required"));
    let rank = |name: &str| order.iter().position(|other| other == name).unwrap_or(usize::MAX);
    let mut names: Vec<&String> = known.keys().collect();
    names.sort_by_key(|name| rank(name));
    let is_required = |name: &str| required.iter().any(|other| other == name);
    names
        .into_iter()
        .map(|name| Parameter::new(model, name, &known[name], is_required(name), depth))
        .collect()
}

impl Parameter {
    fn new(model: &CatalogueModel, name: &str, schema: &Value, is_required: bool, depth: usize) -> Self {
        let resolved = model.resolve(schema);
        let own = |key: &str| schema.get(key).or_else(|| resolved.get(key));
        let mut kind = Kind::new(model, schema, depth);
        if let Some(file) = model.file_kind(name, schema) {
            kind = kind.with_files(file);
        }
        let limits = kind.takes_files().then(|| file_limits::find(model, schema, 0)).flatten();
        let examples = own("examples").and_then(Value::as_array).cloned().unwrap_or_default();
        Self {
            name: name.to_owned(),
            is_required,
            bounds: bounds(model, schema),
            description: own("description").and_then(Value::as_str).unwrap_or_default().to_owned(),
            default: own("default").cloned(),
            examples: examples.into_iter().chain(own("example").cloned()).collect(),
            limits: limits.cloned().unwrap_or_default(),
            schema: schema.clone(),
            kind,
        }
    }

    /// Returns the type and the bounds in words, such as `integer 1..50`.
    pub(crate) fn type_text(&self) -> String {
        [self.kind.text().as_str(), &self.bounds].join(" ").trim_end().to_owned()
    }

    /// Returns a value that the parameter probably takes: its default, an example, or the first of its kind.
    pub(crate) fn sample(&self) -> Value {
        let known = self.default.iter().chain(&self.examples).find(|value| !value.is_null());
        let least = |name: &str| self.schema.get(name).and_then(Value::as_u64);
        known.cloned().unwrap_or_else(|| match self.kind.sample(least("minimum").unwrap_or(1)) {
            Value::Array(items) => {
                let count = least("minItems").map_or(1, |count| count as usize);
                items.iter().cycle().take(count.max(1)).cloned().collect()
            }
            sample => sample,
        })
    }

    /// Returns the facts as JSON.
    pub(crate) fn to_json(&self) -> Value {
        let mut json = json!({
            "name": self.name, "required": self.is_required, "type": self.kind.name(), "description": self.description,
            "type_text": self.type_text(), "schema": self.schema,
        });
        if let Some(default) = &self.default {
            json["default"] = default.clone();
        }
        if let Some(choices) = self.kind.choices() {
            json["choices"] = choices.iter().copied().cloned().collect();
        }
        if !self.examples.is_empty() {
            json["examples"] = self.examples.clone().into();
        }
        if let Kind::Object(parts) = &self.kind {
            json["parts"] = parts.iter().map(Self::to_json).collect();
        }
        json
    }
}

impl Kind {
    fn new(model: &CatalogueModel, schema: &Value, depth: usize) -> Self {
        let schema = model.resolve(schema);
        if depth > MAX_DEPTH {
            return Self::Json;
        }
        if let Some(values) = schema.get("enum").and_then(Value::as_array) {
            return Self::Choice(values.iter().filter(|value| !value.is_null()).cloned().collect());
        }
        if let Some(value) = schema.get("const") {
            return Self::Choice(vec![value.clone()]);
        }
        for keyword in ["anyOf", "oneOf"] {
            if let Some(branches) = schema.get(keyword).and_then(Value::as_array) {
                return Self::union(model, branches, depth);
            }
        }
        if let Some([only]) = schema.get("allOf").and_then(Value::as_array).map(Vec::as_slice) {
            return Self::new(model, only, depth);
        }
        match schema.get("type").and_then(Value::as_str) {
            Some("string") => Self::Text,
            Some("integer") => Self::Integer,
            Some("number") => Self::Number,
            Some("boolean") => Self::Boolean,
            Some("array") => {
                let items =
                    schema.get("items").map_or(Self::Json, |items| Self::new(model, items, depth + 1));
                Self::List(Box::new(items))
            }
            _ if schema.get("properties").is_some() => Self::Object(properties(model, schema, depth + 1)),
            _ => Self::Json,
        }
    }

    /// Creates the kind of several alternatives. Null does not count, because a parameter can be left out.
    fn union(model: &CatalogueModel, branches: &[Value], depth: usize) -> Self {
        let is_null = |schema: &&Value| schema.get("type").is_some_and(|kind| kind == "null");
        let real = branches.iter().map(|branch| model.resolve(branch)).filter(|branch| !is_null(branch));
        let mut kinds: Vec<Self> = real.map(|branch| Self::new(model, branch, depth + 1)).collect();
        match kinds.len() {
            1 => kinds.remove(0),
            _ => Self::Union(kinds),
        }
    }

    /// Returns the kind with files of this kind in place of texts.
    fn with_files(self, file: &'static str) -> Self {
        match self {
            Self::Text => Self::File(file),
            Self::List(items) => Self::List(Box::new(items.with_files(file))),
            Self::Union(kinds) => Self::Union(kinds.into_iter().map(|kind| kind.with_files(file)).collect()),
            other => other,
        }
    }

    fn sample(&self, minimum: u64) -> Value {
        match self {
            Self::Text => json!("a cat reading a map"),
            Self::Integer | Self::Number => json!(minimum),
            Self::Boolean => json!(true),
            Self::Choice(values) => values.first().cloned().unwrap_or_default(),
            Self::File(_) => json!("https://example.com/file"),
            Self::List(items) => json!([items.sample(minimum)]),
            Self::Object(parts) => {
                let required = parts.iter().filter(|part| part.is_required);
                required.map(|part| (part.name.clone(), part.sample())).collect()
            }
            Self::Union(kinds) => kinds.first().map_or(Value::Null, |kind| kind.sample(minimum)),
            Self::Json => json!({}),
        }
    }

    /// Returns the name of the kind in JSON.
    fn name(&self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Integer => "integer",
            Self::Number => "number",
            Self::Boolean => "boolean",
            Self::Choice(_) => "choice",
            Self::File(_) => "file",
            Self::List(_) => "list",
            Self::Object(_) => "object",
            Self::Union(_) => "union",
            Self::Json => "json",
        }
    }

    /// Returns the kind in words.
    pub(crate) fn text(&self) -> String {
        match self {
            Self::Choice(values) => values.iter().map(value_text).collect::<Vec<_>>().join("|"),
            Self::File("any") => "file".to_owned(),
            Self::File(kind) => format!("{kind} file"),
            Self::List(items) => format!("list of {}", items.text()),
            Self::Object(parts) => {
                let names: Vec<&str> = parts.iter().map(|part| part.name.as_str()).collect();
                format!("{{{}}}", names.join(", "))
            }
            Self::Union(kinds) => kinds.iter().map(Self::text).collect::<Vec<_>>().join(" or "),
            other => other.name().to_owned(),
        }
    }

    /// Returns the listed values, also those of alternatives.
    pub(crate) fn choices(&self) -> Option<Vec<&Value>> {
        match self {
            Self::Choice(values) => Some(values.iter().collect()),
            Self::Union(kinds) => {
                let all: Vec<&Value> = kinds.iter().filter_map(Self::choices).flatten().collect();
                (!all.is_empty()).then_some(all)
            }
            Self::List(items) => items.choices(),
            _ => None,
        }
    }

    /// Returns true if files are values, or items of values.
    pub(crate) fn takes_files(&self) -> bool {
        match self {
            Self::File(_) => true,
            Self::List(items) => items.takes_files(),
            Self::Union(kinds) => kinds.iter().any(Self::takes_files),
            _ => false,
        }
    }

    /// Returns the parts of the objects that are values.
    pub(crate) fn objects(&self) -> Vec<&[Parameter]> {
        match self {
            Self::Object(parts) => vec![parts],
            Self::Union(kinds) => kinds.iter().flat_map(Self::objects).collect(),
            _ => Vec::new(),
        }
    }

    /// Returns true if a list is a value.
    pub(crate) fn is_list(&self) -> bool {
        match self {
            Self::List(_) => true,
            Self::Union(kinds) => kinds.iter().any(Self::is_list),
            _ => false,
        }
    }
}

/// Returns a value as the user writes it after `name=`.
pub(crate) fn value_text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Returns the bounds of a schema in words, looking into the alternatives to null.
fn bounds(model: &CatalogueModel, schema: &Value) -> String {
    let schema = model.resolve(schema);
    let empty = Map::new();
    let branches = schema.get("anyOf").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let own = [schema].into_iter().chain(branches.iter().map(|branch| model.resolve(branch)));
    let mut words = Vec::new();
    for schema in own.filter(|schema| schema.get("properties").is_none()) {
        let facts = schema.as_object().unwrap_or(&empty);
        words.extend(number_bounds(facts));
        for (low, high, noun) in [("minLength", "maxLength", "characters"), ("minItems", "maxItems", "items")]
        {
            words.extend(range(facts.get(low), facts.get(high)).map(|range| format!("{range} {noun}")));
        }
        words.extend(facts.get("multipleOf").map(|step| format!("in steps of {step}")));
        words.extend(facts.get("pattern").and_then(Value::as_str).map(|pattern| format!("like {pattern}")));
    }
    words.join(", ")
}

fn number_bounds(facts: &Map<String, Value>) -> Option<String> {
    let number = |name: &str| facts.get(name).filter(|value| value.is_number());
    let range = range(number("minimum"), number("maximum"));
    let above = number("exclusiveMinimum").map(|least| format!("above {least}"));
    let below = number("exclusiveMaximum").map(|most| format!("below {most}"));
    let words: Vec<String> = [range, above, below].into_iter().flatten().collect();
    (!words.is_empty()).then(|| words.join(" "))
}

fn range(low: Option<&Value>, high: Option<&Value>) -> Option<String> {
    match (low, high) {
        (Some(low), Some(high)) => Some(format!("{low}..{high}")),
        (Some(low), None) => Some(format!("at least {low}")),
        (None, Some(high)) => Some(format!("at most {high}")),
        (None, None) => None,
    }
}
