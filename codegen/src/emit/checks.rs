//! What is checked at run time, and which files there are.

use proc_macro2::{TokenStream, TokenTree};
use quote::quote;

use super::structs::{allow_deprecated, ident};
use crate::rust::{Presence, Rule, Struct, Union, VariantKind};

/// The impl that finds the files and broken rules of a struct.
pub(super) fn of_struct(item: &Struct) -> TokenStream {
    let name = ident(&item.ident);
    let files: Vec<_> =
        item.fields.iter().filter(|field| field.files).map(|field| ident(&field.ident)).collect();
    let visit_files = (!files.is_empty()).then(|| {
        quote! {
            fn visit_files(&mut self, visit: &mut dyn FnMut(&mut File)) {
                #(self.#files.visit_files(visit);)*
            }
        }
    });
    let checks = item.fields.iter().filter(|field| field.rule != Rule::Free).map(|field| {
        let (name, wire) = (ident(&field.ident), &field.wire);
        let at = quote!(check.at(#wire));
        match field.presence {
            Presence::Required => body(&field.rule, &at, &quote!(&self.#name)),
            Presence::Optional => {
                let body = body(&field.rule, &at, &quote!(value));
                quote!(if let Some(value) = &self.#name { #body })
            }
            Presence::TriState => {
                let body = body(&field.rule, &at, &quote!(value));
                quote!(if let Some(Nullable::Value(value)) = &self.#name { #body })
            }
        }
    });
    let checks: Vec<_> = checks.collect();
    let check = (!checks.is_empty()).then(|| quote!(fn check(&self, check: &mut Check) { #(#checks)* }));
    let allow = allow_deprecated(item);
    quote!(#allow impl Parameters for #name { #visit_files #check })
}

/// The impl that finds the files and broken rules of a union.
pub(super) fn of_union(item: &Union) -> TokenStream {
    let name = ident(&item.ident);
    let members = item.variants.iter().filter_map(|variant| match &variant.kind {
        VariantKind::Value { rule, files, .. } => Some((ident(&variant.ident), rule, *files)),
        VariantKind::Text(_) => None,
    });
    let members: Vec<_> = members.collect();
    let with_files: Vec<_> = members.iter().filter(|(.., files)| *files).map(|(ident, ..)| ident).collect();
    let rest = (with_files.len() < item.variants.len()).then(|| quote!(_ => {}));
    let visit_files = (!with_files.is_empty()).then(|| {
        quote! {
            fn visit_files(&mut self, visit: &mut dyn FnMut(&mut File)) {
                match self { #(Self::#with_files(value) => value.visit_files(visit),)* #rest }
            }
        }
    });
    let ruled = members.iter().filter(|(_, rule, _)| **rule != Rule::Free).map(|(ident, rule, _)| {
        let body = body(rule, &quote!(check), &quote!(value));
        quote!(Self::#ident(value) => { #body })
    });
    let ruled: Vec<_> = ruled.collect();
    let rest = (ruled.len() < item.variants.len()).then(|| quote!(_ => {}));
    let check = (!ruled.is_empty())
        .then(|| quote!(fn check(&self, check: &mut Check) { match self { #(#ruled)* #rest } }));
    quote!(impl Parameters for #name { #visit_files #check })
}

/// The statements that check `value`, a reference. `check` is the check of the place it stands at.
fn body(rule: &Rule, check: &TokenStream, value: &TokenStream) -> TokenStream {
    match rule {
        Rule::Free => TokenStream::new(),
        Rule::Text { length, pattern } => {
            let length = length.as_ref().map(|marker| {
                let marker = ident(marker);
                quote!(#check.text::<bounds::#marker>(#value);)
            });
            let pattern = pattern.as_ref().map(|(pattern, message)| {
                let at = exclusive(check);
                quote!(fal_core::check_pattern(#at, #value, #pattern, #message);)
            });
            quote!(#length #pattern)
        }
        Rule::File(marker) => {
            let marker = ident(marker);
            quote!(#check.file::<bounds::#marker>(#value);)
        }
        Rule::List { length, unique, items } => {
            let length = length.as_ref().map(|marker| {
                let marker = ident(marker);
                quote!(#check.list::<bounds::#marker, _>(#value);)
            });
            let unique = unique.as_ref().map(|message| quote!(#check.unique(#value, #message);));
            let items = (**items != Rule::Free).then(|| {
                let body = closure(items);
                let receiver = place(value);
                quote!(#check.each(#receiver.iter().enumerate(), #body);)
            });
            quote!(#length #unique #items)
        }
        Rule::Map(values) => {
            let body = closure(values);
            quote!(#check.each(#value, #body);)
        }
        Rule::Null(inner) => {
            let body = body(inner, check, &quote!(value));
            quote!(if let Some(value) = #value { #body })
        }
        Rule::Own => {
            let (receiver, at) = (place(value), exclusive(check));
            quote!(#receiver.check(#at);)
        }
    }
}

/// The check of a place as an exclusive reference.
fn exclusive(check: &TokenStream) -> TokenStream {
    // A parameter of this name is one already.
    if check.to_string() == "check" { quote!(check) } else { quote!(&mut #check) }
}

/// The closure that checks one item.
fn closure(rule: &Rule) -> TokenStream {
    let body = body(rule, &quote!(check), &quote!(item));
    quote!(|check, item| { #body })
}

/// The place behind a reference, to call a method on.
fn place(value: &TokenStream) -> TokenStream {
    let mut tokens = value.clone().into_iter();
    match tokens.next() {
        Some(TokenTree::Punct(punct)) if punct.as_char() == '&' => tokens.collect(),
        _ => value.clone(),
    }
}
