//! Tokens for the names and values of the plan.

use proc_macro2::{Ident, Literal, Span, TokenStream};
use quote::{format_ident, quote};

use crate::rust::{Field, Presence, Ty};

/// Returns an identifier, which the plan made raw if it is a keyword.
pub(super) fn ident(name: &str) -> Ident {
    match name.strip_prefix("r#") {
        Some(raw) => Ident::new_raw(raw, Span::call_site()),
        None => format_ident!("{name}"),
    }
}

/// Returns an integer without the suffix of its type.
pub(super) fn integer(value: i64) -> Literal {
    Literal::i64_unsuffixed(value)
}

/// Returns a float without the suffix of its type, in its shortest form: `1e-7` has ten digits otherwise.
pub(super) fn float(value: f64) -> Literal {
    format!("{value:?}").parse().unwrap_or_else(|_| Literal::f64_unsuffixed(value))
}

/// Returns the type of a field, with what its presence adds.
pub(super) fn field_type(field: &Field) -> TokenStream {
    let inner = ty(&field.ty);
    match field.presence {
        Presence::Required => inner,
        Presence::Optional => quote!(Option<#inner>),
        Presence::TriState => quote!(Option<Nullable<#inner>>),
    }
}

/// Returns the type that the setter of a field takes.
pub(super) fn setter_type(field: &Field) -> TokenStream {
    let inner = ty(&field.ty);
    if field.presence == Presence::TriState { quote!(Nullable<#inner>) } else { inner }
}

/// Returns the type that the setter of a field takes, as a module inside the one that defines it writes it.
pub(super) fn setter_type_of_parent(field: &Field) -> TokenStream {
    let inner = ty_of_parent(&field.ty);
    if field.presence == Presence::TriState { quote!(super::Nullable<#inner>) } else { inner }
}

/// Returns a type, as the module that defines it writes it.
pub(super) fn ty(ty: &Ty) -> TokenStream {
    path(ty, &TokenStream::new())
}

/// Returns a type, as a module inside the one that defines it writes it.
pub(super) fn ty_of_parent(ty: &Ty) -> TokenStream {
    path(ty, &quote!(super::))
}

fn path(ty: &Ty, parent: &TokenStream) -> TokenStream {
    match ty {
        Ty::Text => quote!(String),
        Ty::File => quote!(#parent File),
        Ty::Integer => quote!(#parent Integer),
        Ty::Number => quote!(f64),
        Ty::Boolean => quote!(bool),
        Ty::Null => quote!(()),
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
            // The comma makes a tuple of one item a tuple.
            quote!((#(#items,)*))
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
