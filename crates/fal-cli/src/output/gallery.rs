//! The page that shows the outputs of several models side by side.

use std::path::Path;

use serde_json::Value;

use crate::commands::Compared;
use crate::costs;
use crate::model::parameter::value_text;

const STYLE: &str = "body{font:16px system-ui;margin:2rem;background:#fff;color:#111}\
    main{display:grid;grid-template-columns:repeat(auto-fill,minmax(22rem,1fr));gap:1.5rem}\
    article{border:1px solid #ccc;border-radius:.5rem;padding:1rem}\
    img,video{max-width:100%;border-radius:.25rem}h2{font-size:1rem;margin:0 0 .5rem}pre{white-space:pre-wrap}\
    dl{display:grid;grid-template-columns:auto 1fr;gap:0 1rem;margin:.5rem 0 0}dd{margin:0}.failed{color:#b00}\
    @media(prefers-color-scheme:dark){body{background:#111;color:#eee}article{border-color:#444}}";

/// Returns the page. Its files are beside it in `folder`.
pub(crate) fn page(compared: &[Compared], parameters: &[String], folder: &Path) -> String {
    let title: Vec<String> = parameters.iter().map(|parameter| escape(parameter)).collect();
    let articles: String = compared.iter().map(|compared| article(compared, folder)).collect();
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" \
         content=\"width=device-width\"><title>{} models</title><style>{STYLE}</style></head>\n<body><h1>{}</h1>\n\
         <main>{articles}</main></body></html>\n",
        compared.len(),
        title.join("<br>")
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
            let shown: String = files
                .iter()
                .filter_map(|file| file.path.as_deref())
                .map(|path| media(path, folder))
                .collect();
            if files.is_empty() { format!("<pre>{}</pre>", escape(&text(reply))) } else { shown }
        }
        Err(failure) => format!("<p class=\"failed\">{}</p>", escape(&failure.lines().join("; "))),
    };
    if !compared.left_out.is_empty() {
        facts.push(("without", compared.left_out.join(", ")));
    }
    let facts: String =
        facts.iter().map(|(name, fact)| format!("<dt>{name}</dt><dd>{}</dd>", escape(fact))).collect();
    format!("\n<article><h2>{}</h2>{body}<dl>{facts}</dl></article>", escape(&compared.id))
}

fn text(output: &Value) -> String {
    let text = output.as_str().or_else(|| output["text"].as_str()).or_else(|| output["output"].as_str());
    text.map_or_else(|| serde_json::to_string_pretty(output).unwrap_or_default(), str::to_owned)
}

fn media(path: &Path, folder: &Path) -> String {
    let relative = path.strip_prefix(folder).unwrap_or(path).display().to_string();
    // A path in a URL: `#`, `?` and `%` would end or change it.
    let url = escape(&relative.replace('%', "%25").replace('#', "%23").replace('?', "%3F"));
    match path.extension().and_then(|extension| extension.to_str()).unwrap_or_default() {
        "png" | "jpg" | "jpeg" | "webp" | "gif" | "svg" | "avif" => {
            format!("<a href=\"{url}\"><img src=\"{url}\" alt=\"\"></a>")
        }
        "mp4" | "webm" | "mov" => format!("<video src=\"{url}\" controls loop muted></video>"),
        "mp3" | "wav" | "ogg" | "flac" | "m4a" => format!("<audio src=\"{url}\" controls></audio>"),
        _ => format!("<p><a href=\"{url}\">{}</a></p>", escape(&relative)),
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
