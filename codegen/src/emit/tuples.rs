//! Structs for lists with a type for each position.

use proc_macro2::{Literal, TokenStream};
use quote::quote;

use super::{
    docs,
    tokens::{ident, ty},
};
use crate::rust::TupleStruct;

/// Returns the struct, and its conversion from a Rust tuple.
pub(super) fn definition(item: &TupleStruct) -> Vec<TokenStream> {
    let (docs, name) = (docs::line(&item.description), ident(&item.ident));
    let types: Vec<TokenStream> = item.items.iter().map(|position| ty(&position.ty)).collect();
    let fields = types
        .iter()
        .enumerate()
        .map(|(index, ty)| if index < item.required { quote!(pub #ty) } else { quote!(pub Option<#ty>) });
    let rest = item.rest.as_ref().map(|rest| {
        let ty = ty(&rest.ty);
        quote!(pub Vec<#ty>)
    });
    let mut items = vec![quote! {
        #docs
        #[derive(Debug, Clone, PartialEq)]
        pub struct #name(#(#fields,)* #rest);
    }];
    if item.required == item.items.len() && item.rest.is_none() && (1..=12).contains(&types.len()) {
        let indexes = (0..types.len()).map(Literal::usize_unsuffixed);
        items.push(quote! {
            impl From<(#(#types,)*)> for #name {
                fn from(items: (#(#types,)*)) -> Self {
                    Self(#(items.#indexes),*)
                }
            }
        });
    }
    items
}

/// Returns the impls that read and write the struct.
pub(super) fn impls(item: &TupleStruct) -> Vec<TokenStream> {
    let (name, text) = (ident(&item.ident), &item.ident);
    let writes = (0..item.items.len()).map(|index| {
        let position = Literal::usize_unsuffixed(index);
        if index < item.required {
            quote!(list.write(&self.#position);)
        } else {
            quote!(list.write_optional(&self.#position);)
        }
    });
    let rest_position = Literal::usize_unsuffixed(item.items.len());
    let write_rest = item.rest.as_ref().map(|_| quote!(list.write_rest(&self.#rest_position);));
    let is_empty = item.items.is_empty() && item.rest.is_none();
    let mutable = (!is_empty).then(|| quote!(mut));
    let reads = (0..item.items.len())
        .map(|index| if index < item.required { quote!(list.require()?) } else { quote!(list.next()) });
    let read_rest = item.rest.as_ref().map(|_| quote!(list.rest()));
    let reader = if is_empty { quote!(_) } else { quote!(list) };
    vec![
        quote! {
            impl Serialize for #name {
                fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                    let #mutable list = json::ListWriter::new(serializer)?;
                    #(#writes)*
                    #write_rest
                    list.end()
                }
            }
        },
        quote! {
            impl<'de> Deserialize<'de> for #name {
                fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                    json::read_list(deserializer)
                }
            }
        },
        quote! {
            impl<'de> json::ReadList<'de> for #name {
                const NAME: &'static str = #text;

                fn read<A: serde::de::SeqAccess<'de>>(#reader: &mut json::ListReader<'de, A>) -> Option<Self> {
                    Some(Self(#(#reads,)* #read_rest))
                }
            }
        },
    ]
}
