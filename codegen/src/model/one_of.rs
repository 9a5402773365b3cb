//! Unions of which a value may fit one member alone (`oneOf`). Types take a value that fits several, which the report says.

use std::cell::Cell;

use indexmap::IndexMap;

use super::{Item, Length, Object, Others, Property, Type};

/// The largest number of comparisons for one union, and their greatest depth. Beyond, members count as overlapping.
const MAX_COMPARISONS: usize = 50_000;
const MAX_DEPTH: usize = 8;

/// A `oneOf` of a document.
pub(super) struct OneOf {
    /// The JSON pointer.
    pub(super) at: String,
    pub(super) types: Vec<Type>,
    /// The property that a discriminator names.
    pub(super) tag: Option<String>,
}

impl OneOf {
    /// Returns true if a value can fit several members.
    pub(super) fn have_common_values(&self, objects: &IndexMap<String, Object>) -> bool {
        let tag = self.tag.as_deref();
        let comparison = Comparison { objects, tag, budget: Cell::new(MAX_COMPARISONS) };
        let pairs = self.types.iter().enumerate();
        pairs
            .flat_map(|(index, left)| self.types[..index].iter().map(move |right| (left, right)))
            .any(|(left, right)| comparison.have_common(left, right, 0))
    }
}

struct Comparison<'a> {
    objects: &'a IndexMap<String, Object>,
    /// The property that must be present, whatever its object says.
    tag: Option<&'a str>,
    /// The number of comparisons that may still be made.
    budget: Cell<usize>,
}

impl Comparison<'_> {
    /// Returns true if a value can be of both types.
    fn have_common(&self, left: &Type, right: &Type, depth: usize) -> bool {
        self.budget.set(self.budget.get().saturating_sub(1));
        if self.budget.get() == 0 || depth > MAX_DEPTH {
            return true;
        }
        if let (Some(left), Some(right)) = (Sequence::of(left), Sequence::of(right)) {
            return self.sequences_have_common(&left, &right, depth);
        }
        match (left, right) {
            (Type::Any, _) | (_, Type::Any) => true,
            (Type::Union(types, _), other) | (other, Type::Union(types, _)) => {
                types.iter().any(|ty| self.have_common(ty, other, depth + 1))
            }
            (Type::Tagged(_, members, _), other) | (other, Type::Tagged(_, members, _)) => members
                .iter()
                .any(|member| self.have_common(&Type::Object(member.object.clone()), other, depth + 1)),
            (Type::Object(left), Type::Object(right)) => {
                left == right
                    || self.objects.get(left).zip(self.objects.get(right)).is_none_or(|(left, right)| {
                        self.fits_beside(left, right, depth) && self.fits_beside(right, left, depth)
                    })
            }
            (Type::Object(object), Type::Map(item, _)) | (Type::Map(item, _), Type::Object(object)) => {
                self.objects.get(object).is_none_or(|object| {
                    let mut required = object.properties.iter().filter(|property| property.required);
                    required
                        .all(|property| self.are_common(value(property), (&item.ty, item.nullable), depth))
                })
            }
            (Type::Map(..), Type::Map(..)) | (Type::Null, Type::Null) => true,
            (Type::Boolean | Type::BooleanConstant(_), Type::Boolean | Type::BooleanConstant(_)) => {
                left == right || *left == Type::Boolean || *right == Type::Boolean
            }
            _ => scalars_have_common(left, right),
        }
    }

    /// Returns true if what `object` requires can be in a value of `other`.
    fn fits_beside(&self, object: &Object, other: &Object, depth: usize) -> bool {
        let is_required = |property: &Property| property.required || self.tag == Some(property.name.as_str());
        object.properties.iter().filter(|property| is_required(property)).all(|property| {
            let same = other.properties.iter().find(|same| same.name == property.name);
            match (same, &other.others) {
                (Some(same), _) => self.are_common(value(property), value(same), depth),
                (None, Others::Refused) => false,
                (None, Others::Kept(item)) => {
                    self.are_common(value(property), (&item.ty, item.nullable), depth)
                }
                (None, Others::Ignored) => true,
            }
        })
    }

    /// Returns true if a value can be of both types, each of which may also be null.
    fn are_common(&self, left: (&Type, bool), right: (&Type, bool), depth: usize) -> bool {
        left.1 && right.1 || self.have_common(left.0, right.0, depth + 1)
    }

    fn sequences_have_common(&self, left: &Sequence<'_>, right: &Sequence<'_>, depth: usize) -> bool {
        let min = left.length.min.max(right.length.min).unwrap_or(0);
        let max = [left.length.max, right.length.max].into_iter().flatten().min();
        // After the first positions, all items of both are of the same types.
        let positions = min.min(left.first.len().max(right.first.len()) + 1);
        max.is_none_or(|max| min <= max)
            && (0..positions).all(|position| match (left.item(position), right.item(position)) {
                (Some(left), Some(right)) => {
                    self.are_common((&left.ty, left.nullable), (&right.ty, right.nullable), depth)
                }
                _ => true,
            })
    }
}

