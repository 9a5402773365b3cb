//! The crates that a manifest names: generated, or only understood.

use std::collections::BTreeMap;

use crate::{
    Error, Errors, Generated, Manifest, Options, Report, Source, families::Group, model::Endpoint, parallel,
    read, rust, write,
};

/// Generates the crates that a manifest names.
pub(crate) fn generate_manifest(
    manifest: &Manifest,
    file: &str,
    sources: &[Source],
    options: &Options,
) -> Result<Generated, Errors> {
    let (groups, report) = group_by_manifest(manifest, file, sources, options)?;
    write(&groups, report, options, &|_| {})
}

/// What the endpoints of one crate mean, and what becomes of them in Rust.
#[derive(Debug, Clone)]
pub struct Understood {
    /// The endpoints, in the order of the manifest.
    pub endpoints: Vec<Endpoint>,
    /// The crate, with its names decided.
    pub plan: rust::Crate,
}

/// Runs all stages but the last for the crates that a manifest names. `file` is what messages call the manifest.
///
/// # Errors
///
/// As of [`generate`](crate::generate), and when an endpoint of the manifest has no document.
pub fn understand_manifest(
    manifest: &Manifest,
    file: &str,
    sources: &[Source],
) -> Result<BTreeMap<String, Understood>, Errors> {
    let (groups, _) = group_by_manifest(manifest, file, sources, &Options::default())?;
    let mut crates = BTreeMap::new();
    let mut errors = Vec::new();
    let planned = parallel::map(&groups, rust::plan);
    for (group, planned) in groups.into_iter().zip(planned) {
        match planned {
            Ok(plan) => drop(crates.insert(group.name, Understood { endpoints: group.endpoints, plan })),
            Err(error) => errors.push(error),
        }
    }
    Errors::or(errors, crates)
}

/// Stages 1 to 3, and which endpoints a manifest puts into one crate.
fn group_by_manifest(
    manifest: &Manifest,
    file: &str,
    sources: &[Source],
    options: &Options,
) -> Result<(Vec<Group>, Report), Errors> {
    let (mut endpoints, report, mut errors) = read(sources, options, &|_| {});
    if !errors.is_empty() {
        return Err(Errors(errors));
    }
    let mut groups = Vec::new();
    for (name, family) in &manifest.crates {
        let mut own = Vec::new();
        for id in &family.endpoints {
            match endpoints.iter().position(|endpoint| endpoint.id == *id) {
                Some(index) => own.push(endpoints.swap_remove(index)),
                None => errors.push(
                    Error::new(file, format!("no document describes `{id}`"))
                        .at(format!("/crates/{name}"))
                        .help(format!(
                            "a document is stored under the id of its endpoint, `{}`",
                            Manifest::document(id)
                        )),
                ),
            }
        }
        let (name, source) = (name.clone(), Some(file.to_owned()));
        groups.push(Group { name, family: family.clone(), source, endpoints: own });
    }
    Errors::or(errors, (groups, report))
}
