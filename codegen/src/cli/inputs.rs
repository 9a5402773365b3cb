//! Reads the files and folders of the command line.

use std::{
    collections::BTreeSet,
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
};

use crate::{Error, Source};

use super::failure::io_error;

/// Reads all inputs. Returns the sources, and an error for each file that cannot be read.
pub(crate) fn read(inputs: &[PathBuf]) -> (Vec<Source>, Vec<Error>) {
    let mut files = Vec::new();
    let mut errors = Vec::new();
    for input in inputs {
        if let Err(error) = collect(input, &mut files) {
            errors.push(error);
        }
    }
    let mut sources = Vec::new();
    let mut seen = BTreeSet::new();
    for file in files {
        // A file may be an argument, and in a folder that is also an argument.
        let real = fs::canonicalize(&file).unwrap_or_else(|_| file.clone());
        if !seen.insert(real) {
            continue;
        }
        match read_source(&file) {
            Ok(source) => sources.push(source),
            Err(error) => errors.push(error),
        }
    }
    (sources, errors)
}

/// Reads a file.
pub(crate) fn read_source(file: &Path) -> Result<Source, Error> {
    Ok(Source { file: display_name(file), text: read_text(file)? })
}

/// Adds the file, or the documents of the folder in the order of their names.
fn collect(input: &Path, files: &mut Vec<PathBuf>) -> Result<(), Error> {
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
    let size = fs::metadata(file).map_err(|error| io_error(file, &error))?.len();
    if size > MAX_BYTES {
        let message = format!("has {size} bytes, and documents may have {MAX_BYTES}");
        return Err(Error::new(file.display().to_string(), message)
            .with_help("split it into one document for each endpoint or app"));
    }
    let bytes = fs::read(file).map_err(|error| io_error(file, &error))?;
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        Error::new(file.display().to_string(), format!("not UTF-8 text: the byte at {at} is not part of any"))
            .with_help("JSON and YAML are UTF-8; download the document again")
    })
}

/// Returns the name of a file in messages and generated code, which is the same on every system.
fn display_name(file: &Path) -> String {
    file.display().to_string().replace('\\', "/")
}
