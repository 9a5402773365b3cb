//! How values are written and read.

use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, format_ident, quote};

use super::{
    builder::Names,
    structs::{allow_deprecated, ident, is_input, ty},
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
fn local(item: &Struct, preferred: &str) -> Ident {
    let hidden = item.fields.iter().any(|field| field.ident == preferred);
    if hidden { format_ident!("{preferred}_") } else { format_ident!("{preferred}") }
}

/// The serde impls of a struct.
pub(super) fn structure(item: &Struct) -> Vec<TokenStream> {
    let name = ident(&item.ident);
    let (object, key) = (local(item, "object"), local(item, "key"));
    let puts = item.fields.iter().map(|field| {
        let (name, wire) = (ident(&field.ident), &field.wire);
        let put = if field.presence == Presence::Required { quote!(put) } else { quote!(optional) };
        quote!(object.#put(#wire, &self.#name);)
    });
    let mutable = (!item.fields.is_empty()).then(|| quote!(mut));
    let writer = if is_input(item) {
        quote!(wire::Writer::with_extra(serializer, &self.extra)?)
    } else {
        quote!(wire::Writer::new(serializer)?)
    };
    let type_name = &item.ident;
    let arms = item.fields.iter().map(|field| {
        let (wire, slot, read) = (&field.wire, slot(item, field), read(item, field));
        quote!(#wire => #object.#read(&mut #slot),)
    });
    let rest = if is_input(item) {
        quote!(#object.extra(#key, &mut optional.extra))
    } else if item.built && item.closed {
        quote!(#object.refuse(&#key))
    } else {
        quote!(#object.skip())
    };
    let (slots, done) = if item.built { (builder_slots(item), built(item, &object)) } else { (slots(item), done(item, &object)) };
    let allow = allow_deprecated(item);
    vec![
        quote! {
            #allow
            impl Serialize for #name {
                fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                    let #mutable object = #writer;
                    #(#puts)*
                    object.end()
                }
            }
        },
        quote! {
            impl<'de> Deserialize<'de> for #name {
                fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                    wire::object(deserializer)
                }
            }
        },
        quote! {
            #allow
            impl<'de> wire::Object<'de> for #name {
                const NAME: &'static str = #type_name;

                fn read<A: MapAccess<'de>>(#object: &mut wire::Reader<'de, A>) -> Option<Self> {
                    #slots
                    while let Some(#key) = #object.key() {
                        match &*#key { #(#arms)* _ => #rest, }
                    }
                    #done
                }
            }
        },
    ]
}

/// How the value of a field is read.
fn read(item: &Struct, field: &Field) -> Ident {
    // A reply says null where it has nothing; a parameter is null only where the service takes null.
    let or_null = !item.built || field.nullable && field.presence == Presence::Optional;
    let read = match (holds_integers(&field.ty), or_null) {
        (true, true) => "integer_or_null",
        (true, false) => "integer",
        (false, true) => "or_null",
        (false, false) => "value",
    };
    format_ident!("{read}")
}

