//! Chooses the variant of a union that fits a value best.

use serde::{Deserialize, Serialize, Serializer, ser::Error as _};
use serde_json::Value;

use crate::Parameters;

/// The properties by which an object is recognized.
#[derive(Debug, Clone, Copy)]
pub struct Form {
    is_object: bool,
    is_list: bool,
    required: &'static [&'static str],
    known: &'static [&'static str],
    listed: &'static [(&'static str, &'static [Listed])],
}

/// A value that a schema lists for a property.
#[derive(Debug, Clone, Copy)]
pub enum Listed {
    /// A string.
    Text(&'static str),
    /// An integer.
    Integer(i64),
    /// A boolean.
    Flag(bool),
}

impl Listed {
    fn equals(self, value: &Value) -> bool {
        match self {
            Self::Text(text) => value == text,
            Self::Integer(integer) => is_same(value, &integer.into()),
            Self::Flag(flag) => value == &Value::Bool(flag),
        }
    }
}

impl Form {
    /// The form of a type that is not an object with properties.
    pub const ANY: Self = Self { is_object: false, is_list: false, required: &[], known: &[], listed: &[] };

    /// Creates the form of an object, from the names of its properties and the values that they may have.
    #[must_use]
    pub const fn object(
        required: &'static [&'static str],
        known: &'static [&'static str],
        listed: &'static [(&'static str, &'static [Listed])],
    ) -> Self {
        Self { is_object: true, is_list: false, required, known, listed }
    }

    /// Returns the form of a list of such objects.
    #[must_use]
    pub const fn list(self) -> Self {
        Self { is_list: true, ..self }
    }

    /// Returns the number of properties with an unlisted value, and the number of unknown properties. Returns `None`
    /// if the value cannot have this form.
    fn compare(&self, value: &Value) -> Option<(usize, usize)> {
        if self.is_list {
            let item = Self { is_list: false, ..*self };
            let mut items = value.as_array()?.iter().filter(|item| !item.is_null());
            return items.try_fold((0, 0), |(unlisted, unknown), value| {
                let (more_unlisted, more_unknown) = item.compare(value)?;
                Some((unlisted + more_unlisted, unknown + more_unknown))
            });
        }
        let Value::Object(object) = value else { return (!self.is_object).then_some((0, 0)) };
        if !self.required.iter().all(|name| object.contains_key(*name)) {
            return None;
        }
        let mut unlisted = 0;
        for (name, listed) in self.listed {
            let Some(value) = object.get(*name).filter(|value| !value.is_null()) else { continue };
            if listed.iter().any(|listed| listed.equals(value)) {
                continue;
            }
            // The only value of a property identifies the object.
            if listed.len() == 1 {
                return None;
            }
            unlisted += 1;
        }
        let unknown = object.keys().filter(|key| !self.known.contains(&key.as_str())).count();
        Some((unlisted, unknown))
    }
}

/// The misfit of a value in a variant. The least is the best.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Misfit {
    /// The number of properties with a value that the schema does not list.
    unlisted: usize,
    /// `true` if the value breaks a rule.
    breaks_rule: bool,
    /// The number of values that the variant would lose.
    lost: usize,
    /// The number of properties that the variant has no field for.
    unknown: usize,
}

/// The choice among the variants of a union.
///
/// Of the variants that can be read from the value, it keeps the one that obeys its rules, loses the least and knows
/// the most, and the first of equals.
#[derive(Debug)]
pub struct Choice<'v, T> {
    value: &'v Value,
    best: Option<(Misfit, T)>,
}

impl<'v, T: Serialize> Choice<'v, T> {
    /// Starts the choice for `value`.
    #[must_use]
    pub fn new(value: &'v Value) -> Self {
        Self { value, best: None }
    }

    /// Offers a variant.
    pub fn offer<V: Deserialize<'v>>(
        &mut self,
        form: &Form,
        read: impl FnOnce(&'v Value) -> Result<V, serde_json::Error>,
        wrap: impl FnOnce(V) -> T,
    ) {
        self.offer_if(form, read, wrap, |_| false);
    }

    /// Offers a variant of an input, whose values have rules.
    pub fn offer_checked<V: Deserialize<'v>>(
        &mut self,
        form: &Form,
        read: impl FnOnce(&'v Value) -> Result<V, serde_json::Error>,
        wrap: impl FnOnce(V) -> T,
    ) where
        T: Parameters,
    {
        self.offer_if(form, read, wrap, |read| crate::validate(read).is_err());
    }

    fn offer_if<V: Deserialize<'v>>(
        &mut self,
        form: &Form,
        read: impl FnOnce(&'v Value) -> Result<V, serde_json::Error>,
        wrap: impl FnOnce(V) -> T,
        breaks_rule: impl FnOnce(&T) -> bool,
    ) {
        let Some((unlisted, unknown)) = form.compare(self.value) else { return };
        let Ok(read) = read(self.value).map(wrap) else { return };
        let written = serde_json::to_value(&read).unwrap_or(Value::Null);
        let lost = count_lost(self.value, &written);
        let misfit = Misfit { unlisted, breaks_rule: breaks_rule(&read), lost, unknown };
        if self.best.as_ref().is_none_or(|(best, _)| misfit < *best) {
            self.best = Some((misfit, read));
        }
    }

    /// Returns the best variant, or `None` if no variant could be read.
    #[must_use]
    pub fn finish(self) -> Option<T> {
        self.best.map(|(_, chosen)| chosen)
    }
}

