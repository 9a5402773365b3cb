//! Constants for the values that the service uses for parameters that are left out.

use proc_macro2::{Ident, Literal, TokenStream};
use quote::{ToTokens, format_ident, quote};
use serde_json::Value;

use super::{
    docs,
    tokens::{float, ident, integer},
    types,
};
use crate::{
    model,
    rust::{Bounds, Crate, Field, Item, Number, Struct, Ty, VariantKind},
};

/// Returns the impl that holds a constant for every parameter of an input with a default that has a form in code.
pub(super) fn constants(item: &Crate, own: &[&Item], input: &Struct) -> Option<TokenStream> {
    let known = |name: &str| own.iter().copied().chain(&item.types).find(|item| item.name() == Some(name));
    let constants = input.fields.iter().filter_map(|field| constant(field, known));
    let constants: Vec<TokenStream> = constants.collect();
    let docs = docs::line(
        "The values that the service uses for parameters that are left out. The client does not send them.",
    );
    (!constants.is_empty()).then(|| {
        quote! {
            #docs
            impl Input {
                #(#constants)*
            }
        }
    })
}

fn constant<'a>(field: &Field, known: impl Fn(&str) -> Option<&'a Item>) -> Option<TokenStream> {
    let default = field.schema.get("default")?;
    let (ty, value) = match &field.ty {
        // A constant of many lines, or with characters that change the direction of text, would not be readable.
        Ty::Text => {
            let text = default.as_str().filter(|text| is_plain(text))?;
            (quote!(&'static str), quote!(#text))
        }
        Ty::Integer => (quote!(i64), integer(whole(default)?).to_token_stream()),
        Ty::Number => (quote!(f64), float(default.as_f64()?).to_token_stream()),
        Ty::Boolean => (quote!(bool), default.as_bool()?.to_token_stream()),
        Ty::Named(name) => {
            let ty = ident(name);
            let value = named(&ty, known(name)?, default)?;
            (quote!(#ty), value)
        }
        _ => return None,
    };
    let name = field.ident.trim_start_matches("r#");
    let shown = match default.as_str() {
        Some(text) if text.trim().is_empty() => "the empty text".to_owned(),
        Some(text) => types::code(text),
        // JSON tools drop the `.0` of a float.
        None if default.is_i64() && is_float(field, known) => format!("`{default}.0`"),
        None => types::code(&default.to_string()),
    };
    let docs = docs::line(&format!("Default of [`{name}`](Self::{name}): {shown}."));
    let constant = format_ident!("DEFAULT_{}", name.to_uppercase());
    Some(quote! {
        #docs
        pub const #constant: #ty = #value;
    })
}

fn is_float<'a>(field: &Field, known: impl Fn(&str) -> Option<&'a Item>) -> bool {
    match &field.ty {
        Ty::Number => true,
        Ty::Named(name) => {
            matches!(known(name), Some(Item::Number(Number { bounds: Bounds::Number(_), .. })))
        }
        _ => false,
    }
}

fn is_plain(text: &str) -> bool {
    text.len() <= 80 && !text.contains(|c: char| c.is_control() || docs::is_bidi_control(c))
}

fn named(ty: &Ident, item: &Item, default: &Value) -> Option<TokenStream> {
    let variant = |name: &str| {
        let name = ident(name);
        quote!(#ty::#name)
    };
    match item {
        Item::Number(number) => match number.bounds {
            Bounds::Integer(bounds) => {
                let value = whole(default);
                let value = value.filter(|value| bounds.holds(*value, |value, step| value % step == 0))?;
                let value = integer(value);
                Some(quote!(#ty::literal(#value)))
            }
            Bounds::Wide(bounds) => {
                let value = default.as_u64().map(i128::from).or_else(|| whole(default).map(i128::from));
                let value = value.filter(|value| bounds.holds(*value, |value, step| value % step == 0))?;
                let value = Literal::i128_unsuffixed(value);
                Some(quote!(#ty::literal(#value)))
            }
            // With a step that has no exact form, only the type itself can check the value.
            Bounds::Number(bounds) => {
                let value = default.as_f64().filter(|value| bounds.holds(*value, |_, _| false))?;
                let value = float(value);
                Some(quote!(#ty::literal(#value)))
            }
        },
        Item::TextEnum(item) => {
            item.variants.iter().find(|(_, text)| default == text).map(|(name, _)| variant(name))
        }
        Item::IntegerEnum(item) => {
            let value = whole(default)?;
            item.variants.iter().find(|(_, known)| *known == value).map(|(name, _)| variant(name))
        }
        Item::Union(item) => item.variants.iter().find_map(|one| match &one.kind {
            VariantKind::Text(text) if default == text => Some(variant(&one.ident)),
            _ => None,
        }),
        _ => None,
    }
}

/// Returns a whole number, which JSON tools may have written as a float.
fn whole(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| {
        let float = value.as_f64()?;
        let exact = float.fract() == 0.0 && float.abs() < 9_007_199_254_740_992.0;
        exact.then_some(float as i64)
    })
}

impl<T: Copy + PartialOrd> model::Bounds<T> {
    fn holds(&self, value: T, is_multiple: impl Fn(T, T) -> bool) -> bool {
        self.min.is_none_or(|min| value > min || (value == min && !self.above_min))
            && self.max.is_none_or(|max| value < max || (value == max && !self.below_max))
            && self.multiple_of.is_none_or(|step| is_multiple(value, step))
    }
}
