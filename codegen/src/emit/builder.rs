//! Builders: one type parameter a required field, which stays `Unset` until the field is given.

use std::collections::BTreeSet;

use super::{
    docs, layout,
    structs::{allow_deprecated, deprecated, given, is_input, outside, setter_docs, stored, ty},
};
use crate::rust::{Field, Presence, Struct, Ty, names};

/// The builder of a struct.
pub(super) fn builder(item: &Struct) -> Vec<String> {
    let parts = Parts::of(item);
    let mut items = vec![parts.entry(), parts.definition()];
    items.extend(parts.optional_fields());
    items.push(parts.setters());
    items.push(parts.build());
    if is_input(item) {
        items.extend(parts.accepted_by_verbs());
    }
    items
}

/// The traits in the module `given`: implemented by a value, not by `Unset`.
pub(super) fn given_traits(item: &Struct) -> Vec<String> {
    let parts = Parts::of(item);
    let traits = parts.required.iter().map(|slot| {
        let (name, value, field) = (&slot.given, outside(&slot.field.ty), &slot.field.ident);
        let message = format!("`{}` is required by `{}`", slot.field.wire, item.owner);
        let label = format!("`{}` was not given", slot.field.wire);
        let note = format!("give it with `{field}: ..` in `input!`, or `.{field}(..)` on the builder");
        format!(
            "#[diagnostic::on_unimplemented(
    message = {message:?},
    label = {label:?},
    note = {note:?}
)]
pub trait {name} {{
    fn take(self) -> {value};
}}

impl {name} for {value} {{
    fn take(self) -> {value} {{
        self
    }}
}}
"
        )
    });
    traits.collect()
}

/// The types that a builder is made of.
pub(super) struct Names {
    pub(super) builder: String,
    /// What holds the fields that may be left out, if there are any.
    pub(super) optional: Option<String>,
}

impl Names {
    pub(super) fn of(item: &Struct) -> Self {
        let prefix = prefix(item);
        let optional = item.fields.iter().any(|field| field.presence != Presence::Required);
        let optional = (optional || is_input(item)).then(|| format!("{prefix}Optional"));
        Self { builder: format!("{prefix}Builder"), optional }
    }
}

/// What the names of a struct's builder start with: one module has one input.
fn prefix(item: &Struct) -> &str {
    if is_input(item) { "" } else { &item.ident }
}

struct Slot<'a> {
    field: &'a Field,
    /// The type parameter.
    generic: String,
    /// The trait that a value in it implements.
    given: String,
}

impl Slot<'_> {
    fn bounded(&self) -> String {
        format!("{}: given::{}", self.generic, self.given)
    }
}

struct Parts<'a> {
    item: &'a Struct,
    builder: String,
    optional: Option<String>,
    required: Vec<Slot<'a>>,
    optionals: Vec<&'a Field>,
}

impl<'a> Parts<'a> {
    fn of(item: &'a Struct) -> Self {
        let prefix = prefix(item);
        let Names { builder, optional } = Names::of(item);
        let (required, optionals): (Vec<_>, Vec<_>) =
            item.fields.iter().partition(|field| field.presence == Presence::Required);
        let mut taken = BTreeSet::new();
        let required = required.into_iter().map(|field| {
            let name = names::slot(&field.wire, &mut taken);
            Slot { field, generic: format!("{name}Slot"), given: format!("{prefix}Has{name}") }
        });
        Self { item, builder, optional, required: required.collect(), optionals }
    }

