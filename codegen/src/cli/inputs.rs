//! From the files and folders of the command line to sources.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use fal_codegen::{Error, Source};

use super::failure::disk;

/// Reads every input. Files that cannot be read are errors, and the others are there all the same.
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
        // A file may be named, and be in a folder that is named too.
        let real = fs::canonicalize(&file).unwrap_or_else(|_| file.clone());
        if !seen.insert(real) {
            continue;
        }
        match text(&file) {
            Ok(text) => sources.push(Source { file: slashed(&file), text }),
            Err(error) => errors.push(error),
        }
    }
    (sources, errors)
}

/// The file itself, or the `*.json` files of the folder, by name.
fn collect(input: &Path, files: &mut Vec<PathBuf>) -> Result<(), Error> {
    let metadata = fs::metadata(input).map_err(|error| disk(input, &error))?;
    if !metadata.is_dir() {
        files.push(input.to_owned());
        return Ok(());
    }
    let before = files.len();
    walk(input, files)?;
    if files.len() == before {
        return Err(Error::new(input.display().to_string(), "holds no `*.json` file")
            .help("give a folder of documents, or the documents themselves"));
    }
    Ok(())
}

/// Folders behind symbolic links are left out: they may lead back to where the walk came from.
fn walk(folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), Error> {
    let entries = fs::read_dir(folder).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let mut entries = entries.map_err(|error| disk(folder, &error))?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let path = entry.path();
        let kind = entry.file_type().map_err(|error| disk(&path, &error))?;
        if kind.is_dir() {
            walk(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "json") && path.is_file() {
            files.push(path);
        }
    }
    Ok(())
}

fn text(file: &Path) -> Result<String, Error> {
    let bytes = fs::read(file).map_err(|error| disk(file, &error))?;
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        Error::new(file.display().to_string(), format!("not UTF-8 text: the byte at {at} is not part of any"))
            .help("JSON is UTF-8; download the document again")
    })
}

/// The name of a file in messages and first lines, the same on every system.
fn slashed(file: &Path) -> String {
    file.display().to_string().replace('\\', "/")
}
