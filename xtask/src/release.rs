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

/// The sentence of pages that no release may have.
const UNPUBLISHED: &str = "Nothing is published yet";

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
    match (release.entries.as_str(), repository.last_tag()) {
        ("", Ok(last)) => println!("No model crate has changed since {last}."),
        ("", Err(_)) => println!("There is no earlier release, so no list of changed model crates."),
        (entries, _) => println!("{entries}"),
    }
    package::run(&package::Arguments { verify: !arguments.no_verify })
        .map_err(|error| format!("{error}{}", find_raised(&repository)))?;
    if arguments.dry_run {
        match release.left.as_slice() {
            [] => println!("{} can be released", release.tag),
            left => println!("Before {} can be released, this is left to do:{}", release.tag, list(left)),
        }
        return Ok(());
    }
    commit(&repository, &release)?;
    println!(
        "{0} is committed and tagged. Next, `git push origin main {0}` starts the workflow that publishes the programs. \
         Then `cargo xtask publish` uploads the crates.",
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
    /// The steps that people have to take before the release. Empty unless this is a dry run.
    left: Vec<String>,
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
        return Err(format!(
            "there is a tag {tag} already; raise `version` in `[workspace.package]` of Cargo.toml, and those of the \
             hand-written crates in `[workspace.dependencies]`"
        ));
    }
    let left = find_left(repository)?;
    if !left.is_empty() && !dry_run {
        return Err(format!("this is left to do before the release:{}", list(&left)));
    }
    let entries = match repository.last_tag() {
        Ok(last) => diff::changes_since(repository, &last, Format::Changelog, !dry_run)?,
        Err(_) => String::new(),
    };
    Ok(Release { tag, version, entries, left })
}

/// Returns what people have to do before a release, because it says where the project is published.
fn find_left(repository: &Repository) -> Result<Vec<String>, String> {
    let mut left = Vec::new();
    let cargo = read_cargo(&repository.0)?;
    let address = cargo.get("workspace").and_then(|table| table.get("package")?.get("repository")?.as_str());
    if address.is_none_or(str::is_empty) {
        left.push("set `repository` in `[workspace.package]` of Cargo.toml".to_owned());
    }
    for path in repository.git(&["ls-files", "--", "README.md", "*/README.md"])?.lines() {
        // A file that was removed says nothing.
        let text = fs::read_to_string(repository.0.join(path)).unwrap_or_default();
        for (index, _) in text.lines().enumerate().filter(|(_, line)| line.contains(UNPUBLISHED)) {
            left.push(format!("remove \"{UNPUBLISHED}\" from {path}:{}", index + 1));
        }
    }
    Ok(left)
}

/// Returns what to do with the versions that an unfinished release has raised, because the next one refuses changes.
fn find_raised(repository: &Repository) -> &'static str {
    match repository.git(&["status", "--porcelain", "--", "schemas/manifest.toml"]) {
        Ok(changes) if !changes.is_empty() => {
            "\nThe versions of model crates are raised already. Commit them with the correction, and run this again"
        }
        _ => "",
    }
}

/// Returns the items of a list, one a line.
fn list(items: &[String]) -> String {
    items.iter().map(|item| format!("\n- {item}")).collect()
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

fn read_cargo(root: &Path) -> Result<toml::Table, String> {
    let text = fs::read_to_string(root.join("Cargo.toml")).map_err(|error| format!("Cargo.toml: {error}"))?;
    text.parse().map_err(|error| format!("Cargo.toml: {error}"))
}

/// Reads the version that hand-written crates share.
fn read_version(root: &Path) -> Result<String, String> {
    let manifest = read_cargo(root)?;
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
    fn release_that_says_nothing_of_its_address_or_that_nothing_is_published_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        write_file(root, "Cargo.toml", "[workspace.package]\nversion = \"1.4.0\"\n");
        write_file(root, "README.md", "# Fal\n\nNothing is published yet: wait.\n");
        write_file(root, "crates/fal-a/README.md", "# A\n");
        commit_all(root);
        let repository = Repository(root.to_owned());
        let left = prepare(&repository, true).unwrap().left;
        let expected = [
            "set `repository` in `[workspace.package]` of Cargo.toml",
            "remove \"Nothing is published yet\" from README.md:3",
        ];
        assert_eq!(left, expected);
        let error = prepare(&repository, false).unwrap_err();
        assert!(expected.iter().all(|item| error.contains(item)), "{error}");
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
        let cargo = |version: &str| {
            format!(
                "[workspace.package]\nversion = \"{version}\"\nrepository = \"https://example.com/fal\"\n"
            )
        };
        write_file(root, "Cargo.toml", &cargo("1.4.0"));
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
        write_file(root, "Cargo.toml", &cargo("1.5.0"));
        assert!(
            prepare(&repository, false).unwrap_err().starts_with("commit or remove these changes first:")
        );

        write_file(root, "schemas/a/b.json", &document(80));
        git(root, &["add", "."]);
        git(root, &["commit", "--quiet", "--message", "Wider"]);
        assert!(prepare(&repository, true).unwrap().entries.contains("is at most 80, was at most 50"));
        let manifest = || fs::read_to_string(root.join("schemas/manifest.toml")).unwrap();
        assert!(!manifest().contains("version"));
        assert_eq!(find_raised(&repository), "");
        let release = prepare(&repository, false).unwrap();
        assert!(manifest().contains("version = \"0.1.1\""));
        assert!(find_raised(&repository).contains("Commit them with the correction"));
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
