//! Defaults as values of their types.

use serde_json::Value;

use super::{Bounds, Type};

/// Returns the default as a value of its type, or `None` if it is not one. In some documents, the default of an enum of
/// strings is an integer.
///
/// `null` is the default of many parameters that do not accept it, and means that there is none.
pub(super) fn coerce_default(default: Value, ty: &Type) -> Option<Value> {
    match (ty, default) {
        (Type::TextEnum(values, _), Value::Number(number)) => {
            let text = number.to_string();
            values.contains(&text).then(|| text.into())
        }
        (ty, default) => (default.is_null() || is_value(&default, ty)).then_some(default),
    }
}

/// Returns true if the bounds of a type exclude every value.
pub(super) fn has_no_value(ty: &Type) -> bool {
    match ty {
        Type::Text(text) | Type::File(text, _) => text.length.is_empty(),
        Type::Integer(bounds) => is_empty(bounds),
        Type::WideInteger(bounds) => is_empty(bounds),
        Type::Number(bounds) => is_empty(bounds),
        Type::List(item, list) => {
            list.length.is_empty()
                || list.length.min.unwrap_or(0) > 0 && !item.nullable && has_no_value(&item.ty)
        }
        Type::Union(kinds, _) => !kinds.is_empty() && kinds.iter().all(has_no_value),
        _ => false,
    }
}

fn is_empty<T: PartialOrd>(bounds: &Bounds<T>) -> bool {
    let (Some(min), Some(max)) = (&bounds.min, &bounds.max) else { return false };
    min > max || min == max && (bounds.above_min || bounds.below_max)
}

/// Returns false if `value` is of another type than `ty`, or is outside its bounds or enum.
fn is_value(value: &Value, ty: &Type) -> bool {
    match ty {
        Type::Text(text) | Type::File(text, _) => {
            value.as_str().is_some_and(|value| text.length.allows(value.chars().count()))
        }
        Type::TextEnum(values, _) => {
            value.as_str().is_some_and(|text| values.iter().any(|known| known == text))
        }
        Type::Integer(bounds) => is_integer_inside(value, &bounds.map(|bound| bound as f64)),
        Type::IntegerEnum(values, _) => {
            value.as_f64().is_some_and(|number| values.iter().any(|known| *known as f64 == number))
        }
        Type::WideInteger(bounds) => is_integer_inside(value, &bounds.map(|bound| bound as f64)),
        Type::NumberEnum(values) => value.as_f64().is_some_and(|number| values.contains(&number)),
        Type::BooleanConstant(constant) => value.as_bool() == Some(*constant),
        Type::Null => value.is_null(),
        Type::Number(bounds) => value.as_f64().is_some_and(|number| is_inside(number, bounds)),
        Type::Boolean => value.is_boolean(),
        Type::List(item, list) => value.as_array().is_some_and(|items| {
            list.length.allows(items.len())
                && items.iter().all(|value| item.nullable && value.is_null() || is_value(value, &item.ty))
        }),
        Type::Tuple(_) => value.is_array(),
        Type::Object(_) | Type::Map(_, _) | Type::Tagged(..) => value.is_object(),
        Type::Union(kinds, _) => kinds.iter().any(|kind| is_value(value, kind)),
        Type::Any => true,
    }
}

fn is_integer_inside(value: &Value, bounds: &Bounds<f64>) -> bool {
    let integer = value.as_f64().filter(|number| number.fract() == 0.0);
    integer.is_some_and(|integer| is_inside(integer, bounds))
}

fn is_inside(number: f64, bounds: &Bounds<f64>) -> bool {
    let is_above = |min: f64| if bounds.above_min { number > min } else { number >= min };
    let is_below = |max: f64| if bounds.below_max { number < max } else { number <= max };
    bounds.min.is_none_or(is_above) && bounds.max.is_none_or(is_below)
}

impl<T> Bounds<T> {
    /// Converts every bound.
    pub(crate) fn map<U>(self, convert: impl Fn(T) -> U) -> Bounds<U> {
        Bounds {
            min: self.min.map(&convert),
            above_min: self.above_min,
            max: self.max.map(&convert),
            below_max: self.below_max,
            multiple_of: self.multiple_of.map(&convert),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::model::{Item, Length, List, Text};

    fn bounds<T>(min: T, max: T) -> Bounds<T> {
        Bounds { min: Some(min), above_min: false, max: Some(max), below_max: false, multiple_of: None }
    }

    #[test]
    fn defaults_of_another_type_or_outside_the_bounds_are_none() {
        for (default, ty) in [
            (json!("3"), Type::Integer(bounds(1, 5))),
            (json!(0), Type::Integer(bounds(1, 5))),
            (json!(1.5), Type::Integer(bounds(1, 5))),
            (json!(6.0), Type::Number(bounds(1.0, 5.0))),
            (json!("long"), Type::Text(Text { length: Length { min: None, max: Some(3) }, pattern: None })),
            (json!("true"), Type::Boolean),
            (json!("c"), Type::TextEnum(vec!["a".into()], None)),
            (json!(7), Type::IntegerEnum(vec![1], None)),
            (json!([]), Type::Object("O".into())),
            (json!(1), Type::Union(vec![Type::Boolean, Type::TextEnum(vec!["a".into()], None)], None)),
        ] {
            assert_eq!(coerce_default(default.clone(), &ty), None, "{default}");
        }
    }

    #[test]
    fn bounds_that_exclude_every_value_are_found() {
        let length = |min, max| Length { min: Some(min), max: Some(max) };
        let text = |min, max| Type::Text(Text { length: length(min, max), pattern: None });
        let list = |ty, min, max| {
            let item = Item { ty, nullable: false };
            Type::List(Box::new(item), List { length: length(min, max), unique: false })
        };
        let open = Bounds { above_min: true, ..bounds(1.0, 1.0) };
        for empty in [
            Type::Integer(bounds(100, 50)),
            Type::Number(bounds(1.0, 0.5)),
            Type::Number(open),
            text(3, 2),
            list(Type::Boolean, 3, 2),
            list(Type::Integer(bounds(2, 1)), 1, 2),
            Type::Union(vec![text(3, 2), Type::Integer(bounds(2, 1))], None),
        ] {
            assert!(has_no_value(&empty), "{empty:?}");
        }
        for full in [
            Type::Integer(bounds(1, 1)),
            text(2, 2),
            list(Type::Integer(bounds(2, 1)), 0, 2),
            Type::Union(vec![text(3, 2), Type::Boolean], None),
        ] {
            assert!(!has_no_value(&full), "{full:?}");
        }
    }

    #[test]
    fn defaults_of_the_type_are_kept() {
        for (default, ty) in [
            (json!(3.0), Type::Integer(bounds(1, 5))),
            (json!(3), Type::Number(bounds(1.0, 5.0))),
            (json!(null), Type::Boolean),
            (json!(1.0), Type::IntegerEnum(vec![1], None)),
            (json!({}), Type::Object("O".into())),
            (json!("x"), Type::Any),
        ] {
            assert_eq!(coerce_default(default.clone(), &ty), Some(default));
        }
        assert_eq!(coerce_default(json!(4), &Type::TextEnum(vec!["4".into()], None)), Some(json!("4")));
    }
}
