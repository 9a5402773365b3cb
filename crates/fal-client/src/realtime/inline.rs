//! Local files in messages.

use fal_core::{File, Parameters};

use crate::{
    Result,
    input::{local_files, replace_files},
    storage::to_data_uri,
};

/// Replaces the local files of a message by `data:` URIs. An upload would take too long for a frame.
pub(super) async fn inline_files(input: &mut impl Parameters) -> Result<()> {
    let local = local_files(input);
    let mut inline = Vec::new();
    for file in &local {
        inline.push(File::data_uri(to_data_uri(file).await?));
    }
    replace_files(input, &local, &inline);
    Ok(())
}
