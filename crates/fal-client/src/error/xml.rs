//! The errors of stores for files, in the manner of S3: `<Error><Code>AccessDenied</Code><Message>…</Message></Error>`.

/// Returns the code and the message of an error in XML; `None` if the text has neither, as a page of a proxy.
///
/// Only two elements are needed, so that a parser of XML would be too much.
pub(super) fn parse_error(text: &str) -> Option<(Option<String>, Option<String>)> {
    let is_page = text.get(..1000.min(text.len())).unwrap_or(text).to_ascii_lowercase().contains("<html");
    let (code, message) = (element(text, "Code"), element(text, "Message"));
    (!is_page && (code.is_some() || message.is_some())).then_some((code, message))
}

/// Returns the text of the first element with this name, also if it has a namespace, attributes or no end.
pub(super) fn element(text: &str, name: &str) -> Option<String> {
    let mut rest = text;
    loop {
        let (_, tag) = rest.split_once('<')?;
        rest = tag;
        let (tag, content) = tag.split_once('>')?;
        let full_name = tag.split(|end: char| end.is_whitespace() || end == '/').next().unwrap_or_default();
        let local_name = full_name.rsplit(':').next().unwrap_or_default();
        if local_name.eq_ignore_ascii_case(name) && !tag.ends_with('/') {
            let content = match content.trim_start().strip_prefix("<![CDATA[") {
                Some(data) => data.split("]]>").next().unwrap_or_default().to_owned(),
                None => decode(content.split('<').next().unwrap_or_default()),
            };
            let content = content.trim();
            return (!content.is_empty()).then(|| content.to_owned());
        }
    }
}

/// Decodes the five entities of XML and those by number.
fn decode(text: &str) -> String {
    let mut decoded = String::new();
    let mut rest = text;
    while let Some((before, entity)) = rest.split_once('&') {
        decoded.push_str(before);
        let found = entity.split_once(';').and_then(|(name, after)| Some((decode_entity(name)?, after)));
        match found {
            Some((character, after)) => {
                decoded.push(character);
                rest = after;
            }
            None => {
                decoded.push('&');
                rest = entity;
            }
        }
    }
    decoded.push_str(rest);
    decoded
}

fn decode_entity(name: &str) -> Option<char> {
    Some(match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        _ => {
            let number = name.strip_prefix('#')?;
            let number = match number.strip_prefix(['x', 'X']) {
                Some(digits) => u32::from_str_radix(digits, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(number)?
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_and_message_are_found_in_every_store_s_form() {
        let table = [
            (
                "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>AccessDenied</Code><Message>Request has expired</Message><Expires>1</Expires></Error>",
                (Some("AccessDenied"), Some("Request has expired")),
            ),
            (
                "<?xml version='1.0'?><Error xmlns='x'><Code >ExpiredToken</Code ><Message>a &amp; b &#233;&#x107; &x; &</Message><Details>d</Details></Error>",
                (Some("ExpiredToken"), Some("a & b éć &x; &")),
            ),
            ("<s3:Error><s3:Code>A</s3:Code><s3:Message/></s3:Error>", (Some("A"), None)),
            ("<Error><Message><![CDATA[a <b>]]></Message></Error>", (None, Some("a <b>"))),
            (
                "<ErrorResponse><Error><Type>Sender</Type><Code>A</Code><Message>cut o",
                (Some("A"), Some("cut o")),
            ),
            ("<Error><Code>A</Code><Mess", (Some("A"), None)),
        ];
        for (text, (code, message)) in table {
            let expected = Some((code.map(str::to_owned), message.map(str::to_owned)));
            assert_eq!(parse_error(text), expected, "{text}");
        }
    }

    #[test]
    fn pages_have_neither() {
        for text in [
            "<html><code>x</code></html>",
            "<!DOCTYPE html><HTML><message>m</message>",
            "<",
            "<a><b>",
            "<Code></Code>",
        ] {
            assert_eq!(parse_error(text), None, "{text}");
        }
    }
}
