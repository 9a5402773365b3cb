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

/// Returns false if `value` is of another type than `ty`, or is outside its bounds or enum.
fn is_value(value: &Value, ty: &Type) -> bool {
    match ty {
        Type::Text(_) | Type::File(..) => value.is_string(),
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
        Type::List(item, _) => value.as_array().is_some_and(|items| {
            items.iter().all(|value| item.nullable && value.is_null() || is_value(value, &item.ty))
        }),
        Type::Tuple(_) => value.is_array(),
        Type::Object(_) | Type::Map(_, _) | Type::Tagged(..) => value.is_object(),
        Type::Union(kinds) => kinds.iter().any(|kind| is_value(value, kind)),
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
            (json!("true"), Type::Boolean),
            (json!("c"), Type::TextEnum(vec!["a".into()], None)),
            (json!(7), Type::IntegerEnum(vec![1], None)),
            (json!([]), Type::Object("O".into())),
            (json!(1), Type::Union(vec![Type::Boolean, Type::TextEnum(vec!["a".into()], None)])),
        ] {
            assert_eq!(coerce_default(default.clone(), &ty), None, "{default}");
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
