//! Text from outside, made fit to be printed: without secrets, without encoded content, and short.

mod secrets;

use std::{borrow::Cow, fmt, ops::Range};

pub(crate) use self::secrets::{SecretStore, Secrets};

/// The text that takes the place of a secret.
pub(crate) const HIDDEN: &str = "***";

/// The longest `Debug` output of a value, in bytes.
pub(crate) const MAX_DEBUG: usize = 2000;

/// The longest run of characters without a break that is printed. Base64 and percent-encoded content is longer.
const MAX_RUN: usize = 128;

/// The longest secret after the name of its scheme, in bytes.
const MAX_SECRET: usize = 4096;

/// Names of values that are secrets, in lower case and without `-` and `_`. A longer name may end with one.
const SECRET_NAMES: [&str; 15] = [
    "password",
    "passwd",
    "passphrase",
    "pwd",
    "secret",
    "secretkey",
    "apikey",
    "accesskey",
    "accesskeyid",
    "privatekey",
    "falkey",
    "authorization",
    "cookie",
    "sessionid",
    "jwt",
];

/// Names that are ordinary words too, so that what follows them in a sentence is no secret.
const SECRET_WORDS: [&str; 6] = ["auth", "credential", "credentials", "sig", "signature", "token"];

/// Beginnings of keys of well-known services.
const KEY_PREFIXES: [&str; 9] = ["sk-", "sk_", "hf_", "ghp_", "gho_", "github_pat_", "akia", "asia", "aiza"];

/// Returns `text` without what looks like a secret or like encoded content: queries and passwords of URLs, keys and
/// tokens, values named like a secret, and long runs of base64.
///
/// A secret that looks like any other word can only be found by [`Secrets`], which knows those of a client.
pub(crate) fn redact(text: &str) -> Cow<'_, str> {
    let mut text = Cow::Borrowed(text);
    for find in [find_token, find_run, find_url, find_credentials, find_named, find_key] {
        rewrite(&mut text, find);
    }
    text
}

/// Returns `text` without secrets, on one line, and cut to `max` bytes.
pub(crate) fn single_line(text: &str, max: usize) -> String {
    let text = redact(text);
    shorten(&text, max).chars().map(|shown| if breaks_lines(shown) { ' ' } else { shown }).collect()
}

/// Returns true for a character that ends a line, moves the cursor of a terminal or turns the direction of writing.
fn breaks_lines(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Returns `text`, cut to `max` bytes.
pub(crate) fn shorten(text: &str, max: usize) -> Cow<'_, str> {
    if text.len() <= max {
        return Cow::Borrowed(text);
    }
    let end = floor_char_boundary(text, max.saturating_sub('…'.len_utf8()));
    Cow::Owned(format!("{}…", text.get(..end).unwrap_or_default()))
}

/// Returns the last place at or before `end` that is not within a character.
fn floor_char_boundary(text: &str, end: usize) -> usize {
    (0..=end.min(text.len())).rev().find(|end| text.is_char_boundary(*end)).unwrap_or_default()
}

/// Prints a value as its own `Debug` does, without secrets and cut to `max` bytes.
pub(crate) struct Shown<'a> {
    value: &'a dyn fmt::Debug,
    secrets: Option<&'a Secrets>,
    max: usize,
}

impl<'a> Shown<'a> {
    pub(crate) fn new(value: &'a dyn fmt::Debug, max: usize) -> Self {
        Self { value, secrets: None, max }
    }
}

impl fmt::Debug for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = if f.alternate() { format!("{:#?}", self.value) } else { format!("{:?}", self.value) };
        let text = self.secrets.map_or(Cow::Borrowed(&*text), |secrets| secrets.hide(&text));
        f.write_str(&shorten(&redact(&text), self.max))
    }
}

/// Prints a struct with these fields and others, without secrets and cut to [`MAX_DEBUG`] bytes.
pub(crate) fn fmt_struct(
    f: &mut fmt::Formatter<'_>,
    secrets: &Secrets,
    name: &str,
    fields: &[(&str, &dyn fmt::Debug)],
) -> fmt::Result {
    struct Struct<'a>(&'a str, &'a [(&'a str, &'a dyn fmt::Debug)]);
    impl fmt::Debug for Struct<'_> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            let mut debug = f.debug_struct(self.0);
            for (name, value) in self.1 {
                debug.field(name, value);
            }
            debug.finish_non_exhaustive()
        }
    }
    fmt::Debug::fmt(&Shown { secrets: Some(secrets), ..Shown::new(&Struct(name, fields), MAX_DEBUG) }, f)
}

