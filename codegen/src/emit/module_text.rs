//! One self-contained text instead of crates: endpoints are modules inside it.
//!
//! It may stand in any module of any crate, be it a file or text that `include!` takes. So paths between
//! its modules are relative, and its root has no inner documentation, which `include!` would refuse.

use super::{docs, items, page::Page, place::Place, print, style::Style};
use crate::{
    error::Error,
    options::Runtime,
    rust::{Crate, Module},
};

/// Prints one crate, or several as one module each, named after them.
pub(crate) fn print(style: Style, crates: &[Crate], source: Option<&str>) -> Result<String, Error> {
    let runtime = style.options.runtime;
    let head = format!(
        "{}//\n// Depends on {}.\n",
        style.first_line("//", source),
        describe_dependencies(runtime, crates)
    );
    if let [item] = crates {
        let named = Crate { name: "bindings".to_owned(), ..item.clone() };
        let mut root = items::root(Place::Text, &named);
        let head = format!("{head}//\n{}", docs::comments("//", &docs_for(runtime, &root)));
        let body = root.take_body_for(runtime, true)?;
        return Ok(print::join([head, modules(runtime, &named, true)?, body]));
    }
    let mut parts = vec![head];
    for item in crates {
        let named = Crate { name: format!("bindings::{}", item.lib_name()), ..item.clone() };
        let mut root = items::root(Place::Text, &named);
        let body = root.take_body_for(runtime, false)?;
        parts.push(inline(runtime, &item.lib_name(), &root, [modules(runtime, &named, false)?, body], true));
    }
    Ok(print::join(parts))
}

/// Returns the crates that the module depends on, with their features.
pub(crate) fn describe_dependencies(runtime: Runtime, crates: &[Crate]) -> String {
    let has_patterns = crates.iter().any(Crate::has_patterns);
    let text = match (runtime, has_patterns) {
        (Runtime::FalClient, false) => "`fal-client`",
        (Runtime::FalClient, true) => "`fal-client` with the feature `pattern`",
        (Runtime::FalCore, false) => "`fal-core`, `serde` and `serde_json`",
        (Runtime::FalCore, true) => "`fal-core` with the feature `pattern`, `serde` and `serde_json`",
    };
    text.to_owned()
}

/// Returns the docs of a module, whose examples use the runtime.
fn docs_for(runtime: Runtime, page: &Page) -> Vec<String> {
    let line = |line: &String| match (runtime, line.as_str()) {
        (Runtime::FalClient, "use fal_core::input;") => "use fal_client::input;".to_owned(),
        _ => line.clone(),
    };
    page.docs.iter().map(line).collect()
}

/// Returns the modules of a root.
fn modules(runtime: Runtime, item: &Crate, is_root: bool) -> Result<String, Error> {
    let mut parts = Vec::new();
    for child in &item.root.children {
        parts.push(module(runtime, item, child, is_root)?);
    }
    if !item.types.is_empty() {
        let mut page = items::types(item);
        let body = page.take_body_for(runtime, false)?;
        parts.push(inline(runtime, "types", &page, [body], is_root));
    }
    Ok(print::join(parts))
}

fn module(runtime: Runtime, item: &Crate, node: &Module, is_root: bool) -> Result<String, Error> {
    let mut page = items::module(Place::Text, item, node);
    let mut parts = vec![page.take_body_for(runtime, false)?];
    for child in &node.children {
        parts.push(module(runtime, item, child, false)?);
    }
    Ok(inline(runtime, node.path.last().map_or("", String::as_str), &page, parts, is_root))
}

fn inline(
    runtime: Runtime,
    name: &str,
    page: &Page,
    parts: impl IntoIterator<Item = String>,
    is_root: bool,
) -> String {
    let docs = docs::comments("//!", &docs_for(runtime, page));
    let module = print::module(name, &print::join([docs].into_iter().chain(parts)));
    if is_root && runtime == Runtime::FalClient {
        // An app may not use every endpoint, and the module may be private.
        return format!("#[allow(dead_code, unused_imports)]\n{module}");
    }
    module
}
