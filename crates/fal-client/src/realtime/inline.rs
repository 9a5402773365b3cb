//! Local files in messages.

use std::path::PathBuf;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use fal_core::{File, FileSource, Parameters};

use crate::{Error, ErrorKind, Result, storage::content_type::guess};

/// Replaces the local files of a message by `data:` URLs. An upload would take too long for a frame.
pub(super) async fn inline_files(input: &mut impl Parameters) -> Result<()> {
    let mut paths: Vec<PathBuf> = Vec::new();
    input.visit_files(&mut |file| match file.source() {
        FileSource::Bytes { data, content_type, .. } => *file = data_uri(content_type, data),
        FileSource::Path { path, .. } => paths.push(path.clone()),
        _ => {}
    });
    for wanted in paths {
        let data = tokio::fs::read(&wanted).await.map_err(|cause| {
            let message = format!("cannot read {}: {cause}", wanted.display());
            Error::new(ErrorKind::File, message).with_source(cause)
        })?;
        input.visit_files(&mut |file| {
            if let FileSource::Path { path, content_type, .. } = file.source()
                && *path == wanted
            {
                let guessed = || guess(Some(&wanted), &data);
                *file = data_uri(&content_type.clone().unwrap_or_else(guessed), &data);
            }
        });
    }
    Ok(())
}

fn data_uri(content_type: &str, data: &[u8]) -> File {
    File::data_uri(format!("data:{content_type};base64,{}", STANDARD.encode(data)))
}
