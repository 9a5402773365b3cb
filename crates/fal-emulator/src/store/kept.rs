//! Files that outlive the process: a folder for each, with its bytes and what is known of it.

use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use super::{Acl, Content, File};

#[derive(Clone)]
pub(crate) struct Kept(PathBuf);

impl Kept {
    /// Files below `folder`, which is made if it is not there.
    pub(crate) fn new(folder: PathBuf) -> io::Result<Self> {
        std::fs::create_dir_all(&folder)?;
        Ok(Self(folder))
    }

    /// Writes a file, so that it is there whole or not at all.
    pub(super) fn save(&self, path: &str, file: &File) -> io::Result<()> {
        let Some(folder) = self.folder(path) else {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a path of a file"));
        };
        std::fs::create_dir_all(&folder)?;
        let bytes = folder.join("bytes");
        if !bytes.exists() || !self.is_same(path, file) {
            file.content.write(&folder.join("bytes.new"))?;
            std::fs::rename(folder.join("bytes.new"), bytes)?;
        }
        let expires = file.expires.map(|moment| {
            let left = moment.saturating_duration_since(Instant::now());
            (SystemTime::now() + left).duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64()
        });
        let known = json!({
            "path": path, "name": file.name, "content_type": file.content_type, "acl": file.acl.json(),
            "etag": file.content.etag(), "length": file.content.length(), "expires": expires,
        });
        std::fs::write(folder.join("known.new"), known.to_string())?;
        std::fs::rename(folder.join("known.new"), folder.join("known.json"))
    }

    /// A file of an earlier run, if it is still good.
    pub(super) fn load(&self, path: &str) -> Option<File> {
        let known = self.known(path)?;
        let text = |name: &str| known.get(name)?.as_str().map(str::to_owned);
        let expires = match known.get("expires").and_then(Value::as_f64) {
            None => None,
            Some(seconds) => {
                let moment = UNIX_EPOCH + Duration::try_from_secs_f64(seconds).ok()?;
                Some(Instant::now() + moment.duration_since(SystemTime::now()).ok()?)
            }
        };
        let bytes = self.folder(path)?.join("bytes");
        let length = known.get("length")?.as_u64()?;
        // A file that someone cut is no file of ours.
        let is_whole = std::fs::metadata(&bytes).is_ok_and(|data| data.len() == length);
        is_whole.then_some(File {
            name: text("name")?,
            content_type: text("content_type")?,
            content: Content::kept(bytes, length, text("etag")?),
            acl: Acl::read(known.get("acl")?).ok()?,
            expires,
        })
    }

    fn is_same(&self, path: &str, file: &File) -> bool {
        self.known(path)
            .is_some_and(|known| known.get("etag").and_then(Value::as_str) == Some(file.content.etag()))
    }

    fn known(&self, path: &str) -> Option<Value> {
        let text = std::fs::read(self.folder(path)?.join("known.json")).ok()?;
        let known: Value = serde_json::from_slice(&text).ok()?;
        (known.get("path").and_then(Value::as_str) == Some(path)).then_some(known)
    }

    /// The folder of a path `b/<id>/<name>`: named by the id alone, which is 32 hexadecimal digits or no id of ours.
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
    use crate::store::{Lifecycle, Upload};

    fn file(expires: Option<Duration>) -> File {
        let lifecycle = Lifecycle { expires, acl: None };
        let upload = Upload { name: "ä.txt".to_owned(), content_type: "text/plain".to_owned(), lifecycle };
        upload.finish(Content::memory(Bytes::from_static(b"bytes")))
    }

    const PATH: &str = "b/0123456789abcdef0123456789abcdef/a.txt";

    #[test]
    fn what_is_saved_is_loaded() {
        let folder = tempfile::tempdir().unwrap();
        let kept = Kept::new(folder.path().join("files")).unwrap();
        assert!(kept.load(PATH).is_none());
        kept.save(PATH, &file(Some(Duration::from_secs(60)))).unwrap();
        let loaded = kept.load(PATH).unwrap();
        assert_eq!((loaded.name.as_str(), loaded.content_type.as_str()), ("ä.txt", "text/plain"));
        assert_eq!(loaded.content.head(100), "bytes");
        assert_eq!(loaded.content.etag(), file(None).content.etag());
        assert!(loaded.expires.is_some_and(|moment| moment <= Instant::now() + Duration::from_secs(60)));
        assert!(kept.load(&PATH.replace("a.txt", "b.txt")).is_none());
    }

    #[test]
    fn cut_expired_and_foreign_files_are_not_there() {
        let folder = tempfile::tempdir().unwrap();
        let kept = Kept::new(folder.path().to_owned()).unwrap();
        kept.save(PATH, &file(Some(Duration::ZERO))).unwrap();
        assert!(kept.load(PATH).is_none());
        kept.save(PATH, &file(None)).unwrap();
        std::fs::write(kept.folder(PATH).unwrap().join("bytes"), "byt").unwrap();
        assert!(kept.load(PATH).is_none());
        for path in ["b/../../etc/passwd", "b//x", "/etc/passwd", "b/0123/x", "b/..%2f/x"] {
            assert!(kept.folder(path).is_none(), "{path}");
            assert!(kept.save(path, &file(None)).is_err());
        }
    }
}
