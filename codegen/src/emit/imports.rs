//! The `use` lines of a file: what its text mentions, and no more.

use std::collections::BTreeSet;

use super::layout;

const CANDIDATES: &[(&str, &[&str])] = &[
    (
        "fal_core",
        &[
            "Check",
            "Endpoint",
            "File",
            "Float",
            "Int",
            "IntoInput",
            "Nullable",
            "Param",
            "Parameters",
            "Realtime",
            "Streams",
            "Unset",
            "Violations",
            "wire",
        ],
    ),
    ("serde", &["Deserialize", "Deserializer", "Serialize", "Serializer", "de::MapAccess"]),
    ("serde_json", &["Map", "Value"]),
];

/// The `use` lines that `text` needs.
pub(super) fn of(text: &str) -> String {
    let words = words(text);
    let mut groups: Vec<String> = Vec::new();
    if words.contains("BTreeMap") {
        groups.push("use std::collections::BTreeMap;\n\n".to_owned());
    }
    for (path, names) in CANDIDATES {
        let used: Vec<&str> = names.iter().copied().filter(|name| words.contains(last(name))).collect();
        match used.as_slice() {
            [] => {}
            [one] => groups.push(format!("use {path}::{one};\n")),
            several => groups.push(layout::filled(&format!("use {path}::{{"), several, "};")),
        }
    }
    groups.concat()
}

fn last(path: &str) -> &str {
    path.rsplit("::").next().unwrap_or(path)
}

/// `fal_core`'s bounds traits that the text of a `bounds` module needs.
pub(super) fn of_bounds(text: &str) -> String {
    let words = words(text);
    let used: Vec<&str> = ["Length", "Range"].into_iter().filter(|name| words.contains(name)).collect();
    match used.as_slice() {
        [one] => format!("use fal_core::{one};\n"),
        several => format!("use fal_core::{{{}}};\n", several.join(", ")),
    }
}

/// The names that stand in code, and not only in comments. A path in front hides a name. Of modules only
/// `wire` is imported, so other words in small letters are passed over.
fn words(text: &str) -> BTreeSet<&str> {
    let mut found = BTreeSet::new();
    for line in text.lines().filter(|line| !line.trim_start().starts_with("//")) {
        let bytes = line.as_bytes();
        let mut at = 0;
        while at < bytes.len() {
            let start = at;
            while at < bytes.len() && (bytes[at].is_ascii_alphanumeric() || bytes[at] == b'_') {
                at += 1;
            }
            if start == at {
                at += 1;
                continue;
            }
            let word = &line[start..at];
            let wanted = bytes[start].is_ascii_uppercase() || word == "wire";
            if wanted && !line[..start].ends_with("::") {
                found.insert(word);
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_code_mentions_is_imported() {
        let text =
            "/// A `File`.\npub struct X { a: Option<Nullable<serde_json::Value>> }\nlet m = Map::new();";
        assert_eq!(of(text), "use fal_core::Nullable;\nuse serde_json::Map;\n");
    }
}
