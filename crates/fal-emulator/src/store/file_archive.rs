//! Files that survive a restart: a folder for each, with its bytes and its metadata.

use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use super::access::Acl;
use super::content::FileContent;
use super::stored_file::StoredFile;
use crate::private_files;

/// A folder of archived files.
#[derive(Clone)]
pub(crate) struct FileArchive(PathBuf);

impl FileArchive {
    /// Opens the archive in `folder`, which is created if it does not exist.
    pub(crate) fn new(folder: PathBuf) -> io::Result<Self> {
        private_files::create_folder(&folder)?;
        Ok(Self(folder))
    }

    /// Writes a file. After a crash it is there whole or not at all.
    pub(super) fn save(&self, path: &str, file: &StoredFile) -> io::Result<()> {
        let Some(folder) = self.folder(path) else {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a path of a file"));
        };
        private_files::create_folder(&folder)?;
        let bytes = folder.join("bytes");
        if !bytes.exists() || !self.is_same(path, file) {
            file.content.write(&folder.join("bytes.new"))?;
            std::fs::rename(folder.join("bytes.new"), bytes)?;
        }
        // A moment that the system cannot express never comes.
        let expires = file.expires.and_then(|moment| {
            let left = moment.saturating_duration_since(Instant::now());
            Some(SystemTime::now().checked_add(left)?.duration_since(UNIX_EPOCH).ok()?.as_secs_f64())
        });
        let metadata = json!({
            "path": path, "name": file.name, "content_type": file.content_type, "acl": file.acl.to_json(),
            "etag": file.content.etag(), "length": file.content.length(), "expires": expires,
        });
        private_files::write(&folder.join("metadata.new"), metadata.to_string().as_bytes())?;
        std::fs::rename(folder.join("metadata.new"), folder.join("metadata.json"))
    }

    /// Reads a file of an earlier run that has not expired.
    pub(super) fn load(&self, path: &str) -> Option<StoredFile> {
        let metadata = self.read_metadata(path)?;
        let text = |name: &str| metadata.get(name)?.as_str().map(str::to_owned);
        let expires = match metadata.get("expires").and_then(Value::as_f64) {
            None => None,
            Some(seconds) => {
                let moment = Duration::try_from_secs_f64(seconds.max(0.0));
                match moment.ok().and_then(|since_1970| UNIX_EPOCH.checked_add(since_1970)) {
                    Some(moment) => {
                        Instant::now().checked_add(moment.duration_since(SystemTime::now()).ok()?)
                    }
                    None => None,
                }
            }
        };
        let bytes = self.folder(path)?.join("bytes");
        let length = metadata.get("length")?.as_u64()?;
        // A truncated file is treated as missing.
        let is_whole = std::fs::metadata(&bytes).is_ok_and(|data| data.is_file() && data.len() == length);
        is_whole.then_some(StoredFile {
            name: text("name")?,
            content_type: text("content_type")?,
            content: FileContent::archived(bytes, length, text("etag")?),
            acl: Acl::parse(metadata.get("acl")?).ok()?,
            expires,
            scope: None,
        })
    }

    fn is_same(&self, path: &str, file: &StoredFile) -> bool {
        self.read_metadata(path)
            .is_some_and(|metadata| metadata.get("etag").and_then(Value::as_str) == Some(file.content.etag()))
    }

    fn read_metadata(&self, path: &str) -> Option<Value> {
        let text = private_files::read(&self.folder(path)?.join("metadata.json")).ok()?;
        let metadata: Value = serde_json::from_slice(&text).ok()?;
        (metadata.get("path").and_then(Value::as_str) == Some(path)).then_some(metadata)
    }

