//! The options of a run.

use std::collections::BTreeMap;

use crate::type_names::TypeNames;

/// A document to read.
#[derive(Debug, Clone)]
pub struct Source {
    /// The name of the document in errors and in the first line of generated files.
    pub file: String,
    /// The text of the document.
    pub text: String,
}

/// The options of a [`Generator`](crate::Generator).
#[derive(Debug, Clone)]
pub struct Options {
    /// The command that the first line of every file names, such as `cargo xtask regen`.
    pub command: String,
    /// The `owner/name` of documents without one. These are the documents that apps publish themselves.
    pub app: Option<String>,
    /// The `owner/name` of single documents without one, by the name of their source. They go before `app`.
    pub apps: BTreeMap<String, String>,
    /// The name of the crate, for documents of one app. By default, it follows from the app.
    pub crate_name: Option<String>,
    /// The routes to leave out: ids of endpoints, such as `me/app/batch`, or paths of an app's document, such as `/batch`.
    pub skip: Vec<String>,
    /// The only routes to generate, written as in `skip`. All if empty.
    pub only: Vec<String>,
    /// OpenAPI overlays, which correct documents before anything is read from them, the name of their endpoint included.
    /// They are applied in this order, those for an endpoint after the others.
    ///
    /// An overlay whose `extends` is a relative path is for the source with that name, relative to the overlay's. If it
    /// is a URL with an `endpoint_id`, the overlay is for that endpoint. Otherwise it is for all sources.
    pub overlays: Vec<Source>,
    /// The names that the shared types of crates have already. Types keep them when endpoints are added or differ.
    pub type_names: TypeNames,
    /// The crate through which a module reaches `fal_core`, `serde` and `serde_json`.
    pub runtime: Runtime,
    /// The layout of the generated files.
    pub layout: Layout,
}

/// The crates that the text of [`Generator::module`](crate::Generator::module) depends on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Runtime {
    /// `fal-core`, `serde` and `serde_json`.
    #[default]
    FalCore,
    /// `fal-client` alone. Parts of the module that an app does not use give no warnings.
    FalClient,
}

impl Options {
    /// Returns the `owner/name` of a source, for a document without one.
    pub(crate) fn app_of(&self, file: &str) -> Option<&str> {
        self.apps.get(file).or(self.app.as_ref()).map(String::as_str)
    }

    /// Returns true if the options leave out the route with this id and path.
    pub(crate) fn leaves_out(&self, id: &str, path: &str) -> bool {
        let names = |routes: &[String]| routes.iter().any(|route| is_route(route, id, path));
        names(&self.skip) || !self.only.is_empty() && !names(&self.only)
    }
}

/// Returns true if `route` names the route with this id and path. A `/` at the end makes no difference.
pub(crate) fn is_route(route: &str, id: &str, path: &str) -> bool {
    let plain = |text: &'_ str| text.trim_end_matches('/').to_owned();
    plain(route) == plain(path) && route.starts_with('/') || plain(route) == plain(id)
}

/// The layout of generated crates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Layout {
    /// Crates in `crates/models` of a workspace that has everything else already.
    Workspace,
    /// Crates in `crates` of a workspace of their own, which is generated too.
    Standalone {
        /// The dependency on `fal-core`.
        fal_core: FalCore,
    },
}

/// The dependency of generated crates on `fal-core`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FalCore {
    /// A folder.
    Path(String),
    /// A published version.
    Version(String),
}

impl Default for Options {
    /// Returns the options for crates in a workspace of their own, with the version of `fal-core` that belongs to this
    /// library.
    fn default() -> Self {
        Self {
            command: "fal-codegen".to_owned(),
            app: None,
            apps: BTreeMap::new(),
            crate_name: None,
            skip: Vec::new(),
            only: Vec::new(),
            overlays: Vec::new(),
            type_names: TypeNames::default(),
            runtime: Runtime::default(),
            layout: Layout::Standalone { fal_core: FalCore::Version(env!("CARGO_PKG_VERSION").to_owned()) },
        }
    }
}

/// A step of a run, for a progress bar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// One source was read.
    Read,
    /// All sources were read. This many crates follow.
    Planned(usize),
    /// One crate was generated.
    Written,
}
