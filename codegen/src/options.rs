//! The options of a run.

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
    /// The name of the crate, for documents of one app. By default, it follows from the app.
    pub crate_name: Option<String>,
    /// The layout of the generated files.
    pub layout: Layout,
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
            crate_name: None,
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
