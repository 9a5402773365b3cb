//! Which objects contain themselves, and so must be boxed.

use crate::model::{Side, Type};

/// Whether a value of the object can hold another one of itself without a list or map between them.
pub(super) fn contains_itself(side: &Side, component: &str) -> bool {
    let mut seen = Vec::new();
    side.objects.get(component).is_some_and(|object| {
        object.properties.iter().any(|property| reaches(side, &property.ty, component, &mut seen))
    })
}

fn reaches(side: &Side, ty: &Type, target: &str, seen: &mut Vec<String>) -> bool {
    match ty {
        Type::Object(name) if name == target => true,
        Type::Object(name) if seen.contains(name) => false,
        Type::Object(name) => {
            seen.push(name.clone());
            let object = side.objects.get(name);
            object.is_some_and(|object| {
                object.properties.iter().any(|property| reaches(side, &property.ty, target, seen))
            })
        }
        Type::Union(kinds) => kinds.iter().any(|kind| reaches(side, kind, target, seen)),
        Type::Tagged(_, variants) => variants.iter().any(|(_, ty)| reaches(side, ty, target, seen)),
        Type::Tuple(items) => items.iter().any(|item| reaches(side, &item.ty, target, seen)),
        _ => false,
    }
}
