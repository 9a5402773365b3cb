//! From tokens to text: syn checks every item, prettyplease lays it out.

use std::mem;

use proc_macro2::TokenStream;
use syn::{ImplItem, Item};

use crate::error::Error;

/// Prints items with an empty line between two, except between short ones of a kind, such as `use` lines.
///
/// # Errors
///
/// Only where the generator itself is wrong: when the tokens are not items. `file` is what the error names.
pub(super) fn items(file: &str, items: impl IntoIterator<Item = TokenStream>) -> Result<String, Error> {
    items_with(file, items, |_| {})
}

/// Prints items like [`items`], after a change of each.
pub(super) fn items_with(
    file: &str,
    items: impl IntoIterator<Item = TokenStream>,
    change: impl Fn(&mut Item),
) -> Result<String, Error> {
    let mut text = String::new();
    let mut last = None;
    for tokens in items {
        let parsed: syn::File = syn::parse2(tokens).map_err(|error| {
            Error::new(file, format!("generated code does not parse: {error}"))
                .with_help("this is a mistake of the generator; report it with the document")
        })?;
        for mut item in parsed.items {
            let short = is_short(&item).then(|| mem::discriminant(&item));
            if !text.is_empty() && (short.is_none() || short != last) {
                text.push('\n');
            }
            last = short;
            separate_members(&mut item);
            change(&mut item);
            let file = syn::File { shebang: None, frontmatter: None, attrs: Vec::new(), items: vec![item] };
            text.push_str(&prettyplease::unparse(&file));
        }
    }
    Ok(text)
}

/// Joins parts that are not empty with an empty line between two.
pub(super) fn join(parts: impl IntoIterator<Item = String>) -> String {
    let mut text = String::new();
    for part in parts.into_iter().filter(|part| !part.is_empty()) {
        if !text.is_empty() {
            text.push('\n');
        }
        text.push_str(&part);
    }
    text
}

/// Prints a public module around text that is laid out already. No literal of generated code spans lines, so
/// all of it can be indented.
pub(super) fn module(name: &str, body: &str) -> String {
    let mut text = format!("pub mod {name} ") + "{\n";
    for line in body.lines() {
        if !line.is_empty() {
            text.push_str("    ");
            text.push_str(line);
        }
        text.push('\n');
    }
    text + "}\n"
}

/// Puts empty lines between the members of a module or impl, which prettyplease packs. It prints a verbatim
/// item without tokens as an empty line.
fn separate_members(item: &mut Item) {
    match item {
        Item::Mod(module) => {
            let Some((_, items)) = &mut module.content else { return };
            items.iter_mut().for_each(separate_members);
            let packed = |one: &Item, other: &Item| {
                is_short(one) && is_short(other) && mem::discriminant(one) == mem::discriminant(other)
            };
            *items = separated(mem::take(items), packed, || Item::Verbatim(TokenStream::new()));
        }
        Item::Impl(block) => {
            let packed = |one: &ImplItem, other: &ImplItem| is_short_member(one) && is_short_member(other);
            block.items =
                separated(mem::take(&mut block.items), packed, || ImplItem::Verbatim(TokenStream::new()));
        }
        _ => {}
    }
}

fn separated<T>(members: Vec<T>, packed: impl Fn(&T, &T) -> bool, empty: impl Fn() -> T) -> Vec<T> {
    let mut separated: Vec<T> = Vec::with_capacity(2 * members.len());
    for member in members {
        if separated.last().is_some_and(|last| !packed(last, &member)) {
            separated.push(empty());
        }
        separated.push(member);
    }
    separated
}

/// Returns true for an item that takes a line and has no documentation.
fn is_short(item: &Item) -> bool {
    match item {
        Item::Use(item) => item.attrs.is_empty(),
        Item::Type(item) => item.attrs.is_empty(),
        Item::Mod(item) => item.attrs.is_empty() && item.content.is_none(),
        _ => false,
    }
}

fn is_short_member(member: &ImplItem) -> bool {
    match member {
        ImplItem::Const(member) => member.attrs.is_empty(),
        ImplItem::Type(member) => member.attrs.is_empty(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use quote::quote;

    use super::*;

    #[test]
    fn members_with_a_body_have_an_empty_line_between_them() {
        let item = quote! {
            pub mod a {
                pub type B = C;
                pub type D = E;
                impl F for G {
                    const H: u8 = 0;
                    type I = J;
                    fn k() {}
                    fn l() {}
                }
            }
        };
        let text = items("test", [item]).unwrap();
        let expected = "\
pub mod a {
    pub type B = C;
    pub type D = E;

    impl F for G {
        const H: u8 = 0;
        type I = J;

        fn k() {}

        fn l() {}
    }
}
";
        assert_eq!(text, expected);
    }

    #[test]
    fn tokens_that_are_no_items_are_an_error_that_names_the_file() {
        let error = items("a.json", [quote!(pub struct)]).unwrap_err();
        assert!(error.to_string().starts_with("a.json: generated code does not parse"), "{error}");
    }
}
