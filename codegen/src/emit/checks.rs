//! `Parameters`: the files of a value, and the rules that its type cannot hold it to.

use proc_macro2::{Ident, Literal, TokenStream};
use quote::{ToTokens, format_ident, quote};
use serde_json::Value;

use super::{
    file_limits, requirements,
    structs::allow_deprecated,
    tokens::{float, ident},
};
use crate::rust::{PatternRule, Presence, Rule, Struct, TupleStruct, Union, VariantKind};

/// Returns the impl for a struct.
pub(super) fn structure(item: &Struct) -> TokenStream {
    let allow = allow_deprecated(item);
    let files = item.fields.iter().filter(|field| field.has_files).map(|field| ident(&field.ident));
    let extra = item.extra.as_ref().filter(|extra| extra.has_files).map(|_| ident("extra"));
    let files = files.chain(extra).map(|name| quote!(self.#name.visit_files(visit);)).collect();
    let checks = item.fields.iter().filter(|field| field.rule != Rule::None).map(|field| {
        let name = ident(&field.ident);
        let checker =
            if field.secret { Checker::Secret(&field.json_name) } else { Checker::Field(&field.json_name) };
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
    let extra = item.extra.as_ref().filter(|extra| extra.rule != Rule::None).map(|extra| {
        let each = each(&extra.rule);
        quote!(check.each(&self.extra, #each);)
    });
    let requirements = item.requirements.iter().map(|requirement| requirements::check(item, requirement));
    let checks = checks.chain(extra).chain(requirements).collect();
    let parameters = Methods { files, limits: file_limits::visit_fields(item), checks };
    let implementation = parameters.implement(&item.ident);
    quote!(#allow #implementation)
}

/// Returns the impl for a union.
pub(super) fn union(item: &Union) -> TokenStream {
    let (mut files, mut checks) = (Vec::new(), Vec::new());
    for variant in &item.variants {
        let VariantKind::Value { rule, has_files, .. } = &variant.kind else { continue };
        let name = ident(&variant.ident);
        if *has_files {
            files.push((quote!(Self::#name(value)), quote!(value.visit_files(visit);)));
        }
        if *rule != Rule::None {
            let check = check(rule, &Checker::Own, &Subject::value());
            checks.push((quote!(Self::#name(value)), check));
        }
    }
    let body = |arms: &[(TokenStream, TokenStream)]| {
        (!arms.is_empty()).then(|| match_arms(arms, item.variants.len())).into_iter().collect()
    };
    let limits = file_limits::visit_variants(item, match_arms);
    Methods { files: body(&files), limits, checks: body(&checks) }.implement(&item.ident)
}

/// Returns code that matches `self` with some of the variants of a union.
fn match_arms(arms: &[(TokenStream, TokenStream)], variants: usize) -> TokenStream {
    match arms {
        [(pattern, body)] if variants > 1 => quote! {
            if let #pattern = self {
                #body
            }
        },
        _ => {
            let (patterns, bodies): (Vec<_>, Vec<_>) = arms.iter().cloned().unzip();
            let rest = (arms.len() < variants).then(|| quote!(_ => {}));
            quote! {
                match self {
                    #(#patterns => { #bodies })*
                    #rest
                }
            }
        }
    }
}

/// Returns the impl for a tuple.
pub(super) fn tuple(item: &TupleStruct) -> TokenStream {
    let files = item.positions().enumerate().filter(|(_, position)| position.has_files);
    let files = files.map(|(index, _)| {
        let place = Literal::usize_unsuffixed(index);
        quote!(self.#place.visit_files(visit);)
    });
    let mut checks = Vec::new();
    for (index, position) in item.items.iter().enumerate().filter(|(_, item)| item.rule != Rule::None) {
        let (path, place) = (index.to_string(), Literal::usize_unsuffixed(index));
        let check = check(&position.rule, &Checker::Field(&path), &Subject::value());
        checks.push(if index < item.required {
            quote!({ let value = &self.#place; #check })
        } else {
            quote! {
                if let Some(value) = &self.#place {
                    #check
                }
            }
        });
    }
    let place = Literal::usize_unsuffixed(item.items.len());
    checks.extend(item.rest_length.as_ref().map(|marker| {
        let marker = ident(marker);
        quote!(check.list_length::<bounds::#marker, _>(&self.#place);)
    }));
    if let Some(rest) = item.rest.as_ref().filter(|rest| rest.rule != Rule::None) {
        let (each, first) = (each(&rest.rule), Literal::usize_suffixed(item.items.len()));
        checks.push(quote!(check.each((#first..).zip(&self.#place), #each);));
    }
    let limits = file_limits::visit_positions(item);
    Methods { files: files.collect(), limits, checks }.implement(&item.ident)
}

/// The methods of an impl. One without statements is left out.
struct Methods {
    files: Vec<TokenStream>,
    limits: Option<TokenStream>,
    checks: Vec<TokenStream>,
}

impl Methods {
    fn implement(self, ident: &str) -> TokenStream {
        let (name, Self { files, limits, checks }) = (self::ident(ident), self);
        let visit_files = (!files.is_empty()).then(|| {
            quote! {
                fn visit_files(&mut self, visit: &mut dyn FnMut(&mut File)) {
                    #(#files)*
                }
            }
        });
        let check = (!checks.is_empty()).then(|| {
            quote! {
                fn check(&self, check: &mut Check) {
                    #(#checks)*
                }
            }
        });
        quote! {
            impl Parameters for #name {
                #visit_files
                #limits
                #check
            }
        }
    }
}

/// The checker that a rule reports to.
enum Checker<'a> {
    /// The one of the value itself: the variable `check`.
    Own,
    /// The one of a field, by its name in JSON.
    Field(&'a str),
    /// The same, for a field whose value must not be in a violation.
    Secret(&'a str),
}

impl Checker<'_> {
    /// Returns the expression for the receiver of a method.
    fn receiver(&self) -> TokenStream {
        match self {
            Self::Own => quote!(check),
            Self::Field(name) => quote!(check.field(#name)),
            Self::Secret(name) => quote!(check.secret_field(#name)),
        }
    }

    /// Returns the expression for an argument.
    fn reference(&self) -> TokenStream {
        match self {
            // The variable is a reference already.
            Self::Own => quote!(check),
            Self::Field(name) => quote!(&mut check.field(#name)),
            Self::Secret(name) => quote!(&mut check.secret_field(#name)),
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
            let pattern = pattern.as_ref().map(|pattern| check_pattern(pattern, checker, &value));
            quote!(#length #pattern)
        }
        Rule::File { length, pattern } => {
            let length = length.as_ref().map(|marker| {
                let marker = ident(marker);
                quote!(#check.url_length::<bounds::#marker>(#value);)
            });
            let pattern = pattern.as_ref().map(|pattern| {
                let (check, message) = (checker.reference(), &pattern.message);
                let (required, excluded) = (&pattern.required, &pattern.excluded);
                quote! {
                    fal_core::check_url_patterns(
                        #check, #value, &[#(#required),*], &[#(#excluded),*], #message
                    );
                }
            });
            quote!(#length #pattern)
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
        Rule::Map { length, keys, values } => {
            let map = subject.receiver();
            let length = length.as_ref().map(|marker| {
                let marker = ident(marker);
                quote!(#check.map_length::<bounds::#marker, _>(#value, #map.len());)
            });
            let keys = (**keys != Rule::None).then(|| {
                let each = each(keys);
                quote!(#check.each(#map.keys().map(|key| (key, key)), #each);)
            });
            let values = (**values != Rule::None).then(|| {
                let each = each(values);
                quote!(#check.each(#value, #each);)
            });
            quote!(#length #keys #values)
        }
        Rule::Nullable(inner) => {
            let check = self::check(inner, checker, &Subject::value());
            quote! {
                if let Some(value) = #value {
                    #check
                }
            }
        }
        Rule::OneOf(values, message) => {
            let values = values.iter().map(|value| match value {
                Value::Bool(flag) => quote!(#flag),
                Value::String(text) => quote!(#text),
                number => float(number.as_f64().unwrap_or_default()).to_token_stream(),
            });
            quote!(#check.one_of(#value, &[#(#values),*], #message);)
        }
        Rule::Nested => {
            let (receiver, check) = (subject.receiver(), checker.reference());
            quote!(#receiver.check(#check);)
        }
    }
}

/// Returns the statement that checks a string against a pattern.
fn check_pattern(rule: &PatternRule, checker: &Checker, value: &TokenStream) -> TokenStream {
    let (check, message) = (checker.reference(), &rule.message);
    let (required, excluded) = (&rule.required, &rule.excluded);
    match required.as_slice() {
        [pattern] if excluded.is_empty() => {
            quote!(fal_core::check_pattern(#check, #value, #pattern, #message);)
        }
        _ => {
            quote!(fal_core::check_patterns(#check, #value, &[#(#required),*], &[#(#excluded),*], #message);)
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
