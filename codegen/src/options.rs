//! What to generate, and in which form.

/// A document to read.
#[derive(Debug, Clone)]
pub struct Source {
    /// How messages and the first line of generated files name it.
    pub file: String,
    /// Its text.
    pub text: String,
}

/// What to generate, and in which form.
#[derive(Debug, Clone)]
pub struct Options {
    /// The command that the first line of every file names, such as `cargo xtask regen`.
    pub command: String,
    /// The `owner/name` of documents that do not say whose they are: those that apps themselves publish.
    pub app: Option<String>,
    /// The name of the crate, where all documents belong to one app.
    pub crate_name: Option<String>,
    /// Where the crates live.
    pub layout: Layout,
}

/// Where generated crates live.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Layout {
    /// In `crates/models` of a workspace that has everything else already.
    Workspace,
    /// In `crates` of a workspace of their own, which is generated too.
    Standalone {
        /// What they depend on.
        fal_core: FalCore,
    },
}

/// How generated crates depend on `fal-core`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FalCore {
    /// By its folder.
    Path(String),
    /// By its published version.
    Version(String),
}

impl Default for Options {
    /// Crates in a workspace of their own, on the version of `fal-core` that this library belongs to.
    fn default() -> Self {
        Self {
            command: "fal-codegen".to_owned(),
            app: None,
            crate_name: None,
            layout: Layout::Standalone { fal_core: FalCore::Version(env!("CARGO_PKG_VERSION").to_owned()) },
        }
    }
}

/// A step of a run, for those who show how far it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// One source was read.
    Read,
    /// All were read; this many crates follow.
    Planned(usize),
    /// One crate was generated.
    Written,
}
