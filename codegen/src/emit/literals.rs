//! The hidden modules that `input!` looks parameters up in: `arg` names the type of a literal, `list` that of a list,
//! and `nested` leads to the struct that a parameter holds. A parameter that has no literals is in the first two all the
//! same, as a type that no setter takes, so that the compiler says what the parameter takes.
//!
//! A struct has the same three in `types::shape`, under its own name.

use proc_macro2::{Ident, TokenStream};
use quote::quote;

use super::{
    place::ModulePath,
    tokens::{ident, setter_type_of_parent, ty_of_parent},
};
use crate::{
    model::Direction,
    rust::{Crate, Endpoint, Field, Item, Rule, Struct, Ty, Union},
};

/// The modules of one input.
#[derive(Default)]
pub(super) struct Modules {
    pub(super) arg: TokenStream,
    pub(super) list: TokenStream,
    pub(super) nested: TokenStream,
}

/// Makes the three modules of an input. `shapes` is the path of the shapes of shared types from inside one of them.
pub(super) fn modules_of_input(
    item: &Crate,
    endpoint: &Endpoint,
    input: &Struct,
    shapes: ModulePath,
) -> Modules {
    let known = Known { own: &endpoint.input_types, shared: &item.types, of_endpoint: true };
    known.modules(input, shapes)
}

/// Returns the modules of every struct that is built as a part of an input, and of the unions around one.
pub(super) fn shapes(item: &Crate) -> TokenStream {
    let known = Known { own: &[], shared: &item.types, of_endpoint: false };
    item.types.iter().filter_map(|shape| known.shape(shape)).collect()
}

/// Returns a module for a union that is built by building the one struct that it may be.
fn around(module: &Ident, inner: &TokenStream, union: &str) -> TokenStream {
    let union = ident(union);
    quote! {
        pub mod #module {
            pub use #inner::*;
            pub type __Target = super::super::#union;
        }
    }
}

/// The types that fields may name.
struct Known<'a> {
    own: &'a [Item],
    shared: &'a [Item],
    /// `true` if the fields are those of an endpoint, which error messages name.
    of_endpoint: bool,
}