/// Replaces everything that `find` finds from a position on.
fn rewrite(text: &mut Cow<'_, str>, find: impl Fn(&str, usize) -> Option<(Range<usize>, String)>) {
    let (mut rewritten, mut end) = (String::new(), 0);
    while let Some((found, replacement)) = find(text, end) {
        rewritten.push_str(text.get(end..found.start).unwrap_or_default());
        rewritten.push_str(&replacement);
        end = found.end;
    }
    if end > 0 {
        rewritten.push_str(text.get(end..).unwrap_or_default());
        *text = Cow::Owned(rewritten);
    }
}

/// Finds a JSON web token.
fn find_token(text: &str, from: usize) -> Option<(Range<usize>, String)> {
    let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.=".contains(byte);
    let mut start = from;
    loop {
        start += text.get(start..)?.find("eyJ")?;
        let is_within = start > 0 && text.as_bytes().get(start - 1).is_some_and(u8::is_ascii_alphanumeric);
        if is_within {
            start += 3;
            continue;
        }
        let token = run(text, start, is_part);
        if text.get(token.clone())?.contains('.') {
            return Some((token, HIDDEN.to_owned()));
        }
        start = token.end;
    }
}

/// Finds a long run of encoded content.
fn find_run(text: &str, from: usize) -> Option<(Range<usize>, String)> {
    let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || b"+/_-%=\\".contains(byte);
    let run = runs(text, from, is_part).find(|run| run.len() > MAX_RUN)?;
    let replacement = format!("…({} characters)", run.len());
    Some((run, replacement))
}

/// Finds a URL with a user, a password, a query or a fragment.
fn find_url(text: &str, from: usize) -> Option<(Range<usize>, String)> {
    let mut at = from;
    loop {
        let colon = at + text.get(at..)?.find(':')?;
        at = colon + 1;
        let rest = text.get(at..)?;
        // JSON may escape slashes.
        let slashes = ["//", r"\/\/"].into_iter().find(|slashes| rest.starts_with(slashes));
        let has_scheme = colon > 0 && text.as_bytes().get(colon - 1).is_some_and(u8::is_ascii_alphanumeric);
        let Some(slashes) = slashes.filter(|_| has_scheme) else { continue };
        let start = at + slashes.len();
        let url = text.get(start..)?;
        let url = url.split(|end: char| end.is_whitespace() || "\"'<>`".contains(end)).next()?;
        at = start + url.len();
        if let Some(shown) = hide_in_url(url) {
            return Some((start..at, shown));
        }
    }
}

/// Returns a URL, from its authority on, without user, password, query and fragment; `None` if it has none of them.
fn hide_in_url(url: &str) -> Option<String> {
    let authority = url.split(['/', '?', '#', '\\']).next().unwrap_or_default();
    // A password may hold any character, so a port with other characters than digits begins one.
    let has_password = authority.split_once(':').is_some_and(|(host, port)| {
        !host.starts_with('[') && port.contains(|digit: char| !digit.is_ascii_digit())
    });
    let user = if has_password { url.rfind('@') } else { authority.rfind('@') };
    let rest = user.map_or(url, |at| url.get(at + 1..).unwrap_or_default());
    let end = rest.find(['?', '#']).unwrap_or(rest.len());
    let (path, query) = rest.split_at_checked(end)?;
    let punctuation = query.trim_end_matches([')', '.', ',', ';', ':', ']', '}', '\\']);
    let has_query = punctuation.len() > 1;
    if user.is_none() && !has_query {
        return None;
    }
    let hidden_user = if user.is_some() { "…@" } else { "" };
    let shown_query = if has_query {
        format!("?…{}", query.get(punctuation.len()..).unwrap_or_default())
    } else {
        query.to_owned()
    };
    Some(format!("{hidden_user}{path}{shown_query}"))
}

