//! Replaces the hand-written serde impls of generated crates by derives, to compare the time to compile them.

use std::collections::BTreeSet;

use fal_codegen::Tree;
use quote::ToTokens;
use syn::{Fields, File, Item, ItemMacro, Type, parse_quote};

/// The macros of `fal_core` that define the impls of enums.
const ENUM_MACROS: &str = include_str!("../../../crates/fal-core/src/enums.rs");

/// Returns the same crates with derives in place of impls of serde's traits.
pub(super) fn with_derives(tree: &Tree) -> Result<Tree, String> {
    let macros = enum_macros_without_serde();
    let mut derived = Tree::default();
    for (path, text) in tree.iter().filter(|(path, _)| !path.ends_with("json_schema.rs")) {
        if path.ends_with(".rs") {
            let mut file = syn::parse_file(text).map_err(|error| format!("{path}: {error}"))?;
            let serialized = serialized(&file);
            derive_in(&mut file.items, &serialized);
            if path.ends_with("/src/lib.rs") {
                let macros = syn::parse_file(&macros).map_err(|error| format!("macros of enums: {error}"))?;
                file.items.splice(0..0, macros.items);
            }
            derived.insert(path, format!("#![allow(unused)]\n{}", file.to_token_stream()));
        } else {
            let serde = "serde = { version = \"1\", default-features = false, features = [\"std\"";
            derived.insert(path, text.replace(serde, &format!("{serde}, \"derive\"")));
        }
    }
    Ok(derived)
}

/// Returns the types of a file that implement `Serialize`, by hand or by a macro for enums.
fn serialized(file: &File) -> BTreeSet<String> {
    fn collect(items: &[Item], names: &mut BTreeSet<String>) {
        for item in items {
            match item {
                Item::Impl(block) if implemented(item).is_some_and(|name| name == "Serialize") => {
                    if let Type::Path(ty) = &*block.self_ty {
                        names.extend(ty.path.segments.last().map(|segment| segment.ident.to_string()));
                    }
                }
                Item::Macro(item) if is_macro(item, "_enum") => {
                    // The first argument is the name of the enum.
                    names.extend(item.mac.tokens.clone().into_iter().next().map(|name| name.to_string()));
                }
                Item::Mod(module) => {
                    collect(module.content.as_ref().map_or(&[], |(_, items)| items.as_slice()), names);
                }
                _ => {}
            }
        }
    }
    let mut names = BTreeSet::new();
    collect(&file.items, &mut names);
    names
}

/// Removes the impls of serde's traits, and derives them for `serialized` types.
fn derive_in(items: &mut Vec<Item>, serialized: &BTreeSet<String>) {
    const WIRE: [&str; 3] = ["Serialize", "Deserialize", "ReadObject"];
    items.retain(|item| {
        let is_schema = matches!(item, Item::Mod(module) if module.ident == "json_schema");
        let is_read = matches!(item, Item::Macro(item) if is_macro(item, "deserialize_object"));
        !is_schema && !is_read && !implemented(item).is_some_and(|name| WIRE.contains(&name.as_str()))
    });
    for item in items {
        match item {
            Item::Struct(item) if serialized.contains(&item.ident.to_string()) => {
                item.attrs.push(parse_quote!(#[derive(serde::Serialize, serde::Deserialize)]));
                derive_fields(&mut item.fields);
            }
            Item::Enum(item) if serialized.contains(&item.ident.to_string()) => {
                item.attrs.push(parse_quote!(#[derive(serde::Serialize, serde::Deserialize)]));
                // Apart from the variant for unknown values, only unions have variants with values.
                let has_value =
                    |variant: &syn::Variant| !variant.fields.is_empty() && variant.ident != "Other";
                if item.variants.iter().any(has_value) {
                    item.attrs.push(parse_quote!(#[serde(untagged)]));
                }
            }
            Item::Macro(item) if is_macro(item, "_enum") => {
                if let Some(name) = item.mac.path.segments.last().map(|segment| segment.ident.clone()) {
                    item.mac.path = name.into();
                }
            }
            Item::Mod(module) => {
                if let Some((_, items)) = &mut module.content {
                    derive_in(items, serialized);
                }
            }
            _ => {}
        }
    }
}

fn derive_fields(fields: &mut Fields) {
    for field in fields {
        let is_option = matches!(&field.ty, Type::Path(ty) if ty.path.segments.last().is_some_and(|last| last.ident == "Option"));
        if is_option {
            field.attrs.push(parse_quote!(#[serde(default, skip_serializing_if = "Option::is_none")]));
        }
        if field.ident.as_ref().is_some_and(|name| name == "extra") {
            field.attrs.push(parse_quote!(#[serde(flatten)]));
        }
        // Derives do not tell `null` from an absent field.
        if field.ident.as_ref().is_some_and(|name| name == "nulls") {
            field.attrs.push(parse_quote!(#[serde(skip)]));
        }
    }
}

/// Returns the name of the trait that an item implements.
fn implemented(item: &Item) -> Option<String> {
    let Item::Impl(block) = item else { return None };
    let (path, _) = block.trait_.as_ref()?;
    Some(path.segments.last()?.ident.to_string())
}

fn is_macro(item: &ItemMacro, end: &str) -> bool {
    item.mac.path.segments.last().is_some_and(|segment| segment.ident.to_string().ends_with(end))
}

/// Returns the macros for enums of `fal_core` without the impls of serde's traits, for crates that derive these.
fn enum_macros_without_serde() -> String {
    let lines = ENUM_MACROS
        .lines()
        .skip_while(|line| !line.starts_with("macro_rules!"))
        .take_while(|line| *line != "#[cfg(test)]");
    let (mut macros, mut is_serde) = (String::new(), false);
    for line in lines.filter(|line| !line.starts_with("#[") && !line.starts_with("///")) {
        is_serde |= line.starts_with("        impl") && line.contains("::serde::");
        if !is_serde {
            macros.push_str(&line.replace("$crate::", "::fal_core::"));
            macros.push('\n');
        }
        is_serde &= line != "        }";
    }
    macros
}

#[cfg(test)]
mod tests {
    use fal_codegen::{Generator, Options, Source};

    use super::*;

    #[test]
    fn impls_are_replaced_by_derives() -> Result<(), String> {
        let path = crate::root().join("schemas/fal-ai/flux/dev.json");
        let text = std::fs::read_to_string(path).map_err(|error| error.to_string())?;
        let source = Source { file: "dev.json".to_owned(), text };
        let generated =
            Generator::new(Options::default()).crates(&[source]).map_err(|errors| errors.to_string())?;
        let derived = with_derives(&generated.tree)?;
        let code = |tree: &Tree| -> String {
            tree.iter().filter(|(path, _)| path.ends_with("dev.rs")).map(|(_, text)| text).collect()
        };
        let (before, after) = (code(&generated.tree), code(&derived));
        assert!(before.contains("impl Serialize for Input") && before.contains("fal_core::closed_enum! {"));
        assert!(
            !after.contains("impl Serialize for") && !after.contains("fal_core :: closed_enum"),
            "{after}"
        );
        assert!(after.contains("# [serde (skip)] nulls :"), "{after}");
        let macros = enum_macros_without_serde();
        assert!(macros.contains("macro_rules! closed_enum") && !macros.contains("mod tests"), "{macros}");
        for item in ["Input", "Output"] {
            let derive = format!("# [derive (serde :: Serialize , serde :: Deserialize)] pub struct {item}");
            assert!(after.contains(&derive), "{item}: {after}");
        }
        Ok(())
    }
}