    fn entry(&self) -> String {
        let (name, builder) = (&self.item.ident, &self.builder);
        let mut fields = self.with_required(|slot| format!("{}: Unset", slot.field.ident));
        fields.extend(self.optional.iter().map(|optional| format!("optional: {optional}::default()")));
        let start = format!(
            "{}    pub fn builder() -> {builder} {{\n{}    }}\n",
            docs::line(4, "Starts with nothing given."),
            layout::block(8, builder, &fields),
        );
        let validate = is_input(self.item).then(|| {
            let docs = docs::comment(
                4,
                &[
                    "Checks the rules that the compiler could not: lengths of texts and lists that are only \
                     known at run time."
                        .to_owned(),
                    "# Errors".to_owned(),
                    "All violations at once, each with the path that the service would name.".to_owned(),
                ],
            );
            format!(
                "{docs}    pub fn validate(&self) -> Result<(), Violations> {{
        fal_core::validate(self)
    }}
"
            )
        });
        let members = layout::items([start].into_iter().chain(validate));
        format!("impl {name} {{\n{members}}}\n")
    }

    fn definition(&self) -> String {
        let builder = &self.builder;
        let docs = if self.required.is_empty() {
            format!("Builds [`{}`].", self.item.ident)
        } else {
            format!("Builds [`{}`]; what is [`Unset`] has still to be given.", self.item.ident)
        };
        let slots = self.with_required(|slot| format!("{} = Unset", slot.generic));
        let mut fields = self.with_required(|slot| format!("    {}: {},\n", slot.field.ident, slot.generic));
        fields.extend(self.optional.iter().map(|optional| format!("    optional: {optional},\n")));
        let open = format!("pub struct {builder}<");
        let head = match slots.as_slice() {
            [] => format!("pub struct {builder} {{\n"),
            slots => layout::line(0, &[(&open, slots)], "> {"),
        };
        format!(
            "{}#[derive(Debug, Clone)]
#[must_use = \"a builder does nothing until `build` or a verb takes it\"]
{head}{}}}
",
            docs::line(0, &docs),
            fields.concat(),
        )
    }

    fn optional_fields(&self) -> Option<String> {
        let optional = self.optional.as_ref()?;
        let mut fields: Vec<String> =
            self.optionals.iter().map(|field| format!("{}: {}", field.ident, stored(field))).collect();
        fields.extend(is_input(self.item).then(|| "extra: Map<String, Value>".to_owned()));
        let definition = layout::block(0, &format!("struct {optional}"), &fields);
        Some(format!("#[derive(Debug, Clone, Default)]\n{definition}"))
    }

    fn setters(&self) -> String {
        let required = self.required.iter().map(|slot| self.required_setter(slot));
        let optional = self.optionals.iter().map(|field| {
            let (docs, deprecated) = (setter_docs(&self.item.ident, field), deprecated(field));
            let (name, argument) = (&field.ident, format!("value: impl Param<{}>", given(field)));
            let open = format!("pub fn {name}(");
            let signature = layout::line(4, &[(&open, &["mut self", argument.as_str()])], ") -> Self {");
            format!(
                "{docs}{deprecated}{signature}        self.optional.{name} = value.into_param();
        self
    }}
"
            )
        });
        let extra = is_input(self.item).then(|| {
            let docs = docs::line(4, "Sends a parameter that this crate does not know, or knows otherwise.");
            format!(
                "{docs}    pub fn extra(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {{
        self.optional.extra.insert(name.into(), value.into());
        self
    }}
"
            )
        });
        let members = layout::items(required.chain(optional).chain(extra));
        if members.is_empty() {
            return members;
        }
        format!("{}{members}}}\n", self.of_builder(|slot| slot.generic.clone(), ""))
    }

    fn required_setter(&self, slot: &Slot) -> String {
        let builder = &self.builder;
        let (docs, name) = (setter_docs(&self.item.ident, slot.field), &slot.field.ident);
        let is_own = |other: &Slot| other.field.wire == slot.field.wire;
        let own = ty(&slot.field.ty);
        let (bound, value) = if slot.field.ty == Ty::File {
            ("fal_core::IntoFile".to_owned(), "value.into_file()")
        } else {
            (format!("Into<{own}>"), "value.into()")
        };
        let given =
            self.with_required(|other| if is_own(other) { own.clone() } else { other.generic.clone() });
        let arguments = ["self".to_owned(), format!("value: impl {bound}")];
        let (open, returns) = (format!("pub fn {name}("), format!(") -> {builder}<"));
        let signature = layout::line(4, &[(&open, &arguments), (&returns, &given)], "> {");
        let mut moved = self.with_required(|other| {
            let field = &other.field.ident;
            if is_own(other) { format!("{field}: {value}") } else { format!("{field}: self.{field}") }
        });
        moved.extend(self.optional.iter().map(|_| "optional: self.optional".to_owned()));
        format!("{docs}{signature}{}    }}\n", layout::block(8, builder, &moved))
    }

    fn build(&self) -> String {
        let (name, allow) = (&self.item.ident, allow_deprecated(self.item));
        let docs = docs::line(
            4,
            "The finished value. Everything required has been given, or this does not compile.",
        );
        // Bounds of the method, not of the impl: only then rustc says which parameter is missing.
        let bounds = self.with_required(|slot| format!("        {},\n", slot.bounded())).concat();
        let bounds = if bounds.is_empty() { " ".to_owned() } else { format!("\n    where\n{bounds}    ") };
        let mut fields = self.with_required(|slot| format!("{0}: self.{0}.take()", slot.field.ident));
        fields.extend(self.optionals.iter().map(|field| format!("{0}: self.optional.{0}", field.ident)));
        fields.extend(is_input(self.item).then(|| "extra: self.optional.extra".to_owned()));
        format!(
            "{allow}{}{docs}    pub fn build(self) -> {name}{bounds}{{\n{}    }}\n}}\n",
            self.of_builder(|slot| slot.generic.clone(), ""),
            layout::block(8, name, &fields),
        )
    }

    fn accepted_by_verbs(&self) -> [String; 2] {
        let accepted = |head: &str, value: &str| {
            format!(
                "{head}    type Endpoint = Model;

    fn into_input(self) -> Input {{
        {value}
    }}
}}
"
            )
        };
        [
            accepted("impl IntoInput for Input {\n", "self"),
            accepted(&self.of_builder(Slot::bounded, "IntoInput for "), "self.build()"),
        ]
    }

    /// The first line of an impl for the builder, with what stands for the slots, after `of`.
    fn of_builder(&self, parameter: impl Fn(&Slot<'a>) -> String, of: &str) -> String {
        let builder = &self.builder;
        let (parameters, slots) =
            (self.with_required(parameter), self.with_required(|slot| slot.generic.clone()));
        let builder_of = format!("> {of}{builder}<");
        match slots.as_slice() {
            [] => format!("impl {of}{builder} {{\n"),
            slots => layout::line(0, &[("impl<", &parameters), (&builder_of, slots)], "> {"),
        }
    }

    fn with_required(&self, write: impl Fn(&Slot<'a>) -> String) -> Vec<String> {
        self.required.iter().map(write).collect()
    }
}
