//! Local files in messages.

use fal_core::{File, Parameters};

use crate::{Result, storage::to_data_uri};

/// Replaces the local files of a message by `data:` URIs. An upload would take too long for a frame.
pub(super) async fn inline_files(input: &mut impl Parameters) -> Result<()> {
    let mut local: Vec<File> = Vec::new();
    input.visit_files(&mut |file| {
        if file.as_url().is_none() && !local.contains(file) {
            local.push(file.clone());
        }
    });
    for wanted in local {
        let uri = to_data_uri(&wanted).await?;
        input.visit_files(&mut |file| {
            if *file == wanted {
                *file = File::data_uri(uri.clone());
            }
        });
    }
    Ok(())
}
