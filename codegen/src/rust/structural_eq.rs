//! Structural equality of objects, because documents of one app may use a name for different objects.

use crate::model::{Direction, Item, Others, Property, Tuple, Type, TypeGraph};

/// Returns true if an object has the same structure in both graphs.
///
/// Bounds and defaults matter only for inputs, because outputs are only read.
pub(super) fn is_structurally_equal(
    left: &TypeGraph,
    right: &TypeGraph,
    component: &str,
    direction: Direction,
) -> bool {
    Comparison { left, right, direction, seen: Vec::new() }.objects_equal(component)
}

/// Returns true if a type has the same structure in both graphs. The order of alternatives makes no difference.
pub(super) fn are_types_equal(
    left: (&TypeGraph, &Type),
    right: (&TypeGraph, &Type),
    direction: Direction,
) -> bool {
    Comparison { left: left.0, right: right.0, direction, seen: Vec::new() }.types_equal(left.1, right.1)
}

/// Returns true if two enums have the same name and values. The order of the values makes no difference.
pub(super) fn are_enums_equal(left: &Type, right: &Type) -> bool {
    match (left, right) {
        (Type::TextEnum(left, left_name), Type::TextEnum(right, right_name)) => {
            left_name == right_name && have_same_values(left, right)
        }
        (Type::IntegerEnum(left, left_name), Type::IntegerEnum(right, right_name)) => {
            left_name == right_name && have_same_values(left, right)
        }
        (Type::NumberEnum(left), Type::NumberEnum(right)) => have_same_values(left, right),
        _ => false,
    }
}

/// Returns true if two lists of different values have the same values.
fn have_same_values<T: PartialEq>(left: &[T], right: &[T]) -> bool {
    left == right || left.len() == right.len() && left.iter().all(|value| right.contains(value))
}

struct Comparison<'a> {
    left: &'a TypeGraph,
    right: &'a TypeGraph,
    direction: Direction,
    /// Objects that are equal, or that are being compared.
    seen: Vec<String>,
}

impl Comparison<'_> {
    fn objects_equal(&mut self, component: &str) -> bool {
        if std::ptr::eq(self.left, self.right) || self.seen.iter().any(|seen| seen == component) {
            return true;
        }
        let (Some(left), Some(right)) = (self.left.objects.get(component), self.right.objects.get(component))
        else {
            return false;
        };
        self.seen.push(component.to_owned());
        self.others_equal(&left.others, &right.others)
            && left.requirements == right.requirements
            && left.properties.len() == right.properties.len()
            && left.properties.iter().all(|property| {
                let twin = right.properties.iter().find(|twin| twin.name == property.name);
                twin.is_some_and(|twin| self.properties_equal(property, twin))
            })
    }

    fn others_equal(&mut self, left: &Others, right: &Others) -> bool {
        match (left, right) {
            (Others::Kept(left), Others::Kept(right)) => self.items_equal(left, right),
            (left, right) => left == right,
        }
    }

    fn properties_equal(&mut self, left: &Property, right: &Property) -> bool {
        (left.required, left.nullable) == (right.required, right.nullable)
            && left.constant == right.constant
            && (!self.direction.is_input() || left.default == right.default)
            && self.types_equal(&left.ty, &right.ty)
    }

    fn types_equal(&mut self, left: &Type, right: &Type) -> bool {
        match (left, right) {
            (Type::Object(left), Type::Object(right)) => left == right && self.objects_equal(left),
            (Type::Map(left, left_entries), Type::Map(right, right_entries)) => {
                (!self.direction.is_input() || left_entries == right_entries) && self.items_equal(left, right)
            }
            (Type::List(left, left_limits), Type::List(right, right_limits)) => {
                (!self.direction.is_input() || left_limits == right_limits) && self.items_equal(left, right)
            }
            (Type::Tuple(left), Type::Tuple(right)) => {
                let lengths = |tuple: &Tuple| {
                    let rest = tuple.rest.as_ref().map(|(_, length)| *length);
                    (tuple.items.len(), tuple.required, rest)
                };
                lengths(left) == lengths(right)
                    && left.items.iter().zip(&right.items).all(|(left, right)| self.items_equal(left, right))
                    && left
                        .rest
                        .iter()
                        .zip(&right.rest)
                        .all(|((left, _), (right, _))| self.items_equal(left, right))
            }
            (Type::Union(left, _), Type::Union(right, _)) => {
                // In outputs, one type is equal to several: each needs a twin on the other side.
                left.len() == right.len()
                    && left.iter().all(|left| right.iter().any(|right| self.alternatives_equal(left, right)))
                    && right.iter().all(|right| left.iter().any(|left| self.alternatives_equal(left, right)))
            }
            (Type::Tagged(left_tag, left, _), Type::Tagged(right_tag, right, _)) => {
                left_tag == right_tag
                    && left.len() == right.len()
                    && left.iter().all(|left| {
                        let mut twins = right.iter().filter(|right| {
                            (&left.object, left.writes_tag) == (&right.object, right.writes_tag)
                        });
                        twins.any(|right| have_same_values(&left.tags, &right.tags))
                            && self.objects_equal(&left.object)
                    })
            }
            (Type::Text(_) | Type::File(..), Type::Text(_) | Type::File(..))
            | (Type::Integer(_) | Type::IntegerEnum(..), Type::Integer(_) | Type::IntegerEnum(..))
            | (Type::Number(_), Type::Number(_))
                if !self.direction.is_input() =>
            {
                true
            }
            (left, right) => left == right || are_enums_equal(left, right),
        }
    }

    fn alternatives_equal(&mut self, left: &Type, right: &Type) -> bool {
        let known = self.seen.len();
        let are_equal = match (left, right) {
            (Type::TextEnum(left, _), Type::TextEnum(right, _)) => have_same_values(left, right),
            (left, right) => self.types_equal(left, right),
        };
        if !are_equal {
            self.seen.truncate(known);
        }
        are_equal
    }

    fn items_equal(&mut self, left: &Item, right: &Item) -> bool {
        left.nullable == right.nullable && self.types_equal(&left.ty, &right.ty)
    }
}