    /// Returns the folder for a path `b/<id>/<name>`. It is named after the id alone, which must be 32
    /// hexadecimal digits, so that no path can leave the archive.
    fn folder(&self, path: &str) -> Option<PathBuf> {
        let (id, _) = path.strip_prefix("b/")?.split_once('/')?;
        let is_id = id.len() == 32 && id.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        is_id.then(|| Path::new(&self.0).join(id))
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::store::{Lifecycle, UploadMetadata};

    fn file(expires: Option<Duration>) -> StoredFile {
        let lifecycle = Lifecycle { expires, ..Lifecycle::default() };
        let upload =
            UploadMetadata { name: "ä.txt".to_owned(), content_type: "text/plain".to_owned(), lifecycle };
        upload.into_file(FileContent::from_bytes(Bytes::from_static(b"bytes")))
    }

    const PATH: &str = "b/0123456789abcdef0123456789abcdef/a.txt";

    #[test]
    fn a_saved_file_is_loaded_with_its_metadata() {
        let folder = tempfile::tempdir().unwrap();
        let archive = FileArchive::new(folder.path().join("files")).unwrap();
        assert!(archive.load(PATH).is_none());
        archive.save(PATH, &file(Some(Duration::from_secs(60)))).unwrap();
        let loaded = archive.load(PATH).unwrap();
        assert_eq!((loaded.name.as_str(), loaded.content_type.as_str()), ("ä.txt", "text/plain"));
        assert_eq!(loaded.content.head(100), "bytes");
        assert_eq!(loaded.content.etag(), file(None).content.etag());
        assert!(loaded.expires.is_some_and(|moment| moment <= Instant::now() + Duration::from_secs(60)));
        assert!(archive.load(&PATH.replace("a.txt", "b.txt")).is_none());
    }

    #[test]
    fn moments_that_cannot_be_expressed_never_come() {
        let folder = tempfile::tempdir().unwrap();
        let archive = FileArchive::new(folder.path().to_owned()).unwrap();
        archive.save(PATH, &file(Some(Duration::from_secs(9_223_372_036_854_000_000)))).unwrap();
        assert!(archive.load(PATH).is_some());
        let metadata = archive.folder(PATH).unwrap().join("metadata.json");
        let text = std::fs::read_to_string(&metadata).unwrap();
        for (expires, is_there) in
            [("1e19", true), ("1e300", true), ("-1e300", false), ("9223372036854775000", true)]
        {
            let damaged = text.replace("\"expires\":null", &format!("\"expires\":{expires}"));
            assert_ne!(damaged, text);
            std::fs::write(&metadata, damaged).unwrap();
            assert_eq!(archive.load(PATH).is_some(), is_there, "{expires}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn only_the_owner_can_read_files_and_pipes_are_not_read() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let archive = FileArchive::new(folder.path().join("files")).unwrap();
        archive.save(PATH, &file(None)).unwrap();
        let own = archive.folder(PATH).unwrap();
        for path in [folder.path().join("files"), own.clone(), own.join("bytes"), own.join("metadata.json")] {
            let mode = std::fs::metadata(&path).unwrap().permissions().mode();
            assert_eq!(mode & 0o077, 0, "{}", path.display());
        }
        for name in ["bytes", "metadata.json"] {
            let path = own.join(name);
            let content = std::fs::read(&path).unwrap();
            std::fs::remove_file(&path).unwrap();
            assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
            assert!(archive.load(PATH).is_none(), "{name}");
            std::fs::remove_file(&path).unwrap();
            std::fs::write(&path, content).unwrap();
        }
        assert!(archive.load(PATH).is_some());
    }

    #[test]
    fn truncated_expired_and_foreign_files_are_missing() {
        let folder = tempfile::tempdir().unwrap();
        let archive = FileArchive::new(folder.path().to_owned()).unwrap();
        archive.save(PATH, &file(Some(Duration::ZERO))).unwrap();
        assert!(archive.load(PATH).is_none());
        archive.save(PATH, &file(None)).unwrap();
        std::fs::write(archive.folder(PATH).unwrap().join("bytes"), "byt").unwrap();
        assert!(archive.load(PATH).is_none());
        for path in ["b/../../etc/passwd", "b//x", "/etc/passwd", "b/0123/x", "b/..%2f/x"] {
            assert!(archive.folder(path).is_none(), "{path}");
            assert!(archive.save(path, &file(None)).is_err());
        }
    }
}