/// Finds the secret of an `Authorization` header, after the name of its scheme.
fn find_credentials(text: &str, from: usize) -> Option<(Range<usize>, String)> {
    const SCHEMES: [&str; 5] = ["basic", "bearer", "digest", "key", "token"];
    let is_word = |byte: &u8| byte.is_ascii_alphanumeric();
    for word in runs(text, from, is_word) {
        let start = word.end;
        let name = text.get(word)?;
        let Some(scheme) = SCHEMES.into_iter().find(|scheme| name.eq_ignore_ascii_case(scheme)) else {
            continue;
        };
        let rest = text.get(start..)?;
        let mut value = rest.trim_start_matches([' ', '\t', '+']);
        value = value.strip_prefix("%20").unwrap_or(value);
        if value.len() == rest.len() {
            continue;
        }
        value = value.trim_start_matches(['"', '\'', '`', '\\']);
        let found = start + (rest.len() - value.len());
        // No further: a text in which each word begins a value without an end would take for ever.
        let value = value.get(..floor_char_boundary(value, MAX_SECRET))?;
        let secret = value.split(ends_value).next()?.trim_end_matches(['.', '\\']);
        let is_pair = secret.split_once(':').is_some_and(|(_, half)| !half.is_empty());
        let is_secret = match scheme {
            "bearer" => secret.len() >= 6,
            _ if is_pair => secret.len() >= 6,
            _ => secret.len() >= 20 && secret.contains(|digit: char| digit.is_ascii_digit()),
        };
        if is_secret && secret != HIDDEN {
            return Some((found..found + secret.len(), HIDDEN.to_owned()));
        }
    }
    None
}

/// Finds the value of something that is named like a secret, as in `"password": "…"` or `&sig=…`.
fn find_named(text: &str, from: usize) -> Option<(Range<usize>, String)> {
    let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_".contains(byte);
    for word in runs(text, from, is_word) {
        let start = word.end;
        let name = text.get(word)?;
        let Some(is_ordinary_word) = secret_name(name) else { continue };
        let rest = text.get(start..)?;
        let after_name = rest.trim_start_matches(['\\', '"', '\'', '`', ' ']);
        let separator = ["=", ":", "%3D", "%3d", "%3A", "%3a", r"\u003d"];
        let Some(value) = separator.into_iter().find_map(|separator| after_name.strip_prefix(separator))
        else {
            continue;
        };
        let is_prose = is_ordinary_word && rest.starts_with(": ");
        let value = value.trim_start_matches([' ', '\\']);
        let (value, secret) = match value.chars().next() {
            Some(quote @ ('"' | '\'' | '`')) => {
                let value = value.strip_prefix(quote).unwrap_or_default();
                (value, value.split(quote).next().unwrap_or_default().trim_end_matches('\\'))
            }
            _ => (value, value.split(ends_value).next().unwrap_or_default()),
        };
        let is_secret =
            !is_prose || secret.len() >= 20 || secret.contains(|digit: char| digit.is_ascii_digit());
        if !secret.is_empty() && secret != HIDDEN && is_secret {
            let found = text.len() - value.len();
            return Some((found..found + secret.len(), HIDDEN.to_owned()));
        }
    }
    None
}

/// Returns `Some` for the name of a secret: true for one that is an ordinary word too.
fn secret_name(name: &str) -> Option<bool> {
    let name: String =
        name.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
    if SECRET_NAMES.iter().any(|secret| name.ends_with(secret)) {
        return Some(false);
    }
    let word = SECRET_WORDS.iter().find(|word| name.ends_with(*word))?;
    Some(name == *word)
}

/// Finds a key by its form: that of fal, which is a UUID and a secret, or one with a well-known beginning.
fn find_key(text: &str, from: usize) -> Option<(Range<usize>, String)> {
    const UUID: usize = 36;
    let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_:".contains(byte);
    for word in runs(text, from, is_word) {
        let key = text.get(word.clone())?;
        let is_fal = key.find(':').is_some_and(|colon| {
            let (id, secret) = (key.get(colon.saturating_sub(UUID)..colon), key.get(colon + 1..));
            let is_uuid = id.is_some_and(|id| id.len() == UUID && id.matches('-').count() == 4);
            is_uuid && secret.is_some_and(|secret| secret.len() >= 16)
        });
        let lower = key.get(..16).unwrap_or_default().to_ascii_lowercase();
        let is_known = KEY_PREFIXES.iter().any(|prefix| lower.starts_with(prefix))
            && key.contains(|digit: char| digit.is_ascii_digit());
        if is_fal || is_known {
            return Some((word, HIDDEN.to_owned()));
        }
    }
    None
}

/// Iterates over the longest ranges from `from` on whose bytes are all of a kind.
fn runs(text: &str, from: usize, is_part: impl Fn(&u8) -> bool) -> impl Iterator<Item = Range<usize>> {
    let mut start = from;
    std::iter::from_fn(move || {
        start += text.as_bytes().get(start..)?.iter().position(&is_part)?;
        let run = run(text, start, &is_part);
        start = run.end;
        Some(run)
    })
}

/// Returns the range from `start` on whose bytes are all of a kind.
fn run(text: &str, start: usize, is_part: impl Fn(&u8) -> bool) -> Range<usize> {
    let rest = text.as_bytes().get(start..).unwrap_or_default();
    start..start + rest.iter().position(|byte| !is_part(byte)).unwrap_or(rest.len())
}

