//! Builds unions: strings become unit variants, and other types become variants with a value.

use super::{
    ObjectForm, Ty, Union, Variant, VariantKind, json_schemas, names, type_builder::TypeBuilder, wording,
};
use crate::model::{Item, Object, Property, Type, listed_values};

impl TypeBuilder<'_> {
    /// Builds the union that is the type of `property`.
    pub(super) fn build_union(&mut self, ident: &str, property: &Property) -> Union {
        let mut taken = names::Namespace::empty();
        if !self.direction.is_input() {
            taken.reserve("Other");
        }
        let (tag, mut variants) = match &property.ty {
            Type::Tagged(tag, members, _) => {
                let variants = members.iter().map(|member| {
                    let name = match member.tags.as_slice() {
                        [value] => names::variant(value),
                        _ => names::camel(&member.object),
                    };
                    let ty = Type::Object(member.object.clone());
                    let mut variant = self.build_variant(&property.name, &name, &ty, &mut taken);
                    variant
                        .description
                        .push_str(&format!("\n\n{}.", wording::describe_tag(tag, &member.tags)));
                    if let VariantKind::Value { form: Some(form), .. } = &mut variant.kind {
                        form.tags.clone_from(&member.tags);
                        form.writes_tag = member.writes_tag;
                    }
                    variant
                });
                (Some(tag.clone()), variants.collect())
            }
            Type::Union(kinds, _) => (None, self.build_variants(property, kinds, &mut taken)),
            _ => (None, Vec::new()),
        };
        // Strings come first, because they are the presets that most calls use.
        variants.sort_by_key(|variant| matches!(variant.kind, VariantKind::Value { .. }));
        let description = match &tag {
            Some(tag) => format!("The values of `{}`, distinguished by their `{tag}`.", property.name),
            None => format!("The values of `{}`.", property.name),
        };
        let mut union = Union {
            ident: ident.to_owned(),
            description,
            variants,
            tag,
            direction: self.direction,
            is_ambiguous: matches!(&property.ty, Type::Union(kinds, _) if is_ambiguous(kinds)),
            number: None,
            message: String::new(),
            core_type: None,
        };
        let texts: Vec<&str> = union.texts().map(|(_, text)| text).collect();
        union.message = wording::choice_message(&property.name, &self.owner.label, &texts);
        let kinds = match &property.ty {
            Type::Union(kinds, _) => kinds.as_slice(),
            _ => &[],
        };
        let kinds = kinds.iter().filter(|kind| !matches!(kind, Type::TextEnum(..)));
        let values: Vec<(&Variant, &Type)> = union.values().zip(kinds).collect();
        let is_number =
            |kind: &Type| matches!(kind, Type::Integer(_) | Type::WideInteger(_) | Type::Number(_));
        let mut numbers = values.iter().filter(|(_, kind)| is_number(kind));
        let number = match (numbers.next(), numbers.next()) {
            (Some((variant, _)), None) if matches!(variant.ty(), Some(Ty::Named(_) | Ty::Integer)) => {
                Some(variant.ident.clone())
            }
            _ => None,
        };
        let others = values.iter().filter_map(|(variant, kind)| match variant.ty() {
            _ if is_number(kind) => Some(format!(", or {}", wording::describe_one(kind))),
            Some(Ty::Named(name)) => Some(format!(", or a `{name}`")),
            _ => None,
        });
        let others: String = others.collect();
        union.number = number;
        union.message.push_str(&others);
        union
    }

    fn build_variants(
        &mut self,
        property: &Property,
        kinds: &[Type],
        taken: &mut names::Namespace,
    ) -> Vec<Variant> {
        let presets = kinds.iter().any(|kind| matches!(kind, Type::TextEnum(..)));
        let objects = kinds.iter().filter(|kind| matches!(kind, Type::Object(_))).count();
        let lists = kinds.iter().filter(|kind| matches!(kind, Type::List(..) | Type::Tuple(_))).count();
        let maps = kinds.iter().filter(|kind| matches!(kind, Type::Map(..))).count();
        let mut variants = Vec::new();
        for kind in kinds {
            match kind {
                Type::TextEnum(values, _) => variants.extend(values.iter().map(|value| Variant {
                    ident: taken.take(&names::variant(value), ""),
                    description: String::new(),
                    kind: VariantKind::Text(value.clone()),
                })),
                Type::Object(_) if presets && objects == 1 => {
                    variants.push(self.build_variant(&property.name, "Custom", kind, taken));
                }
                Type::Object(component) => {
                    let name = names::camel(component);
                    variants.push(self.build_variant(&property.name, &name, kind, taken));
                }
                Type::List(item, _) if lists > 1 => {
                    let name = format!("{}List", item_name(item));
                    variants.push(self.build_variant(&property.name, &name, kind, taken));
                }
                Type::Map(item, _) if maps > 1 => {
                    let name = format!("{}Map", item_name(item));
                    variants.push(self.build_variant(&property.name, &name, kind, taken));
                }
                _ => variants.push(self.build_variant(&property.name, variant_name(kind), kind, taken)),
            }
        }
        variants
    }

    fn build_variant(
        &mut self,
        property: &str,
        name: &str,
        ty: &Type,
        taken: &mut names::Namespace,
    ) -> Variant {
        let description = match ty {
            Type::Object(component) => self.graph.objects[component].description.clone(),
            _ => String::new(),
        };
        let description = match description.trim() {
            "" => format!("{}.", wording::describe_type(ty)),
            _ => description,
        };
        let inner = format!("{property}_{}", name.to_lowercase());
        let rust: Ty = self.build_type(&inner, ty);
        let rule = self.build_rule(&inner, ty);
        let has_files = self.direction.is_input() && self.graph.has_files(ty);
        let limits = self.build_limits(ty);
        let schema = json_schemas::type_schema(ty, &rust);
        let form = match ty {
            Type::Object(component) => Some(Box::new(ObjectForm::new(&self.graph.objects[component], false))),
            Type::List(item, _) => match &item.ty {
                Type::Object(component) => {
                    Some(Box::new(ObjectForm::new(&self.graph.objects[component], true)))
                }
                _ => None,
            },
            _ => None,
        };
        let kind = VariantKind::Value { ty: rust, form, rule, has_files, limits, schema };
        Variant { ident: taken.take(name, ""), description, kind }
    }
}

