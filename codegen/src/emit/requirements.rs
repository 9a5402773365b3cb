//! The checks of rules about the fields that a struct has together.

use proc_macro2::TokenStream;
use quote::quote;
use serde_json::Value;

use super::tokens::ident;
use crate::{
    normalize::requirements::{Condition, Group, Requirement as Together, Test},
    rust::{Field, Presence, Requirement, Struct, Ty},
};

/// Returns the statement that checks a rule.
pub(super) fn check(item: &Struct, requirement: &Requirement) -> TokenStream {
    let message = &requirement.message;
    let all = |group: &Group| {
        let conditions: Vec<TokenStream> = group.iter().map(|condition| holds(item, condition)).collect();
        match conditions.as_slice() {
            [only] => only.clone(),
            _ => quote!(#(#conditions)&&*),
        }
    };
    match &requirement.rule {
        Together::OneOf(groups) => {
            let groups = groups.iter().map(all);
            quote!(check.exactly_one(&[#(#groups),*], #message);)
        }
        Together::AnyOf(groups) => {
            let groups = groups.iter().map(all);
            quote!(check.at_least_one(&[#(#groups),*], #message);)
        }
        Together::Not(group) => {
            let conditions = group.iter().map(|condition| holds(item, condition));
            quote!(check.not_together(&[#(#conditions),*], #message);)
        }
        Together::If(group, then) => {
            let (group, then) = (all(group), all(then));
            quote!(check.required_if(#group, #then, #message);)
        }
    }
}

/// Returns the expression that is true if a condition holds.
fn holds(item: &Struct, condition: &Condition) -> TokenStream {
    let Some(field) = item.fields.iter().find(|field| field.json_name == condition.property) else {
        let constant = &condition.property;
        let is_optional = item.constants.iter().any(|one| one.json_name == *constant && !one.required);
        return if is_optional { quote!(!self.nulls.contains(#constant)) } else { quote!(true) };
    };
    match &condition.test {
        Test::Present => is_present(field),
        Test::NotNull => is_not_null(field),
        Test::Is(value) => is_value(field, value),
        Test::IsOrAbsent(value) => is_value_or_absent(field, value),
    }
}

fn is_present(field: &Field) -> TokenStream {
    let (name, json_name) = (ident(&field.ident), &field.json_name);
    match field.presence {
        Presence::Required => quote!(true),
        _ if field.keeps_null() => quote!(self.nulls.is_present(#json_name, &self.#name)),
        Presence::Optional | Presence::TriState => quote!(self.#name.is_some()),
    }
}

fn is_not_null(field: &Field) -> TokenStream {
    let name = ident(&field.ident);
    match (field.presence, &field.ty) {
        (Presence::TriState, _) => quote!(self.#name.as_ref().and_then(Nullable::value).is_some()),
        (Presence::Required, Ty::Json) => quote!(!self.#name.is_null()),
        (Presence::Optional, Ty::Json) => quote!(self.#name.as_ref().is_some_and(|value| !value.is_null())),
        (Presence::Required, Ty::Option(_)) | (Presence::Optional, _) => quote!(self.#name.is_some()),
        (Presence::Required, _) => quote!(true),
    }
}

/// Returns the expression that is true if a boolean or an enum has a value.
fn is_value(field: &Field, value: &Value) -> TokenStream {
    let name = ident(&field.ident);
    let closure = is_equal(value);
    match (field.presence, &field.ty, value) {
        (Presence::Required, Ty::Option(_), _) | (Presence::Optional, ..) => {
            quote!(self.#name.as_ref().is_some_and(#closure))
        }
        (Presence::TriState, ..) => {
            quote!(self.#name.as_ref().and_then(Nullable::value).is_some_and(#closure))
        }
        (Presence::Required, _, Value::String(text)) => quote!(self.#name.as_str() == #text),
        (Presence::Required, _, Value::Bool(true)) => quote!(self.#name),
        (Presence::Required, ..) => quote!(!self.#name),
    }
}

fn is_value_or_absent(field: &Field, value: &Value) -> TokenStream {
    let (name, json_name, closure) = (ident(&field.ident), &field.json_name, is_equal(value));
    match field.presence {
        Presence::Required => is_value(field, value),
        Presence::TriState => {
            quote!(self.#name.as_ref().is_none_or(|value| value.value().is_some_and(#closure)))
        }
        Presence::Optional => {
            let not_null = field.keeps_null().then(|| quote!(&& !self.nulls.contains(#json_name)));
            quote!(self.#name.as_ref().is_none_or(#closure) #not_null)
        }
    }
}

/// Returns the closure that compares a reference with a value.
fn is_equal(value: &Value) -> TokenStream {
    match value {
        Value::Bool(true) => quote!(|value| *value),
        Value::String(text) => quote!(|value| value.as_str() == #text),
        _ => quote!(|value| !*value),
    }
}
