//! `cargo xtask add`: adds endpoints to the manifest, fetches their documents and generates their code.

use std::{fs, path::Path};

use fal_codegen::families;
use toml_edit::{Array, DocumentMut, Item, Table, value};

use crate::{
    canonical::Descriptions,
    cargo,
    fetch::{self, Fetched, Source},
    lock::write_file,
    root,
};

pub(crate) const MANIFEST: &str = "schemas/manifest.toml";

/// Arguments of `cargo xtask add`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Ids of endpoints, such as `fal-ai/flux/dev`. An endpoint of a new app becomes a new crate.
    #[arg(required = true)]
    ids: Vec<String>,
    /// Does not compile the crates and run the examples of their documentation
    #[arg(long)]
    no_test: bool,
    #[command(flatten)]
    source: Source,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), String> {
    let root = root();
    let (fetched, ids) = add(&root, &arguments.ids, &arguments.source, generate)?;
    if ids.is_empty() || arguments.no_test {
        return fetched.complete();
    }
    let manifest = fetch::manifest(&root)?;
    let crates = manifest.crates.into_iter();
    let changed = crates.filter(|(_, family)| family.endpoints.iter().any(|id| ids.contains(id)));
    test(&root, &changed.map(|(name, _)| name).collect::<Vec<_>>())?;
    fetched.complete()
}

/// Fetches the documents of endpoints, adds those that could be fetched to the manifest, and generates the code. Returns
/// the added endpoints too.
pub(crate) fn add(
    root: &Path,
    ids: &[String],
    source: &Source,
    generate: impl Fn(&Path) -> Result<(), String>,
) -> Result<(Fetched, Vec<String>), String> {
    let problems: Vec<String> = ids.iter().filter_map(|id| fal_codegen::find_id_problem(id)).collect();
    if !problems.is_empty() {
        return Err(format!("{}; an id is written like `fal-ai/flux/dev`", problems.join("; ")));
    }
    let fetched = fetch::fetch(root, ids, false, source)?;
    let ids: Vec<String> = ids.iter().filter(|id| fetched.has(id)).cloned().collect();
    if !ids.is_empty() {
        let old = add_to_manifest(root, &ids)?;
        generate(root).inspect_err(|_| {
            // A manifest that does not generate would break every later `cargo xtask regen`.
            if let Err(error) = write_file(&root.join(MANIFEST), &old) {
                eprintln!("{error}");
            }
        })?;
    }
    Ok((fetched, ids))
}

/// Adds endpoints whose documents are here to the manifest. Returns its old text.
pub(crate) fn add_to_manifest(root: &Path, ids: &[String]) -> Result<String, String> {
    let path = root.join(MANIFEST);
    let old = fs::read_to_string(&path).map_err(|error| format!("{MANIFEST}: {error}"))?;
    let descriptions = Descriptions::read(&root.join("schemas/descriptions"))?;
    let new = with_endpoints(&old, ids, |app| title(root, &descriptions, ids, app))?;
    write_file(&path, &new)?;
    let manifest = fal_codegen::Manifest::parse(MANIFEST, &new).map_err(|error| error.to_string())?;
    for hint in title_hints(&manifest, ids, |id| endpoint_name(root, &descriptions, id)) {
        eprintln!("{hint}");
    }
    Ok(old)
}

/// Returns a hint for each crate that has several endpoints, one of which was added, and the name of one as its title.
fn title_hints(
    manifest: &fal_codegen::Manifest,
    added: &[String],
    name: impl Fn(&str) -> Option<String>,
) -> Vec<String> {
    let is_grown =
        |endpoints: &[String]| endpoints.len() > 1 && endpoints.iter().any(|id| added.contains(id));
    let grown = manifest.crates.iter().filter(|(_, family)| is_grown(&family.endpoints));
    let hints = grown.filter_map(|(crate_name, family)| {
        let named = family.endpoints.iter().find(|id| name(id).as_ref() == Some(&family.title))?;
        Some(format!(
            "{MANIFEST}: `{crate_name}` has {} endpoints, and its title `{}` is the name of `{named}`; change `title`",
            family.endpoints.len(),
            family.title
        ))
    });
    hints.collect()
}

/// Returns the name of an endpoint in the descriptions, or else fal's.
fn endpoint_name(root: &Path, descriptions: &Descriptions, id: &str) -> Option<String> {
    let described = descriptions.endpoint(id).map(|endpoint| endpoint.name.clone());
    described.or_else(|| fetch::display_name(root, id))
}

