//! The built-in models, which `build.rs` packs into one file.

use std::io::Read as _;
use std::ops::Range;
use std::sync::Mutex;

use flate2::read::DeflateDecoder;
use serde::Deserialize;
use serde_json::Value;

use super::model::Model;
use crate::sync::lock;

static PACKED: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/models.bin"));

/// An entry of the index.
#[derive(Deserialize)]
pub(super) struct BuiltIn {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) category: String,
    pub(super) description: String,
    pub(super) position: Position,
}

/// The position of a record.
#[derive(Deserialize)]
pub(super) struct Position {
    /// Place of the compressed block in the packed file.
    block: Range<usize>,
    /// Place of the record in the block.
    record: Range<usize>,
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
pub(super) fn read(position: &Position) -> Result<Option<Model>, String> {
    let record: Value = serde_json::from_slice(&read_record(position)?).map_err(|error| error.to_string())?;
    Model::parse(record)
}

/// Reads a record as JSON.
///
/// # Errors
///
/// Returns a message if the file is damaged.
pub(super) fn read_record(position: &Position) -> Result<Vec<u8>, String> {
    /// The block that was read last, because whoever reads all models reads them in their order.
    static LAST: Mutex<(usize, Vec<u8>)> = Mutex::new((usize::MAX, Vec::new()));
    const CUT: &str = "the built-in models are cut";
    let mut last = lock(&LAST);
    if last.0 != position.block.start {
        let block = parts().and_then(|(_, blocks)| blocks.get(position.block.clone())).ok_or(CUT)?;
        *last = (position.block.start, inflate(block)?);
    }
    Ok(last.1.get(position.record.clone()).ok_or(CUT)?.to_vec())
}

fn inflate(bytes: &[u8]) -> Result<Vec<u8>, String> {
    let mut text = Vec::new();
    DeflateDecoder::new(bytes).read_to_end(&mut text).map_err(|error| error.to_string())?;
    Ok(text)
}
