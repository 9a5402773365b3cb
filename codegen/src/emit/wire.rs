//! How values are checked, written and read.

use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote};

use super::structs::{allow_deprecated, ident, is_input};
use crate::rust::{Field, Presence, Struct, Union, Variant, VariantKind};

/// The impl that finds the files and broken rules of a struct.
pub(super) fn parameters(item: &Struct) -> TokenStream {
    let name = ident(&item.ident);
    let walked = |field: &&Field| field.walked;
    let visits: Vec<_> = item.fields.iter().filter(walked).map(|field| ident(&field.ident)).collect();
    let checks: Vec<_> = item.fields.iter().filter_map(check).collect();
    let visit_files = (!visits.is_empty()).then(|| {
        quote! {
            fn visit_files(&mut self, visit: &mut dyn FnMut(&mut File)) {
                #(self.#visits.visit_files(visit);)*
            }
        }
    });
    let check = (!checks.is_empty()).then(|| {
        quote! {
            fn check(&self, check: &mut Check) { #(#checks)* }
        }
    });
    let allow = allow_deprecated(item);
    quote!(#allow impl Parameters for #name { #visit_files #check })
}

fn check(field: &Field) -> Option<TokenStream> {
    let (name, wire) = (ident(&field.ident), &field.wire);
    if let Some(rule) = &field.length {
        let marker = ident(&rule.marker);
        let method = if rule.list { quote!(list) } else { quote!(text) };
        let generics = if rule.list { quote!(<bounds::#marker, _>) } else { quote!(<bounds::#marker>) };
        let value = match (field.presence, rule.list) {
            (Presence::Required, true) => quote!(self.#name.as_slice()),
            (Presence::Required, false) => quote!(self.#name.as_str()),
            (Presence::Optional, _) => quote!(self.#name.as_deref()),
            (Presence::TriState, true) => {
                quote!(self.#name.as_ref().and_then(Nullable::value).map(Vec::as_slice))
            }
            (Presence::TriState, false) => {
                quote!(self.#name.as_ref().and_then(Nullable::value).map(String::as_str))
            }
        };
        let own = quote!(check.#method::#generics(#wire, #value););
        let inner = field.walked.then(|| quote!(check.at(#wire, &self.#name);));
        return Some(quote!(#own #inner));
    }
    field.walked.then(|| quote!(check.at(#wire, &self.#name);))
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
        // A reply says null where it has nothing; a parameter that may be null has a type that takes it.
        let lenient = !item.built || field.presence == Presence::Optional;
        let read = if lenient { quote!(or_null) } else { quote!(value) };
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
        quote!(_ => #object.extra(#key, &mut extra)?,)
    } else {
        quote!(_ => #object.skip()?,)
    };
    let extra = is_input(item).then(|| quote!(extra,));
    let allow = allow_deprecated(item);
    vec![
        quote! {
            #allow
            impl Serialize for #name {
                fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                    let mut object = #writer;
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
                        match &*#key { #(#arms)* #rest }
                    }
                    Ok(Self { #(#done,)* #extra })
                }
            }
        },
    ]
}

/// The impls of a union: files and rules where users build it, and the serde ones.
pub(super) fn union(item: &Union) -> Vec<TokenStream> {
    let name = ident(&item.ident);
    let writes = item.variants.iter().map(|variant| {
        let ident = ident(&variant.ident);
        match &variant.kind {
            VariantKind::Text(value) => quote!(Self::#ident => serializer.serialize_str(#value)),
            VariantKind::Value { .. } => quote!(Self::#ident(value) => value.serialize(serializer)),
        }
    });
    let texts: Vec<_> = item
        .variants
        .iter()
        .filter_map(|variant| match &variant.kind {
            VariantKind::Text(value) => {
                let ident = ident(&variant.ident);
                Some(quote!(Some(#value) => return Ok(Self::#ident),))
            }
            VariantKind::Value { .. } => None,
        })
        .collect();
    let texts = (!texts.is_empty()).then(|| quote!(match value.as_str() { #(#texts)* _ => {} }));
    let reads = item.variants.iter().filter_map(|variant| match &variant.kind {
        VariantKind::Value { .. } => {
            let ident = ident(&variant.ident);
            Some(quote! {
                if let Ok(value) = Deserialize::deserialize(&value) { return Ok(Self::#ident(value)); }
            })
        }
        VariantKind::Text(_) => None,
    });
    let failure = format!("matches no form of {}", item.ident);
    let mut items = Vec::new();
    if item.built {
        items.push(union_parameters(item));
    }
    items.push(quote! {
        impl Serialize for #name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                match self { #(#writes,)* }
            }
        }
    });
    items.push(quote! {
        impl<'de> Deserialize<'de> for #name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let value = Value::deserialize(deserializer)?;
                #texts
                #(#reads)*
                Err(serde::de::Error::custom(#failure))
            }
        }
    });
    items
}

fn union_parameters(item: &Union) -> TokenStream {
    let name = ident(&item.ident);
    let walked = |variant: &&Variant| matches!(variant.kind, VariantKind::Value { walked: true, .. });
    let variants: Vec<_> = item.variants.iter().filter(walked).map(|variant| ident(&variant.ident)).collect();
    if variants.is_empty() {
        return quote!(impl Parameters for #name {});
    }
    let rest = (variants.len() < item.variants.len()).then(|| quote!(_ => {}));
    quote! {
        impl Parameters for #name {
            fn visit_files(&mut self, visit: &mut dyn FnMut(&mut File)) {
                match self { #(Self::#variants(value) => value.visit_files(visit),)* #rest }
            }

            fn check(&self, check: &mut Check) {
                match self { #(Self::#variants(value) => value.check(check),)* #rest }
            }
        }
    }
}
