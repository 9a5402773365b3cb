//! `..base` of `input!`: a finished input becomes a builder again.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};

use super::structs::{allow_deprecated, ident, ty};
use crate::rust::{Presence, Struct, names};

/// Going on from an input, and from a builder of it.
pub(super) fn of_input(item: &Struct) -> Vec<TokenStream> {
    let (required, optional): (Vec<_>, Vec<_>) =
        item.fields.iter().partition(|field| field.presence == Presence::Required);
    let types: Vec<TokenStream> = required.iter().map(|field| ty(&field.ty)).collect();
    let required: Vec<_> = required.iter().map(|field| ident(&field.ident)).collect();
    let optional: Vec<_> = optional.iter().map(|field| ident(&field.ident)).collect();
    let complete = (!types.is_empty()).then(|| quote!(<#(#types),*>));
    let mut taken = std::collections::BTreeSet::new();
    let slots: Vec<_> = item
        .fields
        .iter()
        .filter(|field| field.presence == Presence::Required)
        .map(|field| format_ident!("{}Slot", names::slot(&field.wire, &mut taken)))
        .collect();
    let generics = (!slots.is_empty()).then(|| quote!(<#(#slots),*>));
    let allow = allow_deprecated(item);
    vec![
        quote! {
            #allow
            impl fal_core::arg::Base<Input> for Input {
                type Builder = Builder #complete;

                fn into_builder(self) -> Self::Builder {
                    Builder {
                        #(#required: self.#required,)*
                        optional: Optional { #(#optional: self.#optional,)* extra: self.extra },
                    }
                }
            }
        },
        quote! {
            impl #generics fal_core::arg::Base<Input> for Builder #generics {
                type Builder = Self;

                fn into_builder(self) -> Self { self }
            }
        },
    ]
}
