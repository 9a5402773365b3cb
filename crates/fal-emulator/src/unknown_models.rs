//! Calls of models that the emulator does not know, and the remedies.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, Mutex};

use crate::models::Registry;
use crate::sync::lock;

/// The largest number of ids that are noted.
const MOST: usize = 100;
/// The longest id that is noted, in characters.
const MAX_ID: usize = 200;

/// A function that gets the warnings for the user of the emulator.
pub(crate) type WarningLog = Arc<dyn Fn(&str) + Send + Sync>;

/// The unknown models that were called or scripted.
#[derive(Default)]
pub(crate) struct UnknownModels {
    models: Mutex<BTreeMap<String, UnknownModel>>,
    /// The ids of scripts that were reported to the user.
    scripted: Mutex<BTreeSet<String>>,
    /// The routes that were called with a method that is not served.
    routes: Mutex<BTreeSet<String>>,
    log: Option<WarningLog>,
}

/// An unknown model, and the way to add it.
#[derive(Clone)]
pub(crate) struct UnknownModel {
    pub(crate) id: String,
    pub(crate) calls: u64,
    /// The ids of known models that resemble this one, the best first.
    pub(crate) similar: Vec<String>,
    /// The reason in words, if the id belongs to an app whose own document is served. fal has no document of it.
    pub(crate) own_app: Option<String>,
}

impl UnknownModels {
    pub(crate) fn new(log: Option<WarningLog>) -> Self {
        Self { log, ..Self::default() }
    }

    /// Notes a call. The first call of each id is reported to the user.
    pub(crate) fn note(&self, id: &str, models: &Registry) {
        let id = printable(id);
        let mut unknown = lock(&self.models);
        if let Some(model) = unknown.get_mut(&id) {
            model.calls += 1;
            return;
        }
        if unknown.len() >= MOST {
            return;
        }
        // A WebSocket route is known, though not for this call.
        let similar = models.similar_ids(&id).into_iter().filter(|other| *other != id);
        let similar = similar.map(str::to_owned).collect();
        let own_app = explain_route("POST", &id, models);
        let model = UnknownModel { id, calls: 1, similar, own_app };
        unknown.insert(model.id.clone(), model.clone());
        drop(unknown);
        if let Some(log) = &self.log {
            log(&model.to_string());
        }
    }

    /// Returns a warning about the id of a script that no document describes and that resembles other ids: probably a slip,
    /// which would leave the calls of the model without a script. The first warning about each id is reported to the user.
    pub(crate) fn note_scripted(&self, id: &str, models: &Registry) -> Option<String> {
        let id = id.trim_matches('/');
        let model = id.strip_suffix("/stream").or_else(|| id.strip_suffix("/realtime")).unwrap_or(id);
        // A rule about the later requests of a call may name the app.
        if models.has_app(id) || models.has_app(model) {
            return None;
        }
        // An id of an owner without models is that of an app of one's own, unless the slip is in the owner.
        let (owner, name) = id.split_once('/')?;
        let knows_owner =
            models.ids().any(|other| other.split_once('/').is_some_and(|(known, _)| known == owner));
        let mut similar = models.similar_ids(id);
        similar.retain(|other| knows_owner || other.split_once('/').is_some_and(|(_, known)| known == name));
        if similar.is_empty() {
            return None;
        }
        let id = printable(id);
        let text =
            format!("a script is about {id}, which no document describes. Similar: {}", similar.join(", "));
        let mut scripted = lock(&self.scripted);
        let is_new = scripted.len() < MOST && scripted.insert(id);
        drop(scripted);
        if let Some(log) = self.log.as_ref().filter(|_| is_new) {
            log(&text);
        }
        Some(text)
    }

    /// Notes a call of a route of the user's own app with a method that is not served. The first one is reported to the user.
    pub(crate) fn note_method(&self, method: &str, id: &str, models: &Registry) {
        let Some(reason) = explain_route(method, &printable(id), models) else { return };
        let mut routes = lock(&self.routes);
        if routes.len() < MOST && routes.insert(reason.clone()) {
            drop(routes);
            if let Some(log) = &self.log {
                log(&format!("{reason}, so its calls are answered 405"));
            }
        }
    }

    /// Returns the unknown models that were called, in alphabetical order.
    pub(crate) fn list(&self) -> Vec<UnknownModel> {
        lock(&self.models).values().cloned().collect()
    }
}

