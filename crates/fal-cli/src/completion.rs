//! The words that a shell completes: ids of models, names of their parameters, and listed values.

use std::ffi::OsStr;

use clap_complete::CompletionCandidate;
use fal_emulator::catalogue::Catalogue;

use crate::model::parameter::{parameters as of_model, value_text};
use crate::model::{Kind, Parameter};

/// The most ids that are offered.
const MAX_IDS: usize = 200;

/// Returns the ids of models that begin with the word, or else those that contain it.
pub(crate) fn models(current: &OsStr) -> Vec<CompletionCandidate> {
    let Ok(catalogue) = Catalogue::embedded() else { return Vec::new() };
    let current = current.to_string_lossy();
    let find = |fits: &dyn Fn(&str) -> bool| {
        let found = catalogue.summaries().filter(|model| fits(model.id)).take(MAX_IDS);
        found
            .map(|model| CompletionCandidate::new(model.id).help(Some(model.name.to_owned().into())))
            .collect()
    };
    let found: Vec<CompletionCandidate> = find(&|id| id.starts_with(&*current));
    if found.is_empty() { find(&|id| id.contains(&*current)) } else { found }
}

/// Returns the parameters of the model on the command line as `name=`, and after a name its listed values.
pub(crate) fn parameters(current: &OsStr) -> Vec<CompletionCandidate> {
    let before = words_before();
    let Ok(catalogue) = Catalogue::embedded() else { return Vec::new() };
    let Some(model) = before.iter().find_map(|word| catalogue.get(word)) else { return Vec::new() };
    let known = of_model(&model);
    complete(&known, &before, &current.to_string_lossy())
        .into_iter()
        .map(|(text, help)| CompletionCandidate::new(text).help((!help.is_empty()).then(|| help.into())))
        .collect()
}

/// Returns the words of the command line before the one that is completed, as `clap_complete` passes them on.
fn words_before() -> Vec<String> {
    let mut words: Vec<String> = std::env::args_os()
        .skip_while(|word| word != "--")
        .skip(1)
        .map(|word| word.to_string_lossy().into_owned())
        .collect();
    let index = std::env::var("_CLAP_COMPLETE_INDEX").ok().and_then(|index| index.parse().ok());
    words.truncate(index.unwrap_or_else(|| words.len().saturating_sub(1)));
    words
}

/// Returns the texts that may follow, each with a description.
fn complete(known: &[Parameter], before: &[String], current: &str) -> Vec<(String, String)> {
    let find = |name: &str| known.iter().find(|parameter| parameter.name == name.replace('-', "_"));
    // bash takes `=` for a word of its own.
    let words = match before {
        [head @ .., last] if last == "=" => head,
        words => words,
    };
    let current = current.trim_start_matches('=');
    let of_last = words.last().and_then(|last| find(last.strip_prefix("--").unwrap_or(last)));
    if let Some(parameter) = of_last.filter(|_| !current.contains('=')) {
        return values(parameter)
            .into_iter()
            .filter(|value| value.starts_with(current))
            .map(|value| (value, String::new()))
            .collect();
    }
    if let Some((name, start)) = current.split_once('=') {
        let found = find(name).map(values).unwrap_or_default().into_iter();
        return found
            .filter(|value| value.starts_with(start))
            .map(|value| (format!("{name}={value}"), String::new()))
            .collect();
    }
    let is_given =
        |parameter: &Parameter| before.iter().any(|word| word.split('=').next() == Some(&parameter.name));
    let fitting =
        known.iter().filter(|parameter| parameter.name.starts_with(current) && !is_given(parameter));
    fitting.map(|parameter| (format!("{}=", parameter.name), parameter.type_text())).collect()
}

/// Returns the listed values of a parameter.
fn values(parameter: &Parameter) -> Vec<String> {
    match (&parameter.kind, parameter.kind.choices()) {
        (Kind::Boolean, _) => ["true", "false"].map(str::to_owned).into(),
        (_, Some(choices)) => choices.into_iter().map(value_text).collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_values_are_completed_as_each_shell_splits_words() {
        let catalogue = Catalogue::embedded().unwrap();
        let known = of_model(&catalogue.get("fal-ai/flux/dev").unwrap());
        let texts = |before: &[&str], current: &str| {
            let before: Vec<String> = before.iter().map(|word| (*word).to_owned()).collect();
            complete(&known, &before, current).into_iter().map(|(text, _)| text).collect::<Vec<_>>()
        };
        assert_eq!(texts(&["run", "fal-ai/flux/dev"], "pro"), ["prompt="]);
        assert_eq!(texts(&["run", "fal-ai/flux/dev", "prompt=x"], "pro"), [""; 0]);
        assert_eq!(texts(&["run"], "output_format="), ["output_format=jpeg", "output_format=png"]);
        assert_eq!(texts(&["run", "output_format", "="], "p"), ["png"]);
        assert_eq!(texts(&["run", "output_format"], "="), ["jpeg", "png"]);
        assert_eq!(texts(&["run", "--output-format"], "j"), ["jpeg"]);
        assert_eq!(texts(&["run"], "sync_mode=t"), ["sync_mode=true"]);
        assert!(models(OsStr::new("fal-ai/flux/d")).len() > 1);
    }
}