/// Returns the title of a family, or else the name of the first added endpoint of its app, or else that of the app.
fn title(root: &Path, descriptions: &Descriptions, ids: &[String], app: &str) -> String {
    let of_first = || {
        let first = ids.iter().find(|id| families::app_id(id) == app)?;
        endpoint_name(root, descriptions, first)
    };
    let title = descriptions.title(app).map(str::to_owned).or_else(of_first);
    title.unwrap_or_else(|| app.rsplit('/').next().unwrap_or(app).to_owned())
}

/// Runs `cargo xtask regen`.
pub(crate) fn generate(root: &Path) -> Result<(), String> {
    let status = cargo().args(["xtask", "regen"]).current_dir(root).status();
    let status = status.map_err(|error| format!("cargo: {error}"))?;
    if status.success() { Ok(()) } else { Err("the code was not generated".to_owned()) }
}

/// Compiles the crates and runs the examples of their documentation.
fn test(root: &Path, crates: &[String]) -> Result<(), String> {
    let packages = crates.iter().flat_map(|name| ["--package", name]);
    eprintln!("compiling {}, and running the examples of the documentation", crates.join(", "));
    let status = cargo().args(["test", "--quiet", "--doc"]).args(packages).current_dir(root).status();
    let status = status.map_err(|error| format!("cargo: {error}"))?;
    if !status.success() {
        return Err(format!("{} was added, but its documentation tests fail", crates.join(", ")));
    }
    for name in crates {
        println!(
            "{name} compiles, and the examples of its documentation pass. To call it on the emulator, run\n    \
             cargo run -p fal-model-tests --example model {name}"
        );
    }
    Ok(())
}

/// Returns the manifest with more endpoints, sorted and without duplicates.
fn with_endpoints(text: &str, ids: &[String], title: impl Fn(&str) -> String) -> Result<String, String> {
    // The comment at the top must stay there if a new crate sorts first.
    let (head, tables) = text.split_at(text.find("[crates").unwrap_or(0));
    let mut manifest: DocumentMut = tables.parse().map_err(|error| format!("{MANIFEST}: {error}"))?;
    let crates = manifest
        .get_mut("crates")
        .and_then(Item::as_table_mut)
        .ok_or_else(|| format!("{MANIFEST} has no table `crates`"))?;
    for id in ids {
        let app = families::app_id(id);
        // A large app may have crates for parts of it, such as `owner/app/v2`.
        let app_of = |item: &Item| item.get("app").and_then(Item::as_str).map(str::to_owned);
        let is_inside = |app: &String| id == app || id.starts_with(&format!("{app}/"));
        let with_app =
            crates.iter().filter_map(|(name, item)| Some((app_of(item).filter(is_inside)?.len(), name)));
        let name = with_app.max().map(|(_, name)| name.to_owned());
        let name = name.unwrap_or_else(|| families::crate_name(&app));
        if !crates.contains_key(&name) {
            let mut family = Table::new();
            family.insert("app", value(app.as_str()));
            family.insert("title", value(title(&app)));
            family.insert("endpoints", value(Array::new()));
            crates.insert(&name, Item::Table(family));
        }
        let family = crates.get_mut(&name).and_then(Item::as_table_mut);
        let endpoints = family.and_then(|family| family.get_mut("endpoints")).and_then(Item::as_array_mut);
        let endpoints = endpoints.ok_or_else(|| format!("{MANIFEST}: `{name}` has no list `endpoints`"))?;
        insert(endpoints, id);
    }
    crates.sort_values();
    // Tables are written in the order of their positions, not in the order of the map.
    for (position, (_, item)) in crates.iter_mut().enumerate() {
        if let Some(family) = item.as_table_mut() {
            family.set_position(Some(position as isize));
            family.decor_mut().set_prefix(if position == 0 { "" } else { "\n" });
        }
    }
    Ok(format!("{head}{manifest}"))
}

