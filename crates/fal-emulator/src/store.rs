//! The files of the CDN: uploads, generated outputs, and uploads in parts.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Instant;

use bytes::Bytes;

use crate::sync::lock;

mod access;
mod content;
mod file_archive;
mod stored_file;
mod upload_space;

pub(crate) use access::{Acl, Decision, Lifecycle};
pub(crate) use content::FileContent;
pub(crate) use file_archive::FileArchive;
pub(crate) use stored_file::{StoredFile, UploadMetadata};
pub(crate) use upload_space::{UploadError, UploadSpace};

/// The default limit for all uploads together, in bytes.
pub(crate) const DEFAULT_SPACE: u64 = 8 << 30;
/// The largest total size of the bytes of generated files that are kept. Others are made again.
const DRAWN_SPACE: u64 = 16 << 20;

/// The files of the CDN by their paths.
pub(crate) struct Store {
    files: Mutex<HashMap<String, StoreEntry>>,
    generated: Mutex<GeneratedFiles>,
    /// The number of generated files that are kept.
    max_generated: usize,
    pub(crate) space: UploadSpace,
    settings: Mutex<Lifecycle>,
    /// Keeps files beyond the end of the process, if there is a data folder.
    archive: Option<FileArchive>,
}

/// The state of a path.
enum StoreEntry {
    /// The upload is initiated; its bytes are still to come.
    Reserved(UploadMetadata),
    /// An upload in parts, and the parts received so far.
    Multipart {
        id: String,
        upload: UploadMetadata,
        parts: BTreeMap<u16, FileContent>,
    },
    Stored(Arc<StoredFile>),
    Generated(GeneratedEntry),
}

/// A file of this server.
pub(crate) enum LocalFile {
    Stored(Arc<StoredFile>),
    /// A generated file, whose bytes are not needed.
    Generated {
        content_type: String,
    },
}

/// A function that makes the bytes of a generated file: the same at each call.
pub(crate) type DrawFile = Arc<dyn Fn() -> Bytes + Send + Sync>;

/// A generated file, whose bytes are made when they are first needed, and again after they were dropped.
struct GeneratedEntry {
    upload: UploadMetadata,
    expires: Option<Instant>,
    draw: DrawFile,
    drawn: Option<Arc<StoredFile>>,
}

/// The paths of generated files, the oldest first.
#[derive(Default)]
struct GeneratedFiles {
    all: VecDeque<String>,
    /// The files whose bytes are kept.
    drawn: VecDeque<(String, u64)>,
    /// The total size of these bytes.
    bytes: u64,
}

/// The reason why an upload in parts cannot be completed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum IncompleteUpload {
    NoSuchUpload,
    NoParts,
    /// The part was not uploaded, or its ETag is not the one that the caller lists.
    Part(u16),
    /// The part is listed twice.
    Twice(u16),
}

impl Default for Store {
    fn default() -> Self {
        Self::new(DEFAULT_SPACE, usize::MAX, None)
    }
}

impl Store {
    /// Creates a store. `space` limits the size of all uploads, and `max_generated` the number of generated files.
    pub(crate) fn new(space: u64, max_generated: usize, archive: Option<FileArchive>) -> Self {
        Self {
            files: Mutex::default(),
            generated: Mutex::default(),
            max_generated,
            space: UploadSpace::new(space),
            settings: Mutex::default(),
            archive,
        }
    }

    /// Returns the account's settings, which are the defaults of every upload.
    pub(crate) fn settings(&self) -> Lifecycle {
        lock(&self.settings).clone()
    }

    /// Sets the defaults of every upload from now on.
    pub(crate) fn set_settings(&self, settings: Lifecycle) {
        *lock(&self.settings) = settings;
    }

