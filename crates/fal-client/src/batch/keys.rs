//! The keys by which a journal knows inputs.

use std::{
    collections::{HashMap, HashSet},
    fmt,
    sync::Arc,
};

use super::{fingerprint::fingerprint, item_key::ItemKey, journal::KeyKind};
use crate::{Error, ErrorKind, Result};

/// Makes the keys of inputs, one after the other.
pub(super) struct KeySource {
    kind: KeyKind,
    seen: HashSet<ItemKey>,
    /// The number of inputs with each content.
    copies: HashMap<ItemKey, u32>,
}

/// The key of an input in the journal.
pub(super) struct InputKey {
    pub(super) text: Arc<str>,
    pub(super) item: ItemKey,
    pub(super) fingerprint: String,
}

impl KeySource {
    pub(super) fn new(kind: KeyKind) -> Self {
        Self { kind, seen: HashSet::new(), copies: HashMap::new() }
    }

    /// Returns the key of the next input, which has this key of the caller and this JSON.
    ///
    /// # Errors
    ///
    /// `Config` for a key that another input has.
    pub(super) fn key(&mut self, key: &dyn fmt::Display, endpoint: &str, json: &[u8]) -> Result<InputKey> {
        let fingerprint = fingerprint(endpoint, json);
        let text: Arc<str> = match self.kind {
            KeyKind::Index | KeyKind::Key => key.to_string().into(),
            KeyKind::Content => {
                let copies = self.copies.entry(ItemKey::new(&fingerprint)).or_default();
                *copies += 1;
                match *copies {
                    1 => fingerprint.as_str().into(),
                    nth => format!("{fingerprint}#{nth}").into(),
                }
            }
        };
        let item = ItemKey::new(&text);
        if self.kind == KeyKind::Key && !self.seen.insert(item) {
            let message =
                format!("the key `{}` belongs to another input of this batch, too", text.escape_debug());
            return Err(Error::new(ErrorKind::Config, message));
        }
        Ok(InputKey { text, item, fingerprint })
    }
}
