//! Calls of models that the emulator does not know, and the remedies.

use std::collections::BTreeMap;
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

/// The unknown models that were called.
#[derive(Default)]
pub(crate) struct UnknownModels {
    models: Mutex<BTreeMap<String, UnknownModel>>,
    log: Option<WarningLog>,
}

/// An unknown model, and the way to add it.
#[derive(Clone)]
pub(crate) struct UnknownModel {
    pub(crate) id: String,
    pub(crate) calls: u64,
    /// The ids of known models that resemble this one, the best first.
    pub(crate) similar: Vec<String>,
}

impl UnknownModels {
    pub(crate) fn new(log: Option<WarningLog>) -> Self {
        Self { models: Mutex::default(), log }
    }

    /// Notes a call. The first call of each id is reported to the user.
    pub(crate) fn note(&self, id: &str, models: &Registry) {
        // Control characters would reach the terminal.
        let id: String = id.chars().filter(|letter| !letter.is_control()).take(MAX_ID).collect();
        let mut unknown = lock(&self.models);
        if let Some(model) = unknown.get_mut(&id) {
            model.calls += 1;
            return;
        }
        if unknown.len() >= MOST {
            return;
        }
        let similar = models.similar_ids(&id).into_iter().map(str::to_owned).collect();
        let model = UnknownModel { id, calls: 1, similar };
        unknown.insert(model.id.clone(), model.clone());
        drop(unknown);
        if let Some(log) = &self.log {
            log(&model.to_string());
        }
    }

    /// Returns the unknown models that were called, in alphabetical order.
    pub(crate) fn list(&self) -> Vec<UnknownModel> {
        lock(&self.models).values().cloned().collect()
    }
}

impl UnknownModel {
    /// Returns the command that fetches the document of the model from fal.
    pub(crate) fn fetch_command(&self) -> String {
        let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "/-_.".contains(letter);
        let id: String = self.id.chars().filter(|letter| is_plain(*letter)).collect();
        format!("curl -fsSo model.json 'https://fal.ai/api/openapi/queue/openapi.json?endpoint_id={id}'")
    }
}

/// The warning for the user.
impl fmt::Display for UnknownModel {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "the model {} is unknown, so its calls are answered 404.", self.id)?;
        if !self.similar.is_empty() {
            write!(out, " Similar: {}.", self.similar.join(", "))?;
        }
        write!(
            out,
            " To add it, run `{}` and restart with --schema model.json; or restart with --unknown-models accept",
            self.fetch_command()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
