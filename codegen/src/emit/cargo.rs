//! The manifests of generated crates and workspaces.

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

/// Returns the `Cargo.toml` of a crate, which inherits from its workspace.
pub(super) fn manifest(style: Style, item: &Crate) -> String {
    let description = format!("Typed bindings for {} on fal: {}.", item.app, item.title);
    let description = toml::Value::String(description);
    // The crates of a catalogue change each on its own, and depend on `fal-core` only.
    let version = match style.options.layout {
        Layout::Workspace => format!("version = {}", toml::Value::String(item.version.clone())),
        Layout::Standalone { .. } => "version.workspace = true".to_owned(),
    };
    let publishing = match style.options.layout {
        Layout::Workspace => PUBLISHING.replace("{name}", &item.name),
        Layout::Standalone { .. } => String::new(),
    };
    let fal_core = match item.has_patterns() {
        true => "fal-core = { workspace = true, features = [\"pattern\"] }",
        false => "fal-core.workspace = true",
    };
    format!(
        "# {header}\n\
         [package]\n\
         name = \"{name}\"\n\
         description = {description}\n\
         {version}\n\
         edition.workspace = true\n\
         rust-version.workspace = true\n\
         license.workspace = true\n\
         {publishing}\
         \n\
         [lib]\n\
         # The examples in the documentation are the only tests.\n\
         test = false\n\
         \n\
         [features]\n\
         # JSON Schemas of all types, so that a language model can call an endpoint as a tool.\n\
         schemars = [\"dep:schemars\", \"fal-core/schemars\"]\n\
         \n\
         [dependencies]\n\
         {fal_core}\n\
         schemars = {{ workspace = true, optional = true }}\n\
         serde.workspace = true\n\
         serde_json.workspace = true\n\
         \n\
         [lints]\n\
         workspace = true\n",
        header = style.header(item.source.as_deref()),
        name = item.name,
    )
}

/// Returns the `Cargo.toml` of a workspace of generated crates.
pub(super) fn workspace(style: Style, fal_core: &FalCore) -> String {
    let fal_core = match fal_core {
        FalCore::Path(path) => format!("{{ path = {} }}", toml::Value::String(path.clone())),
        FalCore::Version(version) => toml::Value::String(version.clone()).to_string(),
    };
    format!(
        "# {header}\n\
         [workspace]\n\
         resolver = \"3\"\n\
         members = [\"crates/*\"]\n\
         exclude = [\"crates/rustfmt.toml\"]\n\
         \n\
         [workspace.package]\n\
         version = \"0.1.0\"\n\
         edition = \"2024\"\n\
         rust-version = \"1.90\"\n\
         license = \"MIT OR Apache-2.0\"\n\
         \n\
         [workspace.dependencies]\n\
         fal-core = {fal_core}\n\
         serde = {{ version = \"1\", default-features = false, features = [\"std\"] }}\n\
         serde_json = \"1\"\n\
         schemars = {{ version = \"1.2\", default-features = false, features = [\"std\"] }}\n\
         \n\
         [workspace.lints.rust]\n\
         missing_docs = \"warn\"\n\
         unsafe_code = \"forbid\"\n\
         \n\
         [profile.dev]\n\
         # Generated code is not edited, so it needs no state for incremental builds.\n\
         incremental = false\n",
        header = style.header(None),
    )
}
