//! The types of parameters and fields: enums, unions, numbers with bounds.

use proc_macro2::{Literal, TokenStream};
use quote::quote;

use super::{
    docs,
    format::Code,
    literals,
    structs::{ident, ty},
};
use crate::{
    model,
    rust::{Bounds, IntegerEnum, LengthRule, Number, TextEnum, Ty, Union, VariantKind},
};

/// An enum of texts, and what every such enum can do.
pub(super) fn text_enum(item: &TextEnum) -> Vec<TokenStream> {
    let name = ident(&item.ident);
    let docs = docs::line(&item.description);
    let variants = item.variants.iter().map(|(variant, value)| {
        let (docs, variant) = (docs::line(&code(value)), ident(variant));
        quote!(#docs #variant)
    });
    let known: Vec<_> = item.variants.iter().map(|(variant, _)| ident(variant)).collect();
    let values = item.variants.iter().map(|(_, value)| value);
    let all = docs::line("Every value that the schema lists, in its order.");
    let as_str = docs::line("The value on the wire.");
    if item.open {
        let other = docs::line("A value newer than this crate.");
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
            quote! {
                impl #name {
                    #all
                    pub const ALL: &'static [Self] = &[#(Self::#known),*];

                    #as_str
                    #[must_use]
                    pub fn as_str(&self) -> &str {
                        match self { #(Self::#known => #values,)* Self::Other(value) => value }
                    }
                }
            },
            quote!(fal_core::open_enum!(#name);),
        ];
    }
    let message = &item.message;
    vec![
        quote! {
            #docs
            #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
            #[non_exhaustive]
            pub enum #name { #(#variants,)* }
        },
        quote! {
            impl #name {
                #all
                pub const ALL: &'static [Self] = &[#(Self::#known),*];

                #as_str
                #[must_use]
                pub const fn as_str(&self) -> &'static str {
                    match self { #(Self::#known => #values,)* }
                }
            }
        },
        quote!(fal_core::closed_enum!(#name, #message);),
    ]
}

/// An enum of integers, and what every such enum can do.
pub(super) fn integer_enum(item: &IntegerEnum) -> Vec<TokenStream> {
    let name = ident(&item.ident);
    let docs = docs::line(&item.description);
    let variants = item.variants.iter().map(|(variant, value)| {
        let (docs, variant) = (docs::line(&format!("`{value}`")), ident(variant));
        quote!(#docs #variant)
    });
    let known: Vec<_> = item.variants.iter().map(|(variant, _)| ident(variant)).collect();
    let values = item.variants.iter().map(|(_, value)| Literal::i64_unsuffixed(*value));
    let all = docs::line("Every value that the schema lists, in its order.");
    let get = docs::line("The value on the wire.");
    let message = &item.message;
    vec![
        quote! {
            #docs
            #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
            #[non_exhaustive]
            pub enum #name { #(#variants,)* }
        },
        quote! {
            impl #name {
                #all
                pub const ALL: &'static [Self] = &[#(Self::#known),*];

                #get
                #[must_use]
                pub const fn get(&self) -> i64 {
                    match self { #(Self::#known => #values,)* }
                }
            }
        },
        quote!(fal_core::integer_enum!(#name, #message);),
    ]
}

/// A union, its conversions, and its wire form.
pub(super) fn union(item: &Union) -> Vec<TokenStream> {
    let name = ident(&item.ident);
    let docs = docs::line(&item.description);
    let variants = item.variants.iter().map(|variant| {
        let ident = ident(&variant.ident);
        match &variant.kind {
            VariantKind::Text(value) => {
                let docs = docs::line(&code(value));
                quote!(#docs #ident)
            }
            VariantKind::Value { ty: inner, .. } => {
                let inner = ty(inner);
                let mut paragraphs = docs::paragraphs(&variant.description);
                if paragraphs.is_empty() {
                    paragraphs.push("Another kind of value.".to_owned());
                }
                let docs = docs::attributes(&paragraphs);
                quote!(#docs #ident(#inner))
            }
        }
    });
    let other = (!item.built).then(|| {
        let docs = docs::line("A form newer than this crate.");
        quote!(#docs Other(Value))
    });
    let mut items = vec![quote! {
        #docs
        #[derive(Debug, Clone, PartialEq)]
        #[non_exhaustive]
        pub enum #name { #(#variants,)* #other }
    }];
    if literals::has_texts(item) {
        items.push(preset(item));
    }
    // Two variants of one type leave a conversion nothing to go by.
    let types: Vec<&Ty> = item.types().collect();
    let single = |ty: &Ty| types.iter().filter(|other| **other == ty).count() == 1;
    items.extend(item.variants.iter().filter_map(|variant| match &variant.kind {
        VariantKind::Value { ty: inner, .. } if item.built && single(inner) => {
            let (variant, inner) = (ident(&variant.ident), ty(inner));
            Some(quote! {
                impl From<#inner> for #name {
                    fn from(value: #inner) -> Self { Self::#variant(value) }
                }
            })
        }
        _ => None,
    }));
    items
}

/// What a literal of `input!` becomes: the preset that it names.
fn preset(item: &Union) -> TokenStream {
    let (name, message) = (ident(&item.ident), &item.message);
    let arms = item.texts().map(|(variant, text)| {
        let (variant, text) = (ident(variant), Literal::byte_string(text.as_bytes()));
        quote!(#text => Self::#variant)
    });
    quote! {
        impl #name {
            #[doc(hidden)]
            #[must_use]
            #[track_caller]
            pub const fn literal(text: &'static str) -> Self {
                match text.as_bytes() { #(#arms,)* _ => fal_core::arg::refuse(#message) }
            }
        }
    }
}

/// The alias under which a number with bounds is known.
pub(super) fn number(item: &Number) -> TokenStream {
    let name = ident(&item.ident);
    let docs = docs::line(&item.description);
    let kind = match item.bounds {
        Bounds::Integer(_) => quote!(Int),
        Bounds::Number(_) => quote!(Float),
    };
    quote!(#docs pub type #name = #kind<bounds::#name>;)
}

/// The marker that holds the bounds of a number.
pub(super) fn number_bounds(item: &Number) -> Code {
    match &item.bounds {
        Bounds::Integer(bounds) => marker(item, bounds, "i64", Literal::i64_unsuffixed),
        Bounds::Number(bounds) => marker(item, bounds, "f64", Literal::f64_unsuffixed),
    }
}

fn marker<T: Copy>(
    item: &Number,
    bounds: &model::Bounds<T>,
    primitive: &str,
    literal: impl Fn(T) -> Literal,
) -> Code {
    let (name, message) = (&item.ident, &item.message);
    let or = |bound: Option<T>, else_: &str| {
        bound.map_or_else(|| format!("{primitive}::{else_}"), |bound| literal(bound).to_string())
    };
    let (min, max) = (or(bounds.min, "MIN"), or(bounds.max, "MAX"));
    let above_min = if bounds.above_min { "    const ABOVE_MIN: bool = true;\n" } else { "" };
    let below_max = if bounds.below_max { "    const BELOW_MAX: bool = true;\n" } else { "" };
    let multiple_of = bounds.multiple_of.map(literal).map_or_else(String::new, |step| {
        format!("    const MULTIPLE_OF: Option<{primitive}> = Some({step});\n")
    });
    Code::Text(format!(
        "pub enum {name} {{}}

impl Range<{primitive}> for {name} {{
    const MIN: {primitive} = {min};
    const MAX: {primitive} = {max};
{above_min}{below_max}{multiple_of}    const MESSAGE: &'static str = {message:?};
}}
"
    ))
}

/// The marker that holds the bounds of a length.
pub(super) fn length_bounds(rule: &LengthRule) -> Code {
    let LengthRule { marker, message, min, max } = rule;
    let max = max.map_or_else(|| "usize::MAX".to_owned(), |max| max.to_string());
    Code::Text(format!(
        "pub enum {marker} {{}}

impl Length for {marker} {{
    const MIN: usize = {min};
    const MAX: usize = {max};
    const MESSAGE: &'static str = {message:?};
}}
"
    ))
}

/// A wire value as code in docs.
pub(super) fn code(value: &str) -> String {
    let safe: String = value
        .chars()
        .map(|c| if c == '`' || c.is_control() || docs::turns_text(c) { '\'' } else { c })
        .collect();
    if safe.trim().is_empty() { "The empty text".to_owned() } else { format!("`{safe}`") }
}
