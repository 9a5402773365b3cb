//! Structs and their fields.

use proc_macro2::TokenStream;
use quote::quote;

use super::{
    docs,
    tokens::{field_type, ident, ty},
};
use crate::rust::{Extra, Field, Presence, Struct, Ty, split_about};

/// Returns the definition of a struct.
pub(super) fn definition(item: &Struct) -> TokenStream {
    let (docs, name) = (docs::attributes(&describe(item)), ident(&item.ident));
    let fields = item.fields.iter().map(|field| {
        let (docs, deprecated) = (field_docs(field), deprecated(field));
        let (name, ty) = (ident(&field.ident), field_type(field));
        quote!(#docs #deprecated pub #name: #ty)
    });
    let extra = item.extra.as_ref().map(|extra| {
        let docs = docs::line(match (is_input(item), item.direction.is_input()) {
            (true, _) if extra.ty == Ty::Json => "Parameters that this crate does not know. They are sent as they are, and replace fields of the same name.",
            (_, true) => "Other fields, sent unchanged. A field here replaces the one of the same name.",
            (_, false) => "Fields that are not described.",
        });
        let ty = extra_type(extra);
        quote!(#docs pub extra: #ty,)
    });
    let nulls = item.keeps_nulls().then(|| quote!(nulls: json::Nulls,));
    let debug = (!has_secrets(item)).then(|| quote!(Debug,));
    quote! {
        #docs
        #[derive(#debug Clone, PartialEq)]
        #[non_exhaustive]
        pub struct #name {
            #(#fields,)*
            #extra
            #nulls
        }
    }
}

/// Returns true if a field of a struct must not be in `Debug` output.
pub(super) fn has_secrets(item: &Struct) -> bool {
    item.fields.iter().any(|field| field.secret) || item.extra.as_ref().is_some_and(|extra| extra.secret)
}

/// Returns the `Debug` impl of a struct with secrets, which shows if they are there and nothing of them.
pub(super) fn debug(item: &Struct) -> Option<TokenStream> {
    if !has_secrets(item) {
        return None;
    }
    let fields = item.fields.iter().map(|field| {
        let (name, text) = (ident(&field.ident), field.ident.trim_start_matches("r#"));
        let value = match (field.secret, field.presence) {
            (false, _) => quote!(&self.#name),
            (true, Presence::Required) => quote!(&"***"),
            (true, Presence::Optional | Presence::TriState) => quote!(&self.#name.as_ref().map(|_| "***")),
        };
        quote!(.field(#text, #value))
    });
    let extra = item.extra.as_ref().map(|extra| match extra.secret {
        true => quote!(.field("extra", &self.extra.keys())),
        false => quote!(.field("extra", &self.extra)),
    });
    let (name, text, allow) = (ident(&item.ident), &item.ident, allow_deprecated(item));
    Some(quote! {
        #allow
        impl ::std::fmt::Debug for #name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.debug_struct(#text) #(#fields)* #extra.finish_non_exhaustive()
            }
        }
    })
}

/// Returns the impl that makes a struct a file of an output, for one with a URL that is always there.
pub(super) fn media(item: &Struct) -> Option<TokenStream> {
    let has = |json_name: &str, ty: Ty, presence: Presence| {
        item.fields
            .iter()
            .any(|field| field.json_name == json_name && field.ty == ty && field.presence == presence)
    };
    if item.direction.is_input() || !has("url", Ty::Text, Presence::Required) {
        return None;
    }
    let content_type = has("content_type", Ty::Text, Presence::Optional).then(|| {
        quote! {
            fn content_type(&self) -> Option<&str> {
                self.content_type.as_deref()
            }
        }
    });
    let file_name = has("file_name", Ty::Text, Presence::Optional).then(|| {
        quote! {
            fn file_name(&self) -> Option<&str> {
                self.file_name.as_deref()
            }
        }
    });
    let file_size = has("file_size", Ty::Integer, Presence::Optional).then(|| {
        quote! {
            fn file_size(&self) -> Option<i64> {
                self.file_size?.as_i64()
            }
        }
    });
    let (name, allow) = (ident(&item.ident), allow_deprecated(item));
    Some(quote! {
        #allow
        impl fal_core::media::Media for #name {
            fn url(&self) -> &str {
                &self.url
            }
            #content_type
            #file_name
            #file_size
        }
    })
}

/// Returns true for the whole input of an endpoint, which also carries parameters that the crate does not know.
pub(super) fn is_input(item: &Struct) -> bool {
    item.direction.is_input() && item.ident == "Input"
}

/// Returns the type of the field for the fields that a struct does not name.
pub(super) fn extra_type(extra: &Extra) -> TokenStream {
    ty(&Ty::Map(Box::new(extra.ty.clone())))
}

/// Returns the paragraphs about a struct: its description, then the rules about its fields.
fn describe(item: &Struct) -> Vec<String> {
    let rules = item.requirements.iter().map(|requirement| format!("{}.", requirement.words));
    description(item).into_iter().chain(docs::paragraphs(&item.note)).chain(rules).collect()
}

fn description(item: &Struct) -> Vec<String> {
    // The generator's own sentences link to `Model`, which escaping would break.
    if split_about(&item.description).is_some() {
        return vec![item.description.clone()];
    }
    let paragraphs: Vec<String> = docs::paragraphs(&item.description).collect();
    if paragraphs.is_empty() {
        vec![format!("The object `{}` of the document.", item.component)]
    } else {
        paragraphs
    }
}

/// Returns the docs of a field: its description, then its facts in one line.
fn field_docs(field: &Field) -> TokenStream {
    let mut paragraphs: Vec<String> = docs::paragraphs(&field.description).collect();
    if paragraphs.is_empty() {
        paragraphs.push(match field.format {
            Some(format) => format!("{format}."),
            None => format!("`{}`.", field.json_name),
        });
    }
    if !field.facts.is_empty() {
        paragraphs.push(format!("{}.", field.facts.join(". ")));
    }
    docs::attributes(&paragraphs)
}

/// Returns the docs of a setter: the first sentence of the field's docs and its facts. The field itself has the rest.
pub(super) fn setter_docs(owner: &str, field: &Field) -> TokenStream {
    let mut meaning = docs::summary(&field.description);
    if let Some(format) = field.format.filter(|_| meaning.is_empty()) {
        meaning = format!("{format}.");
    }
    let first = meaning.find(". ").map_or(meaning.as_str(), |end| &meaning[..=end]);
    let facts = field.facts.iter().map(|fact| format!("{fact}."));
    let name = field.ident.trim_start_matches("r#");
    let link = format!("Sets [`{name}`]({owner}::{name}):");
    let parts: Vec<String> =
        [link, first.to_owned()].into_iter().chain(facts).filter(|part| !part.is_empty()).collect();
    docs::attributes(&[parts.join(" ")])
}

/// Returns the attribute that lets an impl touch the deprecated fields of a struct, if it has any.
pub(super) fn allow_deprecated(item: &Struct) -> Option<TokenStream> {
    item.fields.iter().any(|field| field.deprecated).then(|| quote!(#[allow(deprecated)]))
}

/// Returns the attribute of a deprecated field or setter.
pub(super) fn deprecated(field: &Field) -> Option<TokenStream> {
    field.deprecated.then(|| quote!(#[deprecated]))
}
