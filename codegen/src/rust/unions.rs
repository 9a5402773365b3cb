//! Builds unions: strings become unit variants, and other types become variants with a value.

use super::{Ty, Union, Variant, VariantKind, json_schemas, names, type_builder::TypeBuilder, wording};
use crate::model::{Property, Type};

impl TypeBuilder<'_> {
    /// Builds the union that is the type of `property`.
    pub(super) fn build_union(&mut self, ident: &str, property: &Property) -> Union {
        let mut taken = names::Namespace::empty();
        if !self.direction.is_input() {
            taken.reserve("Other");
        }
        let (tag, mut variants) = match &property.ty {
            Type::Tagged(tag, members) => {
                let variants = members.iter().map(|(value, ty)| {
                    let name = names::variant(value);
                    self.build_variant(&property.name, &name, Some(value.clone()), ty, &mut taken)
                });
                (Some(tag.clone()), variants.collect())
            }
            Type::Union(kinds) => (None, self.build_variants(property, kinds, &mut taken)),
            _ => (None, Vec::new()),
        };
        // Strings come first, because they are the presets that most calls use.
        variants.sort_by_key(|variant| matches!(variant.kind, VariantKind::Value { .. }));
        let description = format!("The values of `{}`.", property.name);
        let mut union = Union {
            ident: ident.to_owned(),
            description,
            variants,
            tag,
            direction: self.direction,
            message: String::new(),
            core_type: None,
        };
        let texts: Vec<&str> = union.texts().map(|(_, text)| text).collect();
        union.message = wording::choice_message(&property.name, &self.owner.label, &texts);
        let others = union.types().filter_map(|ty| match ty {
            Ty::Named(name) => Some(format!(", or a `{name}`")),
            _ => None,
        });
        let others: String = others.collect();
        union.message.push_str(&others);
        union
    }

    fn build_variants(
        &mut self,
        property: &Property,
        kinds: &[Type],
        taken: &mut names::Namespace,
    ) -> Vec<Variant> {
        let presets = kinds.iter().any(|kind| matches!(kind, Type::TextEnum(_)));
        let objects = kinds.iter().filter(|kind| matches!(kind, Type::Object(_))).count();
        let mut variants = Vec::new();
        for kind in kinds {
            match kind {
                Type::TextEnum(values) => variants.extend(values.iter().map(|value| Variant {
                    ident: taken.take(&names::variant(value), ""),
                    description: String::new(),
                    kind: VariantKind::Text(value.clone()),
                })),
                Type::Object(_) if presets && objects == 1 => {
                    variants.push(self.build_variant(&property.name, "Custom", None, kind, taken));
                }
                Type::Object(component) if objects > 1 => {
                    let name = names::camel(component);
                    variants.push(self.build_variant(&property.name, &name, None, kind, taken));
                }
                _ => variants.push(self.build_variant(&property.name, variant_name(kind), None, kind, taken)),
            }
        }
        variants
    }

    fn build_variant(
        &mut self,
        property: &str,
        name: &str,
        tag: Option<String>,
        ty: &Type,
        taken: &mut names::Namespace,
    ) -> Variant {
        let description = match ty {
            Type::Object(component) => self.graph.objects[component].description.clone(),
            _ => String::new(),
        };
        let inner = format!("{property}_{}", name.to_lowercase());
        let rust: Ty = self.build_type(&inner, ty);
        let rule = self.build_rule(&inner, ty);
        let has_files = self.direction.is_input() && self.graph.has_files(ty);
        let schema = json_schemas::type_schema(ty, &rust);
        let kind = VariantKind::Value { ty: rust, tag, rule, has_files, schema };
        Variant { ident: taken.take(name, ""), description, kind }
    }
}

fn variant_name(ty: &Type) -> &'static str {
    match ty {
        Type::Text(_) | Type::TextEnum(_) => "Text",
        Type::File(..) => "File",
        Type::Integer(_) | Type::IntegerEnum(_) => "Integer",
        Type::Number(_) => "Number",
        Type::Boolean => "Flag",
        Type::List(..) | Type::Tuple(_) => "List",
        Type::Object(_) => "Object",
        Type::Map(_) => "Map",
        Type::Union(_) | Type::Tagged(..) | Type::Any => "Json",
    }
}

impl Union {
    /// Returns the names and strings of the variants that are a string.
    pub(crate) fn texts(&self) -> impl Iterator<Item = (&str, &str)> {
        self.variants.iter().filter_map(|variant| match &variant.kind {
            VariantKind::Text(text) => Some((variant.ident.as_str(), text.as_str())),
            VariantKind::Value { .. } => None,
        })
    }

    /// Returns true if a literal can name a variant of an input's union, and nothing else.
    pub(crate) fn takes_literals(&self) -> bool {
        self.direction.is_input()
            && self.texts().next().is_some()
            && !self.types().any(|ty| matches!(ty, Ty::Text | Ty::File))
    }

    /// Returns the types of the variants that have a value.
    pub(crate) fn types(&self) -> impl Iterator<Item = &Ty> {
        self.variants.iter().filter_map(|variant| match &variant.kind {
            VariantKind::Value { ty, .. } => Some(ty),
            VariantKind::Text(_) => None,
        })
    }
}
