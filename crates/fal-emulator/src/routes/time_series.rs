//! Replies of the platform API with records for each interval of a period, and for the whole.

use std::collections::BTreeMap;
use std::time::SystemTime;

use serde_json::{Value, json};

use super::parameters::Parameters;
use super::period::Period;
use super::platform::{MAX_LIMIT, page};
use crate::clock::format_iso8601;
use crate::reply::Reply;

/// Makes the reply with the parts that `expansions` name: `time_series`, `summary` or both. `records` makes the records
/// of some of the entries.
///
/// # Errors
///
/// Returns a 400 for a wrong `limit` or `cursor`.
pub(super) fn reply<T>(
    parameters: &Parameters,
    period: &Period,
    expansions: &[String],
    entries: &[(SystemTime, T)],
    records: impl Fn(&[&T]) -> Vec<Value>,
) -> Result<Reply, Reply> {
    let has = |name: &str| expansions.iter().any(|expansion| expansion == name);
    let mut buckets: BTreeMap<SystemTime, Vec<&T>> = BTreeMap::new();
    for (time, entry) in entries {
        buckets.entry(period.bucket(*time)).or_default().push(entry);
    }
    let series: Vec<Value> = buckets
        .iter()
        .map(|(bucket, entries)| json!({"bucket": format_iso8601(*bucket), "results": records(entries)}))
        .collect();
    let page = page(parameters, &series, MAX_LIMIT)?;
    let mut reply = page.reply("time_series", page.entries.to_vec());
    if let Some(body) = reply.body.as_object_mut() {
        if !has("time_series") {
            body.remove("time_series");
        }
        if has("summary") {
            let all: Vec<&T> = entries.iter().map(|(_, entry)| entry).collect();
            body.insert("summary".to_owned(), Value::Array(records(&all)));
        }
    }
    Ok(reply)
}
