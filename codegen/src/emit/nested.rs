//! One self-contained text instead of crates: endpoints are modules inside it.
//!
//! It may stand in any module of any crate, be it a file or text that `include!` takes. So paths between
//! its modules are relative, and its root has no inner documentation, which `include!` would refuse.

use super::{
    Style,
    module::{self, Page, Place, header, indented, inner_docs},
};
use crate::{
    Error,
    rust::{Crate, Module},
};

/// The text for one crate or several. Several are one module each, named after them.
pub(crate) fn module_text(style: Style, crates: &[Crate], source: Option<&str>) -> Result<String, Error> {
    let header = header(style, source);
    if let [item] = crates {
        let named = Crate { name: "bindings".to_owned(), ..item.clone() };
        let Page { docs, body, .. } = module::root(Place::Text, &named)?;
        let docs: String =
            docs.iter().map(|line| format!("// {line}").trim_end().to_owned() + "\n").collect();
        return Ok(format!("{header}//\n{docs}\n{}{body}", modules(&named)?));
    }
    let mut text = header;
    for item in crates {
        let named = Crate { name: format!("bindings::{}", item.lib_name()), ..item.clone() };
        let mut page = module::root(Place::Text, &named)?;
        page.body = format!("\n{}{}", modules(&named)?, page.body);
        text.push('\n');
        text.push_str(&inline(&item.lib_name(), &page));
    }
    Ok(text)
}

/// The modules of a root.
fn modules(item: &Crate) -> Result<String, Error> {
    let mut text = String::new();
    for child in &item.root.children {
        text.push_str(&module(item, child)?);
        text.push('\n');
    }
    if !item.types.is_empty() {
        let mut page = module::types(item)?;
        page.body.insert(0, '\n');
        text.push_str(&inline("types", &page));
    }
    Ok(text)
}

fn module(item: &Crate, node: &Module) -> Result<String, Error> {
    let mut page = module::endpoint(Place::Text, item, node)?;
    for child in &node.children {
        page.body.push('\n');
        page.body.push_str(&module(item, child)?);
    }
    Ok(inline(node.path.last().map_or("", String::as_str), &page))
}

fn inline(name: &str, page: &Page) -> String {
    let inner = format!("{}{}", inner_docs(&page.docs), page.body);
    format!("pub mod {name} {{\n{}}}\n", indented(&inner))
}