impl Known<'_> {
    fn shape(&self, item: &Item) -> Option<TokenStream> {
        match item {
            Item::Struct(Struct {
                direction: Direction::Input, core_type: Some(known), ident: name, ..
            })
            | Item::Union(Union { core_type: Some(known), ident: name, .. }) => {
                let renamed = (known != name).then(|| ident(name)).map(|name| quote!(as #name));
                let known = ident(known);
                Some(quote!(pub use fal_core::media::shape::#known #renamed;))
            }
            Item::Struct(shape) if shape.direction.is_input() => {
                let Modules { arg, list, nested } = self.modules(shape, ModulePath::ancestor(2));
                let (arg, list, nested) =
                    (inner_module("arg", &arg), inner_module("list", &list), inner_module("nested", &nested));
                let name = ident(&shape.ident);
                Some(quote! {
                    pub mod #name {
                        use super::super::*;

                        pub type __Built = super::super::#name;
                        pub type __Target = super::super::#name;
                        #arg
                        #list
                        #nested
                    }
                })
            }
            Item::Union(union) => {
                let inner = ident(self.only_struct(union)?);
                Some(around(&ident(&union.ident), &quote!(super::#inner), &union.ident))
            }
            _ => None,
        }
    }

    fn modules(&self, item: &Struct, shapes: ModulePath) -> Modules {
        let refused = |field: &Field| {
            let ty = setter_type_of_parent(field);
            quote!(fal_core::literal::LiteralOrList<#ty>)
        };
        let arg = item.fields.iter().map(|field| {
            let name = ident(&field.ident);
            let literal = self.literal_of(field).unwrap_or_else(|| refused(field));
            quote!(pub type #name = #literal;)
        });
        let list = item.fields.iter().filter_map(|field| {
            let name = ident(&field.ident);
            let Ty::List(inner) = &field.ty else {
                // Without an entry, the compiler would say that there is no such parameter.
                let none = self.literal_of(field).is_none().then(|| refused(field))?;
                return Some(quote!(pub type #name = #none;));
            };
            let inner = ty_of_parent(inner);
            let length = match &field.rule {
                Rule::List { length: Some(marker), .. } => {
                    let marker = ident(marker);
                    Some(quote!(, super::bounds::#marker))
                }
                _ => None,
            };
            Some(quote!(pub type #name = fal_core::literal::List<#inner #length>;))
        });
        let nested = item.fields.iter().filter_map(|field| self.nested(field, shapes));
        Modules { arg: arg.collect(), list: list.collect(), nested: nested.collect() }
    }

    /// Returns the type of a literal that is given to a field, or to a list as an item.
    fn literal_of(&self, field: &Field) -> Option<TokenStream> {
        match (&field.ty, &field.rule) {
            (Ty::List(inner), Rule::List { items, .. }) => self.literal(inner, items),
            (Ty::List(inner), _) => self.literal(inner, &Rule::None),
            (ty, rule) => self.literal(ty, rule),
        }
    }

    fn literal(&self, ty: &Ty, rule: &Rule) -> Option<TokenStream> {
        Some(match ty {
            Ty::Text => match rule {
                Rule::Text { length: Some(marker), .. } => {
                    let marker = ident(marker);
                    quote!(fal_core::literal::Text<super::bounds::#marker>)
                }
                _ => quote!(fal_core::literal::Text),
            },
            Ty::File if self.of_endpoint => quote!(fal_core::literal::Url<super::Model>),
            Ty::File => quote!(fal_core::literal::Url),
            Ty::Integer => quote!(fal_core::literal::Integer),
            Ty::Number => quote!(fal_core::literal::Number),
            Ty::Boolean => quote!(fal_core::literal::Flag),
            Ty::Named(name) => match self.find(name)? {
                Item::Number(_) | Item::TextEnum(_) | Item::IntegerEnum(_) => ty_of_parent(ty),
                Item::Union(union) if union.takes_literals() => ty_of_parent(ty),
                _ => return None,
            },
            _ => return None,
        })
    }

    /// Returns the modules of the struct that a field holds, alone or in a list.
    fn nested(&self, field: &Field, shapes: ModulePath) -> Option<TokenStream> {
        let mut ty = &field.ty;
        while let Ty::List(inner) | Ty::Boxed(inner) = ty {
            ty = inner;
        }
        let Ty::Named(name) = ty else { return None };
        let (field, ty) = (ident(&field.ident), ident(name));
        match self.find(name)? {
            Item::Struct(_) => Some(quote!(pub use #shapes::#ty as #field;)),
            Item::Union(union) => {
                let inner = ident(self.only_struct(union)?);
                // A type of the endpoint hides a shared one of the same name.
                let is_own = self.own.iter().any(|item| item.name() == Some(name));
                if !is_own {
                    return Some(quote!(pub use #shapes::#ty as #field;));
                }
                let shapes = shapes.seen_from_child();
                Some(around(&field, &quote!(#shapes::#inner), name))
            }
            _ => None,
        }
    }

    /// Returns the name of the struct that a union may be, if it may be one only.
    fn only_struct<'a>(&'a self, union: &'a Union) -> Option<&'a str> {
        let mut structs = union.types().filter_map(|ty| match ty {
            Ty::Named(name) => match self.find(name)? {
                Item::Struct(item) if item.direction.is_input() => Some(item.ident.as_str()),
                _ => None,
            },
            _ => None,
        });
        let first = structs.next()?;
        (union.direction.is_input() && structs.next().is_none()).then_some(first)
    }

    fn find(&self, name: &str) -> Option<&Item> {
        self.own.iter().chain(self.shared).find(|item| item.name() == Some(name))
    }
}

/// Returns a module of a shape, if it has something to hold.
fn inner_module(name: &str, items: &TokenStream) -> Option<TokenStream> {
    let name = ident(name);
    (!items.is_empty()).then(|| quote!(pub mod #name { #items }))
}