fn insert(endpoints: &mut Array, id: &str) {
    let mut ids: Vec<String> = endpoints.iter().filter_map(|id| Some(id.as_str()?.to_owned())).collect();
    if !ids.iter().any(|other| other == id) {
        ids.push(id.to_owned());
        ids.sort();
    }
    let several = ids.len() > 1;
    *endpoints = ids.into_iter().collect();
    if several {
        endpoints.iter_mut().for_each(|id| id.decor_mut().set_prefix("\n    "));
        endpoints.set_trailing("\n");
        endpoints.set_trailing_comma(true);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    const OLD: &str = "# A comment.\n\n[crates.fal-flux]\napp = \"fal-ai/flux\"\ntitle = \"FLUX\"\n\
                       endpoints = [\"fal-ai/flux/dev\"]\n";

    fn added(ids: &[&str]) -> Result<String, String> {
        let ids: Vec<String> = ids.iter().map(|&id| id.to_owned()).collect();
        with_endpoints(OLD, &ids, |_| "Drawings".to_owned())
    }

    #[test]
    fn an_endpoint_of_a_known_app_joins_its_crate() {
        let new = added(&["fal-ai/flux/schnell", "fal-ai/flux/dev"]).unwrap();
        let list = "endpoints = [\n    \"fal-ai/flux/dev\",\n    \"fal-ai/flux/schnell\",\n]\n";
        assert_eq!(new, OLD.replace("endpoints = [\"fal-ai/flux/dev\"]\n", list));
    }

    #[test]
    fn an_endpoint_of_a_part_of_an_app_joins_the_crate_of_that_part() {
        let part = "\n[crates.fal-flux-v2]\napp = \"fal-ai/flux/v2\"\ntitle = \"FLUX 2\"\nendpoints = []\n";
        let ids = ["fal-ai/flux/v2/dev", "fal-ai/flux/v21"].map(str::to_owned);
        let new = with_endpoints(&format!("{OLD}{part}"), &ids, |_| String::new()).unwrap();
        let manifest = fal_codegen::Manifest::parse("manifest.toml", &new).unwrap();
        assert_eq!(manifest.crates["fal-flux-v2"].endpoints, ["fal-ai/flux/v2/dev"]);
        assert_eq!(manifest.crates["fal-flux"].endpoints, ["fal-ai/flux/dev", "fal-ai/flux/v21"]);
    }

    #[test]
    fn an_endpoint_of_a_new_app_becomes_a_crate() {
        let new = added(&["acme/draw/fast"]).unwrap();
        let (before, after) = OLD.split_once("\n[").unwrap();
        assert_eq!(
            new,
            format!(
                "{before}\n[crates.fal-acme-draw]\napp = \"acme/draw\"\ntitle = \"Drawings\"\n\
                 endpoints = [\"acme/draw/fast\"]\n\n[{after}"
            )
        );
    }

    #[test]
    fn title_of_a_crate_that_names_one_of_several_endpoints_is_noted() {
        let hints = |ids: &[&str]| {
            let ids: Vec<String> = ids.iter().map(|&id| id.to_owned()).collect();
            let text = with_endpoints(OLD, &ids, |_| "Draw, fast".to_owned()).unwrap();
            let manifest = fal_codegen::Manifest::parse(MANIFEST, &text).unwrap();
            title_hints(&manifest, &ids, |id| (id == "acme/draw/fast").then(|| "Draw, fast".to_owned()))
        };
        assert!(hints(&["acme/draw/fast", "fal-ai/flux/schnell"]).is_empty());
        let [hint] = &*hints(&["acme/draw/fast", "acme/draw/slow"]) else { panic!("one hint") };
        assert!(hint.contains("`fal-acme-draw` has 2 endpoints") && hint.contains("`Draw, fast`"), "{hint}");
    }

    #[test]
    fn a_family_without_a_title_takes_the_name_of_its_first_endpoint() {
        let root = tempfile::tempdir().unwrap();
        let mut descriptions = Descriptions::default();
        let ids = ["fal-ai/flux/dev", "acme/draw/fast"].map(str::to_owned);
        let title = |descriptions: &Descriptions, app: &str| title(root.path(), descriptions, &ids, app);
        assert_eq!(title(&descriptions, "acme/draw"), "draw");
        let document = root.path().join("schemas/acme/draw/fast.json");
        write_file(&document, "{\"metadata\": {\"display_name\": \"Draw by fal\"}}").unwrap();
        assert_eq!(title(&descriptions, "acme/draw"), "Draw by fal");
        let endpoint =
            "[endpoints]\n\"acme/draw/fast\" = { name = \"Draw, fast\", description = \"Draws.\" }";
        descriptions.add("draw.toml", endpoint).unwrap();
        assert_eq!(title(&descriptions, "acme/draw"), "Draw, fast");
        assert_eq!(title(&descriptions, "fal-ai/flux"), "flux");
        descriptions.add("title.toml", "app = \"acme/draw\"\ntitle = \"Drawings\"").unwrap();
        assert_eq!(title(&descriptions, "acme/draw"), "Drawings");
    }
}
