//! Requests that outlive the process: a file for each.

use std::io;
use std::path::PathBuf;

use axum::http::{HeaderName, HeaderValue, StatusCode};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::reply::Reply;

/// A folder of requests.
#[derive(Clone)]
pub(crate) struct Archive(PathBuf);

/// A request as it is kept.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) endpoint: String,
    pub(crate) app_id: String,
    /// The input, or the reply of a runner that refused it.
    pub(crate) work: Result<Value, Reply>,
    pub(crate) is_cancelled: bool,
    pub(crate) answer: Option<Reply>,
}

impl Archive {
    /// Requests in `folder`, which is made if it is not there.
    pub(crate) fn new(folder: PathBuf) -> io::Result<Self> {
        std::fs::create_dir_all(&folder)?;
        Ok(Self(folder))
    }

    /// Writes a request in place of what was there; it is there whole or as it was.
    pub(crate) fn save(&self, id: &str, entry: &Entry) {
        let Some(path) = self.path(id) else { return };
        let (input, refusal) = match &entry.work {
            Ok(input) => (Some(input), None),
            Err(refusal) => (None, Some(told(refusal))),
        };
        let text = json!({
            "endpoint": entry.endpoint, "app_id": entry.app_id, "input": input, "refusal": refusal,
            "is_cancelled": entry.is_cancelled, "answer": entry.answer.as_ref().map(told),
        });
        let new = path.with_extension("new");
        let written = std::fs::write(&new, text.to_string()).and_then(|()| std::fs::rename(&new, &path));
        if let Err(error) = written {
            tracing::error!(id, %error, "a request will not outlive this process");
        }
    }

    pub(crate) fn load(&self, id: &str) -> Option<Entry> {
        let text = std::fs::read(self.path(id)?).ok()?;
        let mut kept: Value = serde_json::from_slice(&text).ok()?;
        let text = |name: &str| kept.get(name)?.as_str().map(str::to_owned);
        let (endpoint, app_id) = (text("endpoint")?, text("app_id")?);
        let refusal = kept.get("refusal").and_then(read);
        let answer = kept.get("answer").and_then(read);
        let is_cancelled = kept.get("is_cancelled").and_then(Value::as_bool).unwrap_or(false);
        let work = match refusal {
            Some(refusal) => Err(refusal),
            None => Ok(kept.get_mut("input")?.take()),
        };
        Some(Entry { endpoint, app_id, work, is_cancelled, answer })
    }

    /// Only what is a request id names a file.
    fn path(&self, id: &str) -> Option<PathBuf> {
        let id = Uuid::try_parse(id).ok()?;
        Some(self.0.join(format!("{}.json", id.hyphenated())))
    }
}

fn told(reply: &Reply) -> Value {
    let header =
        |(name, value): &(HeaderName, HeaderValue)| Some(json!([name.as_str(), value.to_str().ok()?]));
    let headers: Vec<Value> = reply.headers.iter().filter_map(header).collect();
    json!({"status": reply.status.as_u16(), "headers": headers, "body": reply.body})
}

fn read(told: &Value) -> Option<Reply> {
    let status = u16::try_from(told.get("status")?.as_u64()?).ok()?;
    let mut reply = Reply::new(StatusCode::from_u16(status).ok()?, told.get("body")?.clone());
    for header in told.get("headers")?.as_array()? {
        let name = header.get(0)?.as_str()?.parse::<HeaderName>().ok()?;
        reply = reply.header(name, HeaderValue::from_str(header.get(1)?.as_str()?).ok()?);
    }
    Some(reply)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_request_ids_name_files() {
        let folder = tempfile::tempdir().unwrap();
        let archive = Archive::new(folder.path().join("requests")).unwrap();
        let id = Uuid::new_v4().to_string();
        let entry = Entry {
            endpoint: "a/b/c".to_owned(),
            app_id: "a/b".to_owned(),
            work: Ok(json!({"prompt": "x"})),
            is_cancelled: false,
            answer: Some(Reply::ok(json!({"n": 1})).units(3)),
        };
        archive.save(&id, &entry);
        let loaded = archive.load(&id).unwrap();
        assert_eq!((loaded.endpoint.as_str(), loaded.work.unwrap()), ("a/b/c", json!({"prompt": "x"})));
        let answer = loaded.answer.unwrap();
        assert_eq!((answer.body, answer.headers), (json!({"n": 1}), entry.answer.clone().unwrap().headers));
        for bad in ["", "..", "../x", "a/b", "known"] {
            archive.save(bad, &entry);
            assert!(archive.load(bad).is_none(), "{bad}");
        }
        assert_eq!(std::fs::read_dir(folder.path().join("requests")).unwrap().count(), 1);
        std::fs::write(archive.path(&id).unwrap(), "{").unwrap();
        assert!(archive.load(&id).is_none());
    }
}
