//! A module before it has a place: its docs, imports and items as data, and their text.

use std::mem;

use proc_macro2::TokenStream;

use super::{docs, print, style::Style};
use crate::{error::Error, options::Runtime};

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
    /// Creates a section without a comment above it.
    pub(super) fn untitled(items: impl IntoIterator<Item = TokenStream>) -> Self {
        Self { title: None, items: items.into_iter().collect() }
    }

    /// Creates a section that starts with a comment. Without items, it is empty.
    pub(super) fn titled(title: &'static str, items: impl IntoIterator<Item = TokenStream>) -> Self {
        Self { title: Some(title), ..Self::untitled(items) }
    }
}

impl Page {
    /// Prints a file, with the modules that it declares.
    pub(super) fn file(mut self, style: Style, declarations: TokenStream) -> Result<String, Error> {
        let head = style.first_line("//", self.source.as_deref()) + &docs::comments("//!", &self.docs);
        let declarations = print::items(self.file_name(), [declarations])?;
        let body = self.take_body()?;
        Ok(print::join([head, declarations, body]))
    }

    /// Takes the items and prints them.
    pub(super) fn take_body(&mut self) -> Result<String, Error> {
        self.take_body_for(Runtime::FalCore, false)
    }

    /// Takes the items and prints them with the paths of a runtime. The items of the root are also allowed to be unused.
    pub(super) fn take_body_for(&mut self, runtime: Runtime, is_root: bool) -> Result<String, Error> {
        // Taken, not cloned: syn would copy every token of a stream that somebody else holds too.
        let sections = mem::take(&mut self.sections);
        let sections = sections.into_iter().map(|section| {
            let items = section.items.into_iter().map(|tokens| runtime.rewrite(tokens));
            let items = print::items_with(self.file_name(), items, |item| {
                if is_root {
                    runtime.allow_unused(item);
                }
            })?;
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
