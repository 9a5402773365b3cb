//! Structs and their fields.

use super::{docs, layout};
use crate::rust::{Field, Presence, Struct, Ty};

/// The definition of a struct.
pub(super) fn definition(item: &Struct) -> String {
    let mut fields: String = item
        .fields
        .iter()
        .map(|field| {
            let (docs, deprecated) = (field_docs(field), deprecated(field));
            format!("{docs}{deprecated}    pub {}: {},\n", field.ident, stored(field))
        })
        .collect();
    if is_input(item) {
        fields.push_str(&docs::line(
            4,
            "Parameters newer than this crate, sent as they are. They win over fields of the same name.",
        ));
        fields.push_str("    pub extra: Map<String, Value>,\n");
    }
    let (docs, name) = (docs::comment(0, &describe(item)), &item.ident);
    let body = if fields.is_empty() { "{}".to_owned() } else { format!("{{\n{fields}}}") };
    format!("{docs}#[derive(Debug, Clone, PartialEq)]\n#[non_exhaustive]\npub struct {name} {body}\n")
}

/// What makes a struct a file of an output: a URL that is always there.
pub(super) fn media(item: &Struct) -> Option<String> {
    let is = |wire: &str, ty: &Ty, presence: Presence| {
        item.fields.iter().any(|field| field.wire == wire && field.ty == *ty && field.presence == presence)
    };
    if item.direction.is_input() || !is("url", &Ty::Text, Presence::Required) {
        return None;
    }
    let told = [
        ("content_type", Ty::Text, "&str", ".as_deref()"),
        ("file_name", Ty::Text, "&str", ".as_deref()"),
        ("file_size", Ty::Integer, "i64", ""),
    ];
    let told = told.into_iter().filter(|(name, ty, ..)| is(name, ty, Presence::Optional));
    let told = told.map(|(name, _, returns, read)| {
        format!("    fn {name}(&self) -> Option<{returns}> {{\n        self.{name}{read}\n    }}\n")
    });
    let url = "    fn url(&self) -> &str {\n        &self.url\n    }\n".to_owned();
    let members = layout::items([url].into_iter().chain(told));
    let (name, allow) = (&item.ident, allow_deprecated(item));
    Some(format!("{allow}impl fal_core::media::Media for {name} {{\n{members}}}\n"))
}

/// The whole input of an endpoint also carries parameters that the crate does not know.
pub(super) fn is_input(item: &Struct) -> bool {
    item.direction.is_input() && item.ident == "Input"
}

fn describe(item: &Struct) -> Vec<String> {
    // The generator's own sentences link to `Model`, which escaping would break.
    if item.description.contains("](Model)") {
        return vec![item.description.clone()];
    }
    let paragraphs: Vec<String> = docs::paragraphs(&item.description).collect();
    if paragraphs.is_empty() { vec![format!("What fal calls `{}`.", item.component)] } else { paragraphs }
}

/// What a field means, then its facts in one line.
fn field_docs(field: &Field) -> String {
    let mut paragraphs: Vec<String> = docs::paragraphs(&field.description).collect();
    if paragraphs.is_empty() {
        paragraphs.push(format!("`{}`.", field.wire));
    }
    if !field.facts.is_empty() {
        paragraphs.push(format!("{}.", field.facts.join(". ")));
    }
    docs::comment(4, &paragraphs)
}

/// The first sentence of a field's docs and its facts; the field itself has the rest.
pub(super) fn setter_docs(owner: &str, field: &Field) -> String {
    let meaning = docs::paragraphs(&field.description).next().unwrap_or_default();
    let first = meaning.find(". ").map_or(meaning.as_str(), |end| &meaning[..=end]);
    let facts = field.facts.iter().map(|fact| format!("{fact}."));
    let name = field.ident.trim_start_matches("r#");
    let link = format!("[`{name}`]({owner}::{name}):");
    let parts: Vec<String> =
        [link, first.to_owned()].into_iter().chain(facts).filter(|part| !part.is_empty()).collect();
    docs::comment(4, &[parts.join(" ")])
}

/// Lets an impl touch the deprecated fields of a struct, if it has any.
pub(super) fn allow_deprecated(item: &Struct) -> &'static str {
    if item.fields.iter().any(|field| field.deprecated) { "#[allow(deprecated)]\n" } else { "" }
}

/// The attribute of a deprecated field or setter.
pub(super) fn deprecated(field: &Field) -> &'static str {
    if field.deprecated { "    #[deprecated]\n" } else { "" }
}

/// The type of a field, with what its presence adds.
pub(super) fn stored(field: &Field) -> String {
    let inner = ty(&field.ty);
    match field.presence {
        Presence::Required => inner,
        Presence::Optional => format!("Option<{inner}>"),
        Presence::TriState => format!("Option<Nullable<{inner}>>"),
    }
}

/// The type that a setter takes.
pub(super) fn given(field: &Field) -> String {
    let inner = ty(&field.ty);
    if field.presence == Presence::TriState { format!("Nullable<{inner}>") } else { inner }
}

/// A type, as the module that defines it writes it.
pub(super) fn ty(ty: &Ty) -> String {
    path(ty, "")
}

/// A type, as a module inside the one that defines it writes it.
pub(super) fn outside(ty: &Ty) -> String {
    path(ty, "super::")
}

fn path(ty: &Ty, parent: &str) -> String {
    match ty {
        Ty::Text => "String".to_owned(),
        Ty::File => format!("{parent}File"),
        Ty::Integer => "i64".to_owned(),
        Ty::Number => "f64".to_owned(),
        Ty::Boolean => "bool".to_owned(),
        Ty::Json => format!("{parent}Value"),
        Ty::Named(name) => format!("{parent}{name}"),
        Ty::List(item) => format!("Vec<{}>", path(item, parent)),
        Ty::Map(item) if **item == Ty::Json => format!("{parent}Map<String, {parent}Value>"),
        Ty::Map(item) => format!("{parent}BTreeMap<String, {}>", path(item, parent)),
        Ty::Tuple(items) => {
            let items: Vec<String> = items.iter().map(|item| path(item, parent)).collect();
            format!("({})", items.join(", "))
        }
        Ty::Option(inner) => format!("Option<{}>", path(inner, parent)),
        Ty::Boxed(inner) => format!("Box<{}>", path(inner, parent)),
    }
}
