//! A law over the whole catalogue: an endpoint that is added breaks nothing of the others of its crate.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{collections::BTreeSet, env};

use fal_codegen::TypeNames;

use super::{
    compare::{Snapshot, Unreadable},
    items::{ItemChange, Items},
    snapshot::Repository,
};
use crate::root;

/// Returns the items of a crate without an endpoint that are gone or changed when the endpoint is added last.
fn broken_by(catalogue: &mut Snapshot, name: &String, id: &str) -> Result<Vec<ItemChange>, String> {
    let only = BTreeSet::from([name]);
    let mut generate = |type_names: TypeNames, without: &Unreadable| {
        catalogue.type_names = type_names;
        let (code, type_names) = catalogue.generate_without(&only, without)?;
        Ok::<_, String>((Items::parse(&code[name])?, type_names))
    };
    let without = Unreadable::from([(id.to_owned(), String::new())]);
    let (before, type_names) = generate(TypeNames::default(), &without)?;
    let (after, _) = generate(type_names, &Unreadable::new())?;
    Ok(before.modules().flat_map(|module| before.broken(module, &after)).collect())
}

/// Adds the first endpoint of each crate last, which would take names of the others if these were forgotten, or each endpoint
/// with `SIBLINGS=all`. `SIBLINGS=fal-flux` takes all of one crate.
#[test]
fn endpoint_that_is_added_last_breaks_no_other_of_its_crate() {
    let mut catalogue = Repository(root()).work_tree().unwrap();
    let choice = env::var("SIBLINGS").unwrap_or_default();
    let crates = catalogue.manifest.crates.clone();
    let mut broken = Vec::new();
    for (name, family) in crates.iter().filter(|(_, family)| family.endpoints.len() > 1) {
        let ids = match &*choice {
            "" => &family.endpoints[..1],
            "all" => &*family.endpoints,
            chosen if chosen == name => &*family.endpoints,
            _ => continue,
        };
        for id in ids {
            let found = broken_by(&mut catalogue, name, id).unwrap_or_else(|error| panic!("{id}: {error}"));
            broken.extend(found.into_iter().map(|item| format!("{id} breaks {name}: {}", item.message)));
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}