/// Returns the start of an id, without characters that would reach the terminal as commands.
fn printable(id: &str) -> String {
    id.chars().filter(|letter| !letter.is_control()).take(MAX_ID).collect()
}

/// Returns the reason for which a route of the user's own app is not served. `None` for other ids.
fn explain_route(method: &str, id: &str, models: &Registry) -> Option<String> {
    let (app, own) = models.own_app(id)?;
    let path = match id.get(app.len()..) {
        None | Some("") => "/",
        Some(path) => path,
    };
    Some(match own.left_out(method, path) {
        Some(route) => format!("{app}: {route}"),
        None if models.get(id).is_some_and(|model| model.is_web_socket_only()) => {
            format!("{app}: {path} is a WebSocket route, which takes no {method}")
        }
        None => format!("the document of {app} has no route {method} {path}"),
    })
}

impl UnknownModel {
    /// Returns the command that fetches the document of the model from fal, if fal may have one.
    pub(crate) fn fetch_command(&self) -> Option<String> {
        if self.own_app.is_some() {
            return None;
        }
        let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "/-_.".contains(letter);
        let id: String = self.id.chars().filter(|letter| is_plain(*letter)).collect();
        Some(format!(
            "curl -fsSo model.json 'https://fal.ai/api/openapi/queue/openapi.json?endpoint_id={id}'"
        ))
    }
}

/// The warning for the user.
impl fmt::Display for UnknownModel {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.own_app {
            Some(reason) => write!(out, "{reason}, so its calls are answered 404.")?,
            None => write!(out, "the model {} is unknown, so its calls are answered 404.", self.id)?,
        }
        if !self.similar.is_empty() {
            write!(out, " Similar: {}.", self.similar.join(", "))?;
        }
        match self.fetch_command() {
            Some(command) => write!(
                out,
                " To add it, run `{command}` and restart with --schema model.json; or restart with --unknown-models accept"
            ),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripted_ids_are_reported_once_if_they_are_probably_slips() {
        let told = Arc::new(Mutex::new(Vec::new()));
        let log: WarningLog = {
            let told = Arc::clone(&told);
            Arc::new(move |line: &str| lock(&told).push(line.to_owned()))
        };
        let mut models = Registry::embedded().unwrap();
        let unknown = UnknownModels::new(Some(log));
        for id in
            ["fal-ai/flux/dev", "/fal-ai/flux/dev/", "fal-ai/flux/dev/stream", "fal-ai/flux", "acme/painter"]
        {
            assert_eq!(unknown.note_scripted(id, &models), None, "{id}");
        }
        for _ in 0..2 {
            let warning = unknown.note_scripted("fal-ai/flux/devv\u{7}", &models).unwrap();
            let slip = unknown.note_scripted("fal_ai/flux/dev", &models).unwrap();
            assert!(slip.ends_with("Similar: fal-ai/flux/dev"), "{slip}");
            let expected =
                "a script is about fal-ai/flux/devv, which no document describes. Similar: fal-ai/flux/dev";
            assert!(warning.starts_with(expected), "{warning}");
        }
        assert_eq!(lock(&told).len(), 2);
        models.accept_unknown();
        assert_eq!(unknown.note_scripted("fal-ai/flux/devv", &models), None);
    }

    #[test]
    fn each_unknown_model_is_told_once_with_near_misses_and_the_remedy() {
        let told = Arc::new(Mutex::new(Vec::new()));
        let log: WarningLog = {
            let told = Arc::clone(&told);
            Arc::new(move |line: &str| lock(&told).push(line.to_owned()))
        };
        let models = Registry::embedded().unwrap();
        let unknown = UnknownModels::new(Some(log));
        for id in ["fal-ai/flux/deev", "fal-ai/flux/deev", "a/b\u{1b}[2J';rm"] {
            unknown.note(id, &models);
        }
        let told = lock(&told).clone();
        assert_eq!(told.len(), 2);
        assert!(told[0].contains("Similar: fal-ai/flux/dev"), "{}", told[0]);
        assert!(told[0].contains("openapi.json?endpoint_id=fal-ai/flux/deev'"), "{}", told[0]);
        assert!(!told[1].contains('\u{1b}') && told[1].contains("endpoint_id=a/b2Jrm'"), "{}", told[1]);
        let calls: Vec<u64> = unknown.list().iter().map(|model| model.calls).collect();
        assert_eq!(calls, [1, 2]);
        (0..2 * MOST).for_each(|number| unknown.note(&format!("a/{number}"), &models));
        assert_eq!(unknown.list().len(), MOST);
    }
}
