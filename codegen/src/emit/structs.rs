//! Structs and their fields.

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::{format_ident, quote};

use super::docs;
use crate::rust::{Field, Presence, Struct, Ty};

/// The definition of a struct.
pub(super) fn definition(item: &Struct) -> TokenStream {
    let name = ident(&item.ident);
    let docs = docs::attributes(&describe(item));
    let fields = item.fields.iter().map(|field| {
        let (docs, name, ty) = (field_docs(field), ident(&field.ident), stored(field));
        let deprecated = deprecated(field);
        quote!(#docs #deprecated pub #name: #ty)
    });
    let extra = is_input(item).then(|| {
        let docs = docs::line(
            "Parameters newer than this crate, sent as they are. They win over fields of the same name.",
        );
        quote!(#docs pub extra: Map<String, Value>,)
    });
    quote! {
        #docs
        #[derive(Debug, Clone, PartialEq)]
        #[non_exhaustive]
        pub struct #name {
            #(#fields,)*
            #extra
        }
    }
}

/// What makes a struct a file of an output: a URL that is always there.
pub(super) fn media(item: &Struct) -> Option<TokenStream> {
    let is = |wire: &str, ty: Ty, presence: Presence| {
        item.fields.iter().any(|field| field.wire == wire && field.ty == ty && field.presence == presence)
    };
    if item.built || !is("url", Ty::Text, Presence::Required) {
        return None;
    }
    let told = |wire: &str, ty: Ty, returns: TokenStream, read: TokenStream| {
        let name = ident(wire);
        is(wire, ty, Presence::Optional)
            .then(|| quote!(fn #name(&self) -> Option<#returns> { self.#name #read }))
    };
    let content_type = told("content_type", Ty::Text, quote!(&str), quote!(.as_deref()));
    let file_name = told("file_name", Ty::Text, quote!(&str), quote!(.as_deref()));
    let file_size = told("file_size", Ty::Integer, quote!(i64), quote!());
    let (name, allow) = (ident(&item.ident), allow_deprecated(item));
    Some(quote! {
        #allow
        impl fal_core::media::Media for #name {
            fn url(&self) -> &str { &self.url }

            #content_type

            #file_name

            #file_size
        }
    })
}

/// The whole input of an endpoint also carries parameters that the crate does not know.
pub(super) fn is_input(item: &Struct) -> bool {
    item.built && item.ident == "Input"
}

fn describe(item: &Struct) -> Vec<String> {
    // The generator's own sentences link to `Model`, which escaping would break.
    if item.description.contains("](Model)") {
        return vec![item.description.clone()];
    }
    match docs::paragraphs(&item.description) {
        none if none.is_empty() => vec![format!("What fal calls `{}`.", item.component)],
        paragraphs => paragraphs,
    }
}

/// What a field means, then its facts in one line.
pub(super) fn field_docs(field: &Field) -> TokenStream {
    let mut paragraphs = docs::paragraphs(&field.description);
    if paragraphs.is_empty() {
        paragraphs.push(format!("`{}`.", field.wire));
    }
    if !field.facts.is_empty() {
        paragraphs.push(format!("{}.", field.facts.join(". ")));
    }
    docs::attributes(&paragraphs)
}

/// The first sentence of a field's docs and its facts; the field itself has the rest.
pub(super) fn setter_docs(owner: &str, field: &Field) -> TokenStream {
    let meaning = docs::paragraphs(&field.description).into_iter().next().unwrap_or_default();
    let first = meaning.find(". ").map_or(meaning.as_str(), |end| &meaning[..=end]);
    let facts = field.facts.iter().map(|fact| format!("{fact}."));
    let name = field.ident.trim_start_matches("r#");
    let link = format!("[`{name}`]({owner}::{name}):");
    let parts: Vec<String> =
        [link, first.to_owned()].into_iter().chain(facts).filter(|part| !part.is_empty()).collect();
    docs::attributes(&[parts.join(" ")])
}

/// Lets an impl touch the deprecated fields of a struct, if it has any.
pub(super) fn allow_deprecated(item: &Struct) -> Option<TokenStream> {
    item.fields.iter().any(|field| field.deprecated).then(|| quote!(#[allow(deprecated)]))
}

pub(super) fn deprecated(field: &Field) -> TokenStream {
    if field.deprecated { quote!(#[deprecated]) } else { TokenStream::new() }
}

/// The type of a field, with what its presence adds.
pub(super) fn stored(field: &Field) -> TokenStream {
    let inner = ty(&field.ty);
    match field.presence {
        Presence::Required => inner,
        Presence::Optional => quote!(Option<#inner>),
        Presence::TriState => quote!(Option<Nullable<#inner>>),
    }
}

/// The type that a setter takes.
pub(super) fn given(field: &Field) -> TokenStream {
    let inner = ty(&field.ty);
    if field.presence == Presence::TriState { quote!(Nullable<#inner>) } else { inner }
}

/// A type, as the module that defines it writes it.
pub(super) fn ty(ty: &Ty) -> TokenStream {
    path(ty, &TokenStream::new())
}

/// A type as text, as the module that defines it writes it.
pub(super) fn type_text(ty: &Ty) -> String {
    fn write(tokens: TokenStream, text: &mut String) {
        for token in tokens {
            match token {
                TokenTree::Group(group) => {
                    text.push('(');
                    write(group.stream(), text);
                    text.push(')');
                }
                TokenTree::Punct(punct) if punct.as_char() == ',' => text.push_str(", "),
                token => text.push_str(&token.to_string()),
            }
        }
    }
    let mut text = String::new();
    write(self::ty(ty), &mut text);
    text
}

/// A type, as a module inside the one that defines it writes it.
pub(super) fn outside(ty: &Ty) -> TokenStream {
    path(ty, &quote!(super::))
}

fn path(ty: &Ty, parent: &TokenStream) -> TokenStream {
    match ty {
        Ty::Text => quote!(String),
        Ty::File => quote!(#parent File),
        Ty::Integer => quote!(i64),
        Ty::Number => quote!(f64),
        Ty::Boolean => quote!(bool),
        Ty::Json => quote!(#parent Value),
        Ty::Named(name) => {
            let name = ident(name);
            quote!(#parent #name)
        }
        Ty::List(item) => {
            let item = path(item, parent);
            quote!(Vec<#item>)
        }
        Ty::Map(item) if **item == Ty::Json => quote!(#parent Map<String, #parent Value>),
        Ty::Map(item) => {
            let item = path(item, parent);
            quote!(#parent BTreeMap<String, #item>)
        }
        Ty::Tuple(items) => {
            let items = items.iter().map(|item| path(item, parent));
            quote!((#(#items),*))
        }
        Ty::Option(inner) => {
            let inner = path(inner, parent);
            quote!(Option<#inner>)
        }
        Ty::Boxed(inner) => {
            let inner = path(inner, parent);
            quote!(Box<#inner>)
        }
    }
}

/// An identifier, raw where stage 4 made it so.
pub(super) fn ident(name: &str) -> Ident {
    match name.strip_prefix("r#") {
        Some(raw) => Ident::new_raw(raw, Span::call_site()),
        None => format_ident!("{name}"),
    }
}
