//! The deliveries of this user, by number, so that each can be sent again.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::failure::{Failure, Result};
use crate::folders;

/// The number of deliveries that are kept.
const KEPT: u64 = 100;

/// A delivery that was sent.
#[derive(Serialize, Deserialize)]
pub(crate) struct Recorded {
    pub(crate) number: u64,
    pub(crate) url: String,
    pub(crate) request_id: String,
    pub(crate) body: String,
}

impl Recorded {
    /// Records a delivery under the next number, and forgets the oldest.
    pub(super) fn add(url: String, request_id: String, body: String) -> Result<Self> {
        let number = Self::latest()?.unwrap_or_default() + 1;
        let recorded = Self { number, url, request_id, body };
        let text = serde_json::to_string(&recorded).map_err(|error| Failure::usage(error.to_string()))?;
        folders::write_private(&path(number)?, text.as_bytes())?;
        if let Some(oldest) = number.checked_sub(KEPT) {
            // A file that stays takes room only.
            std::fs::remove_file(path(oldest)?).ok();
        }
        Ok(recorded)
    }

    /// Returns the delivery with this number, or the latest one.
    pub(crate) fn find(number: Option<u64>) -> Result<Self> {
        let latest = Self::latest()?;
        let Some(number) = number.or(latest) else {
            return Err(Failure::usage("nothing was delivered yet; `fal-cli listen` delivers"));
        };
        let text = std::fs::read_to_string(path(number)?).map_err(|_| {
            Failure::usage(format!(
                "there is no delivery {number}; the latest is {}",
                latest.unwrap_or_default()
            ))
        })?;
        serde_json::from_str(&text).map_err(|error| Failure::usage(format!("delivery {number}: {error}")))
    }

    /// Returns the number of the latest delivery, or `None` before the first.
    fn latest() -> Result<Option<u64>> {
        let folder = folders::state()?.join("deliveries");
        let Ok(entries) = std::fs::read_dir(folder) else { return Ok(None) };
        let numbers = entries.filter_map(|entry| {
            let name = entry.ok()?.file_name().into_string().ok()?;
            name.strip_suffix(".json")?.parse().ok()
        });
        Ok(numbers.max())
    }
}

fn path(number: u64) -> Result<PathBuf> {
    Ok(folders::state()?.join("deliveries").join(format!("{number}.json")))
}
