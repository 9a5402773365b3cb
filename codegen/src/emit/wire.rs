//! How values are written and read.

use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote};

use super::structs::{allow_deprecated, ident, is_input};
use crate::rust::{Presence, Struct, Ty, Union, VariantKind};

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
        quote!(object.#put(#wire, &self.#name)?;)
    });
    let mutable = (!item.fields.is_empty()).then(|| quote!(mut));
    let writer = if is_input(item) {
        quote!(wire::Writer::with_extra(serializer, &self.extra)?)
    } else {
        quote!(wire::Writer::new(serializer)?)
    };
    let slots = item.fields.iter().map(|field| {
        let name = ident(&field.ident);
        quote!(let mut #name = None;)
    });
    let arms = item.fields.iter().map(|field| {
        let (name, wire) = (ident(&field.ident), &field.wire);
        // A reply says null where it has nothing; a parameter is null only where the service takes null.
        let or_null = if item.built { field.nullable && field.presence == Presence::Optional } else { true };
        let read = match (holds_integers(&field.ty), or_null) {
            (true, true) => quote!(integer_or_null),
            (true, false) => quote!(integer),
            (false, true) => quote!(or_null),
            (false, false) => quote!(value),
        };
        quote!(#wire => #object.#read(&mut #name)?,)
    });
    let done = item.fields.iter().map(|field| {
        let (name, wire) = (ident(&field.ident), &field.wire);
        match field.presence {
            Presence::Required => quote!(#name: #object.required(#wire, #name)?),
            _ => quote!(#name),
        }
    });
    let type_name = &item.ident;
    let extra_slot = is_input(item).then(|| quote!(let mut extra = Map::new();));
    let rest = if is_input(item) {
        quote!(#object.extra(#key, &mut extra)?)
    } else if item.built && item.closed {
        quote!(#object.refuse(&#key)?)
    } else {
        quote!(#object.skip()?)
    };
    // Of an object without fields, everything is the rest.
    let field =
        if item.fields.is_empty() { quote!(#rest;) } else { quote!(match &*#key { #(#arms)* _ => #rest, }) };
    let extra = is_input(item).then(|| quote!(extra,));
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

                fn read<A: MapAccess<'de>>(mut #object: wire::Reader<'de, A>) -> Result<Self, A::Error> {
                    #(#slots)*
                    #extra_slot
                    while let Some(#key) = #object.key()? {
                        #field
                    }
                    Ok(Self { #(#done,)* #extra })
                }
            }
        },
    ]
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
