//! `Serialize` and `Deserialize`.

use proc_macro2::TokenStream;
use quote::quote;

use super::{
    builder::Names,
    structs::{allow_deprecated, is_input},
    tokens::{ident, ty},
};
use crate::rust::{Field, Presence, Struct, Ty, Union, VariantKind};

/// Returns the impls of a struct.
pub(super) fn structure(item: &Struct) -> [TokenStream; 3] {
    [serialize(item), deserialize(item), object(item)]
}

fn serialize(item: &Struct) -> TokenStream {
    let (name, allow) = (ident(&item.ident), allow_deprecated(item));
    let mutable = (!item.fields.is_empty()).then(|| quote!(mut));
    let writer = if is_input(item) {
        quote!(json::ObjectWriter::with_extra(serializer, &self.extra))
    } else {
        quote!(json::ObjectWriter::new(serializer))
    };
    let puts = item.fields.iter().map(|field| {
        let (json_name, name) = (&field.json_name, ident(&field.ident));
        match field.presence {
            Presence::Required => quote!(object.write(#json_name, &self.#name);),
            Presence::Optional | Presence::TriState => {
                quote!(object.write_optional(#json_name, &self.#name);)
            }
        }
    });
    quote! {
        #allow
        impl Serialize for #name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let #mutable object = #writer?;
                #(#puts)*
                object.end()
            }
        }
    }
}

fn deserialize(item: &Struct) -> TokenStream {
    let name = ident(&item.ident);
    quote! {
        impl<'de> Deserialize<'de> for #name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                json::read_object(deserializer)
            }
        }
    }
}

