//! A package with the example call of every crate, so that the calls in the READMEs are compiled and can be run, and with the
//! example input of every endpoint.

use proc_macro2::TokenStream;
use quote::quote;

use super::{
    docs, example, listing,
    page::{Page, Section},
    print,
    style::{Style, folder},
    tokens::ident,
};
use crate::{
    error::Error,
    rust::{Crate, Endpoint, Module},
    tree::Tree,
};

/// The folder of the package, below the folder of crates.
pub(crate) const FOLDER: &str = "examples";

/// The call that the pages of a crate show.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    krate: String,
    /// The name of the crate in Rust.
    ident: String,
    id: String,
    is_deprecated: bool,
    /// `true` if the output has files.
    has_files: bool,
    /// The line that brings the module in, unless it is the crate itself.
    import: Option<String>,
    /// The lines of the input.
    input: Vec<String>,
}

impl Call {
    /// Returns the call of the first endpoint with an example, rather one that is not deprecated. There is none if every endpoint requires a long value.
    pub(crate) fn find(item: &Crate) -> Option<Self> {
        let mut callable: Vec<_> = Self::callable(item).collect();
        callable.sort_by_key(|(_, endpoint)| endpoint.deprecated.is_some());
        callable.into_iter().find_map(|(module, endpoint)| Self::new(item, module, endpoint))
    }

    /// Returns the call of the endpoint with this id. There is none if it requires a long value.
    pub(crate) fn of_endpoint(item: &Crate, id: &str) -> Option<Self> {
        let (module, endpoint) = Self::callable(item).find(|(module, _)| module.id == id)?;
        Self::new(item, module, endpoint)
    }

    /// Returns the calls of all endpoints with an example, in the order of the pages of their crate.
    pub(crate) fn all(item: &Crate) -> Vec<Self> {
        Self::callable(item).filter_map(|(module, endpoint)| Self::new(item, module, endpoint)).collect()
    }

    fn callable(item: &Crate) -> impl Iterator<Item = (&Module, &Endpoint)> {
        listing::endpoints(item).filter(|(_, endpoint)| endpoint.session.is_none())
    }

    fn new(item: &Crate, module: &Module, endpoint: &Endpoint) -> Option<Self> {
        let (import, input) = example::input(item, module, endpoint)?;
        Some(Self {
            krate: item.name.clone(),
            ident: item.lib_name(),
            id: module.id.clone(),
            is_deprecated: endpoint.deprecated.is_some(),
            has_files: makes_files(endpoint),
            import,
            input,
        })
    }

    /// Returns the lines of the call.
    fn lines(&self) -> Vec<String> {
        let mut lines = self.input.clone();
        lines[0].insert_str(0, "let reply = client.subscribe(");
        if let Some(last) = lines.last_mut() {
            last.push_str(").await?;");
        }
        lines
    }

    /// Returns the code as a whole program, which saves the files of the output.
    pub(crate) fn program(&self) -> Vec<String> {
        let mut lines = vec!["use fal_client::{Client, input};".to_owned()];
        lines.extend(self.import.clone());
        lines.extend(
            [
                "",
                "#[tokio::main]",
                "async fn main() -> fal_client::Result<()> {",
                "    let client = Client::from_env()?; // FAL_KEY",
            ]
            .map(str::to_owned),
        );
        lines.extend(self.lines().iter().map(|line| format!("    {line}")));
        let rest: &[&str] = if self.has_files {
            &[
                "    for saved in reply.save_media(&client, \"out\").await? {",
                "        println!(\"{}\", saved.path.display());",
                "    }",
            ]
        } else {
            &["    println!(\"{reply:#?}\");"]
        };
        lines.extend(rest.iter().chain(&["    Ok(())", "}"]).map(|line| (*line).to_owned()));
        lines
    }

