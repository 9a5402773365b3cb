//! Changes of a valid instance: single mistakes, and additions that a newer model could make.

use serde_json::{Value, json};

use crate::{
    instances::{float, whole},
    random::Random,
    schema::required,
    sites::{Site, sites},
    text,
};

/// One change of an instance.
pub(crate) struct Edit {
    /// The mistake, by which disagreements are classified.
    pub(crate) kind: &'static str,
    /// JSON pointer to the change.
    pub(crate) pointer: String,
    change: Change,
}

enum Change {
    Replace(Value),
    Remove(String),
    Insert(String, Value),
}

impl Edit {
    /// Returns the changed instance.
    pub(crate) fn apply(&self, instance: &Value) -> Value {
        let mut changed = instance.clone();
        let Some(target) = changed.pointer_mut(&self.pointer) else { return changed };
        match (&self.change, target) {
            (Change::Replace(value), target) => *target = value.clone(),
            (Change::Remove(name), Value::Object(object)) => {
                object.remove(name);
            }
            (Change::Insert(name, value), Value::Object(object)) => {
                object.insert(name.clone(), value.clone());
            }
            _ => {}
        }
        changed
    }
}

/// Returns mistakes of every kind at every place of `instance`. Some of them leave it valid.
pub(crate) fn edits(schema: &Value, instance: &Value, random: &mut Random) -> Vec<Edit> {
    let mut edits = Vec::new();
    for site in sites(schema, instance) {
        let Some(value) = instance.pointer(&site.pointer) else { continue };
        let mut mutator = Mutator { site: &site, value, random, edits: &mut edits };
        mutator.types();
        mutator.enumeration();
        mutator.object();
        mutator.array();
        mutator.text();
        mutator.number();
    }
    edits
}

/// Collects the mistakes that are possible at one place.
struct Mutator<'a, 's> {
    site: &'a Site<'s>,
    value: &'a Value,
    random: &'a mut Random,
    edits: &'a mut Vec<Edit>,
}

