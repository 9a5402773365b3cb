//! The paths by which the modules of a crate name one another, in files and in one text.

use proc_macro2::TokenStream;
use quote::{ToTokens, TokenStreamExt, format_ident, quote};

/// The place of the modules of a crate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// In files of a crate.
    Crate,
    /// In one text, which may stand in any module of any crate, so that paths in it are relative.
    Text,
}

impl Place {
    /// Returns the path of the module of shared types, relative to a module `depth` levels below the root.
    pub(super) fn types(self, depth: usize) -> ModulePath {
        let start = match self {
            Self::Crate => Start::Crate,
            Self::Text => Start::Ancestor(depth),
        };
        ModulePath { start, segments: &["types"] }
    }

    /// Returns the path of the module of shapes of shared types, relative to the same module.
    pub(super) fn shapes(self, depth: usize) -> ModulePath {
        ModulePath { segments: &["types", "shape"], ..self.types(depth) }
    }

    /// Returns the path that the root uses for itself.
    pub(super) fn root(self) -> &'static str {
        match self {
            Self::Crate => "crate",
            Self::Text => "self",
        }
    }

    /// Returns the fence of examples, which are compiled if the path of the crate is known.
    pub(super) fn fence(self) -> &'static str {
        match self {
            Self::Crate => "```",
            Self::Text => "```ignore",
        }
    }
}

/// The path of a module, as another module writes it.
#[derive(Debug, Clone, Copy)]
pub(super) struct ModulePath {
    start: Start,
    segments: &'static [&'static str],
}

#[derive(Debug, Clone, Copy)]
enum Start {
    /// The root of the crate.
    Crate,
    /// The module this many levels up.
    Ancestor(usize),
}

impl ModulePath {
    /// Returns the path of the module that is this many levels up.
    pub(super) fn ancestor(levels: usize) -> Self {
        Self { start: Start::Ancestor(levels), segments: &[] }
    }

    /// Returns the path of the same module, relative to a child of the module that uses it.
    pub(super) fn seen_from_child(self) -> Self {
        let start = match self.start {
            Start::Crate => Start::Crate,
            Start::Ancestor(levels) => Start::Ancestor(levels + 1),
        };
        Self { start, ..self }
    }
}

impl ToTokens for ModulePath {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        let segments = self.segments.iter().map(|segment| format_ident!("{segment}").into_token_stream());
        let start = match self.start {
            Start::Crate => vec![quote!(crate)],
            Start::Ancestor(0) => vec![quote!(self)],
            Start::Ancestor(levels) => vec![quote!(super); levels],
        };
        tokens.append_separated(start.into_iter().chain(segments), quote!(::));
    }
}
