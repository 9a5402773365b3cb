//! Records from a folder.

use std::{fs, path::Path};

use fal_codegen::Manifest;

use super::Take;

/// Reads `<endpoint id>.json` of each id.
pub(super) fn read(folder: &Path, ids: &[String], take: &mut Take<'_>) -> Result<(), String> {
    let record = |id: &String| {
        let path = folder.join(Manifest::document_path(id));
        let record = fs::read_to_string(&path)
            .map_err(|error| error.to_string())
            .and_then(|text| serde_json::from_str(&text).map_err(|error| error.to_string()))
            .map_err(|error| format!("{}: {error}", path.display()));
        (id.clone(), record)
    };
    take(ids.iter().map(record).collect())
}
