//! `Serialize` and `Deserialize`.

use proc_macro2::{Ident, Literal, TokenStream};
use quote::quote;
use serde_json::Value;

use super::{
    builder::Names,
    structs::allow_deprecated,
    tokens::{float, ident, integer, ty},
};
use crate::rust::{Field, ObjectForm, Presence, Struct, Ty, Union, VariantKind};

/// Returns the impls of a struct.
pub(super) fn structure(item: &Struct) -> [TokenStream; 3] {
    let name = ident(&item.ident);
    [serialize(item), quote!(fal_core::deserialize_object!(#name);), object(item)]
}

fn serialize(item: &Struct) -> TokenStream {
    let (name, allow) = (ident(&item.ident), allow_deprecated(item));
    let mutable = (!item.fields.is_empty() || !item.constants.is_empty()).then(|| quote!(mut));
    let writer = if item.extra.is_some() {
        quote!(json::ObjectWriter::with_extra(serializer, &self.extra))
    } else {
        quote!(json::ObjectWriter::new(serializer))
    };
    let puts = item.fields.iter().map(|field| {
        let (json_name, name) = (&field.json_name, ident(&field.ident));
        match field.presence {
            Presence::Required => quote!(object.write(#json_name, &self.#name);),
            _ if field.keeps_null() => quote!(object.write_nullable(#json_name, &self.#name, &self.nulls);),
            Presence::Optional | Presence::TriState => {
                quote!(object.write_optional(#json_name, &self.#name);)
            }
        }
    });
    let constants = item.constants.iter().map(|constant| {
        let (json_name, value) = (&constant.json_name, literal(&constant.value));
        match constant.required {
            true => quote!(object.write(#json_name, #value);),
            false => quote!(object.write_constant(#json_name, #value, &self.nulls);),
        }
    });
    quote! {
        #allow
        impl Serialize for #name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let #mutable object = #writer?;
                #(#constants)*
                #(#puts)*
                object.end()
            }
        }
    }
}

/// Returns the impl that reads a struct field by field.
fn object(item: &Struct) -> TokenStream {
    let (name, allow, text) = (ident(&item.ident), allow_deprecated(item), &item.ident);
    let (object, key) = (ident(&item.locals.object), ident(&item.locals.key));
    let arms = item.fields.iter().map(|field| {
        let (json_name, slot) = (&field.json_name, ident(&field.ident));
        let slot = if is_kept_by_builder(item, field) { quote!(optional.#slot) } else { quote!(#slot) };
        if field.keeps_null() {
            return quote!(#json_name => #object.read_nullable(#json_name, &mut #slot),);
        }
        let read = ident(read_method(item, field));
        quote!(#json_name => #object.#read(&mut #slot),)
    });
    let constants = item.constants.iter().map(|constant| {
        let (json_name, local) = (&constant.json_name, ident(&constant.local));
        let value = literal(&constant.value);
        quote!(#json_name => #object.read_constant(#json_name, &mut #local, #value),)
    });
    let constants: Vec<TokenStream> = constants.collect();
    let expected_constants = item.constants.iter().map(|constant| {
        let (json_name, local) = (&constant.json_name, ident(&constant.local));
        match constant.required {
            true => quote!(#object.require(#json_name, #local)?;),
            false => quote!(#object.note_constant(#json_name, #local);),
        }
    });
    let constant_slots = item.constants.iter().map(|constant| ident(&constant.local));
    let rest = match &item.extra {
        _ if item.direction.is_input() && item.closed => quote!(#object.reject(&#key)),
        Some(_) => {
            let slot = if item.direction.is_input() { quote!(optional.extra) } else { quote!(extra) };
            quote!(#object.read_extra(#key, &mut #slot))
        }
        None => quote!(#object.skip()),
    };
    let read_field = if item.fields.is_empty() && constants.is_empty() {
        quote!(#rest;)
    } else {
        quote! {
            match &*#key {
                #(#constants)*
                #(#arms)*
                _ => #rest,
            }
        }
    };
    let slots = item.fields.iter().filter(|field| !is_kept_by_builder(item, field));
    let slots = slots.map(|field| ident(&field.ident));
    let optional = Names::new(item).optional.filter(|_| item.direction.is_input());
    // An input without other fields and optional parameters only has a place for what the builder is given.
    let is_changed = item.fields.iter().any(|field| is_kept_by_builder(item, field))
        || item.keeps_nulls()
        || item.extra.is_some() && !item.closed;
    let mutable = is_changed.then(|| quote!(mut));
    let optional = optional.map(|optional| quote!(let #mutable optional = #optional::default();));
    let extra = item.extra.as_ref().filter(|_| !item.direction.is_input());
    let extra = extra.map(|_| quote!(let mut extra = Map::new();));
    let nulls = item.keeps_nulls().then(|| match item.direction.is_input() {
        true => quote!(optional.nulls = #object.nulls();),
        false => quote!(let nulls = #object.nulls();),
    });
    let finish = if item.direction.is_input() { finish_builder(item) } else { finish_struct(item) };
    quote! {
        #allow
        impl<'de> json::ReadObject<'de> for #name {
            const NAME: &'static str = #text;

            fn read<A: MapAccess<'de>>(#object: &mut json::ObjectReader<'de, A>) -> Option<Self> {
                #(let mut #constant_slots = None;)*
                #(let mut #slots = None;)*
                #extra
                #optional
                while let Some(#key) = #object.next_key() {
                    #read_field
                }
                #(#expected_constants)*
                #nulls
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
    let or_null = match field.presence {
        // These have a value for null.
        Presence::Optional | Presence::Required if matches!(field.ty, Ty::Json | Ty::Null) => false,
        Presence::TriState => false,
        Presence::Required => !item.direction.is_input(),
        Presence::Optional => !item.direction.is_input() || field.nullable,
    };
    if or_null { "read_unless_null" } else { "read" }
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
    let extra = item.extra.as_ref().map(|_| quote!(extra));
    let nulls = item.keeps_nulls().then(|| quote!(nulls));
    let fields = fields.chain(extra).chain(nulls);
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
        let builder = #builder #types { #(#fields,)* #optional checking: fal_core::Strict };
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
            VariantKind::Value { form: Some(form), .. } if item.writes_tag_of(form) => {
                let tags = &form.tags;
                let tag = item.tag.as_deref().unwrap_or_default();
                quote!(Self::#name(value) => json::write_tagged(serializer, #tag, &[#(#tags),*], value),)
            }
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
        None if item.is_ambiguous => read_best(item),
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
    let texts = read_texts(item);
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

/// Reads the strings that are variants of their own.
fn read_texts(item: &Union) -> Option<TokenStream> {
    let (names, texts): (Vec<_>, Vec<_>) = item.texts().map(|(name, text)| (ident(name), text)).unzip();
    match (names.as_slice(), texts.as_slice()) {
        ([], _) => None,
        ([name], [text]) => Some(quote! {
            if value.as_str() == Some(#text) {
                return Ok(Self::#name);
            }
        }),
        _ => Some(quote! {
            match value.as_str() {
                #(Some(#texts) => return Ok(Self::#names),)*
                _ => {}
            }
        }),
    }
}

/// Reads a value into the variant that fits it best.
fn read_best(item: &Union) -> TokenStream {
    let texts = read_texts(item);
    let offer = ident(if item.direction.is_input() { "offer_checked" } else { "offer" });
    let offers = item.variants.iter().filter_map(|variant| {
        let VariantKind::Value { form, .. } = &variant.kind else { return None };
        let name = ident(&variant.ident);
        let form = form.as_ref().map_or_else(|| quote!(json::Form::ANY), |form| object_form(form));
        Some(quote!(choice.#offer(&#form, Deserialize::deserialize, Self::#name);))
    });
    quote! {
        #texts
        let mut choice = json::Choice::new(&value);
        #(#offers)*
        if let Some(chosen) = choice.finish() {
            return Ok(chosen);
        }
    }
}

fn object_form(form: &ObjectForm) -> TokenStream {
    let ObjectForm { is_list, required, known, listed, .. } = form;
    let list = is_list.then(|| quote!(.list()));
    let listed = listed.iter().map(|(name, values)| {
        let values = values.iter().map(|value| match value {
            Value::String(text) => quote!(json::Listed::Text(#text)),
            Value::Bool(flag) => quote!(json::Listed::Flag(#flag)),
            other => {
                let number = integer(other.as_i64().unwrap_or_default());
                quote!(json::Listed::Integer(#number))
            }
        });
        quote!((#name, &[#(#values),*]))
    });
    quote! {
        json::Form::object(&[#(#required),*], &[#(#known),*], &[#(#listed),*]) #list
    }
}

/// Returns a JSON value of a constant as code.
fn literal(value: &Value) -> TokenStream {
    match value {
        Value::String(text) => quote!(#text),
        Value::Bool(flag) => quote!(&#flag),
        Value::Number(number) => match number.as_i64() {
            Some(whole) => {
                let whole = Literal::i64_suffixed(whole);
                quote!(&#whole)
            }
            None => {
                let float = float(number.as_f64().unwrap_or_default());
                quote!(&#float)
            }
        },
        _ => quote!(&()),
    }
}

/// Reads a value into the variant that its tag names, so that an error says what is wrong inside.
fn read_by_tag(item: &Union, tag: &str) -> TokenStream {
    if forms(item).any(|(_, form)| form.writes_tag) {
        return read_by_unlisted_tag(item, tag);
    }
    let arms = forms(item).map(|(name, form)| {
        let tags = &form.tags;
        quote! {
            Some(#(#tags)|*) => {
                return Deserialize::deserialize(value).map(Self::#name).map_err(serde::de::Error::custom);
            }
        }
    });
    quote! {
        match value[#tag].as_str() {
            #(#arms)*
            _ => {}
        }
    }
}

/// Reads a value into the variant that fits it best: the one that its tag names, or one whose object does not list the
/// values of its tag, and may therefore have any or none.
fn read_by_unlisted_tag(item: &Union, tag: &str) -> TokenStream {
    let is_input = item.direction.is_input();
    let offer = ident(if is_input { "offer_checked" } else { "offer" });
    let is_declared = |form: &ObjectForm| form.known.iter().any(|name| name == tag);
    let offered = |name: &Ident, form: &ObjectForm| {
        let read = if form.writes_tag && !is_declared(form) {
            quote!(|value| Deserialize::deserialize(json::without_tag(value.clone(), #tag)))
        } else {
            quote!(Deserialize::deserialize)
        };
        let form = object_form(form);
        quote!(choice.#offer(&#form, #read, Self::#name))
    };
    // A reply without its tag is kept as it is.
    let (by_tag, anyway): (Vec<_>, Vec<_>) = forms(item).partition(|(_, form)| !is_input || !form.writes_tag);
    let arms = by_tag.iter().map(|(name, form)| {
        let (tags, offer) = (&form.tags, offered(name, form));
        quote!(Some(#(#tags)|*) => #offer,)
    });
    let anyway = anyway.iter().map(|(name, form)| offered(name, form));
    let by_tag = (!by_tag.is_empty()).then(|| {
        quote! {
            match value[#tag].as_str() {
                #(#arms)*
                _ => {}
            }
        }
    });
    let finish = match is_input || forms(item).all(|(_, form)| is_declared(form)) {
        true => quote!(finish),
        // Any object is one of a member without a tag, so one that loses something belongs there.
        false => quote!(finish_without_loss),
    };
    quote! {
        let mut choice = json::Choice::new(&value);
        #by_tag
        #(#anyway;)*
        if let Some(chosen) = choice.#finish() {
            return Ok(chosen);
        }
    }
}

/// Returns the variants of a union that are objects, by name.
fn forms(item: &Union) -> impl Iterator<Item = (Ident, &ObjectForm)> {
    item.variants.iter().filter_map(|variant| match &variant.kind {
        VariantKind::Value { form: Some(form), .. } => Some((ident(&variant.ident), &**form)),
        _ => None,
    })
}
