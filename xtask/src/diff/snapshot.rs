//! Reads the schemas of a commit or of the work tree.

use std::{
    collections::BTreeMap,
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
};

use fal_codegen::{
    Manifest, TypeNames,
    workspace::{OVERLAYS, SCHEMAS, TYPE_NAMES},
};
use semver::Version;

use super::{compare::Snapshot, items::Sources};

#[cfg(test)]
mod tests;

/// The folder of the generated crates.
const MODELS: &str = "crates/models";

/// The document of the platform API, which describes no model.
pub(super) const PLATFORM: &str = "schemas/platform/openapi.json";

/// The work tree of a repository.
pub(crate) struct Repository(pub(crate) PathBuf);

impl Repository {
    /// Reads the schemas of the work tree.
    pub(super) fn work_tree(&self) -> Result<Snapshot, String> {
        let overlays = format!("{SCHEMAS}/{OVERLAYS}");
        let files =
            self.git(&["ls-files", "--cached", "--others", "--exclude-standard", "--", MODELS, &overlays])?;
        snapshot("", &files, |paths| paths.iter().map(|path| read(&self.0.join(path))).collect())
    }

    /// Reads the schemas of a commit, branch or tag.
    pub(super) fn commit(&self, reference: &str) -> Result<Snapshot, String> {
        self.git(&["rev-parse", "--git-dir"])?;
        let commit = self.git(&["rev-parse", "--verify", "--quiet", &format!("{reference}^{{commit}}")]);
        let commit =
            commit.map_err(|_| format!("`{reference}` is not a commit, branch or tag of this repository"))?;
        let (commit, overlays) = (commit.trim(), format!("{SCHEMAS}/{OVERLAYS}"));
        let files = self.git(&["ls-tree", "-r", "--name-only", commit, "--", MODELS, &overlays])?;
        snapshot(&format!("{reference}:"), &files, |paths| self.blobs(commit, paths))
    }

    /// Returns the name of the last tag.
    pub(crate) fn last_tag(&self) -> Result<String, String> {
        let tag = self.git(&["describe", "--tags", "--abbrev=0"]);
        Ok(tag.map_err(|_| "there is no tag yet; name a commit instead".to_owned())?.trim().to_owned())
    }

    /// Returns true if a file differs from that of a commit.
    pub(super) fn differs(&self, reference: &str, path: &str) -> Result<bool, String> {
        Ok(!self.git(&["diff", "--name-only", reference, "--", path])?.is_empty())
    }

    /// Returns the text of a file of a commit.
    pub(crate) fn file(&self, reference: &str, path: &str) -> Result<String, String> {
        self.git(&["show", &format!("{reference}:{path}")])
    }

    /// Runs git, and returns its output.
    pub(crate) fn git(&self, arguments: &[&str]) -> Result<String, String> {
        let output = Command::new("git").args(arguments).current_dir(&self.0).output();
        let output = output.map_err(|error| format!("git: {error}"))?;
        match output.status.success() {
            true => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
            false => Err(format!("git {}: {}", arguments[0], String::from_utf8_lossy(&output.stderr).trim())),
        }
    }

    /// Reads files of a commit with one process. `None` for a file that the commit does not have.
    fn blobs(&self, commit: &str, paths: &[String]) -> Result<Vec<Option<String>>, String> {
        let failed = |error: std::io::Error| format!("git cat-file: {error}");
        let mut git = Command::new("git");
        git.args(["cat-file", "--batch"]).current_dir(&self.0);
        let mut git = git.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().map_err(failed)?;
        let requests: String = paths.iter().map(|path| format!("{commit}:{path}\n")).collect();
        let stdin = git.stdin.take();
        // Written in a thread, because git responds while it still reads and both pipes have limited capacity.
        let writer =
            thread::spawn(move || stdin.map_or(Ok(()), |mut stdin| stdin.write_all(requests.as_bytes())));
        let output = git.wait_with_output().map_err(failed)?;
        writer
            .join()
            .map_err(|_| "git cat-file: the requests could not be written".to_owned())?
            .map_err(failed)?;
        let mut rest = output.stdout.as_slice();
        paths
            .iter()
            .map(|path| blob(&mut rest).ok_or_else(|| format!("git cat-file: {path}: unexpected output")))
            .collect()
    }
}

