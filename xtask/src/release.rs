//! `cargo xtask release`: checks everything that a release needs, and makes its commit and its tag.

use std::{fs, path::Path};

use time::OffsetDateTime;

use crate::{
    diff::{self, Format, Repository},
    package, root,
};

const CHANGELOG: &str = "CHANGELOG.md";

/// The heading of changes that no version has yet.
const UNRELEASED: &str = "## [Unreleased]\n";

/// Arguments of `cargo xtask release`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Checks everything and prints the changes, and writes nothing
    #[arg(long)]
    dry_run: bool,
    /// Does not compile the package of each crate
    #[arg(long)]
    no_verify: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), String> {
    let repository = Repository(root());
    let release = prepare(&repository, arguments.dry_run)?;
    println!("{}", release.entries);
    package::run(&package::Arguments { verify: !arguments.no_verify })?;
    if arguments.dry_run {
        println!("{} can be released", release.tag);
        return Ok(());
    }
    commit(&repository, &release)?;
    println!(
        "{0} is committed and tagged. `git push origin main {0}` starts the workflow that publishes the programs, and \
         `cargo xtask publish` uploads the crates.",
        release.tag
    );
    Ok(())
}

/// A release that passed all checks.
#[derive(Debug)]
struct Release {
    tag: String,
    version: String,
    /// The entries of CHANGELOG.md about model crates since the last tag.
    entries: String,
}

/// Checks that a release is possible, and raises the versions of model crates that have changed since the last tag.
fn prepare(repository: &Repository, dry_run: bool) -> Result<Release, String> {
    let version = read_version(&repository.0)?;
    let tag = format!("v{version}");
    let changes = repository.git(&["status", "--porcelain"])?;
    if !changes.is_empty() && !dry_run {
        return Err(format!("commit or remove these changes first:\n{}", changes.trim_end()));
    }
    if repository.git(&["rev-parse", "--verify", "--quiet", &format!("refs/tags/{tag}")]).is_ok() {
        return Err(format!("there is a tag {tag} already; raise `version` in Cargo.toml"));
    }
    let entries = match repository.last_tag() {
        Ok(last) => diff::changes_since(repository, &last, Format::Changelog, !dry_run)?,
        Err(_) => String::new(),
    };
    Ok(Release { tag, version, entries })
}

/// Writes the section of the version, and makes the commit and the tag.
fn commit(repository: &Repository, release: &Release) -> Result<(), String> {
    let path = repository.0.join(CHANGELOG);
    let text = fs::read_to_string(&path).map_err(|error| format!("{CHANGELOG}: {error}"))?;
    let date = OffsetDateTime::now_utc().date().to_string();
    let text = with_release(&text, &release.version, &date, &release.entries)?;
    fs::write(&path, text).map_err(|error| format!("{CHANGELOG}: {error}"))?;
    repository.git(&["add", "--all"])?;
    repository.git(&["commit", "--quiet", "--message", &format!("Release {}", release.version)])?;
    repository.git(&["tag", &release.tag]).map(drop)
}

/// Reads the version that hand-written crates share.
fn read_version(root: &Path) -> Result<String, String> {
    let text = fs::read_to_string(root.join("Cargo.toml")).map_err(|error| format!("Cargo.toml: {error}"))?;
    let manifest: toml::Table = text.parse().map_err(|error| format!("Cargo.toml: {error}"))?;
    let version = manifest.get("workspace").and_then(|table| table.get("package")?.get("version")?.as_str());
    Ok(version.ok_or("Cargo.toml has no version of the workspace")?.to_owned())
}

