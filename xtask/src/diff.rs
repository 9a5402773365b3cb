//! `cargo xtask diff`: lists the changes of the schemas for users, and the version that each crate needs.

mod bounds;
mod bump;
mod changelog;
mod compare;
mod finding;
mod items;
mod json;
mod markdown;
mod migration;
mod properties;
#[cfg(test)]
mod siblings;
mod snapshot;
#[cfg(test)]
pub(crate) mod tests;
mod text;
mod types;
mod version;

use std::io::{self, Write as _};

use compare::CrateDiff;
pub(crate) use snapshot::Repository;

use crate::{conflicts, root};

/// Arguments of `cargo xtask diff`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The commit, branch or tag to compare with
    #[arg(value_name = "GIT-REF", default_value = "HEAD")]
    reference: String,

    /// Compares with the last tag instead, which shows the changes of the next release
    #[arg(long, conflicts_with = "reference")]
    since_release: bool,

    /// Output format; `changelog` writes entries for CHANGELOG.md
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,

    /// Fails if a crate needs a higher version than it has in schemas/manifest.toml
    #[arg(long)]
    check: bool,

    /// Raises the versions in schemas/manifest.toml that are too low, and generates the code
    #[arg(long, conflicts_with = "check")]
    bump: bool,
}

/// The form of a list of changes.
#[derive(Clone, Copy, clap::ValueEnum)]
pub(crate) enum Format {
    Text,
    Markdown,
    Json,
    Changelog,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), String> {
    conflicts::refuse(&root())?;
    let repository = Repository(root());
    let tag;
    let reference = match arguments.since_release {
        true => {
            tag = repository.last_tag()?;
            &tag
        }
        false => &arguments.reference,
    };
    let (before, after) = (repository.commit(reference)?, repository.work_tree()?);
    let crates = compare::compare(&before, &after)?;
    let text = write(&crates, reference, arguments.format);
    // A pager that was closed needs no more lines.
    match io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => return Err(error.to_string()),
        _ => {}
    }
    if repository.differs(reference, snapshot::PLATFORM)? {
        eprintln!("{} has also changed; see `git diff {reference} {0}`", snapshot::PLATFORM);
    }
    let too_low = bump::too_low(&crates, &after.manifest)?;
    if arguments.check && !too_low.is_empty() {
        let needs = too_low.iter().map(|(name, next)| format!("{name} needs {next}"));
        let subject = match too_low.len() {
            1 => "the version of 1 crate is".to_owned(),
            several => format!("the versions of {several} crates are"),
        };
        return Err(format!(
            "{subject} too low; `cargo xtask diff {reference} --bump` raises what is too low\n{}",
            needs.collect::<Vec<_>>().join("\n")
        ));
    }
    if arguments.bump {
        bump::raise(&repository.0, &too_low)?;
        for (name, version) in &too_low {
            println!("{name} is {version} now");
        }
    }
    Ok(())
}

/// Returns the changes since a commit. With `raise`, the crates that have changed get the versions that they need.
pub(crate) fn changes_since(
    repository: &Repository,
    reference: &str,
    format: Format,
    raise: bool,
) -> Result<String, String> {
    let after = repository.work_tree()?;
    let crates = compare::compare(&repository.commit(reference)?, &after)?;
    if raise {
        bump::raise(&repository.0, &bump::too_low(&crates, &after.manifest)?)?;
    }
    Ok(write(&crates, reference, format))
}

fn write(crates: &[CrateDiff], reference: &str, format: Format) -> String {
    match format {
        Format::Text => text::write(crates, reference),
        Format::Markdown => markdown::write(crates, reference),
        Format::Json => json::write(crates, reference),
        Format::Changelog => changelog::write(crates),
    }
}

/// Summarizes the change of a crate: `breaking, 0.1.0 becomes 0.2.0`.
fn summary(item: &CrateDiff) -> String {
    match (&item.version, &item.next) {
        (Some(version), Some(next)) => format!("{}, {version} becomes {next}", item.level.as_str()),
        (None, Some(next)) => format!("new, {next}"),
        (_, None) => "removed".to_owned(),
    }
}

/// Returns a text with a capital letter at its start, unless it starts with code.
fn capitalized(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
