//! `Parameters`: the files of a value, and the rules that its type cannot hold it to.

use proc_macro2::{Ident, Literal, TokenStream};
use quote::{ToTokens, format_ident, quote};

use super::{
    structs::allow_deprecated,
    tokens::{float, ident},
};
use crate::rust::{Presence, Rule, Struct, Union, ValueRule, VariantKind};

/// Returns the impl for a struct.
pub(super) fn structure(item: &Struct) -> TokenStream {
    let (name, allow) = (ident(&item.ident), allow_deprecated(item));
    let files = item.fields.iter().filter(|field| field.has_files).map(|field| ident(&field.ident));
    let files: Vec<Ident> = files.collect();
    let visit_files = (!files.is_empty()).then(|| {
        quote! {
            fn visit_files(&mut self, visit: &mut dyn FnMut(&mut File)) {
                #(self.#files.visit_files(visit);)*
            }
        }
    });
    let checks = item.fields.iter().filter(|field| field.rule != Rule::None).map(|field| {
        let name = ident(&field.ident);
        let checker = Checker::Field(&field.json_name);
        let value = || check(&field.rule, &checker, &Subject::value());
        match field.presence {
            Presence::Required => check(&field.rule, &checker, &Subject::Field(&name)),
            Presence::Optional => {
                let check = value();
                quote! {
                    if let Some(value) = &self.#name {
                        #check
                    }
                }
            }
            Presence::TriState => {
                let check = value();
                quote! {
                    if let Some(Nullable::Value(value)) = &self.#name {
                        #check
                    }
                }
            }
        }
    });
    let checks: Vec<TokenStream> = checks.collect();
    let check = (!checks.is_empty()).then(|| {
        quote! {
            fn check(&self, check: &mut Check) {
                #(#checks)*
            }
        }
    });
    quote! {
        #allow
        impl Parameters for #name {
            #visit_files
            #check
        }
    }
}

