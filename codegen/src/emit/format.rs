//! From tokens to text that a person would accept in review.

use std::{
    cell::RefCell,
    collections::HashMap,
    fmt,
    hash::{BuildHasher, RandomState},
    rc::Rc,
};

use proc_macro2::{Spacing, TokenStream, TokenTree};

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

/// Code of some items.
pub(super) enum Code {
    /// To be laid out.
    Tokens(TokenStream),
    /// Laid out where it was written, as pays for what is generated often and in one form.
    Text(String),
}

impl From<TokenStream> for Code {
    fn from(tokens: TokenStream) -> Self {
        Self::Tokens(tokens)
    }
}

/// The text of some items, as prettyplease lays them out, with an empty line between two.
pub(super) fn items(file: &str, items: impl IntoIterator<Item = impl Into<Code>>) -> Result<String, Error> {
    let mut texts = String::new();
    for item in items {
        if !texts.is_empty() {
            texts.push('\n');
        }
        match item.into() {
            Code::Text(text) => texts.push_str(&text),
            Code::Tokens(tokens) => texts.push_str(&text(tokens).map_err(|error| {
                Error::new(file, format!("generated code does not parse: {error}"))
                    .help("this is a mistake of the generator; report it with the document")
            })?),
        }
    }
    Ok(texts)
}

thread_local! {
    /// Laid out items, by what they are made of. Models resemble each other: a third of what is generated
    /// for all of them is the same text again, and laying out is what takes the time.
    static KNOWN: RefCell<HashMap<u64, Rc<str>>> = RefCell::default();

    /// A secret of the run, so that no document can be written to collide.
    static SEED: RandomState = RandomState::new();

    static BYTES: RefCell<Vec<u8>> = RefCell::default();
}

fn text(item: TokenStream) -> syn::Result<Rc<str>> {
    let key = fingerprint(&item);
    if let Some(text) = KNOWN.with_borrow(|known| known.get(&key).cloned()) {
        return Ok(text);
    }
    // Taken, not cloned: syn would copy a stream that somebody else holds too.
    let parsed: syn::File = syn::parse2(item)?;
    let mut texts = Vec::with_capacity(parsed.items.len());
    for item in parsed.items {
        let one = syn::File { shebang: None, frontmatter: None, attrs: Vec::new(), items: vec![item] };
        texts.push(spaced(&prettyplease::unparse(&one)));
    }
    let text: Rc<str> = texts.join("\n").into();
    KNOWN.with_borrow_mut(|known| known.insert(key, Rc::clone(&text)));
    Ok(text)
}

/// What tells items apart: a hash of all tokens. That two of the ten thousands of items of a run share one
/// of 64 bits is as likely as a broken memory.
fn fingerprint(item: &TokenStream) -> u64 {
    BYTES.with_borrow_mut(|bytes| {
        bytes.clear();
        Written(bytes).stream(item);
        SEED.with(|seed| seed.hash_one(&*bytes))
    })
}

/// All that tells token streams apart, written without layout.
struct Written<'a>(&'a mut Vec<u8>);

impl Written<'_> {
    fn stream(&mut self, tokens: &TokenStream) {
        for token in tokens.clone() {
            match token {
                TokenTree::Group(group) => {
                    self.bytes(&[0, group.delimiter() as u8]);
                    self.stream(&group.stream());
                    self.bytes(&[1]);
                }
                TokenTree::Punct(punct) => {
                    self.bytes(&[2, u8::from(punct.spacing() == Spacing::Joint)]);
                    self.bytes(punct.as_char().encode_utf8(&mut [0; 4]).as_bytes());
                }
                TokenTree::Ident(ident) => self.display(3, &ident),
                TokenTree::Literal(literal) => self.display(4, &literal),
            }
        }
    }

    fn display(&mut self, kind: u8, token: &dyn fmt::Display) {
        self.bytes(&[kind]);
        // Writing into memory cannot fail.
        let _ = fmt::write(self, format_args!("{token}"));
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }
}

impl fmt::Write for Written<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.bytes(text.as_bytes());
        Ok(())
    }
}
