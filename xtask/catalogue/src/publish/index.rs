//! The sparse index of a registry.

use std::{collections::BTreeSet, time::Duration};

use futures_util::{StreamExt, TryStreamExt, stream};
use reqwest::{Client, StatusCode};
use serde_json::Value;

use super::schedule::Known;
use crate::http;

/// The index of crates.io.
pub(super) const CRATES_IO: &str = "https://index.crates.io";

/// Concurrent requests.
const PARALLEL: usize = 8;

/// Returns the versions of crates that the registry has.
pub(super) fn versions<'a>(base: &str, names: impl Iterator<Item = &'a str>) -> Result<Known, String> {
    let client = http::client()?;
    http::runtime()?.block_on(async {
        let lookups = names.map(|name| lookup(&client, base, name));
        let found: Vec<_> = stream::iter(lookups).buffer_unordered(PARALLEL).try_collect().await?;
        Ok(found.into_iter().flatten().collect())
    })
}

/// Looks up one crate. `None` if the registry does not know it.
async fn lookup(
    client: &Client,
    base: &str,
    name: &str,
) -> Result<Option<(String, BTreeSet<String>)>, String> {
    let url = format!("{}/{}", base.trim_end_matches('/'), path(name));
    let failed = |error: &dyn std::fmt::Display| format!("{url}: {error}");
    let mut attempt = 1;
    let text = loop {
        let reply = client.get(&url).send().await;
        let is_last = attempt == 3;
        match reply {
            // An index may refuse to say that a file does not exist.
            Ok(reply) if [StatusCode::NOT_FOUND, StatusCode::GONE].contains(&reply.status()) => {
                return Ok(None);
            }
            Ok(reply) if reply.status().is_success() => match reply.text().await {
                Ok(text) => break text,
                Err(error) if is_last => return Err(failed(&http::with_causes(&error.without_url()))),
                Err(_) => {}
            },
            Ok(reply) if is_last => return Err(failed(&reply.status())),
            Err(error) if is_last => return Err(failed(&http::with_causes(&error.without_url()))),
            Ok(_) | Err(_) => {}
        }
        tokio::time::sleep(Duration::from_millis(250 << attempt)).await;
        attempt += 1;
    };
    let mut versions = BTreeSet::new();
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        let entry: Value = serde_json::from_str(line).map_err(|error| failed(&error))?;
        // The registry never takes a version twice, also not one that was yanked.
        versions.extend(entry["vers"].as_str().map(str::to_owned));
    }
    Ok(Some((name.to_owned(), versions)))
}

/// Returns the path of a crate in an index.
pub(super) fn path(name: &str) -> String {
    let name = name.to_ascii_lowercase();
    match name.len() {
        0..=2 => format!("{}/{name}", name.len()),
        3 => format!("3/{}/{name}", &name[..1]),
        _ => format!("{}/{}/{name}", &name[..2], &name[2..4]),
    }
}