    /// Adds a generated file and returns its path, `b/<id>/<name>`. `draw` makes its bytes when they are first needed;
    /// `bytes` are they if they are known already.
    ///
    /// With a data folder, this blocks while the file is made and archived.
    pub(crate) fn add_generated(
        &self,
        upload: UploadMetadata,
        bytes: Option<Bytes>,
        draw: DrawFile,
    ) -> String {
        let path = new_path(&upload.name);
        if let Some(archive) = &self.archive {
            let content = FileContent::from_bytes(bytes.unwrap_or_else(|| draw()));
            let file = Arc::new(upload.into_file(content));
            log_failed_save(&path, archive.save(&path, &file));
            return path;
        }
        let expires = upload.lifecycle.expires_at();
        let entry = GeneratedEntry { upload, expires, draw, drawn: None };
        self.lock().insert(path.clone(), StoreEntry::Generated(entry));
        if let Some(bytes) = bytes {
            self.keep_drawn(&path, bytes);
        }
        let mut generated = lock(&self.generated);
        generated.all.push_back(path.clone());
        let oldest = if generated.all.len() > self.max_generated { generated.all.pop_front() } else { None };
        drop(generated);
        if let Some(oldest) = oldest {
            self.lock().remove(&oldest);
        }
        path
    }

    /// Returns the scope of the request that made or announced a file.
    pub(crate) fn scope(&self, path: &str) -> Option<Arc<str>> {
        match self.lock().get(path)? {
            StoreEntry::Reserved(upload) | StoreEntry::Multipart { upload, .. } => {
                upload.lifecycle.scope.clone()
            }
            StoreEntry::Generated(entry) => entry.upload.lifecycle.scope.clone(),
            StoreEntry::Stored(file) => file.scope.clone(),
        }
    }

    /// Returns true if the bytes of a file have to be made first, which takes a while.
    pub(crate) fn needs_drawing(&self, path: &str) -> bool {
        matches!(self.lock().get(path), Some(StoreEntry::Generated(GeneratedEntry { drawn: None, .. })))
    }

    /// Keeps the bytes of a generated file, and drops those of others if they are too many together.
    fn keep_drawn(&self, path: &str, bytes: Bytes) -> Option<Arc<StoredFile>> {
        let length = bytes.len() as u64;
        let content = FileContent::from_bytes(bytes);
        let mut files = self.lock();
        let Some(StoreEntry::Generated(entry)) = files.get_mut(path) else {
            return None;
        };
        let file = Arc::new(entry.upload.clone().into_file_until(entry.expires, content));
        if entry.drawn.replace(Arc::clone(&file)).is_none() {
            let mut generated = lock(&self.generated);
            generated.drawn.push_back((path.to_owned(), length));
            generated.bytes += length;
            while generated.bytes > DRAWN_SPACE && generated.drawn.len() > 1 {
                let Some((oldest, length)) = generated.drawn.pop_front() else { break };
                generated.bytes = generated.bytes.saturating_sub(length);
                if let Some(StoreEntry::Generated(entry)) = files.get_mut(&oldest) {
                    entry.drawn = None;
                }
            }
        }
        Some(file)
    }

    /// Archives a file, if there is a data folder.
    pub(crate) async fn archive(&self, path: &str) {
        let (Some(archive), Some(file)) = (self.archive.clone(), self.get(path)) else {
            return;
        };
        let path = path.to_owned();
        let save = tokio::task::spawn_blocking(move || log_failed_save(&path, archive.save(&path, &file)));
        save.await.ok();
    }

    /// Adds an uploaded file and returns its path.
    pub(crate) fn add_upload(&self, upload: UploadMetadata, content: FileContent) -> String {
        let path = new_path(&upload.name);
        self.lock().insert(path.clone(), StoreEntry::Stored(Arc::new(upload.into_file(content))));
        path
    }

    /// Reserves a path for an upload that will follow, and returns it.
    pub(crate) fn reserve(&self, upload: UploadMetadata) -> String {
        let path = new_path(&upload.name);
        self.lock().insert(path.clone(), StoreEntry::Reserved(upload));
        path
    }

    /// Returns true if bytes may be uploaded to a path.
    pub(crate) fn is_reserved(&self, path: &str) -> bool {
        matches!(self.lock().get(path), Some(StoreEntry::Reserved(_) | StoreEntry::Stored(_)))
    }

