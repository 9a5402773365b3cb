//! Stage 5, write: crates to files. The same crates always give the same files.
//!
//! Items are written as tokens that look like what they become, and printed one by one: syn checks them and
//! prettyplease lays them out. Text is what stands around items: the first line, the docs of a module, comments
//! above sections, empty lines.

mod builder;
mod cargo;
mod checks;
mod defaults;
pub(crate) mod docs;
mod example;
pub(crate) mod examples;
mod file_limits;
mod imports;
mod index;
mod items;
mod json_schema;
pub(crate) mod listing;
mod literals;
pub(crate) mod module_text;
mod page;
mod place;
mod print;
mod readme;
mod requirements;
mod runtime;
mod serde_impls;
mod structs;
pub(crate) mod style;
mod tokens;
mod tuples;
mod types;

use quote::quote;

use place::Place;
use style::{Style, folder};

use crate::{
    error::Error,
    options::Layout,
    rust::{Crate, Module},
    tree::Tree,
};

/// Adds the files that all generated crates have in common.
pub(crate) fn emit_common(style: Style, tree: &mut Tree) {
    let layout = &style.options.layout;
    let skip = format!(
        "{}\
         # The generator lays the code out, and rustfmt would change it.\n\
         disable_all_formatting = true\n",
        style.first_line("#", None),
    );
    tree.insert(format!("{}/rustfmt.toml", folder(layout)), skip);
    if let Layout::Standalone { .. } = layout {
        tree.insert("Cargo.toml", cargo::workspace(style));
    }
}

/// Adds the files of a crate to a tree of its own.
///
/// # Errors
///
/// Only where the generator itself is wrong: when two modules would be one file or outside of the crate's folder, or
/// when generated code does not parse.
pub(crate) fn emit_crate(style: Style, item: &Crate, tree: &mut Tree) -> Result<(), Error> {
    let folder = format!("{}/{}", folder(&style.options.layout), item.name);
    // Other workspaces do not publish their crates.
    if style.options.layout == Layout::Workspace {
        tree.insert(format!("{folder}/README.md"), readme::file(style, item));
    }
    let types = (!item.types.is_empty()).then_some("types");
    let declarations = items::declarations(&item.root, types);
    let declarations = quote! {
        #[cfg(feature = "schemars")]
        mod json_schema;
        #declarations
    };
    let root = items::root(Place::Crate, item).file(style, declarations)?;
    add(tree, format!("{folder}/src/lib.rs"), root)?;
    tree.insert(format!("{folder}/src/json_schema.rs"), json_schema::file(style, item)?);
    if types.is_some() {
        let types = items::types(item).file(style, quote!())?;
        add(tree, format!("{folder}/src/types.rs"), types)?;
    }
    item.root.children.iter().try_for_each(|child| emit_module(style, item, child, &folder, tree))?;
    tree.insert(format!("{folder}/Cargo.toml"), cargo::manifest(style, item));
    Ok(())
}

/// Adds a file that must not be there yet, and lie below the folder of the tree.
fn add(tree: &mut Tree, path: String, text: String) -> Result<(), Error> {
    let inside = path.split('/').all(|part| !matches!(part, "" | "." | "..") && !part.contains(['\\', ':']));
    if !inside {
        return Err(Error::new(path, "a generated file would lie outside its folder")
            .with_help("this is a mistake of the generator; report it with the document"));
    }
    if tree.get(&path).is_some() {
        return Err(Error::new(path, "two modules would be the same file").with_help(
            "leave one of the endpoints out; this is a mistake of the generator, so report it too",
        ));
    }
    tree.insert(path, text);
    Ok(())
}

fn emit_module(
    style: Style,
    item: &Crate,
    node: &Module,
    folder: &str,
    tree: &mut Tree,
) -> Result<(), Error> {
    let path = format!("{folder}/src/{}.rs", node.path.join("/"));
    let declarations = items::declarations(node, None);
    add(tree, path, items::module(Place::Crate, item, node).file(style, declarations)?)?;
    node.children.iter().try_for_each(|child| emit_module(style, item, child, folder, tree))
}