/// Returns true for a character that ends a value without quotes.
fn ends_value(character: char) -> bool {
    character.is_whitespace() || "\"'`<>()[]{},;&".contains(character)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_found_in_every_form() {
        let jwt = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl";
        let table = [
            ("bad key Key leakid:LEAK.", "bad key Key ***."),
            ("Authorization: Bearer abcdefgh", "Authorization: *** ***"),
            (r#"{"authorization":"Key a:bcdef"}"#, r#"{"authorization":"***"}"#),
            (r#"got \"Key a:bcdef\""#, r#"got \"Key ***\""#),
            ("Basic dXNlcjpwYXNzd29yZA1234==", "Basic ***"),
            (jwt, "***"),
            ("https://user:p/a@ss@host/x", "https://…@host/x"),
            ("postgres://user@host/x", "postgres://…@host/x"),
            ("(https://h/x?X-Amz-Signature=abc&y=1).", "(https://h/x?…)."),
            (r"https:\/\/h\/x?sig=abc", r"https:\/\/h\/x?…"),
            ("wss://h/x#access_token=abc", "wss://h/x?…"),
            ("/x?a=1&X-Amz-Signature=abc&b=2", "/x?a=1&X-Amz-Signature=***&b=2"),
            ("https%3A%2F%2Fh%3Fsig%3Dabc", "https%3A%2F%2Fh%3Fsig%3D***"),
            (r#"{"password": "two words", "b": 1}"#, r#"{"password": "***", "b": 1}"#),
            (r#""{\"api_key\":\"abc\"}""#, r#""{\"api_key\":\"***\"}""#),
            ("FAL_KEY=abc", "FAL_KEY=***"),
            ("client-secret: abc", "client-secret: ***"),
            ("token=abc", "token=***"),
            ("my 01234567-89ab-cdef-0123-456789abcdef:0123456789abcdef0123 key", "my *** key"),
            ("with hf_abcDEF0123456789", "with ***"),
        ];
        for (text, expected) in table {
            assert_eq!(redact(text), expected, "{text}");
        }
    }

    #[test]
    fn ordinary_text_is_left_alone() {
        for text in [
            "",
            "Invalid key",
            "The key is missing",
            "unexpected key `num_images_2`",
            "Basic authentication required",
            "token limit: 4096",
            "Unexpected token: }",
            "Invalid signature: expired",
            "max_tokens: 5",
            "did you mean https://fal.ai/models?",
            "https://v3.fal.media/files/b/kangaroo/abc.png",
            "https://[::1]:80/x https://h:8080/@x",
            "body.image_url: the time is 12:30, see C:\\x and http:",
            "žluťoučký kůň: eyJ, :// and ***",
        ] {
            assert!(
                matches!(redact(text), Cow::Borrowed(same) if same == text),
                "{} is {}",
                text,
                redact(text)
            );
        }
    }

    #[test]
    fn encoded_content_is_counted() {
        let content = "A".repeat(100_000);
        assert_eq!(
            redact(&format!("data:image/png;base64,{content}==")),
            "data:image/png;base64,…(100002 characters)"
        );
        let escaped = content.replace("AAAA", r"A\/A");
        assert_eq!(redact(&format!("\"{escaped}\"")), "\"…(100000 characters)\"");
    }

    /// Otherwise the test would take many minutes.
    #[test]
    fn time_grows_with_the_length_of_a_hostile_text_and_not_with_its_square() {
        let store = SecretStore::default();
        store.remember("leak-id:LEAK-SECRET");
        for part in ["eyJ-", "key+.", "token=.", "\\", "%25", "&#"] {
            let text = part.repeat(200_000 / part.len());
            redact(&text);
            store.get().hide(&text);
        }
    }

    #[test]
    fn text_is_cut_between_characters() {
        assert_eq!(shorten("žluť", 6), "žluť");
        assert_eq!(shorten("žluťoučký", 6), "žl…");
        assert_eq!(single_line("a\r\nb", 10), "a  b");
        assert_eq!(single_line("a\u{1b}[2J\u{2028}b\u{202e}c\u{2066}", 20), "a [2J b c ");
    }

    #[test]
    fn debug_output_is_bounded() {
        let list = vec!["Key a:secret-half"; 1000];
        for text in [format!("{:?}", Shown::new(&list, 200)), format!("{:#?}", Shown::new(&list, 200))] {
            assert!(text.len() <= 200 && text.contains("Key ***") && !text.contains("secret"), "{text}");
        }
    }
}
