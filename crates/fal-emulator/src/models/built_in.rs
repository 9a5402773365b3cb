//! The built-in models, which `build.rs` packs into one file.

use std::io::Read as _;
use std::ops::Range;

use flate2::read::DeflateDecoder;
use serde::Deserialize;
use serde_json::Value;

use super::model::Model;

static PACKED: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/models.bin"));

/// An entry of the index.
#[derive(Deserialize)]
pub(super) struct BuiltIn {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) category: String,
    pub(super) description: String,
    from: usize,
    to: usize,
}

impl BuiltIn {
    /// Returns the position of the record in the packed file.
    pub(super) fn range(&self) -> Range<usize> {
        self.from..self.to
    }
}

/// Splits the packed file into its index and its records.
fn parts() -> Option<(&'static [u8], &'static [u8])> {
    let (length, rest) = PACKED.split_first_chunk::<8>()?;
    rest.split_at_checked(usize::try_from(u64::from_le_bytes(*length)).ok()?)
}

/// Returns the index.
///
/// # Errors
///
/// Returns a message if the file is damaged.
pub(super) fn index() -> Result<Vec<BuiltIn>, String> {
    let (index, _) = parts().ok_or("the built-in models are cut")?;
    serde_json::from_slice(&inflate(index)?).map_err(|error| error.to_string())
}

/// Reads a model.
///
/// # Errors
///
/// Returns a message if the record is damaged.
pub(super) fn read(range: Range<usize>) -> Result<Option<Model>, String> {
    let record: Value = serde_json::from_slice(&read_record(range)?).map_err(|error| error.to_string())?;
    Model::parse(record)
}

/// Reads a record as JSON.
///
/// # Errors
///
/// Returns a message if the file is damaged.
pub(super) fn read_record(range: Range<usize>) -> Result<Vec<u8>, String> {
    let record = parts().and_then(|(_, records)| records.get(range)).ok_or("the built-in models are cut")?;
    inflate(record)
}

fn inflate(bytes: &[u8]) -> Result<Vec<u8>, String> {
    let mut text = Vec::new();
    DeflateDecoder::new(bytes).read_to_end(&mut text).map_err(|error| error.to_string())?;
    Ok(text)
}