    /// Stores the bytes of a reserved path. Returns false if the path was never reserved.
    pub(crate) fn fill(&self, path: &str, content_type: Option<String>, content: FileContent) -> bool {
        let mut files = self.lock();
        let mut file = match files.remove(path) {
            Some(StoreEntry::Reserved(upload)) => upload.into_file(content),
            Some(StoreEntry::Stored(file)) => StoredFile { content, ..(*file).clone() },
            other => {
                files.extend(other.map(|slot| (path.to_owned(), slot)));
                return false;
            }
        };
        file.content_type = content_type.unwrap_or(file.content_type);
        files.insert(path.to_owned(), StoreEntry::Stored(Arc::new(file)));
        true
    }

    /// Reserves a path for an upload in parts. Returns the path and the id of the upload.
    pub(crate) fn start_multipart(&self, upload: UploadMetadata) -> (String, String) {
        let (path, id) = (new_path(&upload.name), uuid::Uuid::new_v4().simple().to_string());
        self.lock()
            .insert(path.clone(), StoreEntry::Multipart { id: id.clone(), upload, parts: BTreeMap::new() });
        (path, id)
    }

    /// Returns true if an upload in parts is under way.
    pub(crate) fn has_multipart(&self, path: &str, upload_id: &str) -> bool {
        matches!(self.lock().get(path), Some(StoreEntry::Multipart { id, .. }) if id == upload_id)
    }

    /// Stores a part, in place of an earlier one with the same number. Returns false if there is no such
    /// upload.
    pub(crate) fn put_part(&self, path: &str, upload_id: &str, number: u16, content: FileContent) -> bool {
        match self.lock().get_mut(path) {
            Some(StoreEntry::Multipart { id, parts, .. }) if id == upload_id => {
                parts.insert(number, content);
                true
            }
            _ => false,
        }
    }

    /// Joins the listed parts in the order of their numbers, and drops the others. They may be listed in any order: fal's
    /// own Python client lists them as they were completed.
    pub(crate) fn complete_multipart(
        &self,
        path: &str,
        upload_id: &str,
        listed: &[(u16, String)],
    ) -> Result<Arc<StoredFile>, IncompleteUpload> {
        let mut files = self.lock();
        let Some(StoreEntry::Multipart { id, parts, .. }) = files.get(path) else {
            return Err(IncompleteUpload::NoSuchUpload);
        };
        if id != upload_id {
            return Err(IncompleteUpload::NoSuchUpload);
        }
        let mut chosen = BTreeMap::new();
        for (number, etag) in listed {
            let part = parts
                .get(number)
                .filter(|part| part.etag() == etag)
                .ok_or(IncompleteUpload::Part(*number))?;
            if chosen.insert(number, part).is_some() {
                return Err(IncompleteUpload::Twice(*number));
            }
        }
        if chosen.is_empty() {
            return Err(IncompleteUpload::NoParts);
        }
        let content = FileContent::concat(chosen.into_values());
        let Some(StoreEntry::Multipart { upload, .. }) = files.remove(path) else {
            return Err(IncompleteUpload::NoSuchUpload);
        };
        let file = Arc::new(upload.into_file(content));
        files.insert(path.to_owned(), StoreEntry::Stored(Arc::clone(&file)));
        Ok(file)
    }

    /// Drops an upload in parts. Returns false if it does not exist.
    pub(crate) fn abort_multipart(&self, path: &str, upload_id: &str) -> bool {
        let mut files = self.lock();
        let found = matches!(files.get(path), Some(StoreEntry::Multipart { id, .. }) if id == upload_id);
        if found {
            files.remove(path);
        }
        found
    }

    /// Returns a file that has not expired, also one of an earlier run. Blocks while the bytes of a generated file are
    /// made; see [`needs_drawing`](Self::needs_drawing).
    pub(crate) fn get(&self, path: &str) -> Option<Arc<StoredFile>> {
        let mut files = self.lock();
        if let (None, Some(archive)) = (files.get(path), &self.archive)
            && let Some(file) = archive.load(path)
        {
            files.insert(path.to_owned(), StoreEntry::Stored(Arc::new(file)));
        }
        let file = match files.get(path)? {
            StoreEntry::Stored(file) => file,
            StoreEntry::Generated(GeneratedEntry { drawn: Some(file), .. }) => file,
            StoreEntry::Generated(entry) if entry.expires.is_none_or(|moment| moment > Instant::now()) => {
                let draw = Arc::clone(&entry.draw);
                drop(files);
                return self.keep_drawn(path, draw());
            }
            StoreEntry::Generated(_) => {
                files.remove(path);
                return None;
            }
            StoreEntry::Reserved(_) | StoreEntry::Multipart { .. } => return None,
        };
        if file.expires.is_some_and(|moment| moment <= Instant::now()) {
            files.remove(path);
            return None;
        }
        Some(Arc::clone(file))
    }

