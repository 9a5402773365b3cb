//! Reads the files and folders of the command line.

use std::{
    collections::BTreeMap,
    ffi::OsStr,
    fs,
    io::{self, Read},
    path::{Path, PathBuf},
};

use crate::{Error, Source};

use super::failure::io_error;

/// The argument that stands for standard input, as in other programs.
const STDIN: &str = "-";

/// The name of standard input in messages and generated code.
const STDIN_NAME: &str = "stdin";

/// The values of `--app`.
#[derive(Debug, Default)]
pub(crate) struct Apps {
    /// The app of all documents that do not name theirs.
    pub(crate) common: Option<String>,
    /// The apps of single files or folders.
    own: Vec<(String, PathBuf)>,
}

impl Apps {
    /// Reads the values of `--app`: `OWNER/NAME`, at most once, and `OWNER/NAME=FILE`.
    pub(crate) fn parse(values: &[String]) -> Result<Self, Error> {
        let mut apps = Self::default();
        for value in values {
            if let Some((app, file)) = value.split_once('=') {
                apps.own.push((app.to_owned(), PathBuf::from(file)));
            } else if let Some(other) = apps.common.replace(value.clone()) {
                let message = format!("`{other}` and `{value}` for the same documents");
                return Err(Error::new("--app", message)
                    .with_help("write each app with its document, as `--app OWNER/NAME=FILE`"));
            }
        }
        Ok(apps)
    }
}

/// The documents of a run.
#[derive(Debug, Default)]
pub(crate) struct Inputs {
    pub(crate) sources: Vec<Source>,
    /// The apps of single sources, by their names.
    pub(crate) apps: BTreeMap<String, String>,
    /// An error for each file that cannot be read.
    pub(crate) errors: Vec<Error>,
}

/// Reads all inputs, with the documents that `--app` names.
pub(crate) fn read(inputs: &[PathBuf], apps: &Apps) -> Inputs {
    let mut read = Inputs::default();
    let own = apps.own.iter().map(|(app, input)| (Some(app), input));
    let mut files = Vec::new();
    for (app, input) in own.chain(inputs.iter().map(|input| (None, input))) {
        let mut found = Vec::new();
        match collect(input, &mut found) {
            Ok(()) => files.extend(found.into_iter().map(|file| (app, file))),
            Err(error) => read.errors.push(error),
        }
    }
    if apps.own.is_empty() && inputs.is_empty() {
        let app = apps.common.as_deref().unwrap_or("OWNER/NAME");
        read.errors.push(
            Error::new("--app", "no document is given")
                .with_help(format!("name it: `--app {app} openapi.json`, or `--app {app}=openapi.json`")),
        );
    }
    let mut seen: BTreeMap<PathBuf, Option<&String>> = BTreeMap::new();
    for (app, file) in files {
        // A file may be an argument, and in a folder that is also an argument.
        let real = fs::canonicalize(&file).unwrap_or_else(|_| file.clone());
        let name = display_name(&file);
        match (seen.insert(real, app), app) {
            (None, _) => {}
            (Some(Some(first)), Some(second)) if first != second => {
                let message = format!("is given to the apps `{first}` and `{second}`");
                read.errors.push(Error::new(name, message).with_help("give each app a document of its own"));
                continue;
            }
            (Some(_), _) => continue,
        }
        if let Some(app) = app {
            read.apps.insert(name, app.clone());
        }
        match read_source(&file) {
            Ok(source) => read.sources.push(source),
            Err(error) => read.errors.push(error),
        }
    }
    read
}

/// Reads a file.
pub(crate) fn read_source(file: &Path) -> Result<Source, Error> {
    Ok(Source { file: display_name(file), text: read_text(file)? })
}

/// Adds the file, or the documents of the folder in the order of their names.
fn collect(input: &Path, files: &mut Vec<PathBuf>) -> Result<(), Error> {
    let name = input.to_string_lossy();
    if name == STDIN {
        files.push(input.to_owned());
        return Ok(());
    }
    if name.starts_with("http://") || name.starts_with("https://") {
        return Err(Error::new(&*name, "is a URL, and only files are read").with_help(format!(
            "fetch it first: `curl --fail --output openapi.json {name}`, with \
             `--header \"Authorization: Key $FAL_KEY\"` if the app is private"
        )));
    }
    let metadata = fs::metadata(input).map_err(|error| io_error(input, &error))?;
    if !metadata.is_dir() {
        files.push(input.to_owned());
        return Ok(());
    }
    let before = files.len();
    walk(input, files)?;
    if files.len() == before {
        return Err(Error::new(input.display().to_string(), "holds no `*.json`, `*.yaml` or `*.yml` file")
            .with_help("give a folder of documents, or the documents themselves"));
    }
    Ok(())
}

/// Adds the JSON and YAML files of a folder. Does not follow symbolic links to folders, which may form a cycle.
fn walk(folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), Error> {
    let entries = fs::read_dir(folder).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let mut entries = entries.map_err(|error| io_error(folder, &error))?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let path = entry.path();
        let kind = entry.file_type().map_err(|error| io_error(&path, &error))?;
        if kind.is_dir() {
            walk(&path, files)?;
        } else if is_document(&path) && path.is_file() {
            files.push(path);
        }
    }
    Ok(())
}

/// Returns true for the names of JSON and YAML files.
fn is_document(path: &Path) -> bool {
    let extension = path.extension().and_then(OsStr::to_str);
    matches!(extension, Some("json" | "yaml" | "yml"))
}

/// The maximum size of a document. The largest page of records that fal returns has a few megabytes.
const MAX_BYTES: u64 = 256 << 20;

fn read_text(file: &Path) -> Result<String, Error> {
    let name = display_name(file);
    let mut bytes = Vec::new();
    // A pipe does not say its size, so the size is not asked for.
    let read = if file.as_os_str() == STDIN {
        io::stdin().lock().take(MAX_BYTES + 1).read_to_end(&mut bytes)
    } else {
        fs::File::open(file).and_then(|opened| opened.take(MAX_BYTES + 1).read_to_end(&mut bytes))
    };
    read.map_err(|error| io_error(Path::new(&name), &error))?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(Error::new(name, format!("has more than the {MAX_BYTES} bytes that documents may have"))
            .with_help("split it into one document for each endpoint or app"));
    }
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        Error::new(name, format!("not UTF-8 text: the byte at {at} is not part of any"))
            .with_help("JSON and YAML are UTF-8; download the document again")
    })
}

/// Returns the name of a file in messages and generated code, which is the same on every system.
fn display_name(file: &Path) -> String {
    if file.as_os_str() == STDIN {
        return STDIN_NAME.to_owned();
    }
    file.display().to_string().replace('\\', "/")
}
