//! Records from a folder.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use fal_codegen::Manifest;
use serde_json::{Value, json};

use super::Take;

/// Documents that are written together.
const BATCH: usize = 100;

/// Reads `<endpoint id>.json` of each id.
pub(super) fn read(folder: &Path, ids: &[String], take: &mut Take<'_>) -> Result<(), String> {
    let record = |id: &String| {
        let path = folder.join(Manifest::document_path(id));
        (id.clone(), read_record(&path))
    };
    ids.chunks(BATCH).try_for_each(|batch| take(batch.iter().map(record).collect()))
}

/// Returns every record of a folder with its file, in the order of their paths.
pub(crate) fn all(folder: &Path) -> Result<Vec<(PathBuf, Value)>, String> {
    let mut files = Vec::new();
    collect(folder, &mut files).map_err(|error| format!("{}: {error}", folder.display()))?;
    files.into_iter().map(|file| read_record(&file).map(|record| (file, record))).collect()
}

/// Returns every record of a folder under the id that its file has. Of a damaged one, only the id is known.
pub(super) fn list(folder: &Path) -> Result<Vec<Value>, String> {
    let mut files = Vec::new();
    collect(folder, &mut files).map_err(|error| format!("{}: {error}", folder.display()))?;
    let record = |file: PathBuf| {
        let id = file.with_extension("");
        let id = id.strip_prefix(folder).unwrap_or(&id).to_string_lossy().replace('\\', "/");
        let metadata = read_record(&file).map(|mut record| record["metadata"].take()).unwrap_or_default();
        json!({ "endpoint_id": id, "metadata": metadata })
    };
    Ok(files.into_iter().map(record).collect())
}

pub(crate) fn read_record(path: &Path) -> Result<Value, String> {
    let text = fs::read_to_string(path).map_err(|error| error.to_string());
    let record = text.and_then(|text| serde_json::from_str(&text).map_err(|error| error.to_string()));
    record.map_err(|error| format!("{}: {error}", path.display()))
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    let mut entries = fs::read_dir(folder)?.collect::<io::Result<Vec<_>>>()?;
    entries.sort_by_key(fs::DirEntry::path);
    for entry in entries {
        let path = entry.path();
        if entry.file_type()?.is_dir() {
            collect(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "json") {
            files.push(path);
        }
    }
    Ok(())
}
