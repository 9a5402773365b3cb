//! Laws of the names of shared types, over every family of the catalogue.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use super::*;
use crate::{
    Generator, Manifest, Options, Source,
    manifest::Family,
    model::{Type, TypeGraph},
    parallel,
    type_names::CrateNames,
    workspace,
};

/// Returns the families of the catalogue that have several endpoints.
fn families() -> Vec<Group> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let schemas = root.join(workspace::SCHEMAS);
    let manifest = fs::read_to_string(schemas.join("manifest.toml")).unwrap();
    let manifest = Manifest::parse("manifest.toml", &manifest).unwrap();
    let ids = manifest.crates.values().flat_map(|family| &family.endpoints);
    let sources: Vec<Source> = ids
        .map(|id| {
            let file = Manifest::document_path(id);
            let text = fs::read_to_string(schemas.join(&file)).unwrap();
            Source { file, text }
        })
        .collect();
    let crates = Generator::new(Options::default()).analyze(&manifest, "manifest.toml", &sources).unwrap();
    let groups = crates.into_iter().map(|(name, known)| group(&name, known.endpoints));
    groups.filter(|group| group.endpoints.len() > 1).collect()
}

fn group(name: &str, endpoints: Vec<model::Endpoint>) -> Group {
    let app = crate::families::app_id(&endpoints[0].id);
    let family = Family {
        app,
        title: String::new(),
        version: String::new(),
        endpoints: Vec::new(),
        superseded_by: None,
    };
    Group { name: name.to_owned(), family, source: None, endpoints, given: CrateNames::default() }
}

/// Returns the items of each module by its endpoint, and the shared items.
fn items(planned: &Crate) -> (BTreeMap<String, String>, BTreeSet<String>) {
    fn visit(module: &Module, found: &mut BTreeMap<String, String>) {
        if let Some(endpoint) = &module.endpoint {
            found.insert(endpoint.id.clone(), format!("{:?} {endpoint:?}", module.path));
        }
        module.children.iter().for_each(|child| visit(child, found));
    }
    let mut modules = BTreeMap::new();
    visit(&planned.root, &mut modules);
    (modules, planned.types.iter().map(|item| format!("{item:?}")).collect())
}

/// The largest number of endpoints of a family that are tried, because each plans the whole family again.
const TRIED: usize = 8;

/// Returns the positions of the endpoints that are tried: all of a small family, and an even sample of a large one.
/// `NAMES_WHOLE=1` tries all.
fn tried(family: &Group) -> impl Iterator<Item = usize> {
    let count = family.endpoints.len();
    let step = if std::env::var_os("NAMES_WHOLE").is_some() { 1 } else { count.div_ceil(TRIED) };
    (0..count).step_by(step)
}

/// Plans a family that had all endpoints but one, after that one came.
fn plan_with_last(family: &Group, last: usize) -> (Crate, Crate) {
    let mut before = family.clone();
    before.endpoints.remove(last);
    let before = plan(&before).unwrap();
    let after = plan(&Group { given: before.names.clone(), ..family.clone() }).unwrap();
    (before, after)
}

/// Returns the names, with the endpoints that use each, of the types that `is_kept` selects by their endpoints.
fn names(planned: &Crate, is_kept: impl Fn(&[String]) -> bool) -> BTreeMap<String, BTreeSet<String>> {
    let types = planned.names.types.iter().filter(|known| is_kept(&known.endpoints));
    types.map(|known| (known.ident.clone(), known.endpoints.iter().cloned().collect())).collect()
}

#[test]
fn endpoint_that_comes_last_changes_no_item_of_the_others() {
    let families = families();
    let broken: Vec<Vec<String>> = parallel::map(&families, |family| {
        let mut broken = Vec::new();
        for last in tried(family) {
            let (before, after) = plan_with_last(family, last);
            let ((old_modules, old_types), (modules, types)) = (items(&before), items(&after));
            for (id, module) in old_modules {
                if modules.get(&id) != Some(&module) {
                    broken.push(format!("{} changes {id}", family.endpoints[last].id));
                }
            }
            for item in old_types.difference(&types) {
                broken.push(format!("{} changes {item:.100}", family.endpoints[last].id));
            }
            if last == 0 {
                let again = plan(&Group { given: after.names.clone(), ..family.clone() }).unwrap();
                assert_eq!(again.names, after.names, "{}", family.name);
                assert_eq!(items(&again), (modules, types), "{}", family.name);
            }
        }
        broken
    });
    assert_eq!(broken.concat(), Vec::<String>::new());
}

/// Changes every type inside an input.
fn change_types(graph: &mut TypeGraph, change: fn(&mut Type)) {
    fn visit(ty: &mut Type, change: fn(&mut Type)) {
        match ty {
            Type::List(item, _) | Type::Map(item, _) => visit(&mut item.ty, change),
            Type::Union(kinds, _) => kinds.iter_mut().for_each(|kind| visit(kind, change)),
            Type::Tuple(tuple) => tuple.items.iter_mut().for_each(|item| visit(&mut item.ty, change)),
            _ => {}
        }
        change(ty);
    }
    let properties = graph.objects.values_mut().flat_map(|object| &mut object.properties);
    properties.for_each(|property| visit(&mut property.ty, change));
}

/// Plans every family after a change of the types of one endpoint, and calls `check` with the endpoint, the family as
/// it was and as it is.
fn with_one_changed(change: fn(&mut Type), check: impl Fn(&str, &Crate, &Crate) + Sync) {
    let families = families();
    parallel::map(&families, |family| {
        let before = plan(family).unwrap();
        for index in tried(family) {
            let mut changed = Group { given: before.names.clone(), ..family.clone() };
            change_types(&mut changed.endpoints[index].input, change);
            check(&family.endpoints[index].id, &before, &plan(&changed).unwrap());
        }
    });
}

#[test]
fn order_of_alternatives_is_no_difference() {
    let reverse = |ty: &mut Type| match ty {
        Type::TextEnum(values, _) => values.reverse(),
        Type::Union(kinds, _) => kinds.reverse(),
        Type::Tagged(_, members, _) => members.reverse(),
        _ => {}
    };
    with_one_changed(reverse, |id, before, after| assert_eq!(before.names, after.names, "{id}"));
}

#[test]
fn endpoint_that_differs_gets_names_of_its_own() {
    let add = |ty: &mut Type| {
        if let Type::TextEnum(values, _) = ty {
            values.push("pano".to_owned());
        }
    };
    with_one_changed(add, |changed, before, after| {
        let others = |names: BTreeMap<String, BTreeSet<String>>| -> BTreeMap<String, BTreeSet<String>> {
            let without = |mut ids: BTreeSet<String>| {
                ids.remove(changed);
                ids
            };
            names.into_iter().map(|(name, ids)| (name, without(ids))).collect()
        };
        let is_of_others = |ids: &[String]| ids.iter().filter(|id| *id != changed).count() > 1;
        assert_eq!(others(names(before, is_of_others)), others(names(after, is_of_others)), "{changed}");
    });
}
