//! One self-contained text instead of crates: endpoints are modules inside it.
//!
//! It may stand in any module of any crate, be it a file or text that `include!` takes. So paths between
//! its modules are relative, and its root has no inner documentation, which `include!` would refuse.

use super::{docs, items, page::Page, place::Place, print, style::Style};
use crate::{
    error::Error,
    rust::{Crate, Module},
};

/// Prints one crate, or several as one module each, named after them.
pub(crate) fn print(style: Style, crates: &[Crate], source: Option<&str>) -> Result<String, Error> {
    let head = style.first_line("//", source);
    if let [item] = crates {
        let named = Crate { name: "bindings".to_owned(), ..item.clone() };
        let mut root = items::root(Place::Text, &named);
        let head = format!("{head}//\n{}", docs::comments("//", &root.docs));
        return Ok(print::join([head, modules(&named)?, root.take_body()?]));
    }
    let mut parts = vec![head];
    for item in crates {
        let named = Crate { name: format!("bindings::{}", item.lib_name()), ..item.clone() };
        let mut root = items::root(Place::Text, &named);
        let body = root.take_body()?;
        parts.push(inline(&item.lib_name(), &root, [modules(&named)?, body]));
    }
    Ok(print::join(parts))
}

/// Returns the modules of a root.
fn modules(item: &Crate) -> Result<String, Error> {
    let mut parts = Vec::new();
    for child in &item.root.children {
        parts.push(module(item, child)?);
    }
    if !item.types.is_empty() {
        let mut page = items::types(item);
        let body = page.take_body()?;
        parts.push(inline("types", &page, [body]));
    }
    Ok(print::join(parts))
}

fn module(item: &Crate, node: &Module) -> Result<String, Error> {
    let mut page = items::module(Place::Text, item, node);
    let mut parts = vec![page.take_body()?];
    for child in &node.children {
        parts.push(module(item, child)?);
    }
    Ok(inline(node.path.last().map_or("", String::as_str), &page, parts))
}

fn inline(name: &str, page: &Page, parts: impl IntoIterator<Item = String>) -> String {
    let docs = docs::comments("//!", &page.docs);
    print::module(name, &print::join([docs].into_iter().chain(parts)))
}
