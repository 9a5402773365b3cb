//! The same types with serde's derives, to compare with. Text to text: generated code is regular.

use std::collections::BTreeSet;

use fal_codegen::Tree;

const DERIVE: &str = "#[derive(serde::Serialize, serde::Deserialize)]\n";
/// The macros of enums, which make more than what serde needs.
const ENUMS: &str = include_str!("../../../crates/fal-core/src/enums.rs");
const HEAD: &str = "#![allow(dead_code, unused_imports, unused_macros)]\n";

/// The crates as they are, with derives in place of the impls of serde's traits.
pub(super) fn swapped(tree: &Tree) -> Tree {
    let macros = enums_without_serde();
    let is_wire = |head: &str| {
        ["impl Serialize for", "impl<'de> Deserialize<'de> for", "impl<'de> wire::Object<'de> for"]
            .iter()
            .any(|start| head.starts_with(start))
    };
    each_file(tree, &macros, &|item, head, derived| {
        if is_wire(head) {
            return None;
        }
        if head.contains("_enum!(") {
            return Some(item.replacen("fal_core::", "", 1));
        }
        Some(if derived { derive(item, head, "flatten") } else { item.to_owned() })
    })
}

/// The types alone, with the cheapest derive: parameters that the crate does not know are not beside the
/// others on the wire.
pub(super) fn bare(tree: &Tree) -> Tree {
    each_file(tree, "", &|item, head, derived| {
        let declares = head.starts_with("use ") || head.starts_with("pub mod ") && head.ends_with(';');
        if derived {
            return Some(derive(item, head, "default"));
        }
        if let Some(alias) = head.strip_prefix("pub type ") {
            let name = alias.split(' ').next().unwrap_or_default();
            let number = [("bounds::", "Int<", "i64"), ("bounds::", "Float<", "f64")];
            let number = number.iter().find(|(a, b, _)| item.contains(a) && item.contains(b));
            return Some(
                number.map_or_else(|| item.to_owned(), |(_, _, ty)| format!("pub type {name} = {ty};\n")),
            );
        }
        let kept = declares || head.starts_with("pub use ") || head == "pub enum Model {}";
        kept.then(|| item.to_owned())
    })
}

/// Rewrites every item of every file. `rewrite` gets the item, its first line of code, and whether it is
/// a type that JSON is written of. `macros` come first in every crate.
fn each_file(tree: &Tree, macros: &str, rewrite: &dyn Fn(&str, &str, bool) -> Option<String>) -> Tree {
    let mut rewritten = Tree::default();
    for (path, text) in tree.iter().filter(|(path, _)| !path.ends_with("json_schema.rs")) {
        if !path.ends_with(".rs") {
            let serde = "serde = { version = \"1\", default-features = false, features = [\"std\"";
            rewritten.insert(path, text.replace(serde, &format!("{serde}, \"derive\"")));
            continue;
        }
        let items = items(text);
        let serialized: BTreeSet<&str> = items.iter().filter_map(|item| serialized(item)).collect();
        let mut code = String::new();
        for item in &items {
            let head = head(item);
            if head == "mod json_schema;" {
                continue;
            }
            let derived = name(head).is_some_and(|name| serialized.contains(name));
            code.push_str(&rewrite(item, head, derived).unwrap_or_default());
        }
        let docs: String =
            text.lines().filter(|line| line.starts_with("//!")).map(|line| format!("{line}\n")).collect();
        let macros = if path.ends_with("/src/lib.rs") { macros } else { "" };
        rewritten.insert(path, format!("{docs}{HEAD}\n{macros}{code}"));
    }
    rewritten
}

/// The macros that `fal_core` has for enums, without the impls of serde's traits, for crates that derive these.
fn enums_without_serde() -> String {
    let lines = ENUMS.lines().skip_while(|line| !line.starts_with("macro_rules!"));
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

/// The type that an impl of `Serialize` by hand is for. Enums get theirs from a macro.
fn serialized(item: &str) -> Option<&str> {
    let by_hand = head(item).strip_prefix("impl Serialize for ");
    by_hand.and_then(|rest| rest.split([' ', '<']).next()).or_else(|| {
        let (_, arguments) = item.split_once("_enum!(")?;
        arguments.trim_start().split([')', ',']).next()
    })
}

/// The name of the type that an item defines.
fn name(head: &str) -> Option<&str> {
    let rest = head.strip_prefix("pub struct ").or_else(|| head.strip_prefix("pub enum "))?;
    rest.split([' ', '<']).next()
}

/// Adds derives to a type: a union is told by its form, as is its only way, and options may be missing.
/// `extra` is what serde does with the parameters that the crate does not know.
fn derive(item: &str, head: &str, extra: &str) -> String {
    let untagged = head.starts_with("pub enum") && item.lines().any(is_variant_with_value);
    let mut text = DERIVE.to_owned();
    if untagged {
        text.push_str("#[serde(untagged)]\n");
    }
    for line in item.lines() {
        if line.starts_with("    pub ") && line.contains(": Option<") {
            text.push_str("    #[serde(default, skip_serializing_if = \"Option::is_none\")]\n");
        }
        if line.starts_with("    pub extra: Map<") {
            text.push_str(&format!("    #[serde({extra})]\n"));
        }
        text.push_str(line);
        text.push('\n');
    }
    text
}

fn is_variant_with_value(line: &str) -> bool {
    let variant = line.strip_prefix("    ").filter(|rest| rest.starts_with(|c: char| c.is_ascii_uppercase()));
    variant.is_some_and(|variant| variant.contains('(') && !variant.starts_with("Other("))
}

/// The items of a file, each with its docs and attributes. Comments between them are left out.
fn items(text: &str) -> Vec<String> {
    let mut items = Vec::new();
    let mut item = String::new();
    for line in text.lines() {
        let comment = line.starts_with("//") && !line.starts_with("///");
        if item.is_empty() && (line.is_empty() || comment) {
            continue;
        }
        // The rest of an alias that is too long for a line.
        let continued = item.ends_with(" =\n");
        item.push_str(line);
        item.push('\n');
        let code =
            (continued || !line.starts_with(' ')) && !line.starts_with("///") && !line.starts_with("#[");
        if code && (line.ends_with('}') || line.ends_with(';')) {
            items.push(std::mem::take(&mut item));
        }
    }
    items
}

/// The first line of code of an item.
fn head(item: &str) -> &str {
    item.lines().find(|line| !line.starts_with("///") && !line.starts_with("#[")).unwrap_or_default()
}
