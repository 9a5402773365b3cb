//! The docs of modules: the table of the endpoints of a crate, and the docs of each endpoint.

use super::{docs, example, place::Place};
use crate::rust::{Crate, Endpoint, Module, describe_deprecation};

/// The features of every generated crate.
const FEATURES: &str = "The feature `schemars` gives every type a JSON Schema, so that a language model can call an endpoint \
                        as a tool.";

/// Returns the docs of the root: the title of the crate, its endpoints, and its own endpoint if the app is one.
pub(super) fn root(place: Place, item: &Crate) -> Vec<String> {
    let mut lines = vec![format!("{}.", docs::escape(&item.title))];
    if !item.root.children.is_empty() {
        lines.extend(["", "| module | endpoint | category |", "|---|---|---|"].map(str::to_owned));
        add_rows(place, &item.root, &mut lines);
    }
    if let Some(endpoint) = &item.root.endpoint {
        lines.push(String::new());
        lines.extend(self::endpoint(place, item, &item.root, endpoint));
    }
    if place == Place::Crate {
        lines.push(String::new());
        lines.extend(docs::lines(&[FEATURES.to_owned()]));
    }
    lines
}

/// Returns the docs of an endpoint: its name with a link to its page, its description, and an example.
pub(super) fn endpoint(place: Place, item: &Crate, module: &Module, endpoint: &Endpoint) -> Vec<String> {
    let link = endpoint.link();
    let category =
        endpoint.category.as_ref().map_or(String::new(), |category| format!(" ({})", docs::escape(category)));
    let mut paragraphs = vec![format!("{}: {link}{category}.", docs::escape(&endpoint.title))];
    paragraphs.extend(docs::paragraphs(&endpoint.description));
    paragraphs.extend(docs::offers(endpoint));
    paragraphs.extend(endpoint.deprecated.then(|| format!("{}.", describe_deprecation(&endpoint.id))));
    let mut lines = docs::lines(&paragraphs);
    if let Some(example) = example::lines(item, module, endpoint) {
        lines.extend([String::new(), place.fence().to_owned()]);
        lines.extend(example);
        lines.push("```".to_owned());
    }
    lines
}

fn add_rows(place: Place, module: &Module, lines: &mut Vec<String>) {
    if let Some(endpoint) = &module.endpoint {
        let path = match module.path.as_slice() {
            [] => place.root().to_owned(),
            // A segment such as `reference` is the name of a primitive type too.
            path => format!("mod@{}", path.join("::")),
        };
        lines.push(format!(
            "| [`{path}`] | {link} | {category} |",
            link = endpoint.link(),
            category = docs::category(endpoint),
        ));
    }
    module.children.iter().for_each(|child| add_rows(place, child, lines));
}
