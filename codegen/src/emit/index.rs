//! The docs of modules: the table of the endpoints of a crate, and the docs of each endpoint.

use super::{docs, example, examples::Call, listing, place::Place, readme};
use crate::rust::{Crate, Endpoint, Module};

/// The features of every generated crate.
const FEATURES: &str = "The feature `schemars` gives every type a JSON Schema, so that a language model can call an endpoint \
                        as a tool.";

/// Returns the docs of the root: the title of the crate, a program that calls it, its endpoints, and its own endpoint if the
/// app is one.
pub(super) fn root(place: Place, item: &Crate) -> Vec<String> {
    let mut lines = vec![format!("{}.", docs::escape(&item.title))];
    if let Some(call) = Call::find(item).filter(|_| place == Place::Crate) {
        lines.push(String::new());
        lines.extend(readme::setup(item));
        // Not compiled here, because the client depends on this crate for its tests.
        lines.extend(["", "```ignore"].map(str::to_owned));
        lines.extend(call.program());
        lines.push("```".to_owned());
    }
    if !item.root.children.is_empty() {
        lines.extend(listing::tables(item, "#", |module| match module.path.as_slice() {
            [] => format!("[`{}`]", place.root()),
            // A segment such as `reference` is the name of a primitive type too.
            path => format!("[`{}`](mod@{})", path.join("::"), path.join("::")),
        }));
    }
    if let Some(endpoint) = &item.root.endpoint {
        lines.push(String::new());
        lines.extend(self::endpoint(place, item, &item.root, endpoint));
    }
    if place == Place::Crate {
        lines.push(String::new());
        // An app of one's own has neither a page at fal nor a price there.
        let prices = is_published(item).then(|| readme::PRICES.to_owned());
        lines.extend(docs::lines(&prices.into_iter().chain([FEATURES.to_owned()]).collect::<Vec<_>>()));
    }
    lines
}

/// Returns true if fal's catalogue has an endpoint of the crate.
pub(super) fn is_published(item: &Crate) -> bool {
    listing::endpoints(item).any(|(_, endpoint)| endpoint.is_published)
}

/// Returns the docs of an endpoint: its name with a link to its page, its description, and an example.
pub(super) fn endpoint(place: Place, item: &Crate, module: &Module, endpoint: &Endpoint) -> Vec<String> {
    let link = endpoint.link();
    let category =
        endpoint.category.as_ref().map_or(String::new(), |category| format!(" ({})", docs::escape(category)));
    let mut paragraphs = vec![format!("{}: {link}{category}.", docs::escape(&endpoint.title))];
    paragraphs.extend(docs::paragraphs(&endpoint.description));
    paragraphs.extend(docs::offers(endpoint));
    paragraphs.extend(endpoint.deprecated.as_ref().map(|warning| format!("{warning}.")));
    let mut lines = docs::lines(&paragraphs);
    if let Some(example) = example::lines(item, module, endpoint) {
        lines.extend([String::new(), place.fence().to_owned()]);
        if place == Place::Crate {
            // Apps meet the macro in the client, on which this crate does not depend.
            lines.push("# use fal_core as fal_client;".to_owned());
        }
        lines.extend(example);
        lines.push("```".to_owned());
    }
    lines
}