/// Parses the next response of `git cat-file --batch`.
fn blob(rest: &mut &[u8]) -> Option<Option<String>> {
    let end = rest.iter().position(|byte| *byte == b'\n')?;
    let head = std::str::from_utf8(&rest[..end]).ok()?;
    if head.ends_with(" missing") {
        *rest = &rest[end + 1..];
        return Some(None);
    }
    let size: usize = head.rsplit(' ').next()?.parse().ok()?;
    let text = rest.get(end + 1..end + 1 + size)?;
    *rest = rest.get(end + 1 + size + 1..)?;
    Some(Some(String::from_utf8_lossy(text).into_owned()))
}

fn read(path: &Path) -> Result<Option<String>, String> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(format!("{}: {error}", path.display())),
    }
}

/// Reads the manifest, then its documents, their overlays and the generated code. `files` lists the last two, one a line, and
/// `read` returns the text of each file.
fn snapshot(
    label: &str,
    files: &str,
    read: impl Fn(&[String]) -> Result<Vec<Option<String>>, String>,
) -> Result<Snapshot, String> {
    let file = format!("{SCHEMAS}/manifest.toml");
    let mut first = read(&[file.clone(), "Cargo.toml".to_owned()])?.into_iter().flatten();
    let (Some(manifest), Some(cargo)) = (first.next(), first.next()) else {
        return Err(format!("{label}{file} or {label}Cargo.toml is missing, so there is nothing to compare"));
    };
    // A commit from before there was a record has none.
    let type_names = read(&[TYPE_NAMES.to_owned()])?.into_iter().flatten().next().unwrap_or_default();
    let type_names = TypeNames::parse(&format!("{label}{TYPE_NAMES}"), &type_names);
    let manifest =
        Manifest::parse(&format!("{label}{file}"), &manifest).map_err(|error| error.to_string())?;
    let ids: Vec<String> =
        manifest.crates.values().flat_map(|family| family.endpoints.iter().cloned()).collect();
    let documents = |folder: &str| -> Result<BTreeMap<String, String>, String> {
        let paths: Vec<String> =
            ids.iter().map(|id| format!("{folder}/{}", Manifest::document_path(id))).collect();
        Ok(ids.iter().cloned().zip(read(&paths)?).filter_map(|(id, text)| Some((id, text?))).collect())
    };
    let has_overlays = files.lines().any(|file| file.starts_with(&format!("{SCHEMAS}/{OVERLAYS}/")));
    let sources: Vec<(&str, &str)> = files.lines().filter_map(source_of_crate).collect();
    let paths: Vec<String> =
        sources.iter().map(|(name, path)| format!("{MODELS}/{name}/src/{path}")).collect();
    let mut code: BTreeMap<String, Sources> = BTreeMap::new();
    for ((name, path), text) in sources.into_iter().zip(read(&paths)?) {
        if let Some(text) = text.filter(|_| manifest.crates.contains_key(name)) {
            code.entry(name.to_owned()).or_default().insert(path.to_owned(), text);
        }
    }
    Ok(Snapshot {
        label: label.to_owned(),
        documents: documents(SCHEMAS)?,
        overlays: if has_overlays { documents(&format!("{SCHEMAS}/{OVERLAYS}"))? } else { BTreeMap::new() },
        code,
        type_names: type_names.map_err(|error| error.to_string())?,
        fal_core: fal_core_version(&cargo, label)?,
        manifest,
    })
}

/// Returns the crate of a generated source and its path below `src`.
pub(super) fn source_of_crate(path: &str) -> Option<(&str, &str)> {
    let (name, path) = path.strip_prefix(MODELS)?.strip_prefix('/')?.split_once("/src/")?;
    path.ends_with(".rs").then_some((name, path))
}

/// Parses the version of `fal-core` that generated crates depend on: its own, or else that of the workspace.
fn fal_core_version(cargo: &str, label: &str) -> Result<Version, String> {
    let cargo: toml::Table = cargo.parse().map_err(|error| format!("{label}Cargo.toml: {error}"))?;
    let workspace = cargo.get("workspace");
    let of_dependency =
        workspace.and_then(|workspace| workspace.get("dependencies")?.get("fal-core")?.get("version"));
    let version =
        of_dependency.or_else(|| workspace.and_then(|workspace| workspace.get("package")?.get("version")));
    let version = version.and_then(toml::Value::as_str);
    let version = version.ok_or_else(|| format!("{label}Cargo.toml has no version of fal-core"))?;
    version.parse().map_err(|error| format!("{label}Cargo.toml: `{version}`: {error}"))
}
