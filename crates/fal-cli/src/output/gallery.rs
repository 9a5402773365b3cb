//! The page that shows the outputs of several models side by side.

use std::path::Path;

use serde_json::Value;

use crate::commands::Compared;
use crate::costs;
use crate::model::parameter::value_text;

const STYLE: &str = include_str!("gallery.css");

/// Lets the page show its own files and nothing else, whatever prompts and outputs contain.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; img-src 'self' file:; media-src 'self' file:; \
                      form-action 'none'; base-uri 'none'";

/// The longest text that is shown, in characters.
const MAX_TEXT: usize = 20_000;

/// Returns the page. Its files are beside it in `folder`.
pub(crate) fn page(compared: &[Compared], parameters: &[String], folder: &Path) -> String {
    let parameters: String = parameters
        .iter()
        .map(|parameter| format!("<pre tabindex=\"0\">{}</pre>", shown(parameter)))
        .collect();
    let articles: String = compared.iter().map(|compared| article(compared, folder)).collect();
    let count = match compared.len() {
        1 => "1 model".to_owned(),
        count => format!("{count} models"),
    };
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\"><meta name=\"referrer\" content=\"no-referrer\">\
         <meta name=\"viewport\" content=\"width=device-width\"><title>{count} compared</title>\
         <style>{STYLE}</style></head>\n<body><header><h1>{count} compared</h1>{parameters}</header>\n\
         <main>{articles}</main></body></html>\n",
    )
}

fn article(compared: &Compared, folder: &Path) -> String {
    let mut facts = vec![("time", format!("{:.1} s", compared.seconds))];
    let cost = costs::billed_text(&compared.cost);
    if !cost.is_empty() {
        facts.push(("cost", cost));
    }
    let body = match &compared.result {
        Ok((reply, files)) => {
            if let Some(seed) = reply.get("seed").filter(|seed| !seed.is_null()) {
                facts.push(("seed", value_text(seed)));
            }
            facts.push(("request", reply.request_id().to_owned()));
            let paths = files.iter().filter_map(|file| file.path.as_deref());
            match files.is_empty() {
                true => format!("<pre tabindex=\"0\">{}</pre>", shown(&text(reply))),
                false => paths.map(|path| media(path, folder)).collect(),
            }
        }
        Err(failure) => format!("<p class=\"failed\">{}</p>", shown(&failure.lines().join("; "))),
    };
    if !compared.left_out.is_empty() {
        facts.push(("without", compared.left_out.join(", ")));
    }
    let facts: String =
        facts.iter().map(|(name, fact)| format!("<dt>{name}</dt><dd>{}</dd>", shown(fact))).collect();
    format!("\n<article><h2>{}</h2>{body}<dl>{facts}</dl></article>", shown(&compared.id))
}

fn text(output: &Value) -> String {
    let text = output.as_str().or_else(|| output["text"].as_str()).or_else(|| output["output"].as_str());
    text.map_or_else(|| serde_json::to_string_pretty(output).unwrap_or_default(), str::to_owned)
}

fn media(path: &Path, folder: &Path) -> String {
    let relative = path.strip_prefix(folder).unwrap_or(path).display().to_string();
    let name = escape(&relative);
    // A path in a URL: `#`, `?` and `%` would end or change it, and the part before a colon would be a scheme.
    let url = relative.replace('%', "%25").replace('#', "%23").replace('?', "%3F").replace(':', "%3A");
    let url = escape(&url);
    match path.extension().and_then(|extension| extension.to_str()).unwrap_or_default() {
        "png" | "jpg" | "jpeg" | "webp" | "gif" | "avif" => {
            format!("<a href=\"{url}\"><img src=\"{url}\" alt=\"{name}\"></a>")
        }
        // A picture runs no scripts, and the same file as a page of its own would.
        "svg" => format!("<img src=\"{url}\" alt=\"{name}\">"),
        "mp4" | "webm" | "mov" => format!("<video src=\"{url}\" controls loop muted></video>"),
        "mp3" | "wav" | "ogg" | "flac" | "m4a" => format!("<audio src=\"{url}\" controls></audio>"),
        _ => format!("<p><a href=\"{url}\" download>{name}</a></p>"),
    }
}

/// Returns a text for the page, shortened, with marks that change the direction of text as their codes.
fn shown(text: &str) -> String {
    let mut letters = text.chars();
    let mut start = String::new();
    for letter in letters.by_ref().take(MAX_TEXT) {
        match letter {
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
                start.extend(letter.escape_unicode());
            }
            letter => start.push(letter),
        }
    }
    let rest = if letters.next().is_some() { "…" } else { "" };
    format!("{}{rest}", escape(&start))
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::failure::{Failure, FailureKind};

    const HOSTILE: &str = "<img src=x onerror=alert(1)>\"'></pre><script>alert(1)</script>&lt;\u{202E}";

    fn failed(id: &str, message: &str) -> Compared {
        Compared {
            id: id.to_owned(),
            left_out: vec![HOSTILE.to_owned()],
            seconds: 1.0,
            result: Err(Failure::new(FailureKind::Failed, message)),
            cost: Value::Null,
        }
    }

    #[test]
    fn texts_of_prompts_and_failures_are_no_markup() {
        let page = page(&[failed(HOSTILE, HOSTILE)], &[format!("prompt={HOSTILE}")], Path::new("out"));
        assert!(!page.contains("<script") && !page.contains("<img"), "{page}");
        let text = "&lt;script&gt;alert(1)&lt;/script&gt;&amp;lt;\\u{202e}";
        assert_eq!(page.matches(text).count(), 4, "{page}");
        assert!(page.contains("content=\"default-src 'none';"), "{page}");
    }

    #[test]
    fn long_texts_are_cut() {
        let page = page(&[failed("a/b", &"é".repeat(1_000_000))], &["x".repeat(1_000_000)], Path::new("out"));
        assert!(page.len() < 100_000, "{}", page.len());
    }

    #[test]
    fn names_of_files_are_paths_and_no_schemes() {
        let folder = Path::new("out");
        for (name, expected) in [
            ("a b#1?.png", "src=\"a b%231%3F.png\" alt=\"a b#1?.png\""),
            ("javascript:alert(1).bin", "href=\"javascript%3Aalert(1).bin\" download"),
            ("\"onload=\"alert(1).svg", "<img src=\"&quot;onload=&quot;alert(1).svg\""),
            ("page.html", "href=\"page.html\" download"),
        ] {
            let shown = media(&folder.join(name), folder);
            assert!(shown.contains(expected), "{shown}");
        }
    }

    #[test]
    fn an_output_without_files_is_shown_as_its_text() {
        assert_eq!(text(&json!({"output": "a"})), "a");
        assert_eq!(text(&json!({"labels": []})), "{\n  \"labels\": []\n}");
    }
}