/// What a field is read into: a variable, or what a builder keeps of it.
fn slot(item: &Struct, field: &Field) -> TokenStream {
    let name = ident(&field.ident);
    if item.built && field.presence != Presence::Required { quote!(optional.#name) } else { quote!(#name) }
}

/// The variables that the fields of a struct are read into.
fn slots(item: &Struct) -> TokenStream {
    let names = item.fields.iter().map(|field| ident(&field.ident));
    quote!(#(let mut #names = None;)*)
}

/// The variables for a struct that has a builder, which takes the optional fields as they are.
fn builder_slots(item: &Struct) -> TokenStream {
    let required = item.fields.iter().filter(|field| field.presence == Presence::Required);
    let required = required.map(|field| ident(&field.ident));
    let optional = Names::of(item).optional.map(|optional| quote!(let mut optional = #optional::default();));
    quote!(#(let mut #required = None;)* #optional)
}

/// The struct, of the variables.
fn done(item: &Struct, object: &Ident) -> TokenStream {
    let fields = item.fields.iter().map(|field| match field.presence {
        Presence::Required => required(field, object),
        _ => ident(&field.ident).into_token_stream(),
    });
    quote!(Some(Self { #(#fields,)* }))
}

/// The struct, of the variables, by way of its builder.
fn built(item: &Struct, object: &Ident) -> TokenStream {
    let Names { builder, optional } = Names::of(item);
    let given: Vec<_> = item.fields.iter().filter(|field| field.presence == Presence::Required).collect();
    let types = given.iter().map(|field| ty(&field.ty));
    let types = (!given.is_empty()).then(|| quote!(::<#(#types),*>));
    let given = given.iter().map(|field| required(field, object));
    let optional = optional.map(|_| quote!(optional));
    quote! {
        let builder = #builder #types { #(#given,)* #optional };
        Some(builder.build())
    }
}

fn required(field: &Field, object: &Ident) -> TokenStream {
    let (name, wire) = (ident(&field.ident), &field.wire);
    quote!(#name: #object.required(#wire, #name)?)
}

/// The serde impls of a union.
pub(super) fn union(item: &Union) -> Vec<TokenStream> {
    let name = ident(&item.ident);
    let other = (!item.built).then(|| quote!(Self::Other(value) => value.serialize(serializer),));
    let writes = item.variants.iter().map(|variant| {
        let ident = ident(&variant.ident);
        match &variant.kind {
            VariantKind::Text(value) => quote!(Self::#ident => serializer.serialize_str(#value)),
            VariantKind::Value { .. } => quote!(Self::#ident(value) => value.serialize(serializer)),
        }
    });
    let reads = match &item.tag {
        Some(tag) => by_tag(item, tag),
        None => by_form(item),
    };
    let failure = format!("matches no form of {}", item.ident);
    let last = if item.built {
        quote!(Err(serde::de::Error::custom(#failure)))
    } else {
        quote!(Ok(Self::Other(value)))
    };
    vec![
        quote! {
            impl Serialize for #name {
                fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                    match self { #(#writes,)* #other }
                }
            }
        },
        quote! {
            impl<'de> Deserialize<'de> for #name {
                fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                    let value = Value::deserialize(deserializer)?;
                    #reads
                    #last
                }
            }
        },
    ]
}

/// Reads a value into the first variant that takes it: texts by their value, others by trying.
fn by_form(item: &Union) -> TokenStream {
    let texts = item.variants.iter().filter_map(|variant| match &variant.kind {
        VariantKind::Text(value) => {
            let ident = ident(&variant.ident);
            Some(quote!(Some(#value) => return Ok(Self::#ident),))
        }
        VariantKind::Value { .. } => None,
    });
    let texts: Vec<_> = texts.collect();
    let texts = (!texts.is_empty()).then(|| quote!(match value.as_str() { #(#texts)* _ => {} }));
    let tries = item.variants.iter().filter_map(|variant| match &variant.kind {
        VariantKind::Value { .. } => {
            let ident = ident(&variant.ident);
            Some(quote! {
                if let Ok(value) = Deserialize::deserialize(&value) { return Ok(Self::#ident(value)); }
            })
        }
        VariantKind::Text(_) => None,
    });
    quote!(#texts #(#tries)*)
}

/// Reads a value into the variant that its tag names, so that what is wrong inside is said.
fn by_tag(item: &Union, tag: &str) -> TokenStream {
    let arms = item.variants.iter().filter_map(|variant| match &variant.kind {
        VariantKind::Value { tag: Some(value), .. } => {
            let ident = ident(&variant.ident);
            Some(quote! {
                Some(#value) => {
                    return Deserialize::deserialize(value).map(Self::#ident).map_err(serde::de::Error::custom);
                }
            })
        }
        _ => None,
    });
    quote!(match value[#tag].as_str() { #(#arms)* _ => {} })
}
