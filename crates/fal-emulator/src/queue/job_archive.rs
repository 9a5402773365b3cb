//! Queued requests on disk, so that they survive a restart of the emulator.

use std::io;
use std::path::PathBuf;

use axum::http::{HeaderName, HeaderValue, StatusCode};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::endpoint_id::EndpointId;
use crate::private_files;
use crate::reply::Reply;

/// A folder with one JSON file for each queued request.
#[derive(Clone)]
pub(crate) struct JobArchive(PathBuf);

/// The parts of a queued request that survive a restart.
#[derive(Clone, Debug)]
pub(crate) struct SavedJob {
    pub(crate) endpoint: EndpointId,
    /// The input, or the reply of a runner that refused it.
    pub(crate) work: Result<Value, Reply>,
    pub(crate) is_cancelled: bool,
    pub(crate) stores_payloads: bool,
    pub(crate) answer: Option<Reply>,
}

impl JobArchive {
    /// Opens the folder, which is created if it does not exist.
    pub(crate) fn new(folder: PathBuf) -> io::Result<Self> {
        private_files::create_folder(&folder)?;
        Ok(Self(folder))
    }

    /// Writes a request, replacing an older version atomically. A failure is logged.
    pub(crate) fn save(&self, id: &str, job: &SavedJob) {
        let Some(path) = self.path(id) else { return };
        let (input, refusal) = match &job.work {
            Ok(input) => (Some(input), None),
            Err(refusal) => (None, Some(reply_to_json(refusal))),
        };
        let text = json!({
            "endpoint": job.endpoint.full, "app_id": job.endpoint.app, "input": input, "refusal": refusal,
            "is_cancelled": job.is_cancelled, "stores_payloads": job.stores_payloads,
            "answer": job.answer.as_ref().map(reply_to_json),
        });
        let new = path.with_extension("new");
        let written = private_files::write(&new, text.to_string().as_bytes())
            .and_then(|()| std::fs::rename(&new, &path));
        if let Err(error) = written {
            tracing::error!(id, %error, "cannot save a request: it will be lost at a restart");
        }
    }

    /// Reads a request. Returns `None` if there is none, or if its file is damaged.
    pub(crate) fn load(&self, id: &str) -> Option<SavedJob> {
        let text = private_files::read(&self.path(id)?).ok()?;
        let mut saved: Value = serde_json::from_slice(&text).ok()?;
        let text = |name: &str| saved.get(name)?.as_str().map(str::to_owned);
        let endpoint = EndpointId { full: text("endpoint")?, app: text("app_id")? };
        let refusal = saved.get("refusal").and_then(reply_from_json);
        let answer = saved.get("answer").and_then(reply_from_json);
        let is_cancelled = saved.get("is_cancelled").and_then(Value::as_bool).unwrap_or(false);
        let stores_payloads = saved.get("stores_payloads").and_then(Value::as_bool).unwrap_or(true);
        let work = match refusal {
            Some(refusal) => Err(refusal),
            None => Ok(saved.get_mut("input")?.take()),
        };
        Some(SavedJob { endpoint, work, is_cancelled, stores_payloads, answer })
    }

    /// Returns the file of a request. Only UUIDs have one, so that an id cannot lead out of the folder.
    fn path(&self, id: &str) -> Option<PathBuf> {
        let id = Uuid::try_parse(id).ok()?;
        Some(self.0.join(format!("{}.json", id.hyphenated())))
    }
}

fn reply_to_json(reply: &Reply) -> Value {
    let header =
        |(name, value): &(HeaderName, HeaderValue)| Some(json!([name.as_str(), value.to_str().ok()?]));
    let headers: Vec<Value> = reply.headers.iter().filter_map(header).collect();
    json!({"status": reply.status.as_u16(), "headers": headers, "body": reply.body})
}

fn reply_from_json(json: &Value) -> Option<Reply> {
    let status = u16::try_from(json.get("status")?.as_u64()?).ok()?;
    // An interim status such as 101 is no answer.
    let status = StatusCode::from_u16(status).ok().filter(|status| !status.is_informational())?;
    let mut reply = Reply::new(status, json.get("body")?.clone());
    for header in json.get("headers")?.as_array()? {
        let name = header.get(0)?.as_str()?.parse::<HeaderName>().ok()?;
        reply = reply.with_header(name, HeaderValue::from_str(header.get(1)?.as_str()?).ok()?);
    }
    Some(reply)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_request_ids_name_files() {
        let folder = tempfile::tempdir().unwrap();
        let archive = JobArchive::new(folder.path().join("requests")).unwrap();
        let id = Uuid::new_v4().to_string();
        let job = SavedJob {
            endpoint: EndpointId { full: "a/b/c".to_owned(), app: "a/b".to_owned() },
            work: Ok(json!({"prompt": "x"})),
            is_cancelled: false,
            stores_payloads: true,
            answer: Some(Reply::ok(json!({"n": 1})).with_billable_units(3)),
        };
        archive.save(&id, &job);
        let loaded = archive.load(&id).unwrap();
        assert_eq!((loaded.endpoint.full.as_str(), loaded.work.unwrap()), ("a/b/c", json!({"prompt": "x"})));
        let answer = loaded.answer.unwrap();
        assert_eq!((answer.body, answer.headers), (json!({"n": 1}), job.answer.clone().unwrap().headers));
        for bad in ["", "..", "../x", "a/b", "known"] {
            archive.save(bad, &job);
            assert!(archive.load(bad).is_none(), "{bad}");
        }
        assert_eq!(std::fs::read_dir(folder.path().join("requests")).unwrap().count(), 1);
        let path = archive.path(&id).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, text.replace("\"status\":200", "\"status\":101")).unwrap();
        assert!(archive.load(&id).unwrap().answer.is_none(), "a damaged answer is made again");
        std::fs::write(&path, "{").unwrap();
        assert!(archive.load(&id).is_none());
    }
}