/// Returns the type of a property, and true if it may be null.
fn value(property: &Property) -> (&Type, bool) {
    (&property.ty, property.nullable)
}

/// A list or a tuple.
struct Sequence<'a> {
    /// The items of the first positions.
    first: &'a [Item],
    rest: Option<&'a Item>,
    length: Length,
}

impl<'a> Sequence<'a> {
    fn of(ty: &'a Type) -> Option<Self> {
        match ty {
            Type::List(item, list) => Some(Self { first: &[], rest: Some(item), length: list.length }),
            Type::Tuple(tuple) => {
                let rest = tuple.rest.as_ref();
                let max = match rest {
                    Some((_, length)) => length.max.map(|max| tuple.items.len().saturating_add(max)),
                    None => Some(tuple.items.len()),
                };
                let length = Length { min: Some(tuple.required), max };
                Some(Self { first: &tuple.items, rest: rest.map(|(item, _)| &**item), length })
            }
            _ => None,
        }
    }

    fn item(&self, position: usize) -> Option<&'a Item> {
        self.first.get(position).or(self.rest)
    }
}

fn scalars_have_common(left: &Type, right: &Type) -> bool {
    match (left, right) {
        (Type::Text(_) | Type::File(..), Type::Text(_) | Type::File(..)) => true,
        (Type::Text(text), Type::TextEnum(values, _)) | (Type::TextEnum(values, _), Type::Text(text)) => {
            text.checked_pattern().is_some()
                || values.iter().any(|value| text.length.allows(value.chars().count()))
        }
        (Type::TextEnum(left, _), Type::TextEnum(right, _)) => left.iter().any(|value| right.contains(value)),
        (left, right) => match (number_range(left), number_range(right)) {
            (Some(left), Some(right)) => left.0 <= right.1 && right.0 <= left.1,
            _ => false,
        },
    }
}

/// Returns the range of the numbers of a type, without regard to whether its bounds are part of it.
#[allow(clippy::cast_precision_loss, reason = "bounds beyond 2^53 are compared approximately")]
fn number_range(ty: &Type) -> Option<(f64, f64)> {
    let range =
        |min: Option<f64>, max: Option<f64>| (min.unwrap_or(f64::NEG_INFINITY), max.unwrap_or(f64::INFINITY));
    let of = |values: &mut dyn Iterator<Item = f64>| {
        values.fold((f64::INFINITY, f64::NEG_INFINITY), |(min, max), value| (min.min(value), max.max(value)))
    };
    Some(match ty {
        Type::Integer(bounds) => range(bounds.min.map(|min| min as f64), bounds.max.map(|max| max as f64)),
        Type::WideInteger(bounds) => {
            range(bounds.min.map(|min| min as f64), bounds.max.map(|max| max as f64))
        }
        Type::Number(bounds) => range(bounds.min, bounds.max),
        Type::NumberEnum(values) => of(&mut values.iter().copied()),
        Type::IntegerEnum(values, _) => of(&mut values.iter().map(|value| *value as f64)),
        _ => return None,
    })
}
