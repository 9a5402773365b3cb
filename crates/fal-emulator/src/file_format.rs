//! The two formats of the files that users write: JSON and TOML.

use std::path::Path;

/// Returns true if a file holds JSON, which its name tells, or an object at its start: no TOML begins with one.
pub(crate) fn is_json(path: &Path, text: &str) -> bool {
    path.extension().is_some_and(|extension| extension == "json") || text.trim_start().starts_with('{')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_known_by_its_name_or_by_its_start() {
        for (name, text, expected) in [
            ("a.json", "[1]", true),
            ("/dev/fd/63", " {\"a\": 1}", true),
            ("a.toml", "[\"a/b\"]\nunit = \"images\"", false),
            ("a", "", false),
        ] {
            assert_eq!(is_json(Path::new(name), text), expected, "{name}");
        }
    }
}
