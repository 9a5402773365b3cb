//! `README.md` of a crate: its title, an example of a call, and its endpoints.

use super::{docs, examples::Call, index, listing, style::Style};
use crate::rust::Crate;

/// The place of prices, which no document has.
pub(super) const PRICES: &str = "Prices change without a new version, so none is here: the page of each endpoint at fal has its \
                                 price and unit, and `PriceList` and `Client::estimate` of `fal-client` ask for them.";

/// Returns the text of `README.md`.
pub(super) fn file(style: Style, item: &Crate) -> String {
    let mut page = format!(
        "<!-- {} -->\n# {}\n\nTyped bindings for `{app}` on [fal](https://fal.ai): {}. The compiler checks \
         the parameters; [`fal-client`](https://docs.rs/fal-client) makes the calls.\n",
        style.header(item.source.as_deref()),
        item.name,
        docs::escape(&item.title),
        app = item.app,
    );
    if let Some(call) = Call::find(item) {
        page.push_str(&format!(
            "\n{}\n\n```rust\n{}\n```\n",
            setup(item).join("\n"),
            call.program().join("\n")
        ));
    }
    let tables = listing::tables(item, "##", |module| {
        let path: String = module.path.iter().map(|part| format!("::{part}")).collect();
        format!("`{}{path}`", item.lib_name())
    });
    page.push_str(&format!("{}\n", tables.join("\n")));
    page.push_str(&format!("\n{PRICES}\n"));
    page.push_str(
        "\nThe feature `schemars` gives every type a JSON Schema, so that a language model can call an endpoint as a \
         tool.\n\nGenerated from the documents that fal publishes. Licensed under MIT or Apache-2.0, as you like.\n",
    );
    page
}

/// Returns the commands that add the client to an app, and the crate if it is published.
pub(super) fn setup(item: &Crate) -> Vec<String> {
    // The crate of an own app is in no registry.
    let name = if index::is_published(item) { format!(" {}", item.name) } else { String::new() };
    let crates = format!("cargo add fal-client{name}");
    ["```sh", &crates, "cargo add tokio --features macros,rt-multi-thread", "```"].map(str::to_owned).to_vec()
}
