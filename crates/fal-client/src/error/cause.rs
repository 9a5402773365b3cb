//! The causes of errors, made fit to be printed.

use std::{error::Error as StdError, fmt};

use super::Error;
use crate::redact::{MAX_DEBUG, Secrets, redact, shorten};

/// The maximum length of the text of a cause, in bytes.
const MAX_TEXT: usize = 500;

type BoxError = Box<dyn StdError + Send + Sync>;

/// The text of a cause that repeats a secret, or content of any length. serde repeats values that do not fit.
struct Cause {
    text: String,
    source: Option<Box<Cause>>,
}

/// Returns `cause` as it is, or its texts without secrets if one of them is not fit to be printed.
pub(super) fn printable(cause: BoxError, secrets: &Secrets) -> BoxError {
    let is_fit = |text: &str, max| secrets.allows(text) && text.len() <= max;
    let texts: Vec<String> = chain(&*cause).map(ToString::to_string).collect();
    let is_printable =
        texts.iter().all(|text| is_fit(text, MAX_TEXT)) && is_fit(&format!("{cause:?}"), MAX_DEBUG);
    // Errors of this crate are fit already.
    if is_printable || cause.is::<Error>() {
        return cause;
    }
    let hide = |text: &String| shorten(&redact(&secrets.hide(text)), MAX_TEXT).into_owned();
    let first = Cause { text: String::new(), source: None };
    let causes = texts
        .iter()
        .rev()
        .fold(None, |source: Option<Box<Cause>>, text| Some(Box::new(Cause { text: hide(text), source })));
    causes.unwrap_or_else(|| first.into())
}

/// Iterates over an error and its causes. Bounded, because a cause from outside could be its own.
pub(crate) fn chain<'a>(
    error: &'a (dyn StdError + 'static),
) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |error| (*error).source()).take(16)
}

impl StdError for Cause {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|source| source as &(dyn StdError + 'static))
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.text.fmt(f)
    }
}
