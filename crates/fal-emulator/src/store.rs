//! The files of the emulated CDN.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use bytes::Bytes;

mod access;
mod content;
mod kept;
mod space;

pub(crate) use access::{Acl, Decision, Lifecycle};
pub(crate) use content::Content;
pub(crate) use kept::Kept;
pub(crate) use space::{Refused, Space};

/// How much may be uploaded unless the builder says otherwise, in bytes.
pub(crate) const DEFAULT_SPACE: u64 = 8 << 30;

#[derive(Clone)]
pub(crate) struct File {
    /// As it was uploaded; the path holds a plainer form.
    pub(crate) name: String,
    pub(crate) content_type: String,
    pub(crate) content: Content,
    pub(crate) acl: Acl,
    expires: Option<Instant>,
}

/// What is known of an upload before its bytes.
pub(crate) struct Upload {
    pub(crate) name: String,
    pub(crate) content_type: String,
    pub(crate) lifecycle: Lifecycle,
}

impl Upload {
    fn finish(self, content: Content) -> File {
        File {
            name: self.name,
            content_type: self.content_type,
            content,
            acl: self.lifecycle.acl.unwrap_or_default(),
            expires: self.lifecycle.expires.and_then(|time| Instant::now().checked_add(time)),
        }
    }
}

pub(crate) struct Store {
    files: Mutex<HashMap<String, Slot>>,
    pub(crate) space: Space,
    settings: Mutex<Lifecycle>,
    /// Where files outlive the process.
    kept: Option<Kept>,
}

enum Slot {
    Announced(Upload),
    /// An upload in parts, by its id.
    Parts {
        id: String,
        upload: Upload,
        parts: BTreeMap<u16, Content>,
    },
    Held(Arc<File>),
}

/// Why parts could not be put together.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Incomplete {
    NoSuchUpload,
    NoParts,
    /// A part was not uploaded, or is another one than the caller thinks.
    Part(u16),
    /// A part is listed twice.
    Twice(u16),
}

impl Default for Store {
    fn default() -> Self {
        Self::new(DEFAULT_SPACE, None)
    }
}

impl Store {
    pub(crate) fn new(space: u64, kept: Option<Kept>) -> Self {
        Self { files: Mutex::default(), space: Space::new(space), settings: Mutex::default(), kept }
    }