/// Returns the impl for a union.
pub(super) fn union(item: &Union) -> TokenStream {
    let name = ident(&item.ident);
    let (mut files, mut checks) = (Vec::new(), Vec::new());
    for variant in &item.variants {
        let VariantKind::Value { rule, has_files, .. } = &variant.kind else { continue };
        let name = ident(&variant.ident);
        if *has_files {
            files.push(quote!(Self::#name(value) => value.visit_files(visit),));
        }
        if *rule != Rule::None {
            let check = check(rule, &Checker::Own, &Subject::value());
            checks.push(quote!(Self::#name(value) => { #check }));
        }
    }
    let rest = |arms: &[TokenStream]| (arms.len() < item.variants.len()).then(|| quote!(_ => {}));
    let visit_files = (!files.is_empty()).then(|| {
        let rest = rest(&files);
        quote! {
            fn visit_files(&mut self, visit: &mut dyn FnMut(&mut File)) {
                match self {
                    #(#files)*
                    #rest
                }
            }
        }
    });
    let check = (!checks.is_empty()).then(|| {
        let rest = rest(&checks);
        quote! {
            fn check(&self, check: &mut Check) {
                match self {
                    #(#checks)*
                    #rest
                }
            }
        }
    });
    quote! {
        impl Parameters for #name {
            #visit_files
            #check
        }
    }
}

/// The checker that a rule reports to.
enum Checker<'a> {
    /// The one of the value itself: the variable `check`.
    Own,
    /// The one of a field, by its name in JSON.
    Field(&'a str),
}

impl Checker<'_> {
    /// Returns the expression for the receiver of a method.
    fn receiver(&self) -> TokenStream {
        match self {
            Self::Own => quote!(check),
            Self::Field(name) => quote!(check.field(#name)),
        }
    }

    /// Returns the expression for an argument.
    fn reference(&self) -> TokenStream {
        match self {
            // The variable is a reference already.
            Self::Own => quote!(check),
            Self::Field(name) => quote!(&mut check.field(#name)),
        }
    }
}

/// The value that a rule is about.
enum Subject<'a> {
    /// A field of `self`.
    Field(&'a Ident),
    /// A variable that holds a reference.
    Variable(Ident),
}

impl Subject<'_> {
    fn value() -> Self {
        Self::Variable(format_ident!("value"))
    }

    /// Returns the expression for the receiver of a method.
    fn receiver(&self) -> TokenStream {
        match self {
            Self::Field(name) => quote!(self.#name),
            Self::Variable(name) => quote!(#name),
        }
    }

    /// Returns the expression for an argument.
    fn reference(&self) -> TokenStream {
        match self {
            Self::Field(name) => quote!(&self.#name),
            Self::Variable(name) => quote!(#name),
        }
    }
}

/// Returns the statements that check a value.
fn check(rule: &Rule, checker: &Checker, subject: &Subject) -> TokenStream {
    let (check, value) = (checker.receiver(), subject.reference());
    match rule {
        Rule::None => TokenStream::new(),
        Rule::Text { length, pattern } => {
            let length = length.as_ref().map(|marker| {
                let marker = ident(marker);
                quote!(#check.text_length::<bounds::#marker>(#value);)
            });
            let pattern = pattern.as_ref().map(|(pattern, message)| {
                let check = checker.reference();
                quote!(fal_core::check_pattern(#check, #value, #pattern, #message);)
            });
            quote!(#length #pattern)
        }
        Rule::File(marker) => {
            let marker = ident(marker);
            quote!(#check.url_length::<bounds::#marker>(#value);)
        }
        Rule::List { length, unique, items } => {
            let length = length.as_ref().map(|marker| {
                let marker = ident(marker);
                quote!(#check.list_length::<bounds::#marker, _>(#value);)
            });
            let unique = unique.as_ref().map(|message| quote!(#check.unique_items(#value, #message);));
            let items = (**items != Rule::None).then(|| {
                let (list, each) = (subject.receiver(), each(items));
                quote!(#check.each(#list.iter().enumerate(), #each);)
            });
            quote!(#length #unique #items)
        }
        Rule::Map(values) => {
            let each = each(values);
            quote!(#check.each(#value, #each);)
        }
        Rule::Nullable(inner) => {
            let check = self::check(inner, checker, &Subject::value());
            quote! {
                if let Some(value) = #value {
                    #check
                }
            }
        }
        Rule::Value(rule, message) => check_value(rule, message, &check, &value),
        Rule::Nested => {
            let (receiver, check) = (subject.receiver(), checker.reference());
            quote!(#receiver.check(#check);)
        }
    }
}

/// Returns the statement that checks a number or a boolean.
fn check_value(rule: &ValueRule, message: &str, check: &TokenStream, value: &TokenStream) -> TokenStream {
    match rule {
        ValueRule::OneOf(values) => {
            let values = values.iter().map(|value| match value.as_bool() {
                Some(flag) => quote!(#flag),
                None => float(value.as_f64().unwrap_or_default()).to_token_stream(),
            });
            quote!(#check.one_of(#value, &[#(#values),*], #message);)
        }
        ValueRule::Unsigned(bounds) => {
            let min = Literal::u64_unsuffixed(bounds.min.unwrap_or(u64::MIN));
            let max = Literal::u64_unsuffixed(bounds.max.unwrap_or(u64::MAX));
            let step = Literal::u64_unsuffixed(bounds.multiple_of.unwrap_or(1));
            quote!(#check.unsigned(*#value, #min..=#max, #step, #message);)
        }
        ValueRule::WideInteger(bounds) => {
            let min = Literal::i128_unsuffixed(bounds.min.unwrap_or(i128::MIN));
            let max = Literal::i128_unsuffixed(bounds.max.unwrap_or(i128::MAX));
            let step = Literal::i128_unsuffixed(bounds.multiple_of.unwrap_or(1));
            quote!(#check.wide_integer(#value, #min..=#max, #step, #message);)
        }
    }
}

/// Returns the closure that checks one of several items.
fn each(rule: &Rule) -> TokenStream {
    let check = check(rule, &Checker::Own, &Subject::Variable(format_ident!("item")));
    quote! {
        |check, item| {
            #check
        }
    }
}
