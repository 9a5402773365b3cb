//! A package with the example call of every crate, so that the calls in the READMEs are compiled and can be run.

use proc_macro2::TokenStream;
use quote::quote;

use super::{
    docs, example,
    page::{Page, Section},
    print,
    style::{Style, folder},
    tokens::ident,
};
use crate::{
    error::Error,
    rust::{Crate, Module},
    tree::Tree,
};

/// The folder of the package, below the folder of crates.
pub(crate) const FOLDER: &str = "examples";

/// The call that the README of a crate shows.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    krate: String,
    /// The name of the crate in Rust.
    ident: String,
    id: String,
    is_deprecated: bool,
    lines: Vec<String>,
}

impl Call {
    /// Returns the call of the first endpoint with an example, rather one that is not deprecated. There is none if every endpoint requires a long value.
    pub(crate) fn find(item: &Crate) -> Option<Self> {
        let mut modules = Vec::new();
        collect_endpoints(&item.root, &mut modules);
        let is_deprecated =
            |module: &Module| module.endpoint.as_ref().is_some_and(|endpoint| endpoint.deprecated);
        modules.sort_by_key(|module| is_deprecated(module));
        modules.into_iter().find_map(|module| {
            let lines = example::call(item, module, module.endpoint.as_ref()?)?;
            Some(Self {
                krate: item.name.clone(),
                ident: item.lib_name(),
                id: module.id.clone(),
                is_deprecated: is_deprecated(module),
                lines,
            })
        })
    }

    /// Returns the code, as an app would write it.
    pub(super) fn page(&self) -> String {
        self.lines.join("\n")
    }

    /// Returns the code inside a function that takes the client. It is printed as text, to look as in the README.
    fn function(&self) -> String {
        let allow = if self.is_deprecated { "#[allow(deprecated)]\n" } else { "" };
        let mut text =
            format!("/// `{}`\n{allow}async fn {}(client: &Client) -> Result<Bytes> ", self.id, self.ident);
        text.push_str("{\n");
        let is_own = |line: &&String| !line.starts_with("let client") && !line.starts_with("use fal_client");
        for line in self.lines.iter().filter(is_own).skip_while(|line| line.is_empty()) {
            if !line.is_empty() {
                text.push_str("    ");
                text.push_str(line);
            }
            text.push('\n');
        }
        text + "    Ok(reply.raw().clone())\n}\n"
    }
}

/// Collects the modules that are endpoints, parents first.
pub(super) fn collect_endpoints<'a>(module: &'a Module, found: &mut Vec<&'a Module>) {
    if module.endpoint.is_some() {
        found.push(module);
    }
    module.children.iter().for_each(|child| collect_endpoints(child, found));
}

/// Adds the package to a tree.
///
/// # Errors
///
/// Only where the generator itself is wrong: when generated code does not parse.
pub(crate) fn emit(style: Style, calls: &[Call], tree: &mut Tree) -> Result<(), Error> {
    let folder = format!("{}/{FOLDER}", folder(&style.options.layout));
    tree.insert(format!("{folder}/Cargo.toml"), manifest(style, calls));
    let page = Page {
        source: None,
        docs: vec!["The call that the README of every model crate shows.".to_owned()],
        sections: vec![
            Section::untitled([quote! {
                use bytes::Bytes;
                use fal_client::{Client, Result, input};
            }]),
            Section::untitled(items(calls)),
        ],
    };
    let head = page.file(style, TokenStream::new())?;
    let functions = calls.iter().map(Call::function);
    tree.insert(format!("{folder}/src/lib.rs"), print::join([head].into_iter().chain(functions)));
    Ok(())
}

fn manifest(style: Style, calls: &[Call]) -> String {
    let dependencies = calls.iter().map(|call| format!("{0} = {{ path = \"../{0}\" }}\n", call.krate));
    let dependencies: String = dependencies.collect();
    format!(
        "# {}\n\
         [package]\n\
         name = \"fal-model-examples\"\n\
         description = \"The call that the README of every model crate shows.\"\n\
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
    )
}

fn items(calls: &[Call]) -> Vec<TokenStream> {
    let names: Vec<&str> = calls.iter().map(|call| call.krate.as_str()).collect();
    let functions = calls.iter().map(|call| ident(&call.ident));
    let crates = docs::line("The crates, by name.");
    let call = docs::attributes(
        &[
            "Makes the call of a crate and returns the body of the reply, or `None` for a crate without an example.",
            "# Errors",
            "Fails as `Client::subscribe` does.",
        ]
        .map(str::to_owned),
    );
    vec![
        quote! {
            #crates
            pub const CRATES: &[&str] = &[#(#names),*];
        },
        quote! {
            #call
            pub async fn call(name: &str, client: &Client) -> Option<Result<Bytes>> {
                Some(match name {
                    #(#names => #functions(client).await,)*
                    _ => return None,
                })
            }
        },
    ]
}
