//! Doc comments: descriptions made safe for rustdoc, and wrapped.

use proc_macro2::TokenStream;
use quote::quote;

use crate::{
    model::is_openai_stream,
    rust::{Endpoint, split_about},
};

/// The width that a doc comment is wrapped to, without indentation and slashes.
const WIDTH: usize = 96;

/// Returns the doc attributes of paragraphs of any text.
pub(super) fn attributes(paragraphs: &[String]) -> TokenStream {
    lines(paragraphs).iter().map(|line| attribute(line)).collect()
}

/// Returns the doc attributes of a description from a document.
pub(super) fn description(text: &str) -> TokenStream {
    // The generator's own sentences link to `Model`, which escaping would break.
    if split_about(text).is_some() {
        return attributes(&[text.to_owned()]);
    }
    attributes(&paragraphs(text).collect::<Vec<_>>())
}

/// Returns the doc attribute of a line of the generator, without escaping it.
pub(super) fn line(text: &str) -> TokenStream {
    attribute(&visible(text))
}

/// Returns the doc attribute of a line. prettyplease prints it as a comment, without a blank before the text.
fn attribute(line: &str) -> TokenStream {
    let text = if line.is_empty() { String::new() } else { format!(" {line}") };
    quote!(#[doc = #text])
}

/// Lines as comments that start with `mark`.
pub(super) fn comments(mark: &str, lines: &[String]) -> String {
    lines.iter().map(|line| format!("{mark} {line}").trim_end().to_owned() + "\n").collect()
}

/// Returns a text without invisible characters, which names and descriptions from outside may have.
fn visible(text: &str) -> String {
    text.chars().map(|c| if c.is_control() || is_bidi_control(c) { ' ' } else { c }).collect()
}

/// Paragraphs as lines, with an empty line between two.
pub(super) fn lines(paragraphs: &[String]) -> Vec<String> {
    let mut lines = Vec::new();
    for paragraph in paragraphs.iter().filter(|paragraph| !paragraph.trim().is_empty()) {
        if !lines.is_empty() {
            lines.push(String::new());
        }
        match paragraph.strip_prefix(LIST) {
            Some(items) => lines.extend(items.lines().flat_map(list_item)),
            None => lines.extend(wrap(&visible(paragraph), WIDTH)),
        }
    }
    lines
}

/// The start of a paragraph that is a list, with an item and its marker on each line.
const LIST: char = '\n';

/// Returns the lines of an item of a list, indented below its marker.
fn list_item(item: &str) -> Vec<String> {
    let (marker, text) = item.split_once(' ').unwrap_or((item, ""));
    let indent = marker.len() + 1;
    let lines = wrap(&visible(text), WIDTH - indent).into_iter().enumerate();
    let lines = lines.map(|(index, line)| match index {
        0 => format!("{marker} {line}"),
        _ => format!("{}{line}", " ".repeat(indent)),
    });
    lines.collect()
}

/// Splits a line that is an item of a list into its marker, as it is written here, and its text.
fn split_marker(line: &str) -> Option<(String, &str)> {
    let (marker, text) = line.split_once(' ')?;
    let number = marker.strip_suffix(['.', ')']).unwrap_or_default();
    let marker = match marker {
        "-" | "*" | "+" | "\u{2022}" => "-".to_owned(),
        _ if (1..=3).contains(&number.len()) && number.chars().all(|c| c.is_ascii_digit()) => {
            format!("{number}.")
        }
        _ => return None,
    };
    Some((marker, text.trim_start())).filter(|(_, text)| !text.is_empty())
}

/// Returns a description as text for programs: no indentation, no links of the generator's own.
pub(super) fn plain(description: &str) -> String {
    let text = match split_about(description) {
        Some((start, id)) => format!("{start} `{id}`."),
        None => description.to_owned(),
    };
    text.lines().map(str::trim).collect::<Vec<_>>().join("\n").trim().to_owned()
}

/// Returns the first paragraph of a description from a document, unless it is a list.
pub(super) fn summary(description: &str) -> String {
    paragraphs(description).next().filter(|paragraph| !paragraph.starts_with(LIST)).unwrap_or_default()
}

/// Returns the paragraphs of a description from a document, escaped and without indentation. A list is one paragraph.
pub(super) fn paragraphs(description: &str) -> impl Iterator<Item = String> {
    let mut paragraphs: Vec<Vec<(Option<String>, String)>> = vec![Vec::new()];
    for line in description.lines().map(str::trim) {
        let Some(paragraph) = paragraphs.last_mut().filter(|_| !line.is_empty()) else {
            paragraphs.push(Vec::new());
            continue;
        };
        match (split_marker(line), paragraph.last_mut()) {
            (Some((marker, text)), Some((Some(_), _)) | None) => {
                paragraph.push((Some(marker), text.to_owned()))
            }
            (Some((marker, text)), Some((None, _))) => paragraphs.push(vec![(Some(marker), text.to_owned())]),
            (None, Some((_, started))) => {
                started.push(' ');
                started.push_str(line);
            }
            (None, None) => paragraph.push((None, line.to_owned())),
        }
    }
    let text = |parts: Vec<(Option<String>, String)>| {
        let parts = parts.iter().map(|(marker, text)| match marker {
            Some(marker) => format!("{LIST}{marker} {}", escape(text)),
            None => escape(text),
        });
        parts.collect::<String>()
    };
    paragraphs.into_iter().filter(|parts| !parts.is_empty()).map(text)
}

/// Returns a sentence about the protocols of an endpoint besides `run` and the queue.
pub(super) fn offers(endpoint: &Endpoint) -> Option<String> {
    if let Some(protocol) = &endpoint.session {
        return Some(format!(
            "Messages of a session over {}, which the client does not open: send the JSON of an `Input` over its channel, and \
             read an `Output` from each message of the app.",
            escape(protocol)
        ));
    }
    if is_openai_stream(&endpoint.id) {
        return Some(
            "Streams: `Client::stream` returns the events of OpenAI's API if the input says so, by \
             `.extra(\"stream\", true)` of its builder."
                .to_owned(),
        );
    }
    Some(match (endpoint.event.is_some(), endpoint.realtime) {
        (false, false) => return None,
        (true, false) => "Streams: `Client::stream` returns partial results before the last one.".to_owned(),
        (false, true) => {
            "Realtime: `EndpointHandle::realtime` keeps a connection open for one input after another."
                .to_owned()
        }
        (true, true) => {
            "Streams and talks in realtime: `Client::stream` returns partial results before the last one, \
                         `EndpointHandle::realtime` keeps a connection open for one input after another."
                .to_owned()
        }
    })
}

/// Returns true for a character that changes the direction of the text around it, which rustc refuses in sources.
pub(super) fn is_bidi_control(c: char) -> bool {
    matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

/// Escapes what rustdoc would read as a link, a tag or markup; code spans are left as they are.
pub(crate) fn escape(text: &str) -> String {
    let text = visible(text);
    // A lone backtick opens nothing.
    if text.matches('`').count() % 2 == 1 {
        return escape_prose(&text.replace('`', "'"));
    }
    let parts = text.split('`').enumerate();
    parts.map(|(index, part)| if index % 2 == 1 { format!("`{part}`") } else { escape_prose(part) }).collect()
}

fn escape_prose(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for word in text.split_inclusive(' ') {
        let url = ["https://", "http://"].into_iter().filter_map(|scheme| word.find(scheme)).min();
        let Some(start) = url else {
            escape_word(word, &mut escaped);
            continue;
        };
        let (before, rest) = word.split_at(start);
        let url = rest.trim_end().trim_end_matches(['.', ',', ';', ':', ')', '!', '?', '\'']);
        escape_word(before, &mut escaped);
        if url.chars().all(|c| c.is_ascii_graphic() && !"<>[]\"`\\".contains(c)) {
            escaped.push_str(&format!("<{url}>"));
        } else {
            // Markdown shows `\/` as `/`, and rustdoc sees no address in it.
            let (scheme, rest) = url.split_at(url.find("//").unwrap_or(0));
            escape_word(scheme, &mut escaped);
            escaped.push('\\');
            escape_word(rest, &mut escaped);
        }
        escape_word(&rest[url.len()..], &mut escaped);
    }
    escaped
}

fn escape_word(word: &str, escaped: &mut String) {
    for c in word.chars() {
        if "[]<>*_\\#|~".contains(c) {
            escaped.push('\\');
        }
        escaped.push(c);
    }
}

fn wrap(paragraph: &str, limit: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut width = 0;
    for word in &unbreakable_words(paragraph) {
        let more = word.chars().count();
        match lines.last_mut() {
            Some(line) if width == 0 || width + 1 + more <= limit => {
                if width > 0 {
                    line.push(' ');
                    width += 1;
                }
                line.push_str(word);
                width += more;
            }
            _ => {
                lines.push(word.clone());
                width = more;
            }
        }
    }
    // Only the first line can still start with a marker.
    if let Some(first) =
        lines.first_mut().filter(|line| is_marker(line.split(' ').next().unwrap_or_default()))
    {
        let end = first.find(|c: char| !c.is_ascii_digit()).unwrap_or(0);
        first.insert(end, '\\');
    }
    lines
}

/// Returns the words of a paragraph. One that would start a list at the start of a line stays with the word before.
fn unbreakable_words(paragraph: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    for word in paragraph.split(' ').filter(|word| !word.is_empty()) {
        match words.last_mut() {
            Some(last) if is_marker(word) => {
                last.push(' ');
                last.push_str(word);
            }
            _ => words.push(word.to_owned()),
        }
    }
    words
}

/// Returns true if a line that starts with `word` would be a list item, a heading or a quotation.
fn is_marker(word: &str) -> bool {
    let rest = word.trim_start_matches(|c: char| c.is_ascii_digit());
    let numbered = rest.len() < word.len() && matches!(rest, "." | ")");
    numbered || matches!(word, "-" | "+" | ">") || word.starts_with('=')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prose_cannot_become_markup() {
        assert_eq!(escape("see [this] <b>x</b>"), "see \\[this\\] \\<b\\>x\\</b\\>");
        assert_eq!(escape("a `[code]` b"), "a `[code]` b");
        assert_eq!(escape("a lone ` tick [x]"), "a lone ' tick \\[x\\]");
        assert_eq!(escape("see [docs](https://x.y/z#a)."), "see \\[docs\\](<https://x.y/z#a>).");
        assert_eq!(escape("at https://fal.ai/models/x, or"), "at <https://fal.ai/models/x>, or");
    }

    #[test]
    fn descriptions_lose_their_indentation() {
        let text = "\n    One line\n    goes on.\n\n    Another.\n";
        assert_eq!(paragraphs(text).collect::<Vec<_>>(), ["One line goes on.", "Another."]);
    }

    #[test]
    fn lists_stay_lists() {
        let text = format!(
            "One of:\n  * a [x]\n  * b\n    goes on {}\n\nSteps\n1) c\n2. d\nend",
            "word ".repeat(20)
        );
        let lines = lines(&paragraphs(&text).collect::<Vec<_>>());
        let words = "word ".repeat(17);
        let expected = [
            "One of:",
            "",
            "- a \\[x\\]",
            &format!("- b goes on {}", words.trim()),
            "  word word word",
            "",
            "Steps",
            "",
            "1. c",
            "2. d end",
        ];
        assert_eq!(lines, expected);
        assert_eq!(super::lines(&["2 * 3\n* no list".to_owned()]), ["2 * 3 * no list"]);
    }

    #[test]
    fn wrapped_lines_start_no_list() {
        let text = format!("{} - 1. x", "word ".repeat(19).trim());
        assert_eq!(lines(&[text])[1], "word - 1. x");
        assert_eq!(lines(&["- x".to_owned()])[0], "\\- x");
        assert_eq!(lines(&["1. x".to_owned()])[0], "1\\. x");
    }
}
