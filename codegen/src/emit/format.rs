//! From tokens to text that a person would accept in review.

use proc_macro2::TokenStream;

use crate::Error;

/// prettyplease packs the members of an impl; a member with a body or docs stands by itself here.
fn spaced(text: &str) -> String {
    let mut spaced = String::with_capacity(text.len());
    let mut ends_member = false;
    for line in text.lines() {
        let member = line.strip_prefix("    ").filter(|rest| !rest.starts_with(' '));
        let starts = member.is_some_and(|rest| {
            ["///", "#[", "fn ", "pub fn ", "pub const fn "].iter().any(|start| rest.starts_with(start))
        });
        if ends_member && starts {
            spaced.push('\n');
        }
        ends_member = member.is_some_and(|rest| rest.ends_with('}') || rest.ends_with(';'));
        spaced.push_str(line);
        spaced.push('\n');
    }
    spaced
}

/// The text of some items, as prettyplease lays them out, with an empty line between two.
pub(super) fn items(file: &str, items: impl IntoIterator<Item = TokenStream>) -> Result<String, Error> {
    let mut texts = Vec::new();
    for item in items {
        // Taken, not cloned: syn would copy a stream that somebody else holds too.
        let parsed: syn::File = syn::parse2(item).map_err(|error| {
            Error::new(file, format!("generated code does not parse: {error}"))
                .help("this is a mistake of the generator; report it with the document")
        })?;
        for item in parsed.items {
            let one = syn::File { shebang: None, frontmatter: None, attrs: Vec::new(), items: vec![item] };
            texts.push(spaced(&prettyplease::unparse(&one)));
        }
    }
    Ok(texts.join("\n"))
}
