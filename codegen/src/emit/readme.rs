//! `README.md` of a crate: its title, an example of a call, and its endpoints.

use super::{
    docs,
    examples::{Call, collect_endpoints},
    style::Style,
};
use crate::rust::Crate;

/// Returns the text of `README.md`.
pub(super) fn file(style: Style, item: &Crate) -> String {
    let mut modules = Vec::new();
    collect_endpoints(&item.root, &mut modules);
    let mut page = format!(
        "<!-- {} -->\n# {}\n\nTyped bindings for `{app}` on [fal](https://fal.ai): {}. The compiler checks \
         the parameters; [`fal-client`](https://docs.rs/fal-client) makes the calls.\n",
        style.header(item.source.as_deref()),
        item.name,
        docs::escape(&item.title),
        app = item.app,
    );
    if let Some(call) = Call::find(item) {
        page.push_str(&format!("\n```rust\n{}\n```\n", call.page()));
    }
    page.push_str("\n| endpoint | module | category |\n|---|---|---|\n");
    for module in modules {
        let path: String = module.path.iter().map(|part| format!("::{part}")).collect();
        let category = module.endpoint.as_ref().map(docs::category).unwrap_or_default();
        page.push_str(&format!(
            "| [`{id}`](https://fal.ai/models/{id}) | `{}{path}` | {} |\n",
            item.lib_name(),
            category,
            id = module.id,
        ));
    }
    page.push_str(
        "\nThe feature `schemars` gives every type a JSON Schema, so that a language model can call an endpoint as a \
         tool.\n\nGenerated from the documents that fal publishes. Licensed under MIT or Apache-2.0, as you like.\n",
    );
    page
}