impl<'s> Mutator<'_, 's> {
    fn change(&mut self, kind: &'static str, change: Change) {
        self.edits.push(Edit { kind, pointer: self.site.pointer.clone(), change });
    }

    fn replace(&mut self, kind: &'static str, value: Value) {
        self.change(kind, Change::Replace(value));
    }

    fn keyword(&self, name: &str) -> Option<&'s Value> {
        self.site.branch.get(name)
    }

    fn bound(&self, name: &str) -> Option<f64> {
        self.keyword(name).and_then(Value::as_f64)
    }

    fn size(&self, name: &str) -> Option<usize> {
        self.keyword(name).and_then(Value::as_u64).and_then(|size| usize::try_from(size).ok())
    }

    fn types(&mut self) {
        self.replace("null", Value::Null);
        let others = [
            json!(true),
            json!(7),
            json!(0.5),
            json!("wrong"),
            json!("7"),
            json!([]),
            json!([self.value]),
            json!({}),
            json!({ "value": self.value }),
        ];
        let other = others[self.random.below(others.len())].clone();
        self.replace("wrong type", other);
        if let Value::Number(number) = self.value {
            let written = json!(number.to_string());
            self.replace("number as text", written);
        }
        if let Some([only]) = self.value.as_array().map(Vec::as_slice) {
            self.replace("item without its list", only.clone());
        }
    }

    fn enumeration(&mut self) {
        let kind = if self.keyword("const").is_some() {
            "const changed"
        } else if self.keyword("enum").is_some() {
            "unknown enum value"
        } else {
            return;
        };
        let changed = match self.value {
            Value::String(text) => {
                let changes = [
                    text.to_uppercase(),
                    format!("{text} "),
                    text.trim().to_owned(),
                    text.chars().skip(1).collect(),
                    "unheard-of".to_owned(),
                    String::new(),
                ];
                json!(changes[self.random.below(changes.len())])
            }
            Value::Number(number) => json!(number.as_i64().unwrap_or_default() + 1),
            Value::Bool(value) => json!(!value),
            _ => return,
        };
        self.replace(kind, changed);
    }

    fn object(&mut self) {
        let Value::Object(object) = self.value else { return };
        let names: Vec<String> =
            required(self.site.branch).filter(|name| object.contains_key(*name)).map(str::to_owned).collect();
        for name in names {
            self.change("required left out", Change::Remove(name));
        }
        if self.keyword("additionalProperties") == Some(&json!(false)) {
            self.change("unknown field", Change::Insert("brand_new".to_owned(), json!(1)));
        }
        if self.keyword("additionalProperties").is_some_and(Value::is_object) {
            self.change("value of a map", Change::Insert("brand_new".to_owned(), json!("wrong")));
        }
    }

    fn array(&mut self) {
        let Value::Array(items) = self.value else { return };
        if let Some(least) = self.size("minItems").filter(|least| *least > 0) {
            let few = items.iter().take(least - 1).cloned().collect();
            self.replace("too few items", few);
        }
        if let (Some(most), false) = (self.size("maxItems"), items.is_empty()) {
            let many = items.iter().cycle().take(most + 1).cloned().collect();
            self.replace("too many items", many);
        }
        if self.keyword("uniqueItems") == Some(&json!(true)) && !items.is_empty() {
            let twice = items.iter().chain(items.first()).cloned().collect();
            self.replace("duplicate item", twice);
        }
    }

    fn text(&mut self) {
        if !self.value.is_string() {
            return;
        }
        if let Some(pattern) = self.keyword("pattern").and_then(Value::as_str) {
            let broken = text::with_pattern(pattern, false, self.random);
            self.replace("pattern broken", json!(broken));
        }
        if let Some(least) = self.size("minLength").filter(|least| *least > 0) {
            let short = text::with_length(least - 1, self.random);
            self.replace("too short", json!(short));
        }
        // Very long texts are generated rarely, because they take time.
        if let Some(most) = self.size("maxLength")
            && (most <= 5000 || self.random.once_in(6))
        {
            let long = text::with_length(most + 1, self.random);
            self.replace("too long", json!(long));
        }
    }

    fn number(&mut self) {
        if !self.value.is_number() {
            return;
        }
        if self.site.branch["type"] == "integer" {
            let half = self.value.as_f64().unwrap_or_default() + 0.5;
            self.replace("fraction for an integer", float(half));
        }
        // Far enough from the bound for rounding not to matter.
        let near = |bound: f64| bound.abs().max(1.0) * 1e-6;
        if let Some(least) = self.bound("minimum") {
            self.replace("below the minimum", float(least - near(least)));
            self.replace("below the minimum", whole(least.ceil() - 1.0));
        }
        if let Some(most) = self.bound("maximum") {
            self.replace("above the maximum", float(most + near(most)));
            self.replace("above the maximum", whole(most.floor() + 1.0));
        }
        for bound in ["exclusiveMinimum", "exclusiveMaximum"] {
            if let Some(excluded) = self.bound(bound) {
                self.replace("on an exclusive bound", float(excluded));
                self.replace("on an exclusive bound", whole(excluded));
            }
        }
        if let Some(step) = self.bound("multipleOf") {
            let value = self.value.as_f64().unwrap_or_default();
            self.replace("not a multiple", float(value + step / 2.0));
            self.replace("not a multiple", float(value - step / 4.0));
            if step > 1.0 {
                self.replace("not a multiple", whole(value + 1.0));
            }
        }
    }
}

/// Returns changes that an output type must accept although its schema refuses them, because models change: unknown enum
/// values, unknown fields, and `null` for optional fields.
pub(crate) fn additions(schema: &Value, instance: &Value) -> Vec<Edit> {
    let mut edits = Vec::new();
    for site in sites(schema, instance) {
        let edit = |kind, change| Edit { kind, pointer: site.pointer.clone(), change };
        match instance.pointer(&site.pointer) {
            Some(Value::Object(object)) if site.branch.get("properties").is_some() => {
                if matches!(site.branch.get("additionalProperties"), None | Some(Value::Bool(true))) {
                    let value = json!({ "nested": [1, null] });
                    edits.push(edit("unknown field", Change::Insert("brand_new".to_owned(), value)));
                }
                let must: Vec<&str> = required(site.branch).collect();
                for name in object.keys().filter(|name| !must.contains(&name.as_str())) {
                    edits.push(edit("null for an optional field", Change::Insert(name.clone(), Value::Null)));
                }
            }
            Some(Value::String(_)) if site.branch.get("enum").is_some() => {
                edits.push(edit("unknown enum value", Change::Replace(json!("unheard-of"))));
            }
            Some(Value::String(_)) if site.branch.get("const").is_some() => {
                edits.push(edit("unknown const", Change::Replace(json!("unheard-of"))));
            }
            _ => {}
        }
    }
    edits
}
