//! Values of calls in the sizes that the web page can show.

use serde_json::{Value, json};

/// The longest text that is shown whole, in bytes.
const MAX_TEXT: usize = 4_000;
/// The longest data URL that is shown whole, in bytes. A picture is useless if it is cut.
const MAX_DATA_URL: usize = 400_000;
/// The size up to which a value is shown, in bytes of JSON.
const MAX_VALUE: usize = 500_000;
/// The largest number of pictures in the summary of a call.
const MAX_PICTURES: usize = 3;
/// The longest URL of a picture in a summary, in bytes.
const MAX_PICTURE_URL: usize = 300;

/// Returns at most `most` characters of a text, and a mark if there are more.
pub(crate) fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

/// Cuts the long texts, lists and objects in a value.
pub(crate) fn shorten(value: &Value) -> Value {
    shorten_within(value, &mut MAX_VALUE.clone())
}

/// `left` is the number of bytes that may still be shown.
fn shorten_within(value: &Value, left: &mut usize) -> Value {
    match value {
        Value::String(text) => {
            let longest = if text.starts_with("data:") { MAX_DATA_URL } else { MAX_TEXT };
            if text.len() <= longest.min(*left) {
                *left -= text.len();
                return value.clone();
            }
            *left = left.saturating_sub(100);
            json!(format!("{} ({} bytes)", cut(text, 100), text.len()))
        }
        Value::Array(items) => {
            let mut shown = Vec::new();
            for item in items {
                if *left == 0 {
                    shown.push(json!(format!("… ({} more)", items.len() - shown.len())));
                    break;
                }
                *left = left.saturating_sub(8);
                shown.push(shorten_within(item, left));
            }
            Value::Array(shown)
        }
        Value::Object(object) => {
            let mut shown = serde_json::Map::new();
            for (name, value) in object {
                if *left == 0 {
                    shown.insert("…".to_owned(), json!(format!("{} more", object.len() - shown.len())));
                    break;
                }
                let name = cut(name, 200);
                *left = left.saturating_sub(name.len() + 8);
                let value = shorten_within(value, left);
                shown.insert(name, value);
            }
            Value::Object(shown)
        }
        _ => value.clone(),
    }
}

/// Returns the URLs of the first pictures in an output. Pictures inside the output, as data URLs, are left out.
pub(crate) fn pictures(output: &Value) -> Vec<String> {
    let mut found = Vec::new();
    find_pictures(output, &mut found);
    found
}

fn find_pictures(value: &Value, found: &mut Vec<String>) {
    if found.len() >= MAX_PICTURES {
        return;
    }
    match value {
        Value::String(url) if is_picture(url, None) => found.push(url.clone()),
        Value::Array(items) => items.iter().for_each(|item| find_pictures(item, found)),
        Value::Object(object) => {
            let text = |name: &str| object.get(name).and_then(Value::as_str);
            match text("url") {
                Some(url) if is_picture(url, text("content_type")) => found.push(url.to_owned()),
                Some(_) => {}
                None => object.values().for_each(|value| find_pictures(value, found)),
            }
        }
        _ => {}
    }
}

fn is_picture(url: &str, content_type: Option<&str>) -> bool {
    let is_web = url.starts_with("http://") || url.starts_with("https://");
    if !is_web || url.len() > MAX_PICTURE_URL {
        return false;
    }
    let path = url.split(['?', '#']).next().unwrap_or_default();
    let extension = path.rsplit('.').next().unwrap_or_default().to_ascii_lowercase();
    content_type.is_some_and(|kind| kind.starts_with("image/"))
        || ["png", "jpg", "jpeg", "webp", "gif", "svg", "avif"].contains(&extension.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_are_cut_and_pictures_are_not() {
        let picture = format!("data:image/png;base64,{}", "A".repeat(10_000));
        let short = shorten(&json!({"a": ["x".repeat(5_000)], "b": picture, "c": 1}));
        assert_eq!(short["a"][0], json!(format!("{}… (5000 bytes)", "x".repeat(100))));
        assert_eq!((&short["b"], &short["c"]), (&json!(picture), &json!(1)));
    }

    #[test]
    fn whatever_is_shown_is_bounded() {
        let numbers = json!({"prompt": vec![json!([1, 2, 3]); 200_000]});
        let names: serde_json::Map<String, Value> =
            (0..200_000).map(|number| (format!("{number}-{}", "n".repeat(500)), json!(null))).collect();
        let texts = json!(vec!["x".repeat(3_000); 1_000]);
        let pictures = json!(vec![format!("data:{}", "A".repeat(300_000)); 20]);
        for value in [numbers, Value::Object(names), texts, pictures] {
            let size = shorten(&value).to_string().len();
            assert!(size < 2 * MAX_VALUE, "{size}");
        }
    }

    #[test]
    fn pictures_are_found_by_type_or_extension() {
        let output = json!({
            "images": [{"url": "https://h/a?x=1", "content_type": "image/png"}, {"url": "https://h/b.JPG?x"}],
            "video": {"url": "https://h/c.mp4"}, "cover": "http://h/d.webp", "more": ["https://h/e.gif"],
        });
        assert_eq!(pictures(&output).len(), 3);
        for none in [
            json!({"url": "javascript:a.png"}),
            json!("data:image/png;base64,AA"),
            json!(format!("https://h/{}.png", "a".repeat(400))),
        ] {
            assert_eq!(pictures(&none), [""; 0], "{none}");
        }
    }
}