    /// Changes the readers of a file. Returns false if there is no such file.
    pub(crate) fn set_acl(&self, path: &str, acl: Acl) -> bool {
        // Loads a file of an earlier run.
        self.get(path);
        match self.lock().get_mut(path) {
            Some(StoreEntry::Stored(file)) => {
                *file = Arc::new(StoredFile { acl, ..(**file).clone() });
                true
            }
            Some(StoreEntry::Generated(entry)) => {
                if let Some(file) = &mut entry.drawn {
                    *file = Arc::new(StoredFile { acl: acl.clone(), ..(**file).clone() });
                }
                entry.upload.lifecycle.acl = Some(acl);
                true
            }
            _ => false,
        }
    }

    /// Returns the file behind a URL of this server, whatever its host name.
    pub(crate) fn by_url(&self, url: &str) -> Option<Arc<StoredFile>> {
        self.get(path_in_url(url)?)
    }

    /// Returns the file behind a URL of this server. A generated file is drawn only if it is an image and `draws_images`
    /// is true.
    pub(crate) fn local_file(&self, url: &str, draws_images: bool) -> Option<LocalFile> {
        let path = path_in_url(url)?;
        if let Some(StoreEntry::Generated(GeneratedEntry { upload, expires, .. })) = self.lock().get(path)
            && !(draws_images && upload.content_type.starts_with("image/"))
            && expires.is_none_or(|moment| moment > Instant::now())
        {
            return Some(LocalFile::Generated { content_type: upload.content_type.clone() });
        }
        self.get(path).map(LocalFile::Stored)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, StoreEntry>> {
        lock(&self.files)
    }
}

fn log_failed_save(path: &str, outcome: std::io::Result<()>) {
    if let Err(error) = outcome {
        tracing::error!(path, %error, "cannot archive a file; it will be gone after a restart");
    }
}

/// Returns the path of a file from its URL.
pub(crate) fn path_in_url(url: &str) -> Option<&str> {
    let (_, path) = url.split_once("/files/")?;
    path.split(['?', '#']).next()
}

fn new_path(name: &str) -> String {
    format!("b/{}/{}", uuid::Uuid::new_v4().simple(), safe_name(name))
}

/// Returns the last component of a file name, with every character replaced that is special in a URL or a
/// path.
fn safe_name(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let plain: String =
        last.chars().map(|c| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '_' }).collect();
    let plain = plain.trim_start_matches('.');
    // The end of a long name is kept, for its extension.
    let plain = &plain[plain.len().saturating_sub(100)..];
    if plain.is_empty() { "upload.bin".to_owned() } else { plain.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn upload(name: &str) -> UploadMetadata {
        UploadMetadata {
            name: name.to_owned(),
            content_type: "text/plain".to_owned(),
            lifecycle: Lifecycle::default(),
        }
    }

    fn content(text: &'static str) -> FileContent {
        FileContent::from_bytes(Bytes::from_static(text.as_bytes()))
    }

    #[test]
    fn generated_files_are_drawn_when_they_are_needed() {
        let store = Store::new(DEFAULT_SPACE, 2, None);
        let drawn = Arc::new(std::sync::atomic::AtomicU32::new(0));
        let add = |size: usize| {
            let drawn = Arc::clone(&drawn);
            let draw = move || {
                drawn.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
                Bytes::from(vec![7; size])
            };
            store.add_generated(upload("a.png"), None, Arc::new(draw))
        };
        let times = || drawn.load(std::sync::atomic::Ordering::SeqCst);
        let half = usize::try_from(DRAWN_SPACE / 2 + 1).unwrap();
        let (first, second) = (add(half), add(half));
        assert_eq!(times(), 0);
        assert!(store.needs_drawing(&first));
        let etag = store.get(&first).unwrap().content.etag().to_owned();
        assert!(store.get(&first).is_some() && !store.needs_drawing(&first));
        assert_eq!(times(), 1);
        assert!(
            store.get(&second).is_some() && store.needs_drawing(&first),
            "the bytes of the first are dropped"
        );
        assert_eq!(store.get(&first).unwrap().content.etag(), etag);
        assert!(store.set_acl(&first, Acl::parse(&serde_json::json!({"default": "hide"})).unwrap()));
        assert_eq!(store.get(&first).unwrap().acl.decide(false), Decision::Hide);
        add(1);
        assert!(store.get(&first).is_none(), "the oldest file is dropped");
    }

    #[test]
    fn file_names_lose_folders_and_special_characters() {
        assert_eq!(safe_name("cat.png"), "cat.png");
        assert_eq!(safe_name("../../etc/passwd"), "passwd");
        assert_eq!(safe_name(r"..\..\boot.ini"), "boot.ini");
        assert_eq!(safe_name(".."), "upload.bin");
        assert_eq!(safe_name("a b?c#d%2e.png"), "a_b_c_d_2e.png");
        assert_eq!(safe_name("猫.png"), "_.png");
        assert_eq!(safe_name(&"x".repeat(500)).len(), 100);
    }

    #[test]
    fn only_reserved_paths_can_be_filled() {
        let store = Store::default();
        let path = store.reserve(upload("a.txt"));
        assert!(store.get(&path).is_none() && store.is_reserved(&path));
        assert!(!store.fill("b/1/other.txt", None, content("x")));
        assert!(store.fill(&path, None, content("x")));
        let url = format!("http://elsewhere:1/cdn/files/{path}?download=1");
        assert_eq!(store.by_url(&url).unwrap().content_type, "text/plain");
    }

    #[test]
    fn parts_are_joined_by_number_and_checked_by_etag() {
        let store = Store::default();
        let (path, id) = store.start_multipart(upload("a.txt"));
        let put = |number, text| store.put_part(&path, &id, number, content(text));
        assert!(put(2, "two") && put(1, "wrong") && put(1, "one") && put(3, "left out"));
        assert!(!store.put_part(&path, "other", 1, content("x")));
        let tag = |text| content(text).etag().to_owned();
        let complete = |listed: &[(u16, String)]| {
            store.complete_multipart(&path, &id, listed).map(|file| file.content.head(99))
        };
        assert_eq!(complete(&[]), Err(IncompleteUpload::NoParts));
        assert_eq!(complete(&[(1, tag("wrong"))]), Err(IncompleteUpload::Part(1)));
        assert_eq!(complete(&[(4, tag("one"))]), Err(IncompleteUpload::Part(4)));
        assert_eq!(complete(&[(1, tag("one")), (1, tag("one"))]), Err(IncompleteUpload::Twice(1)));
        assert_eq!(complete(&[(2, tag("two")), (1, tag("one"))]), Ok(Bytes::from_static(b"onetwo")));
        assert_eq!(complete(&[(1, tag("one"))]), Err(IncompleteUpload::NoSuchUpload));
        assert!(store.get(&path).is_some());
    }

    #[test]
    fn an_aborted_upload_takes_no_more_parts() {
        let store = Store::default();
        let (path, id) = store.start_multipart(upload("a.txt"));
        assert!(
            !store.abort_multipart(&path, "other")
                && store.abort_multipart(&path, &id)
                && !store.abort_multipart(&path, &id)
        );
        assert!(!store.put_part(&path, &id, 1, content("x")));
    }

    #[test]
    fn expired_files_are_gone_and_acls_can_change() {
        let store = Store::default();
        let expires = Lifecycle { expires: Some(std::time::Duration::ZERO), ..Lifecycle::default() };
        let path = store.add_upload(UploadMetadata { lifecycle: expires, ..upload("a.txt") }, content("x"));
        assert!(store.get(&path).is_none());
        let path = store.add_upload(upload("a.txt"), content("x"));
        assert!(store.set_acl(&path, Acl::parse(&serde_json::json!({"default": "hide"})).unwrap()));
        assert_eq!(store.get(&path).unwrap().acl.decide(false), Decision::Hide);
        assert!(!store.set_acl("b/1/x", Acl::default()));
    }
}