/// Returns the changelog with the unreleased changes as those of a version, and those of model crates after them.
fn with_release(text: &str, version: &str, date: &str, entries: &str) -> Result<String, String> {
    let (head, rest) = text
        .split_once(UNRELEASED)
        .ok_or_else(|| format!("{CHANGELOG} has no section {}", UNRELEASED.trim_end()))?;
    let (changes, older) = rest.split_at(rest.find("\n## ").unwrap_or(rest.len()));
    let changes = changes.replacen("\nNothing is published yet.\n", "", 1);
    let models = match entries {
        "" => String::new(),
        // One level deeper, below the heading of the crates.
        entries => format!("\n### Model crates\n\n{}", entries.replace("### ", "#### ")),
    };
    Ok(format!("{head}{UNRELEASED}\n## [{version}] - {date}\n{changes}{models}{older}"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use serde_json::json;

    use super::*;
    use crate::diff::tests::{commit_all, git, record, write_file};

    #[test]
    fn unreleased_changes_become_those_of_the_version() {
        let old =
            "# Changelog\n\n## [Unreleased]\n\nNothing is published yet.\n\n### `fal-client`\n\n- One.\n";
        let first = with_release(old, "0.1.0", "2026-12-01", "").unwrap();
        assert_eq!(
            first,
            "# Changelog\n\n## [Unreleased]\n\n## [0.1.0] - 2026-12-01\n\n### `fal-client`\n\n- One.\n"
        );
        let next = first.replace("[Unreleased]\n", "[Unreleased]\n\n### `fal-core`\n\n- Two.\n");
        let second = with_release(&next, "0.2.0", "2026-12-08", "### Added\n\n- Three.\n").unwrap();
        let section = "## [0.2.0] - 2026-12-08\n\n### `fal-core`\n\n- Two.\n\n### Model crates\n\n#### Added\n\n- Three.\n";
        assert!(second.contains(&format!("## [Unreleased]\n\n{section}\n## [0.1.0]")), "{second}");
        assert!(with_release("# Changelog\n", "0.1.0", "2026-12-01", "").is_err());
    }

    #[test]
    fn release_needs_a_clean_tree_and_a_new_version_and_raises_those_of_changed_crates() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        let document = |maximum: u64| {
            let steps = json!({ "type": "integer", "maximum": maximum });
            record(
                "a/b",
                json!({ "type": "object", "properties": { "steps": steps } }),
                json!({ "type": "object" }),
                json!({}),
            )
        };
        write_file(root, "Cargo.toml", "[workspace.package]\nversion = \"1.4.0\"\n");
        write_file(root, CHANGELOG, "# Changelog\n\n## [Unreleased]\n");
        write_file(
            root,
            "schemas/manifest.toml",
            "[crates.fal-b]\napp = \"a/b\"\ntitle = \"B\"\nendpoints = [\"a/b\"]\n",
        );
        write_file(root, "schemas/a/b.json", &document(50));
        fal_codegen::workspace::plan(root, &[]).unwrap().write(root).unwrap();
        commit_all(root);
        let repository = Repository(root.to_owned());
        // There is no release to compare the first one with.
        assert_eq!(prepare(&repository, false).unwrap().entries, "");
        git(root, &["tag", "v1.4.0"]);
        assert!(prepare(&repository, false).unwrap_err().contains("there is a tag v1.4.0 already"));
        write_file(root, "Cargo.toml", "[workspace.package]\nversion = \"1.5.0\"\n");
        assert!(
            prepare(&repository, false).unwrap_err().starts_with("commit or remove these changes first:")
        );

        write_file(root, "schemas/a/b.json", &document(80));
        git(root, &["add", "."]);
        git(root, &["commit", "--quiet", "--message", "Wider"]);
        assert!(prepare(&repository, true).unwrap().entries.contains("is at most 80, was at most 50"));
        let manifest = || fs::read_to_string(root.join("schemas/manifest.toml")).unwrap();
        assert!(!manifest().contains("version"));
        let release = prepare(&repository, false).unwrap();
        assert!(manifest().contains("version = \"0.1.1\""));
        for (key, value) in
            [("user.name", "Test"), ("user.email", "test@example.com"), ("commit.gpgsign", "false")]
        {
            git(root, &["config", key, value]);
        }
        commit(&repository, &release).unwrap();
        assert_eq!(repository.last_tag().unwrap(), "v1.5.0");
        assert_eq!(repository.git(&["status", "--porcelain"]).unwrap(), "");
        assert!(fs::read_to_string(root.join(CHANGELOG)).unwrap().contains("\n## [1.5.0] - 20"));
    }
}