impl<T> Choice<'_, T> {
    /// Returns the best variant, or `None` if no variant could be read without losing something.
    #[must_use]
    pub fn finish_without_loss(self) -> Option<T> {
        self.best.filter(|(misfit, _)| misfit.lost == 0).map(|(_, chosen)| chosen)
    }
}

/// Returns the number of values that are in `read` and not in `written`.
fn count_lost(read: &Value, written: &Value) -> usize {
    match (read, written) {
        (Value::Object(read), Value::Object(written)) => {
            let lost = |(key, value): (&String, &Value)| match written.get(key) {
                Some(written) => count_lost(value, written),
                None => 1,
            };
            read.iter().map(lost).sum()
        }
        (Value::Array(read), Value::Array(written)) => {
            let lost: usize = read.iter().zip(written).map(|(read, written)| count_lost(read, written)).sum();
            lost + read.len().abs_diff(written.len())
        }
        (read, written) => usize::from(!is_same(read, written)),
    }
}

/// Returns true if two values are the same in JSON, which has one number type.
fn is_same(left: &Value, right: &Value) -> bool {
    left == right || left.is_number() && left.as_f64() == right.as_f64()
}

/// Writes an object with the property `tag`, which its type may lack. An object that has it keeps its value.
///
/// # Errors
///
/// Fails if the serializer does.
pub fn write_tagged<S: Serializer, T: Serialize>(
    serializer: S,
    tag: &str,
    values: &[&str],
    object: &T,
) -> Result<S::Ok, S::Error> {
    let mut written = serde_json::to_value(object).map_err(S::Error::custom)?;
    if let Value::Object(fields) = &mut written {
        let is_written = fields.get(tag).is_some_and(|value| !value.is_null());
        if let (false, Some(value)) = (is_written, values.first()) {
            fields.insert(tag.to_owned(), (*value).into());
        }
    }
    written.serialize(serializer)
}

/// Returns an object without the property `tag`, for a type that does not have it.
#[must_use]
pub fn without_tag(mut object: Value, tag: &str) -> Value {
    if let Value::Object(fields) = &mut object {
        fields.remove(tag);
    }
    object
}

/// Returns true if `value` is the JSON value of `constant`.
pub(crate) fn is_constant<T: Serialize + ?Sized>(value: &Value, constant: &T) -> bool {
    serde_json::to_value(constant).is_ok_and(|constant| is_same(value, &constant))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const SMALL: Form = Form::object(&["a"], &["a"], &[]);
    const LARGE: Form = Form::object(&["a"], &["a", "b"], &[("t", &[Listed::Text("x"), Listed::Integer(1)])]);

    #[test]
    fn the_variant_that_loses_nothing_is_chosen() {
        let value = json!({ "a": 1, "b": { "c": [1, 2] } });
        let mut choice = Choice::new(&value);
        choice.offer(&SMALL, |value| Ok(json!({ "a": value["a"] })), |small: Value| small);
        choice.offer(&LARGE, |value| Ok(value.clone()), |large: Value| large);
        assert_eq!(choice.finish().as_ref(), Some(&value));
        assert_eq!(count_lost(&value, &json!({ "a": 1.0 })), 1);
        assert_eq!(count_lost(&value, &json!({ "a": 1, "b": { "c": [1] } })), 1);
        assert_eq!(count_lost(&json!({ "a": null }), &json!({})), 1);
    }

    #[test]
    fn forms_are_compared_by_their_properties() {
        assert_eq!(SMALL.compare(&json!({ "b": 1 })), None);
        assert_eq!(SMALL.compare(&json!({ "a": 1, "b": 1 })), Some((0, 1)));
        assert_eq!(LARGE.compare(&json!({ "a": 1, "t": "y" })), Some((1, 1)));
        assert_eq!(LARGE.compare(&json!({ "a": 1, "t": 1.0 })), Some((0, 1)));
        assert_eq!(SMALL.compare(&json!("text")), None);
        assert_eq!(Form::ANY.compare(&json!("text")), Some((0, 0)));
        assert_eq!(Form::ANY.compare(&json!({ "a": 1 })), Some((0, 1)));
        let constant = Form::object(&[], &["t"], &[("t", &[Listed::Flag(true)])]);
        assert_eq!(constant.compare(&json!({ "t": false })), None);
        assert_eq!(SMALL.list().compare(&json!([{ "a": 1 }, { "a": 1, "b": 1 }, null])), Some((0, 1)));
        assert_eq!(SMALL.list().compare(&json!([{ "b": 1 }])), None);
        assert_eq!(SMALL.list().compare(&json!({ "a": 1 })), None);
    }

    #[test]
    fn a_tag_is_written_where_the_object_has_none() {
        let write = |object: &Value| write_tagged(serde_json::value::Serializer, "t", &["b", "c"], object);
        assert_eq!(write(&json!({ "y": 1 })).ok(), Some(json!({ "t": "b", "y": 1 })));
        assert_eq!(write(&json!({ "t": "c" })).ok(), Some(json!({ "t": "c" })));
        assert_eq!(write(&json!({ "t": "z" })).ok(), Some(json!({ "t": "z" })));
        assert_eq!(write(&json!({ "t": null })).ok(), Some(json!({ "t": "b" })));
        assert_eq!(without_tag(json!({ "t": "b", "y": 1 }), "t"), json!({ "y": 1 }));
    }
}
