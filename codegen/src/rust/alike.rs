//! Whether objects of the same name are the same type: documents of one app need not mean the same by a name.

use crate::model::{Direction, Item, Property, Side, Type};

/// Returns true if two sides mean the same by the name of an object. Bounds and defaults are a part of the types of an
/// input, not of those of an output, which is only read.
pub(super) fn alike(one: &Side, other: &Side, component: &str, direction: Direction) -> bool {
    Comparison { one, other, direction, seen: Vec::new() }.objects(component)
}

struct Comparison<'a> {
    one: &'a Side,
    other: &'a Side,
    direction: Direction,
    /// Objects that are the same, or in question further up.
    seen: Vec<String>,
}

impl Comparison<'_> {
    fn objects(&mut self, component: &str) -> bool {
        if std::ptr::eq(self.one, self.other) || self.seen.iter().any(|seen| seen == component) {
            return true;
        }
        let (Some(one), Some(other)) = (self.one.objects.get(component), self.other.objects.get(component))
        else {
            return false;
        };
        self.seen.push(component.to_owned());
        one.closed == other.closed
            && one.properties.len() == other.properties.len()
            && one.properties.iter().all(|property| {
                let twin = other.properties.iter().find(|twin| twin.name == property.name);
                twin.is_some_and(|twin| self.properties(property, twin))
            })
    }

    fn properties(&mut self, one: &Property, other: &Property) -> bool {
        (one.required, one.nullable) == (other.required, other.nullable)
            && (!self.direction.is_input() || one.default == other.default)
            && self.types(&one.ty, &other.ty)
    }

    fn types(&mut self, one: &Type, other: &Type) -> bool {
        match (one, other) {
            (Type::Object(one), Type::Object(other)) => one == other && self.objects(one),
            (Type::Map(one), Type::Map(other)) => self.items(one, other),
            (Type::List(one, limits), Type::List(other, others)) => {
                (!self.direction.is_input() || limits == others) && self.items(one, other)
            }
            (Type::Tuple(one), Type::Tuple(other)) => {
                one.len() == other.len() && one.iter().zip(other).all(|(one, other)| self.items(one, other))
            }
            (Type::Union(one), Type::Union(other)) => {
                one.len() == other.len() && one.iter().zip(other).all(|(one, other)| self.types(one, other))
            }
            (Type::Tagged(tag, one), Type::Tagged(other_tag, other)) => {
                let same = |((value, one), (other_value, other)): (&(String, Type), &(String, Type))| {
                    value == other_value && self.types(one, other)
                };
                tag == other_tag && one.len() == other.len() && one.iter().zip(other).all(same)
            }
            (Type::Text(_) | Type::File(..), Type::Text(_) | Type::File(..))
            | (Type::Integer(_) | Type::IntegerEnum(_), Type::Integer(_) | Type::IntegerEnum(_))
            | (Type::Number(_), Type::Number(_))
                if !self.direction.is_input() =>
            {
                true
            }
            (one, other) => one == other,
        }
    }

    fn items(&mut self, one: &Item, other: &Item) -> bool {
        one.nullable == other.nullable && self.types(&one.ty, &other.ty)
    }
}
