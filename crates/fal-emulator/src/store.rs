//! The files of the emulated CDN, in memory.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

pub(crate) struct File {
    pub(crate) content_type: String,
    pub(crate) bytes: Bytes,
}

#[derive(Default)]
pub(crate) struct Store {
    files: Mutex<HashMap<String, Slot>>,
}

enum Slot {
    /// An upload was announced, of this content type.
    Announced(String),
    Held(Arc<File>),
}

impl Store {
    /// Keeps a file under a new path, which is returned: `b/<id>/<name>`.
    pub(crate) fn add(&self, name: &str, file: File) -> String {
        let path = new_path(name);
        self.lock().insert(path.clone(), Slot::Held(Arc::new(file)));
        path
    }

    /// Reserves a new path for an upload that will follow.
    pub(crate) fn announce(&self, name: &str, content_type: String) -> String {
        let path = new_path(name);
        self.lock().insert(path.clone(), Slot::Announced(content_type));
        path
    }

    /// Fills a reserved path; false when it was never reserved.
    pub(crate) fn fill(&self, path: &str, content_type: Option<String>, bytes: Bytes) -> bool {
        let mut files = self.lock();
        let Some(slot) = files.get_mut(path) else {
            return false;
        };
        let announced = match slot {
            Slot::Announced(content_type) => std::mem::take(content_type),
            Slot::Held(file) => file.content_type.clone(),
        };
        let content_type = content_type.unwrap_or(announced);
        *slot = Slot::Held(Arc::new(File { content_type, bytes }));
        true
    }

    pub(crate) fn get(&self, path: &str) -> Option<Arc<File>> {
        match self.lock().get(path) {
            Some(Slot::Held(file)) => Some(Arc::clone(file)),
            _ => None,
        }
    }

    /// The file an URL of this server points at, whatever host name it was reached by.
    pub(crate) fn by_url(&self, url: &str) -> Option<Arc<File>> {
        let (_, path) = url.split_once("/cdn/files/")?;
        self.get(path.split(['?', '#']).next()?)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Slot>> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn new_path(name: &str) -> String {
    format!("b/{}/{}", uuid::Uuid::new_v4().simple(), safe_name(name))
}

/// The last part of a file name, reduced to characters that mean nothing in a URL or a path.
fn safe_name(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let plain: String =
        last.chars().map(|c| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '_' }).collect();
    let plain = plain.trim_start_matches('.');
    // Keep the end of a long name: it holds the extension.
    let plain = &plain[plain.len().saturating_sub(100)..];
    if plain.is_empty() { "upload.bin".to_owned() } else { plain.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lose_what_could_lead_elsewhere() {
        assert_eq!(safe_name("cat.png"), "cat.png");
        assert_eq!(safe_name("../../etc/passwd"), "passwd");
        assert_eq!(safe_name(r"..\..\boot.ini"), "boot.ini");
        assert_eq!(safe_name(".."), "upload.bin");
        assert_eq!(safe_name("a b?c#d%2e.png"), "a_b_c_d_2e.png");
        assert_eq!(safe_name("猫.png"), "_.png");
        assert_eq!(safe_name(&"x".repeat(500)).len(), 100);
    }

    #[test]
    fn only_announced_paths_can_be_filled() {
        let store = Store::default();
        let path = store.announce("a.txt", "text/plain".to_owned());
        assert!(store.get(&path).is_none());
        assert!(!store.fill("b/1/other.txt", None, Bytes::from_static(b"x")));
        assert!(store.fill(&path, None, Bytes::from_static(b"x")));
        let url = format!("http://elsewhere:1/cdn/files/{path}?download=1");
        assert_eq!(store.by_url(&url).unwrap().content_type, "text/plain");
    }
}
