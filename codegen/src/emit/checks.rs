//! What is checked at run time, and which files there are.

use super::{layout, structs::allow_deprecated};
use crate::rust::{Presence, Rule, Struct, Union, VariantKind};

/// The impl that finds the files and broken rules of a struct.
pub(super) fn of_struct(item: &Struct) -> String {
    let files = item.fields.iter().filter(|field| field.files);
    let files: String =
        files.map(|field| format!("        self.{}.visit_files(visit);\n", field.ident)).collect();
    let checks = item.fields.iter().filter(|field| field.rule != Rule::Free).map(|field| {
        let name = &field.ident;
        let check = format!("check.at({:?})", field.wire);
        let given = |pattern: &str| {
            let body = body(12, &field.rule, &check, "value");
            format!("        if let {pattern} = &self.{name} {{\n{body}        }}\n")
        };
        match field.presence {
            Presence::Required => body(8, &field.rule, &check, &format!("&self.{name}")),
            Presence::Optional => given("Some(value)"),
            Presence::TriState => given("Some(Nullable::Value(value))"),
        }
    });
    allow_deprecated(item).to_owned() + &parameters(&item.ident, &files, &checks.collect::<String>())
}

/// The impl that finds the files and broken rules of a union.
pub(super) fn of_union(item: &Union) -> String {
    let mut files = Vec::new();
    let mut checks = Vec::new();
    for variant in &item.variants {
        let VariantKind::Value { rule, files: has_files, .. } = &variant.kind else { continue };
        let name = &variant.ident;
        if *has_files {
            files.push(format!("            Self::{name}(value) => value.visit_files(visit),\n"));
        }
        if *rule != Rule::Free {
            let body = body(16, rule, "check", "value");
            checks.push(format!("            Self::{name}(value) => {{\n{body}            }}\n"));
        }
    }
    let matched = |arms: Vec<String>| {
        if arms.is_empty() {
            return String::new();
        }
        let rest = if arms.len() < item.variants.len() { "            _ => {}\n" } else { "" };
        format!("        match self {{\n{}{rest}        }}\n", arms.concat())
    };
    parameters(&item.ident, &matched(files), &matched(checks))
}

/// The impl, of the methods that have something to do.
fn parameters(name: &str, visit_files: &str, check: &str) -> String {
    let method = |signature: &str, body: &str| {
        let method = format!("    fn {signature} {{\n{body}    }}\n");
        if body.is_empty() { String::new() } else { method }
    };
    let members = layout::items([
        method("visit_files(&mut self, visit: &mut dyn FnMut(&mut File))", visit_files),
        method("check(&self, check: &mut Check)", check),
    ]);
    if members.is_empty() {
        return format!("impl Parameters for {name} {{}}\n");
    }
    format!("impl Parameters for {name} {{\n{members}}}\n")
}

/// The statements that check `value`, a reference. `check` is the check of the place it stands at.
fn body(indent: usize, rule: &Rule, check: &str, value: &str) -> String {
    let call = |function: &str, arguments: &[&str]| {
        layout::line(indent, &[(&format!("{function}("), arguments)], ");")
    };
    match rule {
        Rule::Free => String::new(),
        Rule::Text { length, pattern } => {
            let length =
                length.as_ref().map(|marker| call(&format!("{check}.text::<bounds::{marker}>"), &[value]));
            let pattern = pattern.as_ref().map(|(pattern, message)| {
                let (pattern, message) = (format!("{pattern:?}"), format!("{message:?}"));
                call("fal_core::check_pattern", &[&exclusive(check), value, &pattern, &message])
            });
            [length, pattern].into_iter().flatten().collect()
        }
        Rule::File(marker) => call(&format!("{check}.file::<bounds::{marker}>"), &[value]),
        Rule::List { length, unique, items } => {
            let length =
                length.as_ref().map(|marker| call(&format!("{check}.list::<bounds::{marker}, _>"), &[value]));
            let unique = unique
                .as_ref()
                .map(|message| call(&format!("{check}.unique"), &[value, &format!("{message:?}")]));
            let numbered = format!("{}.iter().enumerate()", place(value));
            let items = (**items != Rule::Free).then(|| each(indent, items, check, &numbered));
            [length, unique, items].into_iter().flatten().collect()
        }
        Rule::Map(values) => each(indent, values, check, value),
        Rule::Null(inner) => {
            let body = body(indent + 4, inner, check, "value");
            format!("{0:indent$}if let Some(value) = {value} {{\n{body}{0:indent$}}}\n", "")
        }
        Rule::Own => call(&format!("{}.check", place(value)), &[&exclusive(check)]),
    }
}

/// The check of each of several items.
fn each(indent: usize, rule: &Rule, check: &str, items: &str) -> String {
    let body = body(indent + 4, rule, "check", "item");
    format!("{0:indent$}{check}.each({items}, |check, item| {{\n{body}{0:indent$}}});\n", "")
}

/// The check of a place as an exclusive reference.
fn exclusive(check: &str) -> String {
    // A parameter of this name is one already.
    if check == "check" { check.to_owned() } else { format!("&mut {check}") }
}

/// The place behind a reference, to call a method on.
fn place(value: &str) -> &str {
    value.strip_prefix('&').unwrap_or(value)
}
