//! Measures generating code, and compiling it, over many documents.

use std::{fs, path::Path};

use fal_codegen::Source;

use super::{Arguments, check, generate, peers, row::Row, warn_skipped};
use crate::root;

pub(super) fn measure(arguments: &Arguments) -> Result<Vec<Row>, String> {
    let sources = sources(arguments.quick)?;
    let folder = tempfile::tempdir().map_err(|error| format!("no temporary folder: {error}"))?;
    let mut rows = generate::measure(&sources, &folder.path().join("written"), arguments.quick)?;
    rows.push(generate::regen(arguments.quick)?);
    if arguments.peers {
        match peers::measure(&sources, &folder.path().join("peers")) {
            Ok(mut peers) => rows.append(&mut peers),
            Err(error) => warn_skipped(&error),
        }
    }
    if !arguments.quick {
        rows.append(&mut check::measure(&sources, folder.path(), arguments.peers)?);
    }
    Ok(rows)
}

/// Reads the documents to measure with: the corpus, or those of this repository.
fn sources(quick: bool) -> Result<Vec<Source>, String> {
    let corpus = root().join("../shared/corpus");
    let folders = if corpus.is_dir() && !quick {
        vec![corpus.join("schemas"), corpus.join("more")]
    } else {
        vec![root().join("schemas")]
    };
    let mut sources = Vec::new();
    for folder in folders.iter().filter(|folder| folder.is_dir()) {
        read(folder, folder, &mut sources).map_err(|error| format!("the documents: {error}"))?;
    }
    Ok(sources)
}

fn read(folder: &Path, base: &Path, sources: &mut Vec<Source>) -> std::io::Result<()> {
    let mut entries = fs::read_dir(folder)?.collect::<Result<Vec<_>, _>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for path in entries.iter().map(fs::DirEntry::path) {
        if path.is_dir() {
            read(&path, base, sources)?;
        } else if path.extension().is_some_and(|extension| extension == "json") {
            let file = path.strip_prefix(base).unwrap_or(&path).display().to_string();
            let text = fs::read_to_string(&path)?;
            // The document of the platform API describes no model.
            if !file.starts_with("platform") && text.contains("\"endpoint_id\"") {
                sources.push(Source { file, text });
            }
        }
    }
    Ok(())
}