    /// Returns an item of the list of all inputs.
    fn item(&self) -> String {
        let mut text = format!("    // `{}`\n    || ", self.id);
        let mut lines = self.input.clone();
        lines[0].insert_str(0, "example(");
        if let Some(last) = lines.last_mut() {
            last.push(')');
        }
        let Some(import) = &self.import else { return text + &lines.join("\n    ") + ",\n" };
        text.push_str("{\n");
        for line in [import].into_iter().chain(&lines) {
            text.push_str(&format!("        {line}\n"));
        }
        text + "    },\n"
    }

    /// Returns the code inside a function that takes the client. It is printed as text, to look as on the pages.
    fn function(&self) -> String {
        let allow = if self.is_deprecated { "#[allow(deprecated)]\n" } else { "" };
        let mut text =
            format!("/// `{}`\n{allow}async fn {}(client: &Client) -> Result<Bytes> ", self.id, self.ident);
        text.push_str("{\n");
        let import = self.import.iter().cloned().chain([String::new()]).take(self.import.iter().count() * 2);
        for line in import.chain(self.lines()) {
            if !line.is_empty() {
                text.push_str("    ");
                text.push_str(&line);
            }
            text.push('\n');
        }
        text + "    Ok(reply.raw().clone())\n}\n"
    }
}

/// Returns true if the category of an endpoint says that it makes files.
fn makes_files(endpoint: &Endpoint) -> bool {
    let category = endpoint.category.as_deref().unwrap_or_default();
    ["image", "video", "audio", "speech", "3d", "training"].iter().any(|kind| category.ends_with(kind))
}

/// Adds the package to a tree.
///
/// # Errors
///
/// Only where the generator itself is wrong: when generated code does not parse.
pub(crate) fn emit(style: Style, calls: &[Call], inputs: &[Call], tree: &mut Tree) -> Result<(), Error> {
    let folder = format!("{}/{FOLDER}", folder(&style.options.layout));
    tree.insert(format!("{folder}/src/endpoints.rs"), endpoints(style, inputs));
    tree.insert(format!("{folder}/Cargo.toml"), manifest(style, calls));
    let page = Page {
        source: None,
        docs: vec!["The call that the README of every model crate shows.".to_owned()],
        sections: vec![
            Section::untitled([quote! {
                mod endpoints;
                use bytes::Bytes;
                use fal_client::{Client, Result, input};
                pub use endpoints::{ENDPOINTS, Example};
            }]),
            Section::untitled(items(calls)),
        ],
    };
    let head = page.file(style, TokenStream::new())?;
    let functions = calls.iter().map(Call::function);
    tree.insert(format!("{folder}/src/lib.rs"), print::join([head].into_iter().chain(functions)));
    Ok(())
}

/// Returns the file with the input of every endpoint, as text, to look as on the pages.
fn endpoints(style: Style, inputs: &[Call]) -> String {
    let items: String = inputs.iter().map(Call::item).collect();
    format!(
        "// {}\n{ENDPOINTS}\n/// The examples.\npub const ENDPOINTS: &[fn() -> Example] = &[\n{items}];\n",
        style.header(None)
    )
}

/// The start of the file with the inputs.
const ENDPOINTS: &str = r#"//! The input that the module of each endpoint shows, and the type that reads its output.
//!
//! No call is made here: one function over this list makes all of them, so that it is compiled once.

#![allow(deprecated)]

use fal_client::{Endpoint, IntoInput, input};

/// An input of an endpoint.
#[derive(Debug)]
pub struct Example {
    /// The id of the endpoint.
    pub id: &'static str,
    /// The input as JSON.
    pub input: serde_json::Result<serde_json::Value>,
    /// Reads an output of the endpoint, and says what is wrong with it.
    pub read_output: fn(&[u8]) -> serde_json::Result<()>,
}

fn example<I: IntoInput>(input: I) -> Example {
    Example {
        id: I::Endpoint::ID,
        input: serde_json::to_value(input.into_input()),
        read_output: |bytes| {
            serde_json::from_slice::<<I::Endpoint as Endpoint>::Output>(bytes).map(drop)
        },
    }
}
"#;

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
         fal-client = {{ workspace = true, default-features = true }}\n\
         serde_json.workspace = true\n\
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
