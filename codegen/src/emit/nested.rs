//! One self-contained text instead of crates: endpoints are modules inside it.
//!
//! It may stand in any module of any crate, be it a file or text that `include!` takes. So paths between
//! its modules are relative, and its root has no inner documentation, which `include!` would refuse.

use super::{
    Style, docs, layout,
    module::{self, Page, Place, header, indented, inner_docs},
};
use crate::rust::{Crate, Module};

/// The text for one crate or several. Several are one module each, named after them.
pub(crate) fn module_text(style: Style, crates: &[Crate], source: Option<&str>) -> String {
    let header = header(style, source);
    if let [item] = crates {
        let named = Crate { name: "bindings".to_owned(), ..item.clone() };
        let Page { docs, body, .. } = module::root(Place::Text, &named);
        let docs = docs::commented(0, "//", &docs);
        return format!("{header}//\n{docs}\n{}", layout::items([modules(&named), body]));
    }
    let mut text = header;
    for item in crates {
        let named = Crate { name: format!("bindings::{}", item.lib_name()), ..item.clone() };
        let mut page = module::root(Place::Text, &named);
        page.body = layout::items([modules(&named), page.body]);
        text.push('\n');
        text.push_str(&inline(&item.lib_name(), &page));
    }
    text
}

/// The modules of a root.
fn modules(item: &Crate) -> String {
    let mut parts = Vec::new();
    for child in &item.root.children {
        parts.push(module(item, child));
    }
    if !item.types.is_empty() {
        parts.push(inline("types", &module::types(item)));
    }
    layout::items(parts)
}

fn module(item: &Crate, node: &Module) -> String {
    let mut page = module::endpoint(Place::Text, item, node);
    let mut parts = vec![std::mem::take(&mut page.body)];
    for child in &node.children {
        parts.push(module(item, child));
    }
    page.body = layout::items(parts);
    inline(node.path.last().map_or("", String::as_str), &page)
}

fn inline(name: &str, page: &Page) -> String {
    let inner = layout::items([inner_docs(&page.docs), page.body.clone()]);
    format!("pub mod {name} {{\n{}}}\n", indented(&inner))
}