/// Returns the impl that reads a struct field by field.
fn object(item: &Struct) -> TokenStream {
    let (name, allow, text) = (ident(&item.ident), allow_deprecated(item), &item.ident);
    let (object, key) = (ident(&item.locals.object), ident(&item.locals.key));
    let arms = item.fields.iter().map(|field| {
        let (json_name, read) = (&field.json_name, ident(read_method(item, field)));
        let slot = ident(&field.ident);
        if is_kept_by_builder(item, field) {
            quote!(#json_name => #object.#read(&mut optional.#slot),)
        } else {
            quote!(#json_name => #object.#read(&mut #slot),)
        }
    });
    let rest = if is_input(item) {
        quote!(#object.read_extra(#key, &mut optional.extra))
    } else if item.direction.is_input() && item.closed {
        quote!(#object.reject(&#key))
    } else {
        quote!(#object.skip())
    };
    let read_field = if item.fields.is_empty() {
        quote!(#rest;)
    } else {
        quote! {
            match &*#key {
                #(#arms)*
                _ => #rest,
            }
        }
    };
    let slots = item.fields.iter().filter(|field| !is_kept_by_builder(item, field));
    let slots = slots.map(|field| ident(&field.ident));
    let optional = Names::new(item).optional.filter(|_| item.direction.is_input());
    let optional = optional.map(|optional| quote!(let mut optional = #optional::default();));
    let finish = if item.direction.is_input() { finish_builder(item) } else { finish_struct(item) };
    quote! {
        #allow
        impl<'de> json::ReadObject<'de> for #name {
            const NAME: &'static str = #text;

            fn read<A: MapAccess<'de>>(#object: &mut json::ObjectReader<'de, A>) -> Option<Self> {
                #(let mut #slots = None;)*
                #optional
                while let Some(#key) = #object.next_key() {
                    #read_field
                }
                #finish
            }
        }
    }
}

/// Returns true for a field that is read into the builder; others are read into a variable.
fn is_kept_by_builder(item: &Struct, field: &Field) -> bool {
    item.direction.is_input() && field.presence != Presence::Required
}

/// Returns the method that reads the value of a field.
fn read_method(item: &Struct, field: &Field) -> &'static str {
    // A reply says null where it has nothing; a parameter is null only where the service takes null.
    let or_null = !item.direction.is_input() || field.nullable && field.presence == Presence::Optional;
    match (holds_integers(&field.ty), or_null) {
        (true, true) => "read_integer_unless_null",
        (true, false) => "read_integer",
        (false, true) => "read_unless_null",
        (false, false) => "read",
    }
}

/// Returns true for a type that is, or holds, integers without bounds, which have no type of their own to read them.
fn holds_integers(ty: &Ty) -> bool {
    match ty {
        Ty::Integer => true,
        Ty::List(item) | Ty::Map(item) | Ty::Option(item) => holds_integers(item),
        _ => false,
    }
}

/// Returns the end of reading an output: the struct, built from the variables.
fn finish_struct(item: &Struct) -> TokenStream {
    let fields = item.fields.iter().map(|field| match field.presence {
        Presence::Required => required(item, field),
        Presence::Optional | Presence::TriState => {
            let name = ident(&field.ident);
            quote!(#name)
        }
    });
    quote!(Some(Self { #(#fields),* }))
}

/// Returns the end of reading an input: the struct, built by its builder.
fn finish_builder(item: &Struct) -> TokenStream {
    let Names { builder, optional } = Names::new(item);
    let fields: Vec<&Field> =
        item.fields.iter().filter(|field| field.presence == Presence::Required).collect();
    let types = fields.iter().map(|field| ty(&field.ty));
    let types = (!fields.is_empty()).then(|| quote!(::<#(#types),*>));
    let fields = fields.iter().map(|field| required(item, field));
    let optional = optional.map(|_| quote!(optional,));
    quote! {
        let builder = #builder #types { #(#fields,)* #optional };
        Some(builder.build())
    }
}

/// Returns a field that fails to be read when it is missing.
fn required(item: &Struct, field: &Field) -> TokenStream {
    let (object, name, json_name) = (ident(&item.locals.object), ident(&field.ident), &field.json_name);
    quote!(#name: #object.require(#json_name, #name)?)
}

/// Returns the impls of a union.
pub(super) fn union(item: &Union) -> [TokenStream; 2] {
    let name = ident(&item.ident);
    let writes = item.variants.iter().map(|variant| {
        let name = ident(&variant.ident);
        match &variant.kind {
            VariantKind::Text(value) => quote!(Self::#name => serializer.serialize_str(#value),),
            VariantKind::Value { .. } => quote!(Self::#name(value) => value.serialize(serializer),),
        }
    });
    let (other, last) = if item.direction.is_input() {
        let failure = format!("matches no form of {}", item.ident);
        (None, quote!(Err(serde::de::Error::custom(#failure))))
    } else {
        (Some(quote!(Self::Other(value) => value.serialize(serializer),)), quote!(Ok(Self::Other(value))))
    };
    let reads = match &item.tag {
        Some(tag) => read_by_tag(item, tag),
        None => read_by_form(item),
    };
    [
        quote! {
            impl Serialize for #name {
                fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                    match self {
                        #(#writes)*
                        #other
                    }
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
fn read_by_form(item: &Union) -> TokenStream {
    let texts = item.texts().map(|(name, text)| {
        let name = ident(name);
        quote!(Some(#text) => return Ok(Self::#name),)
    });
    let texts: Vec<TokenStream> = texts.collect();
    let texts = (!texts.is_empty()).then(|| {
        quote! {
            match value.as_str() {
                #(#texts)*
                _ => {}
            }
        }
    });
    let tries = item.variants.iter().filter(|variant| matches!(variant.kind, VariantKind::Value { .. }));
    let tries = tries.map(|variant| {
        let name = ident(&variant.ident);
        quote! {
            if let Ok(value) = Deserialize::deserialize(&value) {
                return Ok(Self::#name(value));
            }
        }
    });
    quote!(#texts #(#tries)*)
}

/// Reads a value into the variant that its tag names, so that an error says what is wrong inside.
fn read_by_tag(item: &Union, tag: &str) -> TokenStream {
    let arms = item.variants.iter().filter_map(|variant| match &variant.kind {
        VariantKind::Value { tag: Some(value), .. } => {
            let name = ident(&variant.ident);
            Some(quote! {
                Some(#value) => {
                    return Deserialize::deserialize(value)
                        .map(Self::#name)
                        .map_err(serde::de::Error::custom);
                }
            })
        }
        _ => None,
    });
    quote! {
        match value[#tag].as_str() {
            #(#arms)*
            _ => {}
        }
    }
}