    /// What holds for files whose upload says nothing else.
    pub(crate) fn settings(&self) -> Lifecycle {
        self.settings.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn set_settings(&self, settings: Lifecycle) {
        *self.settings.lock().unwrap_or_else(PoisonError::into_inner) = settings;
    }

    /// Keeps a file that the emulator made under a new path, which is returned: `b/<id>/<name>`. Also on disk where
    /// files outlive the process, while the caller waits.
    pub(crate) fn add(&self, name: &str, content_type: &str, bytes: Bytes) -> String {
        let lifecycle = Lifecycle::default();
        let upload = Upload { name: name.to_owned(), content_type: content_type.to_owned(), lifecycle };
        let path = self.keep(upload, Content::memory(bytes));
        if let (Some(kept), Some(file)) = (&self.kept, self.get(&path)) {
            saved(&path, kept.save(&path, &file));
        }
        path
    }

    /// Writes a file that is held to disk, where files outlive the process.
    pub(crate) async fn save(&self, path: &str) {
        let (Some(kept), Some(file)) = (self.kept.clone(), self.get(path)) else {
            return;
        };
        let path = path.to_owned();
        let save = tokio::task::spawn_blocking(move || saved(&path, kept.save(&path, &file)));
        save.await.ok();
    }

    /// Keeps an uploaded file under a new path, which is returned.
    pub(crate) fn keep(&self, upload: Upload, content: Content) -> String {
        let path = new_path(&upload.name);
        self.lock().insert(path.clone(), Slot::Held(Arc::new(upload.finish(content))));
        path
    }

    /// Reserves a new path for an upload that will follow.
    pub(crate) fn announce(&self, upload: Upload) -> String {
        let path = new_path(&upload.name);
        self.lock().insert(path.clone(), Slot::Announced(upload));
        path
    }

    /// Whether a path was reserved, so that bytes for it may be taken.
    pub(crate) fn expects(&self, path: &str) -> bool {
        matches!(self.lock().get(path), Some(Slot::Announced(_) | Slot::Held(_)))
    }

    /// Fills a reserved path; false when it was never reserved.
    pub(crate) fn fill(&self, path: &str, content_type: Option<String>, content: Content) -> bool {
        let mut files = self.lock();
        let mut file = match files.remove(path) {
            Some(Slot::Announced(upload)) => upload.finish(content),
            Some(Slot::Held(file)) => File { content, ..(*file).clone() },
            other => {
                files.extend(other.map(|slot| (path.to_owned(), slot)));
                return false;
            }
        };
        file.content_type = content_type.unwrap_or(file.content_type);
        files.insert(path.to_owned(), Slot::Held(Arc::new(file)));
        true
    }

    /// Reserves a new path for an upload in parts; gives the path and the id of the upload.
    pub(crate) fn announce_parts(&self, upload: Upload) -> (String, String) {
        let (path, id) = (new_path(&upload.name), uuid::Uuid::new_v4().simple().to_string());
        self.lock().insert(path.clone(), Slot::Parts { id: id.clone(), upload, parts: BTreeMap::new() });
        (path, id)
    }

    pub(crate) fn expects_parts(&self, path: &str, upload_id: &str) -> bool {
        matches!(self.lock().get(path), Some(Slot::Parts { id, .. }) if id == upload_id)
    }

    /// Keeps a part, in place of an earlier one of the same number; false when there is no such upload.
    pub(crate) fn put_part(&self, path: &str, upload_id: &str, number: u16, content: Content) -> bool {
        match self.lock().get_mut(path) {
            Some(Slot::Parts { id, parts, .. }) if id == upload_id => {
                parts.insert(number, content);
                true
            }
            _ => false,
        }
    }

    /// Puts the listed parts together, in the order of their numbers. Others are forgotten.
    pub(crate) fn complete(
        &self,
        path: &str,
        upload_id: &str,
        listed: &[(u16, String)],
    ) -> Result<Arc<File>, Incomplete> {
        let mut files = self.lock();
        let Some(Slot::Parts { id, parts, .. }) = files.get(path) else {
            return Err(Incomplete::NoSuchUpload);
        };
        if id != upload_id {
            return Err(Incomplete::NoSuchUpload);
        }
        let mut chosen = BTreeMap::new();
        for (number, etag) in listed {
            let part =
                parts.get(number).filter(|part| part.etag() == etag).ok_or(Incomplete::Part(*number))?;
            if chosen.insert(number, part).is_some() {
                return Err(Incomplete::Twice(*number));
            }
        }
        if chosen.is_empty() {
            return Err(Incomplete::NoParts);
        }
        let content = Content::joined(chosen.into_values());
        let Some(Slot::Parts { upload, .. }) = files.remove(path) else {
            return Err(Incomplete::NoSuchUpload);
        };
        let file = Arc::new(upload.finish(content));
        files.insert(path.to_owned(), Slot::Held(Arc::clone(&file)));
        Ok(file)
    }

    /// Forgets an upload in parts; false when there is none.
    pub(crate) fn abort(&self, path: &str, upload_id: &str) -> bool {
        let mut files = self.lock();
        let found = matches!(files.get(path), Some(Slot::Parts { id, .. }) if id == upload_id);
        if found {
            files.remove(path);
        }
        found
    }

    pub(crate) fn get(&self, path: &str) -> Option<Arc<File>> {
        let mut files = self.lock();
        if let (None, Some(kept)) = (files.get(path), &self.kept)
            && let Some(file) = kept.load(path)
        {
            files.insert(path.to_owned(), Slot::Held(Arc::new(file)));
        }
        let Some(Slot::Held(file)) = files.get(path) else {
            return None;
        };
        if file.expires.is_some_and(|moment| moment <= Instant::now()) {
            files.remove(path);
            return None;
        }
        Some(Arc::clone(file))
    }

    pub(crate) fn set_acl(&self, path: &str, acl: Acl) -> bool {
        // One of an earlier run has to be here first.
        self.get(path);
        match self.lock().get_mut(path) {
            Some(Slot::Held(file)) => {
                *file = Arc::new(File { acl, ..(**file).clone() });
                true
            }
            _ => false,
        }
    }

    /// The file an URL of this server points at, whatever host name it was reached by.
    pub(crate) fn by_url(&self, url: &str) -> Option<Arc<File>> {
        self.get(path_of(url)?)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Slot>> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn saved(path: &str, outcome: std::io::Result<()>) {
    if let Err(error) = outcome {
        tracing::error!(path, %error, "a file will not outlive this process");
    }
}

/// The path of a file in its URL.
pub(crate) fn path_of(url: &str) -> Option<&str> {
    let (_, path) = url.split_once("/files/")?;
    path.split(['?', '#']).next()
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

    fn upload(name: &str) -> Upload {
        Upload {
            name: name.to_owned(),
            content_type: "text/plain".to_owned(),
            lifecycle: Lifecycle::default(),
        }
    }

    fn content(text: &'static str) -> Content {
        Content::memory(Bytes::from_static(text.as_bytes()))
    }

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
        let path = store.announce(upload("a.txt"));
        assert!(store.get(&path).is_none() && store.expects(&path));
        assert!(!store.fill("b/1/other.txt", None, content("x")));
        assert!(store.fill(&path, None, content("x")));
        let url = format!("http://elsewhere:1/cdn/files/{path}?download=1");
        assert_eq!(store.by_url(&url).unwrap().content_type, "text/plain");
    }

    #[test]
    fn parts_are_put_in_order_and_checked() {
        let store = Store::default();
        let (path, id) = store.announce_parts(upload("a.txt"));
        let put = |number, text| store.put_part(&path, &id, number, content(text));
        assert!(put(2, "two") && put(1, "wrong") && put(1, "one") && put(3, "left out"));
        assert!(!store.put_part(&path, "other", 1, content("x")));
        let tag = |text| content(text).etag().to_owned();
        let complete =
            |listed: &[(u16, String)]| store.complete(&path, &id, listed).map(|file| file.content.head(99));
        assert_eq!(complete(&[]), Err(Incomplete::NoParts));
        assert_eq!(complete(&[(1, tag("wrong"))]), Err(Incomplete::Part(1)));
        assert_eq!(complete(&[(4, tag("one"))]), Err(Incomplete::Part(4)));
        assert_eq!(complete(&[(1, tag("one")), (1, tag("one"))]), Err(Incomplete::Twice(1)));
        assert_eq!(complete(&[(2, tag("two")), (1, tag("one"))]), Ok(Bytes::from_static(b"onetwo")));
        assert_eq!(complete(&[(1, tag("one"))]), Err(Incomplete::NoSuchUpload));
        assert!(store.get(&path).is_some());
    }

    #[test]
    fn aborted_uploads_are_gone() {
        let store = Store::default();
        let (path, id) = store.announce_parts(upload("a.txt"));
        assert!(!store.abort(&path, "other") && store.abort(&path, &id) && !store.abort(&path, &id));
        assert!(!store.put_part(&path, &id, 1, content("x")));
    }

    #[test]
    fn files_expire_and_their_readers_change() {
        let store = Store::default();
        let expires = Lifecycle { expires: Some(std::time::Duration::ZERO), acl: None };
        let path = store.keep(Upload { lifecycle: expires, ..upload("a.txt") }, content("x"));
        assert!(store.get(&path).is_none());
        let path = store.keep(upload("a.txt"), content("x"));
        assert!(store.set_acl(&path, Acl::read(&serde_json::json!({"default": "hide"})).unwrap()));
        assert_eq!(store.get(&path).unwrap().acl.decide(false), Decision::Hide);
        assert!(!store.set_acl("b/1/x", Acl::default()));
    }
}
