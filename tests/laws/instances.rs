//! Random instances of a schema.

use serde_json::{Map, Number, Value, json};

use crate::{
    random::Random,
    schema::{branches, properties, required},
    text,
};

/// Lengths above this are generated rarely, because they take time.
const LONG: usize = 300;

/// Field names that schemas do not contain and that generated code might mishandle.
const UNKNOWN: &[&str] = &["extra", "brand_new", "type_", "self", "builder", "Ünknown", "a b", "$ref", ""];

/// Properties of files.
const SIZES: &[&str] = &["width", "height", "file_size", "num_frames"];

/// The share of optional properties that an object has.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Fill {
    Required,
    Some,
    /// All properties, no nulls and no empty lists, so that every keyword applies somewhere.
    Full,
}

/// A generator of instances.
pub(crate) struct Generator<'r> {
    pub(crate) random: &'r mut Random,
    pub(crate) fill: Fill,
}

impl Generator<'_> {
    /// Generates an instance of `schema`. It may be invalid for rare combinations of keywords; callers validate it.
    pub(crate) fn instance(&mut self, schema: &Value) -> Value {
        if let Some(value) = schema.get("const") {
            return value.clone();
        }
        if let Some(values) = schema.get("enum").and_then(Value::as_array) {
            return self.random.pick(values).clone();
        }
        let mut choices = branches(schema);
        if choices.len() > 1 {
            choices.retain(|branch| self.fill != Fill::Full || branch["type"] != "null");
            choices.retain(|branch| **branch != Value::Bool(false));
            if choices.is_empty() {
                return Value::Null;
            }
            let branch = *self.random.pick(&choices);
            return self.instance(branch);
        }
        match schema.get("type").and_then(Value::as_str) {
            Some("object") => self.object(schema),
            Some("array") => self.array(schema),
            Some("string") => self.text(schema),
            Some("integer") => self.integer(schema),
            Some("number") => self.number(schema),
            Some("boolean") => json!(self.random.once_in(2)),
            Some("null") => Value::Null,
            _ => text::any_json(2, self.random),
        }
    }

    fn object(&mut self, schema: &Value) -> Value {
        let mut object = Map::new();
        let must: Vec<&str> = required(schema).collect();
        // Objects have few or many of their properties, not always about half.
        let share = 1 + self.random.below(4);
        for (name, property) in properties(schema).filter(|(_, property)| **property != Value::Bool(false)) {
            let optional = match self.fill {
                Fill::Required => false,
                Fill::Some => self.random.below(4) < share,
                Fill::Full => true,
            };
            if optional || must.contains(&name.as_str()) {
                let value = self.instance(property);
                // Sizes of files have 64 bits with a sign in `fal_core::media`.
                let is_too_large =
                    SIZES.contains(&name.as_str()) && value.is_number() && value.as_i64().is_none();
                let fits = !is_too_large || value.as_f64().is_some_and(|value| value < 9e18);
                object.insert(name.clone(), if fits { value } else { json!(1024) });
            }
        }
        let known = |name: &str| properties(schema).any(|(property, _)| property == name);
        match schema.get("additionalProperties") {
            Some(Value::Bool(false)) => {}
            Some(values @ Value::Object(_)) => {
                for index in 0..self.random.below(4) {
                    let name = match schema.get("propertyNames") {
                        Some(names) => self.name(names),
                        // Names of maps may be limited in length.
                        None if index == 0 => "k".to_owned(),
                        None => text::any_text(self.random),
                    };
                    let value = self.instance(values);
                    if !known(&name) {
                        object.insert(name, value);
                    }
                }
            }
            _ => {
                let name = *self.random.pick(UNKNOWN);
                if self.fill == Fill::Some && self.random.once_in(6) && !known(name) {
                    object.insert(name.to_owned(), text::any_json(2, self.random));
                }
            }
        }
        object.into()
    }

    /// Generates the name of a property.
    fn name(&mut self, schema: &Value) -> String {
        let mut schema = schema.clone();
        if let Some(schema) = schema.as_object_mut() {
            schema.entry("type").or_insert_with(|| json!("string"));
        }
        self.instance(&schema).as_str().unwrap_or_default().to_owned()
    }

    fn array(&mut self, schema: &Value) -> Value {
        let size =
            |key: &str| schema.get(key).and_then(Value::as_u64).and_then(|size| usize::try_from(size).ok());
        let least = size("minItems").unwrap_or(0).max(usize::from(self.fill == Fill::Full));
        let mut most = size("maxItems").unwrap_or(least + 3);
        let first = schema.get("prefixItems").and_then(Value::as_array);
        let anything = json!({});
        let rest = schema.get("items").unwrap_or(&anything);
        if *rest == Value::Bool(false) {
            most = most.min(first.map_or(0, Vec::len));
        }
        let least = least.min(most);
        let near = most.min(least + 3);
        let length = match self.random.below(4) {
            0 => least,
            1 if most <= 20 || self.random.once_in(10) => most,
            _ => least + self.random.below(near - least + 1),
        };
        let mut items: Vec<Value> = (0..length)
            .map(|index| self.instance(first.and_then(|first| first.get(index)).unwrap_or(rest)))
            .collect();
        if schema.get("uniqueItems") == Some(&Value::Bool(true)) {
            // Shuffling the values fills long lists, which drawing with repetition would not.
            if let Some(values) = rest.get("enum").and_then(Value::as_array) {
                let mut values = values.clone();
                self.random.shuffle(&mut values);
                values.truncate(length);
                items = values;
            }
            let mut unique: Vec<Value> = Vec::new();
            items.into_iter().for_each(|item| {
                if !unique.contains(&item) {
                    unique.push(item);
                }
            });
            items = unique;
        }
        items.into()
    }

    fn text(&mut self, schema: &Value) -> Value {
        if let Some(pattern) = schema.get("pattern").and_then(Value::as_str) {
            return json!(text::with_pattern(pattern, true, self.random));
        }
        let size =
            |key: &str| schema.get(key).and_then(Value::as_u64).and_then(|size| usize::try_from(size).ok());
        let (least, most) = (size("minLength"), size("maxLength"));
        if (least, most) == (None, None) {
            return json!(text::any_text(self.random));
        }
        let least = least.unwrap_or(0);
        let most = most.unwrap_or(least + 20);
        let length = match self.random.below(4) {
            0 => least,
            1 if most <= LONG || self.random.once_in(12) => most,
            _ => least + self.random.below((most - least).min(20) + 1),
        };
        json!(text::with_length(length, self.random))
    }

    fn integer(&mut self, schema: &Value) -> Value {
        let bound = |key: &str| schema.get(key).and_then(Value::as_f64);
        let step = bound("multipleOf").unwrap_or(1.0);
        let above = bound("exclusiveMinimum").map(|bound| bound.floor() + 1.0);
        let below = bound("exclusiveMaximum").map(|bound| bound.ceil() - 1.0);
        let least = bound("minimum").or(above);
        let most = bound("maximum").or(below);
        // Large bounds are no exact f64.
        if let Some(large) = ["minimum", "maximum"].iter().find_map(|key| schema.get(*key))
            && large.as_f64().is_some_and(|large| large.abs() > 9e15)
            && self.random.once_in(4)
        {
            return large.clone();
        }
        if least.is_none() && most.is_none() && self.random.once_in(8) {
            // The ends of i64 and u64, an integer that f64 cannot represent, and two that are written as floats.
            let large = [
                json!(i64::MAX),
                json!(i64::MIN),
                json!(9_007_199_254_740_993_i64),
                json!(u64::MAX),
                json!(1e3),
                json!(1.844_674_407_370_955_2e19),
            ];
            return self.random.pick(&large).clone();
        }
        if least.is_some_and(|least| least >= 0.0) && most.is_none() && step == 1.0 && self.random.once_in(8)
        {
            return json!(u64::MAX);
        }
        let least = least.or(most.map(|most| most - 2000.0)).unwrap_or(-1000.0);
        let most = most.unwrap_or(least + 2000.0 * step);
        let (first, last) = ((least / step).ceil(), (most / step).floor());
        let value = step * self.between(first, last, 1.0);
        if value.abs() < 9e15 && !self.random.once_in(8) { whole(value) } else { float(value) }
    }

    fn number(&mut self, schema: &Value) -> Value {
        let bound = |key: &str| schema.get(key).and_then(Value::as_f64);
        let least = bound("minimum").or(bound("exclusiveMinimum"));
        let most = bound("maximum").or(bound("exclusiveMaximum"));
        let (least, most) = match (least, most) {
            (Some(least), Some(most)) => (least, most),
            (Some(least), None) => (least, least + 100.0),
            (None, Some(most)) => (most - 100.0, most),
            (None, None) if self.random.once_in(8) => {
                return json!(*self.random.pick(&[1e300, -1e-300, 1e15, 0.1]));
            }
            (None, None) => (-100.0, 100.0),
        };
        if let Some(step) = bound("multipleOf") {
            let steps = self.between((least / step).ceil(), (most / step).floor(), 1.0);
            // Without rounding, 3 * 0.05 is not 0.15.
            return float(if self.random.once_in(6) { steps * step } else { rounded(steps * step) });
        }
        let small = (most - least) / 1024.0;
        let (least, most) = (
            if bound("exclusiveMinimum").is_some() { least + small } else { least },
            if bound("exclusiveMaximum").is_some() { most - small } else { most },
        );
        let value = self.between(least, most, small);
        if value.fract() == 0.0 && value.abs() < 9e15 && self.random.once_in(2) {
            whole(value)
        } else {
            float(value)
        }
    }

    /// Picks a number: a bound, a neighbour of a bound, a whole number, or any number between.
    fn between(&mut self, least: f64, most: f64, small: f64) -> f64 {
        let inside = |value: f64| {
            if value < least {
                least
            } else if value > most {
                most
            } else {
                value
            }
        };
        match self.random.below(8) {
            0 => least,
            1 => most,
            2 => inside(least + small),
            3 => inside(most - small),
            4 => inside((least + (most - least) * self.random.fraction()).round()),
            _ if small == 1.0 => inside((least + (most - least) * self.random.fraction()).round()),
            _ => inside(rounded(least + (most - least) * self.random.fraction())),
        }
    }
}

/// Rounds to nine decimals, which removes the noise of binary fractions.
fn rounded(value: f64) -> f64 {
    format!("{value:.9}").parse().unwrap_or(value)
}

/// Returns a number that is written without a fraction, such as `2`.
#[allow(clippy::cast_possible_truncation, reason = "callers stay below 2^53")]
pub(crate) fn whole(value: f64) -> Value {
    json!(value as i64)
}

/// Returns a number that is written with a fraction, such as `2.0`.
pub(crate) fn float(value: f64) -> Value {
    Number::from_f64(value).map_or(Value::Null, Value::Number)
}
