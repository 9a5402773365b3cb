//! The types of parameters and fields besides structs: enums, unions, numbers with bounds.

use proc_macro2::{Literal, TokenStream};
use quote::quote;

use super::{
    docs,
    tokens::{float, ident, integer, ty},
};
use crate::{
    model,
    rust::{Bounds, IntegerEnum, LengthRule, Number, TextEnum, Ty, Union, VariantKind},
};

/// Returns an enum of texts, and the impls that every such enum has.
pub(super) fn text_enum(item: &TextEnum) -> Vec<TokenStream> {
    let (docs, name, message) = (docs::description(&item.description), ident(&item.ident), &item.message);
    let variants = item.variants.iter().map(|(variant, value)| {
        let (docs, variant) = (docs::line(&code(value)), ident(variant));
        quote!(#docs #variant)
    });
    let values = item.variants.iter().map(|(variant, value)| {
        let variant = ident(variant);
        quote!(#variant = #value)
    });
    if item.open {
        let other = docs::line("A value that this crate does not know.");
        return vec![
            quote! {
                #docs
                #[derive(Debug, Clone, PartialEq, Eq, Hash)]
                #[non_exhaustive]
                pub enum #name {
                    #(#variants,)*
                    #other
                    Other(String),
                }
            },
            quote!(fal_core::open_enum! { #name { #(#values),* } }),
        ];
    }
    vec![
        quote! {
            #docs
            #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
            #[non_exhaustive]
            pub enum #name {
                #(#variants,)*
            }
        },
        quote!(fal_core::closed_enum! { #name { #(#values),* } #message }),
    ]
}

/// Returns an enum of integers, and the impls that every such enum has.
pub(super) fn integer_enum(item: &IntegerEnum) -> Vec<TokenStream> {
    let (docs, name, message) = (docs::description(&item.description), ident(&item.ident), &item.message);
    let variants = item.variants.iter().map(|(variant, value)| {
        let (docs, variant) = (docs::line(&format!("`{value}`")), ident(variant));
        quote!(#docs #variant)
    });
    let values = item.variants.iter().map(|(variant, value)| {
        let (variant, value) = (ident(variant), integer(*value));
        quote!(#variant = #value)
    });
    vec![
        quote! {
            #docs
            #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
            #[non_exhaustive]
            pub enum #name {
                #(#variants,)*
            }
        },
        quote!(fal_core::integer_enum! { #name { #(#values),* } #message }),
    ]
}

/// Returns a union and its conversions.
pub(super) fn union(item: &Union) -> Vec<TokenStream> {
    let (docs, name) = (docs::description(&item.description), ident(&item.ident));
    let variants = item.variants.iter().map(|variant| {
        let name = ident(&variant.ident);
        match &variant.kind {
            VariantKind::Text(value) => {
                let docs = docs::line(&code(value));
                quote!(#docs #name)
            }
            VariantKind::Value { ty: inner, .. } => {
                let paragraphs: Vec<String> = docs::paragraphs(&variant.description).collect();
                let (docs, inner) = (docs::attributes(&paragraphs), ty(inner));
                quote!(#docs #name(#inner))
            }
        }
    });
    let other = (!item.direction.is_input()).then(|| {
        let docs = docs::line("A value of a form that this crate does not know.");
        quote!(#docs Other(Value),)
    });
    let mut items = vec![quote! {
        #docs
        #[derive(Debug, Clone, PartialEq)]
        #[non_exhaustive]
        pub enum #name {
            #(#variants,)*
            #other
        }
    }];
    if item.direction.is_input() {
        items.push(quote!(impl fal_core::ParamValue for #name {}));
    }
    if item.takes_literals() {
        items.push(preset(item));
    }
    // Two variants of one type leave a conversion nothing to go by.
    let types: Vec<&Ty> = item.types().collect();
    let is_single = |ty: &Ty| types.iter().filter(|other| **other == ty).count() == 1;
    items.extend(item.variants.iter().filter_map(|variant| match &variant.kind {
        VariantKind::Value { ty: inner, .. } if item.direction.is_input() && is_single(inner) => {
            let (variant, is_integer) = (ident(&variant.ident), *inner == Ty::Integer);
            let inner = if is_integer { quote!(i64) } else { ty(inner) };
            let value = if is_integer { quote!(value.into()) } else { quote!(value) };
            Some(quote! {
                impl From<#inner> for #name {
                    fn from(value: #inner) -> Self {
                        Self::#variant(#value)
                    }
                }
            })
        }
        _ => None,
    }));
    items
}

/// Returns the function that `input!` passes a literal to, which returns the preset of that name.
fn preset(item: &Union) -> TokenStream {
    let (name, message) = (ident(&item.ident), &item.message);
    // A `const fn` can match bytes, but no text.
    let arms = item.texts().map(|(variant, text)| {
        let (variant, text) = (ident(variant), Literal::byte_string(text.as_bytes()));
        quote!(#text => Self::#variant)
    });
    let stand_in = item.texts().next().map(|(variant, _)| ident(variant));
    let number = item.number.as_ref().and_then(|name| {
        let variant = item.variants.iter().find(|variant| variant.ident == *name)?;
        let (variant, number) = (ident(&variant.ident), ty(variant.ty()?));
        Some(quote!(_ if token.is_number() => Self::#variant(<#number>::from_token(token)),))
    });
    quote! {
        impl #name {
            #[doc(hidden)]
            #[must_use]
            #[track_caller]
            pub const fn from_token(token: fal_core::literal::Token) -> Self {
                match token.as_bytes() {
                    #(#arms,)*
                    #number
                    _ => token.reject_by(#message),
                }
            }
        }

        fal_core::preset_union!(#name, #message, #stand_in);
    }
}

/// Returns the alias of a number with bounds.
pub(super) fn number(item: &Number) -> TokenStream {
    let (docs, name) = (docs::description(&item.description), ident(&item.ident));
    let kind = match item.bounds {
        Bounds::Integer(_) => quote!(Int),
        Bounds::Wide(_) => quote!(WideInt),
        Bounds::Number(_) => quote!(Float),
    };
    quote!(#docs pub type #name = #kind<bounds::#name>;)
}

/// Returns the marker that holds the bounds of a number.
pub(super) fn number_bounds(item: &Number) -> TokenStream {
    match &item.bounds {
        Bounds::Integer(bounds) => marker(item, bounds, &quote!(i64), integer),
        Bounds::Wide(bounds) => marker(item, bounds, &quote!(i128), Literal::i128_unsuffixed),
        Bounds::Number(bounds) => marker(item, bounds, &quote!(f64), float),
    }
}

fn marker<T: Copy>(
    item: &Number,
    bounds: &model::Bounds<T>,
    primitive: &TokenStream,
    literal: fn(T) -> Literal,
) -> TokenStream {
    let (name, message) = (ident(&item.ident), &item.message);
    let min = bounds.min.map(literal).map_or_else(|| quote!(#primitive::MIN), |min| quote!(#min));
    let max = bounds.max.map(literal).map_or_else(|| quote!(#primitive::MAX), |max| quote!(#max));
    let above_min = bounds.above_min.then(|| quote!(ABOVE_MIN: bool = true,));
    let below_max = bounds.below_max.then(|| quote!(BELOW_MAX: bool = true,));
    let multiple_of = bounds.multiple_of.map(literal);
    let multiple_of = multiple_of.map(|step| quote!(MULTIPLE_OF: Option<#primitive> = Some(#step),));
    quote! {
        fal_core::number_range!(#name, #primitive, #min, #max, #above_min #below_max #multiple_of #message);
    }
}

/// Returns the marker that holds the bounds of a length.
pub(super) fn length_bounds(rule: &LengthRule) -> TokenStream {
    let (name, message) = (ident(&rule.marker), &rule.message);
    let min = Literal::usize_unsuffixed(rule.min);
    let max = rule.max.map(Literal::usize_unsuffixed).map_or_else(|| quote!(usize::MAX), |max| quote!(#max));
    quote! {
        fal_core::length_range!(#name, #min, #max, #message);
    }
}

/// Returns a JSON value as code in docs.
pub(super) fn code(value: &str) -> String {
    let safe: String = value
        .chars()
        .map(|c| if c == '`' || c.is_control() || docs::is_bidi_control(c) { '\'' } else { c })
        .collect();
    if safe.trim().is_empty() { "The empty text".to_owned() } else { format!("`{safe}`") }
}
