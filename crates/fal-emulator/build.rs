//! Packs the documents of the built-in models into one compressed file.
//!
//! The file is the length of an index, the index and blocks of records: the index is a list of JSON objects, one for each
//! model, with the position of its block, and that of its record in the block. The records of a block are compressed
//! together, because models that are neighbors by name have most of their documents in common: by itself, a record takes
//! four times as much. A call of a model reads one block.

use std::io::{Error, Write as _};
use std::path::{Path, PathBuf};
use std::{env, fs};

use flate2::Compression;
use flate2::write::DeflateEncoder;
use serde_json::{Value, json};

/// The folders of documents that describe no model.
const OTHERS: [&str; 3] = ["descriptions", "inference", "platform"];

/// The number of records that are compressed together. Twice as many save another 13 %, and make each read twice as long.
const BLOCK: usize = 16;

fn main() -> Result<(), Error> {
    println!("cargo:rerun-if-changed=schemas");
    println!("cargo:rerun-if-changed=build.rs");
    let root = Path::new("schemas");
    let mut records = Vec::new();
    let mut folders: Vec<PathBuf> = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder)? {
            let path = entry?.path();
            if path.is_dir() {
                let is_other = OTHERS.iter().any(|name| path == root.join(name));
                folders.extend((!is_other).then_some(path));
            } else if path.extension().is_some_and(|extension| extension == "json") {
                records.push(serde_json::from_slice(&fs::read(&path)?)?);
            }
        }
    }
    for line in fs::read_to_string(root.join("catalogue.jsonl"))?.lines() {
        records.push(serde_json::from_str(line)?);
    }
    records.sort_by(|left: &Value, right| left["endpoint_id"].as_str().cmp(&right["endpoint_id"].as_str()));
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default());
    fs::write(out.join("models.bin"), pack(&records)?)
}

fn pack(records: &[Value]) -> Result<Vec<u8>, Error> {
    let mut body = Vec::new();
    let mut index = Vec::new();
    for records in records.chunks(BLOCK) {
        let mut block = String::new();
        let mut positions = Vec::new();
        for record in records {
            let from = block.len();
            block.push_str(&record.to_string());
            positions.push(from..block.len());
        }
        let packed = deflate(block.as_bytes())?;
        for (record, position) in records.iter().zip(positions) {
            let metadata = &record["metadata"];
            index.push(json!({
                "id": record["endpoint_id"],
                "name": metadata["display_name"].as_str().unwrap_or_default(),
                "category": metadata["category"].as_str().unwrap_or_default(),
                "description": metadata["description"].as_str().unwrap_or_default(),
                "position": {"block": body.len()..body.len() + packed.len(), "record": position},
            }));
        }
        body.extend(packed);
    }
    let index = deflate(Value::from(index).to_string().as_bytes())?;
    let length = u64::try_from(index.len()).map_err(Error::other)?;
    Ok([&length.to_le_bytes()[..], &index, &body].concat())
}

fn deflate(bytes: &[u8]) -> Result<Vec<u8>, Error> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes)?;
    encoder.finish()
}