/// Returns the part of a variant's name that says what a list or a map holds.
fn item_name(item: &Item) -> String {
    match &item.ty {
        Type::Object(component) => names::camel(component),
        ty => variant_name(ty).to_owned(),
    }
}

fn variant_name(ty: &Type) -> &'static str {
    match ty {
        Type::Text(_) | Type::TextEnum(..) => "Text",
        Type::File(..) => "File",
        Type::Integer(_) | Type::WideInteger(_) | Type::IntegerEnum(..) => "Integer",
        Type::Number(_) | Type::NumberEnum(_) => "Number",
        Type::Boolean | Type::BooleanConstant(_) => "Flag",
        Type::Null => "Null",
        Type::List(..) => "List",
        Type::Tuple(_) => "Tuple",
        Type::Object(_) => "Object",
        Type::Map(..) => "Map",
        Type::Union(..) | Type::Tagged(..) | Type::Any => "Json",
    }
}

/// Returns true if a value can fit several of the types, and fits one better than the others.
fn is_ambiguous(kinds: &[Type]) -> bool {
    let count = |is_kind: fn(&Type) -> bool| kinds.iter().filter(|kind| is_kind(kind)).count();
    let objects = count(|kind| matches!(kind, Type::Object(_) | Type::Map(..) | Type::Tagged(..)));
    let lists = count(|kind| matches!(kind, Type::List(..) | Type::Tuple(_)));
    let texts = count(|kind| matches!(kind, Type::Text(_) | Type::File(..)));
    let numbers = count(|kind| {
        matches!(kind, Type::Integer(_) | Type::WideInteger(_) | Type::IntegerEnum(..) | Type::Number(_))
    });
    let checked_numbers = count(|kind| matches!(kind, Type::NumberEnum(_)));
    let checked_flags = count(|kind| matches!(kind, Type::BooleanConstant(_)));
    let any = count(|kind| *kind == Type::Any);
    // The types of other numbers and flags hold values to their rules.
    objects > 1
        || lists > 1
        || texts > 1
        || checked_numbers > 0 && checked_numbers + numbers > 1
        || any > 0 && objects + lists + texts + checked_numbers + checked_flags > 0
}

impl ObjectForm {
    fn new(object: &Object, is_list: bool) -> Self {
        let names = |required: bool| {
            let properties = object.properties.iter().filter(move |property| property.required || !required);
            properties.map(|property| property.name.clone()).collect()
        };
        let listed = object.properties.iter().filter_map(|property| {
            let values = listed_values(property);
            (!values.is_empty()).then(|| (property.name.clone(), values))
        });
        Self {
            tags: Vec::new(),
            writes_tag: false,
            is_list,
            required: names(true),
            known: names(false),
            listed: listed.collect(),
        }
    }
}

impl Variant {
    /// Returns the type of the value, if the variant has one.
    pub(crate) fn ty(&self) -> Option<&Ty> {
        match &self.kind {
            VariantKind::Value { ty, .. } => Some(ty),
            VariantKind::Text(_) => None,
        }
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

    /// Returns true if the union writes the tag of an object, which lacks it, or may have been read without it.
    pub(crate) fn writes_tag_of(&self, form: &ObjectForm) -> bool {
        let is_optional = |tag: &String| form.known.contains(tag) && !form.required.contains(tag);
        form.writes_tag || self.direction.is_input() && self.tag.as_ref().is_some_and(is_optional)
    }

    /// Returns true if a literal can name a variant of an input's union, and nothing else.
    pub(crate) fn takes_literals(&self) -> bool {
        self.direction.is_input()
            && self.texts().next().is_some()
            && !self.types().any(|ty| matches!(ty, Ty::Text | Ty::File))
    }

    /// Returns the variants that have a value.
    fn values(&self) -> impl Iterator<Item = &Variant> {
        self.variants.iter().filter(|variant| matches!(variant.kind, VariantKind::Value { .. }))
    }

    /// Returns the types of the variants that have a value.
    pub(crate) fn types(&self) -> impl Iterator<Item = &Ty> {
        self.variants.iter().filter_map(Variant::ty)
    }
}
