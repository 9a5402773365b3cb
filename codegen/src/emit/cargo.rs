//! The manifests of generated crates and workspaces.

use std::path::Path;

use super::style::Style;
use crate::{
    options::{FalCore, Layout},
    rust::Crate,
};

/// The fields that only published crates need.
const PUBLISHING: &str = r#"documentation = "https://docs.rs/{name}"
include.workspace = true
keywords.workspace = true
categories.workspace = true

[package.metadata.docs.rs]
all-features = true
"#;

/// The section `[lib]`.
const LIBRARY: &str = "# The examples in the documentation are the only tests.\ntest = false\n";

/// The section `[features]`.
const FEATURES: &str = "# JSON Schemas of all types, so that a language model can call an endpoint as a tool.\n\
                        schemars = [\"dep:schemars\", \"fal-core/schemars\"]\n";

/// The edition and the oldest compiler of generated crates.
const LANGUAGE: &str = "edition = \"2024\"\nrust-version = \"1.90\"\n";

/// The lints of generated crates.
const LINTS: &str = "missing_docs = \"warn\"\nunsafe_code = \"forbid\"\n";

const SERDE: &str = "{ version = \"1\", default-features = false, features = [\"std\"] }";
const SERDE_JSON: &str = "\"1\"";
const SCHEMARS_VERSION: &str = "version = \"1.2\", default-features = false, features = [\"std\"]";

/// The parts of the `Cargo.toml` of a crate that differ by layout.
struct Parts {
    /// The rest of the table `package`.
    package: String,
    dependencies: String,
    /// The table of lints, with its name.
    lints: String,
}

/// Returns the `Cargo.toml` of a crate.
pub(super) fn manifest(style: Style, item: &Crate) -> String {
    let Parts { package, dependencies, lints } = match &style.options.layout {
        Layout::Workspace => inherited_parts(item),
        Layout::Standalone { fal_core } => complete_parts(item, fal_core),
    };
    format!(
        "# {header}\n\
         [package]\n\
         name = \"{name}\"\n\
         description = {description}\n\
         version = {version}\n\
         {package}\
         \n\
         [lib]\n\
         {LIBRARY}\
         \n\
         [features]\n\
         {FEATURES}\
         \n\
         [dependencies]\n\
         {dependencies}\
         \n\
         {lints}",
        header = style.header(item.source.as_deref()),
        name = item.name,
        description = quote(&describe(item)),
        version = quote(&item.version),
    )
}

/// Returns the parts of a crate that inherits nothing, so that it can be a member of any workspace, or a dependency
/// inside one.
fn complete_parts(item: &Crate, fal_core: &FalCore) -> Parts {
    let features = if item.has_patterns() { ", features = [\"pattern\"]" } else { "" };
    let fal_core = match fal_core {
        // Crates are two folders deeper than their workspace.
        FalCore::Path(path) if Path::new(path).is_relative() => {
            format!("{{ path = {}{features} }}", quote(&format!("../../{path}")))
        }
        FalCore::Path(path) => format!("{{ path = {}{features} }}", quote(path)),
        FalCore::Version(version) if features.is_empty() => quote(version),
        FalCore::Version(version) => format!("{{ version = {}{features} }}", quote(version)),
    };
    Parts {
        package: format!("{LANGUAGE}publish = false\n"),
        dependencies: format!(
            "fal-core = {fal_core}\n\
             schemars = {{ {SCHEMARS_VERSION}, optional = true }}\n\
             serde = {SERDE}\n\
             serde_json = {SERDE_JSON}\n"
        ),
        lints: format!("[lints.rust]\n{LINTS}"),
    }
}

/// Returns the parts of a crate that inherits from its workspace.
fn inherited_parts(item: &Crate) -> Parts {
    let publishing = PUBLISHING.replace("{name}", &item.name);
    let fal_core = match item.has_patterns() {
        true => "fal-core = { workspace = true, features = [\"pattern\"] }",
        false => "fal-core.workspace = true",
    };
    Parts {
        package: format!(
            "edition.workspace = true\n\
             rust-version.workspace = true\n\
             license.workspace = true\n\
             {publishing}"
        ),
        dependencies: format!(
            "{fal_core}\n\
             schemars = {{ workspace = true, optional = true }}\n\
             serde.workspace = true\n\
             serde_json.workspace = true\n"
        ),
        lints: "[lints]\nworkspace = true\n".to_owned(),
    }
}

/// Returns the description of a crate. The command finds the app of a crate in it.
fn describe(item: &Crate) -> String {
    format!("Typed bindings for {} on fal: {}.", item.app, item.title)
}

/// Returns a text of TOML in quotation marks.
fn quote(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

/// Returns the `Cargo.toml` of a workspace of generated crates.
pub(super) fn workspace(style: Style) -> String {
    format!(
        "# {header}\n\
         [workspace]\n\
         resolver = \"3\"\n\
         members = [\"crates/*\"]\n\
         exclude = [\"crates/rustfmt.toml\"]\n\
         \n\
\
         [profile.dev]\n\
         # Generated code is not edited, so it needs no state for incremental builds.\n\
         incremental = false\n",
        header = style.header(None),
    )
}
