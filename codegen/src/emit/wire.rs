//! How values are written and read.

use super::{
    builder::Names,
    layout,
    structs::{allow_deprecated, is_input, ty},
};
use crate::rust::{Field, Presence, Struct, Ty, Union, VariantKind};

/// Whether a type is, or holds, integers without bounds, which have no type of their own to read them.
fn holds_integers(ty: &Ty) -> bool {
    match ty {
        Ty::Integer => true,
        Ty::List(item) | Ty::Map(item) | Ty::Option(item) => holds_integers(item),
        _ => false,
    }
}

/// A local variable that no field of the struct hides.
fn local(item: &Struct, preferred: &str) -> String {
    let hidden = item.fields.iter().any(|field| field.ident == preferred);
    if hidden { format!("{preferred}_") } else { preferred.to_owned() }
}

/// The serde impls of a struct.
pub(super) fn structure(item: &Struct) -> [String; 3] {
    [writer(item), entry(item), reader(item)]
}

fn writer(item: &Struct) -> String {
    let (name, allow) = (&item.ident, allow_deprecated(item));
    let mutable = if item.fields.is_empty() { "" } else { "mut " };
    let new = if is_input(item) { "with_extra(serializer, &self.extra)" } else { "new(serializer)" };
    let puts = item.fields.iter().map(|field| {
        let put = if field.presence == Presence::Required { "put" } else { "optional" };
        let arguments = [format!("{:?}", field.wire), format!("&self.{}", field.ident)];
        layout::line(8, &[(&format!("object.{put}("), &arguments)], ");")
    });
    let puts: String = puts.collect();
    format!(
        "{allow}impl Serialize for {name} {{
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {{
        let {mutable}object = wire::Writer::{new}?;
{puts}        object.end()
    }}
}}
"
    )
}

fn entry(item: &Struct) -> String {
    format!(
        "impl<'de> Deserialize<'de> for {} {{
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {{
        wire::object(deserializer)
    }}
}}
",
        item.ident
    )
}

fn reader(item: &Struct) -> String {
    let (name, allow) = (&item.ident, allow_deprecated(item));
    let (object, key) = (local(item, "object"), local(item, "key"));
    let arms = item.fields.iter().map(|field| {
        let open = format!("{:?} => {object}.{}(", field.wire, read(item, field));
        layout::line(16, &[(&open, &[format!("&mut {}", slot(item, field))])], "),")
    });
    let arms: String = arms.collect();
    let rest = if is_input(item) {
        format!("{object}.extra({key}, &mut optional.extra)")
    } else if item.direction.is_input() && item.closed {
        format!("{object}.refuse(&{key})")
    } else {
        format!("{object}.skip()")
    };
    // Of an object without fields, everything is the rest.
    let field = if arms.is_empty() {
        format!("            {rest};\n")
    } else {
        format!("            match &*{key} {{\n{arms}                _ => {rest},\n            }}\n")
    };
    let slots: String = slots(item).map(|slot| format!("        let mut {slot};\n")).collect();
    let done = if item.direction.is_input() { built(item, &object) } else { done(item, &object) };
    format!(
        "{allow}impl<'de> wire::Object<'de> for {name} {{
    const NAME: &'static str = \"{name}\";

    fn read<A: MapAccess<'de>>({object}: &mut wire::Reader<'de, A>) -> Option<Self> {{
{slots}        while let Some({key}) = {object}.key() {{
{field}        }}
{done}    }}
}}
"
    )
}

/// How the value of a field is read.
fn read(item: &Struct, field: &Field) -> &'static str {
    // A reply says null where it has nothing; a parameter is null only where the service takes null.
    let or_null = !item.direction.is_input() || field.nullable && field.presence == Presence::Optional;
    match (holds_integers(&field.ty), or_null) {
        (true, true) => "integer_or_null",
        (true, false) => "integer",
        (false, true) => "or_null",
        (false, false) => "value",
    }
}

/// What a field is read into: a variable, or what a builder keeps of it.
fn slot(item: &Struct, field: &Field) -> String {
    let kept = item.direction.is_input() && field.presence != Presence::Required;
    if kept { format!("optional.{}", field.ident) } else { field.ident.clone() }
}

/// The variables that fields are read into, and what they start with.
fn slots(item: &Struct) -> impl Iterator<Item = String> {
    let own =
        item.fields.iter().filter(|field| !item.direction.is_input() || field.presence == Presence::Required);
    let optional = Names::of(item).optional.filter(|_| item.direction.is_input());
    own.map(|field| format!("{} = None", field.ident))
        .chain(optional.map(|optional| format!("optional = {optional}::default()")))
}

