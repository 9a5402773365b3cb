//! The endpoints of a crate in the order of its pages: by task, the highest version first, deprecated ones last.

use std::{cmp::Reverse, collections::BTreeMap};

use super::docs;
use crate::rust::{Crate, Endpoint, Module};

/// The tasks that come first. The others follow by name.
const FIRST_TASKS: &[&str] = &[
    "text-to-image",
    "image-to-image",
    "text-to-video",
    "image-to-video",
    "video-to-video",
    "text-to-speech",
    "text-to-audio",
    "speech-to-text",
];

/// The endpoints that do the same task.
struct Task<'a> {
    /// The title, such as `Text to image`.
    title: String,
    modules: Vec<(&'a Module, &'a Endpoint)>,
}

/// Returns the endpoints of a crate in the order of its pages.
pub(super) fn endpoints(item: &Crate) -> impl Iterator<Item = (&Module, &Endpoint)> {
    tasks(item).into_iter().flat_map(|task| task.modules)
}

/// Returns the endpoints of a crate by task.
fn tasks(item: &Crate) -> Vec<Task<'_>> {
    let mut tasks: BTreeMap<(usize, &str), Vec<(&Module, &Endpoint)>> = BTreeMap::new();
    let mut modules = Vec::new();
    collect_endpoints(&item.root, &mut modules);
    for (module, endpoint) in modules {
        let task = endpoint.category.as_deref().unwrap_or(UNKNOWN);
        let rank = FIRST_TASKS.iter().position(|first| *first == task);
        let rank = rank.unwrap_or(FIRST_TASKS.len() + usize::from(task == UNKNOWN));
        tasks.entry((rank, task)).or_default().push((module, endpoint));
    }
    let tasks = tasks.into_iter().map(|((_, task), mut modules)| {
        modules.sort_by_key(|(module, endpoint)| {
            (endpoint.deprecated.is_some(), Reverse(version(&endpoint.id)), module.path.clone())
        });
        Task { title: title(task), modules }
    });
    tasks.collect()
}

/// Returns the lines of a table for each task, below its title if there are several. `path` returns the module of a row.
pub(super) fn tables(item: &Crate, heading: &str, path: impl Fn(&Module) -> String) -> Vec<String> {
    let tasks = tasks(item);
    let mut lines = Vec::new();
    for task in &tasks {
        if tasks.len() > 1 {
            lines.extend([String::new(), format!("{heading} {}", task.title)]);
        }
        lines.extend(["", "| module | endpoint | description |", "|---|---|---|"].map(str::to_owned));
        lines.extend(task.modules.iter().map(|(module, endpoint)| {
            format!("| {} | {} | {} |", path(module), endpoint.link(), description(endpoint))
        }));
    }
    lines
}

/// The category of endpoints without one.
const UNKNOWN: &str = "unknown";

/// Returns the first sentence about an endpoint, with its protocols besides `run` and the queue.
fn description(endpoint: &Endpoint) -> String {
    let summary = docs::summary(&endpoint.description);
    let sentence = summary.split_inclusive(". ").next().unwrap_or_default().trim();
    let mut text = if sentence.is_empty() { docs::escape(&endpoint.title) } else { sentence.to_owned() };
    if endpoint.event.is_some() {
        text.push_str(" Streams.");
    }
    if endpoint.realtime {
        text.push_str(" Realtime.");
    }
    if endpoint.deprecated.is_some() {
        text.push_str(" Deprecated.");
    }
    text
}

fn title(task: &str) -> String {
    if task == UNKNOWN {
        return "Other".to_owned();
    }
    let words = docs::escape(&task.replace(['-', '_'], " "));
    let mut characters = words.chars();
    characters.next().map(|first| first.to_uppercase().chain(characters).collect()).unwrap_or_default()
}

/// Returns the numbers of the first part of an id that is a version, such as `v2.5-turbo`, `o3` or `1.6`.
pub(crate) fn version(id: &str) -> Vec<u64> {
    let numbers = |part: &str| {
        let start = part.strip_prefix(|c: char| c.is_ascii_alphabetic()).unwrap_or(part);
        let end = start.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(start.len());
        start[..end].split('.').map_while(|number| number.parse().ok()).collect::<Vec<u64>>()
    };
    // The owner and the name of the app are those of all endpoints.
    id.split('/').skip(2).map(numbers).find(|numbers| !numbers.is_empty()).unwrap_or_default()
}

/// Collects the modules that are endpoints, parents first.
fn collect_endpoints<'a>(module: &'a Module, found: &mut Vec<(&'a Module, &'a Endpoint)>) {
    found.extend(module.endpoint.as_ref().map(|endpoint| (module, endpoint)));
    module.children.iter().for_each(|child| collect_endpoints(child, found));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_as_numbers() {
        let ids =
            ["a/b/v2.5-turbo/pro", "a/b/v10/pro", "a/b/o3/4k", "a/b/v2/master", "a/b/create-voice", "a/b2"];
        let versions = ids.map(version);
        let expected: [&[u64]; 6] = [&[2, 5], &[10], &[3], &[2], &[], &[]];
        assert_eq!(versions, expected);
    }

    #[test]
    fn tasks_have_titles() {
        assert_eq!(title("text-to-image"), "Text to image");
        assert_eq!(title("llm"), "Llm");
        assert_eq!(title("unknown"), "Other");
    }
}
