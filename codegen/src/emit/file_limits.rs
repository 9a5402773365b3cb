//! The limits of files: constants, and the visits that bring them to the client.

use proc_macro2::{Ident, Literal, TokenStream};
use quote::{format_ident, quote};

use super::{
    docs,
    structs::allow_deprecated,
    tokens::{float, ident},
};
use crate::rust::{Field, FileLimits, Limits, Struct, TupleStruct, Union, VariantKind};

/// Returns the impl that holds a constant for every field of a struct whose files have limits.
pub(super) fn constants(item: &Struct) -> Option<TokenStream> {
    let constants = item.fields.iter().filter_map(|field| {
        let Limits::Own(limits) = &field.limits else { return None };
        let name = field.ident.trim_start_matches("r#");
        let docs = docs::line(&format!("The limits of the files of [`{name}`](Self::{name})."));
        let (constant, limits) = (constant(field), expression(limits));
        Some(quote! {
            #docs
            pub const #constant: fal_core::FileLimits = #limits;
        })
    });
    let constants: Vec<TokenStream> = constants.collect();
    let name = ident(&item.ident);
    let docs = docs::line("Limits of files, which the client can check before it uploads them.");
    (!constants.is_empty()).then(|| {
        quote! {
            #docs
            impl #name {
                #(#constants)*
            }
        }
    })
}

/// Returns the method that visits the limited files of a struct.
pub(super) fn visit_fields(item: &Struct) -> Option<TokenStream> {
    let visits = item.fields.iter().filter_map(|field| {
        let (name, json_name) = (ident(&field.ident), &field.json_name);
        let limits = match &field.limits {
            Limits::None => return None,
            Limits::Own(_) => {
                let constant = constant(field);
                quote!(Self::#constant)
            }
            Limits::Nested => quote!(fal_core::FileLimits::NONE),
        };
        Some(quote!(visitor.field(#json_name, &#limits, &self.#name);))
    });
    let extra = item.extra.as_ref().and_then(|extra| {
        let limits = limits_expression(&extra.limits)?;
        Some(quote! {{
            const LIMITS: &fal_core::FileLimits = &#limits;
            for (name, value) in &self.extra {
                visitor.field(name, LIMITS, value);
            }
        }})
    });
    method(visits.chain(extra).collect(), allow_deprecated(item))
}

/// Returns the limits of the files of a value, if it has limited ones.
fn limits_expression(limits: &Limits) -> Option<TokenStream> {
    match limits {
        Limits::None => None,
        Limits::Own(limits) => Some(expression(limits)),
        Limits::Nested => Some(quote!(fal_core::FileLimits::NONE)),
    }
}

/// Returns the method that visits the limited files of a union.
pub(super) fn visit_variants(item: &Union, match_arms: MatchArms) -> Option<TokenStream> {
    let arms = item.variants.iter().filter_map(|variant| {
        let VariantKind::Value { limits, .. } = &variant.kind else { return None };
        let name = ident(&variant.ident);
        let visit = match limits {
            Limits::None => return None,
            Limits::Own(limits) => {
                let limits = expression(limits);
                quote! {
                    const LIMITS: &fal_core::FileLimits = &#limits;
                    visitor.alternative(LIMITS, value);
                }
            }
            Limits::Nested => quote!(value.visit_file_limits(visitor);),
        };
        Some((quote!(Self::#name(value)), visit))
    });
    let arms: Vec<_> = arms.collect();
    if arms.is_empty() {
        return None;
    }
    method(vec![match_arms(&arms, item.variants.len())], None)
}

/// Returns code that matches `self` with some of the variants of a union, of which there are so many.
type MatchArms = fn(&[(TokenStream, TokenStream)], usize) -> TokenStream;

/// Returns the method that visits the limited files of a tuple.
pub(super) fn visit_positions(item: &TupleStruct) -> Option<TokenStream> {
    let visits = item.positions().enumerate().filter_map(|(index, position)| {
        let place = Literal::usize_unsuffixed(index);
        let limits = limits_expression(&position.limits)?;
        Some(if index < item.items.len() {
            quote! {
                const LIMITS: &fal_core::FileLimits = &#limits;
                visitor.field(#place, LIMITS, &self.#place);
            }
        } else {
            quote! {
                const LIMITS: &fal_core::FileLimits = &#limits;
                for (index, value) in self.#place.iter().enumerate() {
                    visitor.field(#place + index, LIMITS, value);
                }
            }
        })
    });
    method(visits.map(|visit| quote!({ #visit })).collect(), None)
}

fn method(visits: Vec<TokenStream>, attribute: Option<TokenStream>) -> Option<TokenStream> {
    (!visits.is_empty()).then(|| {
        quote! {
            #attribute
            fn visit_file_limits<'a>(&'a self, visitor: &mut fal_core::FileLimitsVisitor<'a>) {
                #(#visits)*
            }
        }
    })
}

fn constant(field: &Field) -> Ident {
    format_ident!("LIMITS_{}", field.ident.trim_start_matches("r#").to_uppercase())
}

/// Returns the literal of limits.
fn expression(limits: &FileLimits) -> TokenStream {
    let whole = limits.whole.iter().map(|(name, bound)| {
        let (name, bound) = (ident(name), Literal::u64_unsuffixed(*bound));
        quote!(#name: Some(#bound))
    });
    let decimal = limits.decimal.iter().map(|(name, bound)| {
        let (name, bound) = (ident(name), float(*bound));
        quote!(#name: Some(#bound))
    });
    let combined = limits.combined.iter().map(|combined| {
        let combined = expression(combined);
        quote!(combined: Some(&#combined))
    });
    let bounds = whole.chain(decimal).chain(combined);
    quote!(fal_core::FileLimits { #(#bounds,)* ..fal_core::FileLimits::NONE })
}
