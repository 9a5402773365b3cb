//! Equal items of a list.

use std::{
    collections::{HashMap, hash_map::DefaultHasher},
    hash::{Hash, Hasher as _},
};

use serde::Serialize;
use serde_json::Value;

/// The length up to which comparing all pairs takes less time than writing every item as JSON.
const SHORT: usize = 32;

/// Returns true if two items of `list` are equal.
///
/// Items of a long list are compared only if their JSON has the same hash, so that the time is linear in its length.
pub(crate) fn has_duplicate<T: PartialEq + Serialize>(list: &[T]) -> bool {
    if list.len() <= SHORT {
        return list.iter().enumerate().any(|(index, item)| list[..index].contains(item));
    }
    let mut seen: HashMap<u64, Vec<&T>> = HashMap::new();
    list.iter().any(|item| {
        // Items that are not JSON are compared with each other.
        let hash = serde_json::to_value(item).map_or(0, |value| hash(&value));
        let alike = seen.entry(hash).or_default();
        let is_duplicate = alike.contains(&item);
        alike.push(item);
        is_duplicate
    })
}

/// Returns a hash that equal values share, whatever the order of their fields and the notation of their numbers.
fn hash(value: &Value) -> u64 {
    let mut hasher = DefaultHasher::new();
    match value {
        Value::Null => 0_u8.hash(&mut hasher),
        Value::Bool(flag) => (1_u8, flag).hash(&mut hasher),
        // 0.0 and -0.0 are equal.
        Value::Number(number) => {
            (2_u8, (number.as_f64().unwrap_or_default() + 0.0).to_bits()).hash(&mut hasher)
        }
        Value::String(text) => (3_u8, text).hash(&mut hasher),
        Value::Array(items) => {
            (4_u8, items.len()).hash(&mut hasher);
            items.iter().for_each(|item| hash(item).hash(&mut hasher));
        }
        Value::Object(fields) => {
            let fields = fields.iter().map(|(name, value)| {
                let mut hasher = DefaultHasher::new();
                (name, self::hash(value)).hash(&mut hasher);
                hasher.finish()
            });
            (5_u8, fields.fold(0, u64::wrapping_add)).hash(&mut hasher);
        }
    }
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_duplicate_of_a_long_list_is_found() {
        let mut list: Vec<Value> = (0..100).map(|index| json!({ "a": [index], "b": index })).collect();
        assert!(!has_duplicate(&list));
        list.push(json!({ "b": 7, "a": [7] }));
        assert!(has_duplicate(&list));
    }

    #[test]
    fn equal_numbers_of_a_long_list_are_duplicates() {
        let mut list: Vec<f64> = (0..100).map(f64::from).collect();
        assert!(!has_duplicate(&list));
        list.push(-0.0);
        assert!(has_duplicate(&list));
    }

    #[test]
    fn a_hundred_thousand_items_are_compared_in_time() {
        let list: Vec<i64> = (0..100_000).collect();
        assert!(!has_duplicate(&list));
    }
}
