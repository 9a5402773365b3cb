//! A module before it has a place: its docs, imports and items as data, and their text.

use proc_macro2::TokenStream;

use super::{docs, print, style::Style};
use crate::error::Error;

/// A module, to be a file of its own or a part of another one.
#[derive(Default)]
pub(super) struct Page {
    /// The document that it comes from.
    pub(super) source: Option<String>,
    /// The lines of its documentation.
    pub(super) docs: Vec<String>,
    /// Its items, in the order people read them.
    pub(super) sections: Vec<Section>,
}

/// Items that belong together.
pub(super) struct Section {
    /// The comment above them.
    title: Option<&'static str>,
    items: Vec<TokenStream>,
}

impl Section {
    /// A section without a comment above it.
    pub(super) fn untitled(items: impl IntoIterator<Item = TokenStream>) -> Self {
        Self { title: None, items: items.into_iter().collect() }
    }

    /// A section that starts with a comment. Without items it is nothing.
    pub(super) fn titled(title: &'static str, items: impl IntoIterator<Item = TokenStream>) -> Self {
        Self { title: Some(title), ..Self::untitled(items) }
    }
}

impl Page {
    /// Prints a file, with the modules that it declares.
    pub(super) fn file(self, style: Style, declarations: TokenStream) -> Result<String, Error> {
        let head = style.first_line("//", self.source.as_deref()) + &docs::comments("//!", &self.docs);
        let declarations = print::items(self.file_name(), [declarations])?;
        let body = self.body()?;
        Ok(print::join([head, declarations, body]))
    }

    /// Prints the items.
    pub(super) fn body(&self) -> Result<String, Error> {
        let sections = self.sections.iter().map(|section| {
            let items = print::items(self.file_name(), section.items.iter().cloned())?;
            Ok(match section.title {
                Some(title) if !items.is_empty() => format!("// {title}\n\n{items}"),
                _ => items,
            })
        });
        Ok(print::join(sections.collect::<Result<Vec<_>, Error>>()?))
    }

    fn file_name(&self) -> &str {
        self.source.as_deref().unwrap_or("the generated code")
    }
}