/// The end of reading: the struct, of the variables.
fn done(item: &Struct, object: &str) -> String {
    let fields = item.fields.iter().map(|field| match field.presence {
        Presence::Required => required(field, object),
        _ => format!("            {},\n", field.ident),
    });
    let fields: String = fields.collect();
    if fields.is_empty() {
        return "        Some(Self {})\n".to_owned();
    }
    format!("        Some(Self {{\n{fields}        }})\n")
}

/// The end of reading: the struct, of the variables, by way of its builder.
fn built(item: &Struct, object: &str) -> String {
    let Names { builder, optional } = Names::of(item);
    let given: Vec<_> = item.fields.iter().filter(|field| field.presence == Presence::Required).collect();
    let types: Vec<_> = given.iter().map(|field| ty(&field.ty)).collect();
    let types = if types.is_empty() { String::new() } else { format!("::<{}>", types.join(", ")) };
    let given: String = given.iter().map(|field| required(field, object)).collect();
    let optional = if optional.is_some() { "            optional,\n" } else { "" };
    format!(
        "        let builder = {builder}{types} {{\n{given}{optional}        }};\n        Some(builder.build())\n"
    )
}

fn required(field: &Field, object: &str) -> String {
    let name = &field.ident;
    let open = format!("{name}: {object}.required(");
    layout::line(12, &[(&open, &[&format!("{:?}", field.wire), name])], ")?,")
}

/// The serde impls of a union.
pub(super) fn union(item: &Union) -> [String; 2] {
    let name = &item.ident;
    let mut writes: Vec<String> = item
        .variants
        .iter()
        .map(|variant| match &variant.kind {
            VariantKind::Text(value) => {
                format!("Self::{} => serializer.serialize_str({value:?})", variant.ident)
            }
            VariantKind::Value { .. } => {
                format!("Self::{}(value) => value.serialize(serializer)", variant.ident)
            }
        })
        .collect();
    if !item.direction.is_input() {
        writes.push("Self::Other(value) => value.serialize(serializer)".to_owned());
    }
    let reads = match &item.tag {
        Some(tag) => by_tag(item, tag),
        None => by_form(item),
    };
    let last = if item.direction.is_input() {
        format!("Err(serde::de::Error::custom({:?}))", format!("matches no form of {name}"))
    } else {
        "Ok(Self::Other(value))".to_owned()
    };
    [
        format!(
            "impl Serialize for {name} {{
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {{
{}    }}
}}
",
            layout::block(8, "match self", &writes)
        ),
        format!(
            "impl<'de> Deserialize<'de> for {name} {{
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {{
        let value = Value::deserialize(deserializer)?;
{reads}        {last}
    }}
}}
"
        ),
    ]
}

/// Reads a value into the first variant that takes it: texts by their value, others by trying.
fn by_form(item: &Union) -> String {
    let texts: String = item
        .texts()
        .map(|(name, text)| format!("            Some({text:?}) => return Ok(Self::{name}),\n"))
        .collect();
    let texts = if texts.is_empty() { texts } else { matched("value", &texts) };
    let tries = item.variants.iter().filter(|variant| matches!(variant.kind, VariantKind::Value { .. }));
    let tries = tries.map(|variant| {
        format!(
            "        if let Ok(value) = Deserialize::deserialize(&value) {{
            return Ok(Self::{}(value));
        }}
",
            variant.ident
        )
    });
    texts + &tries.collect::<String>()
}

/// Reads a value into the variant that its tag names, so that what is wrong inside is said.
fn by_tag(item: &Union, tag: &str) -> String {
    let arms = item.variants.iter().filter_map(|variant| match &variant.kind {
        VariantKind::Value { tag: Some(value), .. } => Some(format!(
            "            Some({value:?}) => {{
                return Deserialize::deserialize(value)
                    .map(Self::{})
                    .map_err(serde::de::Error::custom);
            }}
",
            variant.ident
        )),
        _ => None,
    });
    matched(&format!("value[{tag:?}]"), &arms.collect::<String>())
}

/// What a text leads to, if `value` is one.
fn matched(value: &str, arms: &str) -> String {
    format!("        match {value}.as_str() {{\n{arms}            _ => {{}}\n        }}\n")
}
