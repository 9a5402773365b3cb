//! Doc comments of generated code: one `/// ` line each, wrapped.

use proc_macro2::{Group, Literal, TokenStream, TokenTree};
use quote::quote;

/// The width of a line of docs, without its indentation.
const WIDTH: usize = 100;

/// Rewrites every `#[doc = "text"]` so that prettyplease prints it as lines of `/// text`.
pub(crate) fn rewrite(tokens: TokenStream) -> TokenStream {
    let mut rewritten = TokenStream::new();
    let mut tokens = tokens.into_iter().peekable();
    while let Some(token) = tokens.next() {
        match (&token, tokens.peek()) {
            (TokenTree::Punct(punct), Some(TokenTree::Group(group))) if punct.as_char() == '#' => {
                match doc_text(group) {
                    Some(text) => {
                        tokens.next();
                        rewritten.extend(lines(&text).iter().map(|line| quote!(#[doc = #line])));
                    }
                    None => rewritten.extend([token]),
                }
            }
            (TokenTree::Group(group), _) => {
                let mut inner = Group::new(group.delimiter(), rewrite(group.stream()));
                inner.set_span(group.span());
                rewritten.extend([TokenTree::Group(inner)]);
            }
            _ => rewritten.extend([token]),
        }
    }
    rewritten
}

/// Returns the text of the attribute `[doc = "text"]`.
fn doc_text(attribute: &Group) -> Option<String> {
    let tokens: Vec<TokenTree> = attribute.stream().into_iter().collect();
    match tokens.as_slice() {
        [TokenTree::Ident(name), TokenTree::Punct(_), TokenTree::Literal(text)] if name == "doc" => {
            string_value(text)
        }
        _ => None,
    }
}

fn string_value(literal: &Literal) -> Option<String> {
    syn::parse_str::<syn::LitStr>(&literal.to_string()).ok().map(|text| text.value())
}

/// Returns the lines of `text`, wrapped, with a space at the start of each line that is not empty.
fn lines(text: &str) -> Vec<String> {
    let text = operation_docs(text).unwrap_or_else(|| text.to_owned());
    let mut lines = Vec::new();
    let mut in_code = false;
    let is_line = !text.contains('\n');
    for (index, line) in text.split('\n').map(str::trim_end).enumerate() {
        if line.trim_start().starts_with("```") {
            in_code = !in_code;
            // Markdown wants a blank line between a list and a block of code.
            if in_code && lines.last().is_some_and(|last: &String| !last.is_empty()) {
                lines.push(String::new());
            }
        }
        let is_sentence = !is_line && (index == 0 || line.starts_with("Sends a `"));
        if is_sentence && line.ends_with(|c: char| c.is_alphanumeric() || c == '`') {
            // progenitor omits the full stop.
            lines.push(format!("{line}."));
        } else if in_code || line.len() <= WIDTH {
            // Docs written as `/// text` start with a space.
            lines.push(if is_line { line.trim_start() } else { line }.to_owned());
        } else {
            wrap(line.trim_start(), &mut lines);
        }
    }
    lines.iter().map(|line| if line.is_empty() { String::new() } else { format!(" {line}") }).collect()
}

/// Returns better docs for the struct of an operation, which progenitor calls a builder for a method of `Client`.
fn operation_docs(text: &str) -> Option<String> {
    let (method, _) = text.strip_prefix("Builder for [`Client::")?.split_once("`]")?;
    Some(format!("A call of [`Platform::{method}`](crate::Platform::{method})."))
}

fn wrap(line: &str, lines: &mut Vec<String>) {
    let indent = if line.starts_with("- ") { "  " } else { "" };
    let mut current = String::new();
    for word in line.split(' ') {
        if !current.is_empty() && current.len() + 1 + word.len() > WIDTH {
            lines.push(std::mem::replace(&mut current, indent.to_owned()));
        } else if !current.is_empty() {
            current.push(' ');
        }
        current.push_str(word);
    }
    lines.push(current);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn docs_are_wrapped_lines_with_a_space() {
        let long = format!("- `a`: {}", "word ".repeat(30).trim_end());
        let docs = rewrite(quote!(#[doc = "Lists models\n\nArguments:"] #[doc = #long] pub struct A;));
        let file = syn::parse2(docs).map(|file| prettyplease::unparse(&file)).unwrap_or_default();
        let lines: Vec<&str> = file.lines().collect();
        assert_eq!(lines[..3], ["/// Lists models.", "///", "/// Arguments:"]);
        assert!(lines[3].starts_with("/// - `a`: word") && lines[4].starts_with("///   word"), "{file}");
    }

    #[test]
    fn code_in_docs_is_not_wrapped() {
        let code = format!("```ignore\nclient.list(){}\n    .send()\n```", ".x()".repeat(40));
        assert_eq!(lines(&code).len(), 4);
        assert_eq!(lines(&code)[2], "     .send()");
    }
}
