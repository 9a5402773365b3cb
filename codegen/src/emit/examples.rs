//! One package with a call of every crate, so that what the pages of the crates show is compiled, and can be run.

use super::{Style, example, folder};
use crate::{
    rust::{Crate, Module},
    tree::Tree,
};

/// Where the package is put, below the folder of crates.
pub(crate) const FOLDER: &str = "examples";

/// The call that the page of a crate shows.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    krate: String,
    /// Its name in Rust.
    ident: String,
    id: String,
    lines: Vec<String>,
}

impl Call {
    /// The first endpoint with an example. A crate whose endpoints all need values that are not short has none.
    pub(crate) fn of(item: &Crate) -> Option<Self> {
        let mut modules = Vec::new();
        endpoints(&item.root, &mut modules);
        modules.into_iter().find_map(|module| {
            let lines = example::call(item, module, module.endpoint.as_ref()?)?;
            Some(Self { krate: item.name.clone(), ident: item.lib_name(), id: module.id.clone(), lines })
        })
    }

    /// All of it, as an app would write it.
    pub(super) fn page(&self) -> String {
        self.lines.join("\n")
    }

    /// The same inside a function that is given the client.
    fn function(&self) -> String {
        let own = |line: &&String| !line.starts_with("let client") && !line.starts_with("use fal_client");
        let lines = self.lines.iter().filter(own).skip_while(|line| line.is_empty());
        let body: String = lines
            .map(|line| if line.is_empty() { "\n".to_owned() } else { format!("    {line}\n") })
            .collect();
        format!(
            "/// `{}`\nasync fn {}(client: &Client) -> Result<Bytes> {{\n{body}    Ok(reply.raw().clone())\n}}\n",
            self.id, self.ident,
        )
    }
}

/// The modules that are endpoints, parents first.
pub(super) fn endpoints<'a>(module: &'a Module, found: &mut Vec<&'a Module>) {
    if module.endpoint.is_some() {
        found.push(module);
    }
    module.children.iter().for_each(|child| endpoints(child, found));
}

/// Adds the package to a tree.
pub(crate) fn emit(style: Style, calls: &[Call], tree: &mut Tree) {
    let folder = format!("{}/{FOLDER}", folder(&style.options.layout));
    let dependencies: String =
        calls.iter().map(|call| format!("{0} = {{ path = \"../{0}\" }}\n", call.krate)).collect();
    tree.insert(
        format!("{folder}/Cargo.toml"),
        format!(
            "# {}\n\
             [package]\n\
             name = \"fal-model-examples\"\n\
             description = \"The call that the page of every model crate shows.\"\n\
             version.workspace = true\n\
             edition.workspace = true\n\
             rust-version.workspace = true\n\
             license.workspace = true\n\
             publish = false\n\
             \n\
             [lib]\n\
             test = false\n\
             doctest = false\n\
             \n\
             [dependencies]\n\
             bytes.workspace = true\n\
             fal-client.workspace = true\n\
             {dependencies}\
             \n\
             [lints]\n\
             workspace = true\n",
            style.header(None)
        ),
    );
    let names: String = calls.iter().map(|call| format!("    \"{}\",\n", call.krate)).collect();
    let arms: String = calls
        .iter()
        .map(|call| format!("        \"{}\" => {}(client).await,\n", call.krate, call.ident))
        .collect();
    let functions: Vec<String> = calls.iter().map(Call::function).collect();
    tree.insert(
        format!("{folder}/src/lib.rs"),
        format!(
            "// {}\n\
             //! The call that the page of every model crate shows.\n\
             \n\
             use bytes::Bytes;\n\
             use fal_client::{{Client, Result, input}};\n\
             \n\
             /// The crates, by name.\n\
             pub const CRATES: &[&str] = &[\n{names}];\n\
             \n\
             /// Makes the call of a crate. Gives the answer as it came, which its types have read, or `None` for a crate that\n\
             /// there is not.\n\
             ///\n\
             /// # Errors\n\
             ///\n\
             /// As of `subscribe`.\n\
             pub async fn call(name: &str, client: &Client) -> Option<Result<Bytes>> {{\n    \
                 Some(match name {{\n{arms}        _ => return None,\n    }})\n}}\n\
             \n\
             {}",
            style.header(None),
            functions.join("\n"),
        ),
    );
}
