//! The descriptions that a document lacks, and what nobody has decided about it yet.

use std::fmt;

use serde_json::Value;

/// The findings about a document. None of them keeps its facts from being written.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Findings {
    /// The descriptions to write.
    pub(crate) missing: Vec<Missing>,
    /// Keys and categories that are not known, each with its place and advice.
    pub(crate) notes: Vec<String>,
}

/// A description that schemas/descriptions does not have, or that does not fit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Missing {
    pub(crate) endpoint_id: String,
    /// The kind of output of the endpoint, such as `image`. Empty if it is not known.
    pub(crate) kind: &'static str,
    pub(crate) subject: Subject,
    /// The reason why the description does not fit, with its file. `None` if there is none.
    pub(crate) misfit: Option<String>,
    /// The text of fal, to write the description from.
    pub(crate) original: String,
    /// Type, bounds, default and values of a property.
    pub(crate) facts: String,
}

/// The thing to describe.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Subject {
    Endpoint,
    /// A type, by the name of its component.
    Type(String),
    Property {
        /// `input`, `output` or the name of a component.
        owner: String,
        name: String,
    },
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Endpoint => f.write_str("the endpoint"),
            Self::Type(name) => write!(f, "the type `{name}`"),
            Self::Property { owner, name } => write!(f, "`{owner}.{name}`"),
        }
    }
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.misfit {
            None => write!(f, "{}: {} has no description", self.endpoint_id, self.subject),
            Some(misfit) => write!(f, "{}: the description of {} {misfit}", self.endpoint_id, self.subject),
        }
    }
}

/// Returns type, bounds, default and values of a schema in one line.
pub(super) fn describe_facts(schema: &Value, required: bool) -> String {
    let mut facts = vec![kind_of(schema)];
    if required {
        facts.push("required".to_owned());
    }
    for key in [
        "minimum",
        "exclusiveMinimum",
        "maximum",
        "exclusiveMaximum",
        "multipleOf",
        "minLength",
        "maxLength",
        "minItems",
        "maxItems",
        "pattern",
        "default",
    ] {
        if let Some(value) = schema.get(key) {
            facts.push(format!("{key} {value}"));
        }
    }
    facts.join(", ")
}

fn kind_of(schema: &Value) -> String {
    if let Some(values) = schema.get("enum").and_then(Value::as_array) {
        let values: Vec<String> = values.iter().map(Value::to_string).collect();
        return format!("one of {}", values.join(", "));
    }
    if let Some(constant) = schema.get("const") {
        return format!("always {constant}");
    }
    if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
        return reference.rsplit('/').next().unwrap_or(reference).to_owned();
    }
    let members = ["anyOf", "oneOf", "allOf"].iter().find_map(|key| schema.get(key)?.as_array());
    if let Some(members) = members {
        return members.iter().map(kind_of).collect::<Vec<_>>().join(" or ");
    }
    match (schema.get("type").and_then(Value::as_str), schema.get("items")) {
        (Some("array"), Some(items)) => format!("list of {}", kind_of(items)),
        (Some(name), _) => name.to_owned(),
        (None, _) => "anything".to_owned(),
    }
}
