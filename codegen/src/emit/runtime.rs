//! The crate through which a module reaches `fal_core`, `serde` and `serde_json`.

use proc_macro2::{Group, Ident, Spacing, TokenStream, TokenTree};
use quote::quote;
use syn::{Attribute, Item, parse_quote};

use crate::options::Runtime;

impl Runtime {
    /// Rewrites the paths of generated code, which start with the names of the three crates.
    pub(super) fn rewrite(self, tokens: TokenStream) -> TokenStream {
        match self {
            Self::FalCore => tokens,
            Self::FalClient => rewrite(tokens),
        }
    }

    /// Allows what an app may not use, since the module may be private.
    pub(super) fn allow_unused(self, item: &mut Item) {
        if self == Self::FalCore {
            return;
        }
        let dead: Attribute = parse_quote!(#[allow(dead_code)]);
        match item {
            Item::Struct(item) => item.attrs.push(dead),
            Item::Enum(item) => item.attrs.push(dead),
            Item::Impl(item) => item.attrs.push(dead),
            Item::Type(item) => item.attrs.push(dead),
            Item::Trait(item) => item.attrs.push(dead),
            Item::Mod(item) => item.attrs.push(parse_quote!(#[allow(dead_code, unused_imports)])),
            Item::Use(item) => item.attrs.push(parse_quote!(#[allow(unused_imports)])),
            _ => {}
        }
    }
}

fn rewrite(tokens: TokenStream) -> TokenStream {
    let mut rewritten = TokenStream::new();
    let mut tokens = tokens.into_iter().peekable();
    // `true` after the first and after both colons of a `::`.
    let (mut is_after_colon, mut is_inside_path) = (false, false);
    while let Some(token) = tokens.next() {
        let is_path_start = !is_inside_path && tokens.peek().is_some_and(is_joint_colon);
        is_inside_path =
            is_after_colon && matches!(&token, TokenTree::Punct(punct) if punct.as_char() == ':');
        is_after_colon = !is_inside_path && is_joint_colon(&token);
        match token {
            TokenTree::Group(group) => {
                let mut inner = Group::new(group.delimiter(), rewrite(group.stream()));
                inner.set_span(group.span());
                rewritten.extend([TokenTree::Group(inner)]);
            }
            TokenTree::Ident(name) if is_path_start => {
                rewritten.extend(replace(&name).unwrap_or_else(|| TokenTree::Ident(name).into()));
            }
            other => rewritten.extend([other]),
        }
    }
    rewritten
}

/// Returns true for the first colon of a `::`.
fn is_joint_colon(token: &TokenTree) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == ':' && punct.spacing() == Spacing::Joint)
}

/// Returns the path to one of the three crates.
fn replace(name: &Ident) -> Option<TokenStream> {
    Some(match name.to_string().as_str() {
        "fal_core" => quote!(fal_client::core),
        "serde" => quote!(fal_client::core::__private::serde),
        "serde_json" => quote!(fal_client::core::__private::serde_json),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_starts_of_paths_are_rewritten() {
        let tokens = quote! {
            use fal_core::{File, json};
            fn f(serde: serde::Value) -> a::serde::B { fal_core::g!("fal_core::x", serde_json::Value) }
        };
        let expected = quote! {
            use fal_client::core::{File, json};
            fn f(serde: fal_client::core::__private::serde::Value) -> a::serde::B {
                fal_client::core::g!("fal_core::x", fal_client::core::__private::serde_json::Value)
            }
        };
        assert_eq!(Runtime::FalClient.rewrite(tokens).to_string(), expected.to_string());
    }
}
