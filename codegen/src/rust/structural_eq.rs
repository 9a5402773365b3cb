//! Structural equality of objects, because documents of one app may use a name for different objects.

use crate::model::{Direction, Item, Property, Type, TypeGraph};

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
        left.closed == right.closed
            && left.properties.len() == right.properties.len()
            && left.properties.iter().all(|property| {
                let twin = right.properties.iter().find(|twin| twin.name == property.name);
                twin.is_some_and(|twin| self.properties_equal(property, twin))
            })
    }

    fn properties_equal(&mut self, left: &Property, right: &Property) -> bool {
        (left.required, left.nullable) == (right.required, right.nullable)
            && (!self.direction.is_input() || left.default == right.default)
            && self.types_equal(&left.ty, &right.ty)
    }

    fn types_equal(&mut self, left: &Type, right: &Type) -> bool {
        match (left, right) {
            (Type::Object(left), Type::Object(right)) => left == right && self.objects_equal(left),
            (Type::Map(left), Type::Map(right)) => self.items_equal(left, right),
            (Type::List(left, left_limits), Type::List(right, right_limits)) => {
                (!self.direction.is_input() || left_limits == right_limits) && self.items_equal(left, right)
            }
            (Type::Tuple(left), Type::Tuple(right)) => {
                left.len() == right.len()
                    && left.iter().zip(right).all(|(left, right)| self.items_equal(left, right))
            }
            (Type::Union(left), Type::Union(right)) => {
                left.len() == right.len()
                    && left.iter().zip(right).all(|(left, right)| self.types_equal(left, right))
            }
            (Type::Tagged(left_tag, left), Type::Tagged(right_tag, right)) => {
                let same =
                    |((left_value, left), (right_value, right)): (&(String, Type), &(String, Type))| {
                        left_value == right_value && self.types_equal(left, right)
                    };
                left_tag == right_tag && left.len() == right.len() && left.iter().zip(right).all(same)
            }
            (Type::Text(_) | Type::File(..), Type::Text(_) | Type::File(..))
            | (Type::Integer(_) | Type::IntegerEnum(_), Type::Integer(_) | Type::IntegerEnum(_))
            | (Type::Number(_), Type::Number(_))
                if !self.direction.is_input() =>
            {
                true
            }
            (left, right) => left == right,
        }
    }

    fn items_equal(&mut self, left: &Item, right: &Item) -> bool {
        left.nullable == right.nullable && self.types_equal(&left.ty, &right.ty)
    }
}
