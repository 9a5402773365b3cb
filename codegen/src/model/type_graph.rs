//! The types of an input or an output, and questions about them.

use std::collections::HashSet;

use indexmap::IndexMap;

use super::{FileLimits, Object, Tuple, Type};

/// The types of an input, an output or an event.
#[derive(Debug, Clone, PartialEq)]
pub struct TypeGraph {
    /// The type of the whole value. An object in all but a few documents.
    pub root: Type,
    /// `true` if the whole value may be `null`.
    pub nullable: bool,
    /// All objects that can be reached from the root, by component name.
    pub objects: IndexMap<String, Object>,
    /// JSON pointers of constructs that are [`Type::Any`] because the model has no type for them.
    pub untyped: Vec<String>,
    /// Irregularities of the document that a rule resolved, with JSON pointers.
    pub oddities: Vec<String>,
    /// Rules of the document that the types do not enforce, with JSON pointers.
    pub unenforced: Vec<String>,
}

impl Object {
    /// Returns the types of the properties, and of those that are not described one by one.
    pub(crate) fn types(&self) -> impl Iterator<Item = &Type> {
        let others = self.others.kept().map(|item| &item.ty);
        self.properties.iter().map(|property| &property.ty).chain(others)
    }
}

impl TypeGraph {
    /// Returns these types with all properties of the root optional.
    ///
    /// fal publishes no schema of events. Its models stream outputs that become more complete with each event, so an
    /// event may lack any property.
    #[must_use]
    pub fn partial(&self) -> Self {
        let mut partial = self.clone();
        if let Type::Object(root) = &partial.root
            && let Some(object) = partial.objects.get_mut(root)
        {
            object.properties.iter_mut().for_each(|property| property.required = false);
        }
        partial
    }

    /// Returns true if any value is allowed, or any object.
    #[must_use]
    pub fn is_unconstrained(&self) -> bool {
        matches!(&self.root, Type::Any)
            || matches!(&self.root, Type::Map(item, entries) if item.ty == Type::Any && entries.is_open())
    }

    /// Returns true if a value is one of several objects.
    #[must_use]
    pub fn is_union_of_objects(&self) -> bool {
        let is_union = match &self.root {
            Type::Union(kinds, _) => {
                kinds.iter().all(|kind| matches!(kind, Type::Object(_) | Type::Tagged(..)))
            }
            root => matches!(root, Type::Tagged(..)),
        };
        is_union && !self.nullable
    }

    /// Returns true if the values of `ty` have a rule that is checked at run time.
    pub(crate) fn has_rules(&self, ty: &Type) -> bool {
        self.any_inside(ty, &mut HashSet::new(), &|ty| match ty {
            Type::Text(text) | Type::File(text, _) => {
                !text.length.is_open() || text.checked_pattern().is_some()
            }
            Type::List(_, list) => !list.length.is_open() || list.unique,
            Type::Map(_, entries) => !entries.is_open(),
            Type::NumberEnum(_) | Type::BooleanConstant(_) => true,
            Type::Tuple(Tuple { rest: Some((_, length)), .. }) => !length.is_open(),
            Type::Object(name) => self.has_requirements(name),
            Type::Tagged(_, members, _) => members.iter().any(|member| self.has_requirements(&member.object)),
            _ => false,
        })
    }

    fn has_requirements(&self, object: &str) -> bool {
        self.objects.get(object).is_some_and(|object| !object.requirements.is_empty())
    }

    /// Returns true if a value of `ty` can contain a file.
    pub(crate) fn has_files(&self, ty: &Type) -> bool {
        self.any_inside(ty, &mut HashSet::new(), &|ty| matches!(ty, Type::File(..)))
    }

    /// Returns true if a value of `ty` can contain a file for which `are_limits` holds.
    pub(crate) fn has_limited_files(&self, ty: &Type, are_limits: fn(&FileLimits) -> bool) -> bool {
        self.any_inside(
            ty,
            &mut HashSet::new(),
            &|ty| matches!(ty, Type::File(_, limits) if are_limits(limits)),
        )
    }

    /// Returns true if the predicate holds for `ty`, or for a type inside it.
    fn any_inside<'a>(
        &'a self,
        ty: &'a Type,
        seen: &mut HashSet<&'a str>,
        holds: &dyn Fn(&Type) -> bool,
    ) -> bool {
        if holds(ty) {
            return true;
        }
        match ty {
            Type::List(item, _) | Type::Map(item, _) => self.any_inside(&item.ty, seen, holds),
            Type::Object(name) => self.object_has(name, seen, holds),
            Type::Tuple(tuple) => tuple.types().any(|ty| self.any_inside(ty, seen, holds)),
            Type::Union(types, _) => types.iter().any(|ty| self.any_inside(ty, seen, holds)),
            Type::Tagged(_, members, _) => {
                members.iter().any(|member| self.object_has(&member.object, seen, holds))
            }
            _ => false,
        }
    }

    fn object_has<'a>(
        &'a self,
        name: &'a str,
        seen: &mut HashSet<&'a str>,
        holds: &dyn Fn(&Type) -> bool,
    ) -> bool {
        if !seen.insert(name) {
            return false;
        }
        self.objects.get(name).is_some_and(|object| object.types().any(|ty| self.any_inside(ty, seen, holds)))
    }

    /// Adds the names of all objects that a value of `ty` can contain.
    pub(super) fn collect_objects(&self, ty: &Type, found: &mut HashSet<String>) {
        match ty {
            Type::List(item, _) | Type::Map(item, _) => self.collect_objects(&item.ty, found),
            Type::Object(name) => self.collect_object(name, found),
            Type::Tuple(tuple) => tuple.types().for_each(|ty| self.collect_objects(ty, found)),
            Type::Union(types, _) => types.iter().for_each(|ty| self.collect_objects(ty, found)),
            Type::Tagged(_, members, _) => {
                members.iter().for_each(|member| self.collect_object(&member.object, found));
            }
            _ => {}
        }
    }

    fn collect_object(&self, name: &str, found: &mut HashSet<String>) {
        if found.insert(name.to_owned())
            && let Some(object) = self.objects.get(name)
        {
            object.types().for_each(|ty| self.collect_objects(ty, found));
        }
    }

    /// Returns true if a value of the object can contain another one without a list or map between them.
    ///
    /// Rust needs a `Box` there.
    pub(crate) fn contains_itself(&self, component: &str) -> bool {
        let mut seen = HashSet::new();
        self.objects.get(component).is_some_and(|object| {
            object.properties.iter().any(|property| self.reaches(&property.ty, component, &mut seen))
        })
    }

    fn reaches<'a>(&'a self, ty: &'a Type, target: &str, seen: &mut HashSet<&'a str>) -> bool {
        match ty {
            Type::Object(name) => self.object_reaches(name, target, seen),
            Type::Union(types, _) => types.iter().any(|ty| self.reaches(ty, target, seen)),
            Type::Tagged(_, members, _) => {
                members.iter().any(|member| self.object_reaches(&member.object, target, seen))
            }
            Type::Tuple(tuple) => tuple.items.iter().any(|item| self.reaches(&item.ty, target, seen)),
            _ => false,
        }
    }

    fn object_reaches<'a>(&'a self, name: &'a str, target: &str, seen: &mut HashSet<&'a str>) -> bool {
        if name == target {
            return true;
        }
        if !seen.insert(name) {
            return false;
        }
        self.objects.get(name).is_some_and(|object| {
            object.properties.iter().any(|property| self.reaches(&property.ty, target, seen))
        })
    }
}
