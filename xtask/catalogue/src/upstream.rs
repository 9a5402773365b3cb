//! `cargo xtask new` and `cargo xtask gone`: compare the catalogue with the models of fal.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::{fetch, fetch::Listing, root};

/// Arguments of `cargo xtask new` and `cargo xtask gone`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    source: Listing,
}

/// Lists the endpoints that fal has and the manifest lacks, by category.
pub(crate) fn run_new(arguments: &Arguments) -> Result<(), String> {
    let (models, known) = read(arguments)?;
    print!("{}", list_new(&models, &known));
    Ok(())
}

/// Lists the endpoints of the manifest that fal no longer has or has retired.
pub(crate) fn run_gone(arguments: &Arguments) -> Result<(), String> {
    let (models, known) = read(arguments)?;
    print!("{}", list_gone(&models, &known));
    Ok(())
}

/// The metadata of models by the ids of their endpoints.
pub(crate) type Models = BTreeMap<String, Value>;

fn read(arguments: &Arguments) -> Result<(Models, Vec<String>), String> {
    let manifest = fetch::manifest(&root())?;
    let known = manifest.crates.into_values().flat_map(|family| family.endpoints).collect();
    Ok((fetch::list(&arguments.source)?, known))
}

/// Returns the endpoints that the catalogue lacks, by category.
pub(crate) fn new(models: &Models, known: &[String]) -> BTreeMap<String, Vec<String>> {
    let mut categories: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (id, metadata) in models.iter().filter(|(id, metadata)| !known.contains(id) && is_active(metadata)) {
        let category = metadata["category"].as_str().unwrap_or("no category");
        categories.entry(category.to_owned()).or_default().push(id.clone());
    }
    categories
}

/// Returns the endpoints of the catalogue that fal no longer has or has retired, with the reason.
pub(crate) fn gone(models: &Models, known: &[String]) -> BTreeMap<String, String> {
    let state = |id: &String| match models.get(id) {
        None => Some("fal has no such endpoint".to_owned()),
        Some(metadata) if is_active(metadata) => None,
        Some(metadata) => Some(format!("its status is {}", metadata["status"])),
    };
    known.iter().filter_map(|id| Some((id.clone(), state(id)?))).collect()
}

fn list_new(models: &Models, known: &[String]) -> String {
    let categories = new(models, known);
    let count: usize = categories.values().map(Vec::len).sum();
    let mut text = format!("{count} of {} endpoints are not in schemas/manifest.toml.\n", models.len());
    for (category, ids) in categories {
        text.push_str(&format!("\n{category} ({})\n", ids.len()));
        ids.iter().for_each(|id| text.push_str(&format!("    {id}\n")));
    }
    if count > 0 {
        text.push_str("\n`cargo xtask add ID..` adds some of them.\n");
    }
    text
}

fn list_gone(models: &Models, known: &[String]) -> String {
    let gone = gone(models, known);
    if gone.is_empty() {
        return format!("fal has all {} endpoints of schemas/manifest.toml.\n", known.len());
    }
    let lines: String = gone.iter().map(|(id, reason)| format!("{id}: {reason}\n")).collect();
    format!("{lines}\n`cargo xtask remove ID..` removes some of them.\n")
}

/// Returns true unless fal says that a model is something else than active.
fn is_active(metadata: &Value) -> bool {
    metadata["status"].as_str().is_none_or(|status| status == "active")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn models() -> Models {
        [
            ("acme/draw", json!({ "category": "text-to-image", "status": "active" })),
            ("acme/film", json!({ "category": "text-to-video", "status": "active" })),
            ("acme/old", json!({ "category": "text-to-image", "status": "deprecated" })),
            ("acme/paint", json!({ "category": "text-to-image" })),
        ]
        .map(|(id, metadata)| (id.to_owned(), metadata))
        .into()
    }

    #[test]
    fn endpoints_that_are_not_in_the_manifest_are_listed_by_category() {
        let known = ["acme/draw"].map(str::to_owned);
        assert_eq!(
            list_new(&models(), &known),
            "2 of 4 endpoints are not in schemas/manifest.toml.\n\n\
             text-to-image (1)\n    acme/paint\n\ntext-to-video (1)\n    acme/film\n\n\
             `cargo xtask add ID..` adds some of them.\n"
        );
    }

    #[test]
    fn endpoints_that_are_missing_or_retired_are_listed() {
        let known = ["acme/draw", "acme/lost", "acme/old"].map(str::to_owned);
        assert_eq!(
            list_gone(&models(), &known),
            "acme/lost: fal has no such endpoint\nacme/old: its status is \"deprecated\"\n\n\
             `cargo xtask remove ID..` removes some of them.\n"
        );
        let known = ["acme/draw"].map(str::to_owned);
        assert_eq!(list_gone(&models(), &known), "fal has all 1 endpoints of schemas/manifest.toml.\n");
    }
}
