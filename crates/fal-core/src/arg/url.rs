//! String literals for files.

use std::marker::PhantomData;

use super::starts_with;
use crate::{Endpoint, File, Nullable, Param};

/// A string literal given to a file parameter of `P`: a URL or a data URI, told apart from a path by the compiler.
#[derive(Debug)]
pub struct Url<P = Anywhere>(&'static str, PhantomData<fn() -> P>);

/// A parameter of a struct, which several endpoints may have.
#[derive(Debug)]
pub enum Anywhere {}

/// Whose parameter it is.
pub trait Place {
    /// The id of the endpoint, or nothing.
    const NAME: &'static str;
}

impl Place for Anywhere {
    const NAME: &'static str = "";
}

impl<E: Endpoint> Place for E {
    const NAME: &'static str = E::ID;
}

impl<P> Clone for Url<P> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<P> Copy for Url<P> {}

const OF: &str = " of ";
const BEFORE: &str = "a file literal";
const AFTER: &str = " must be a URL or a data URI; a local file is given as `File::path(..)`";

impl<P: Place> Url<P> {
    // Put together by the compiler, which has no `format!` yet: an id that is too long for it is left out.
    const RULE: ([u8; 256], usize) = {
        let mut rule = ([0; 256], 0);
        rule = joined(rule, BEFORE);
        let whole = BEFORE.len() + OF.len() + P::NAME.len() + AFTER.len();
        if !P::NAME.is_empty() && whole <= rule.0.len() {
            rule = joined(joined(rule, OF), P::NAME);
        }
        joined(rule, AFTER)
    };

    #[doc(hidden)]
    #[must_use]
    #[track_caller]
    #[allow(clippy::panic, reason = "evaluated by the compiler, for literals of `input!` only")]
    pub const fn literal(text: &'static str) -> Self {
        if starts_with(text, "https://") || starts_with(text, "http://") || starts_with(text, "data:") {
            return Self(text, PhantomData);
        }
        match str::from_utf8(Self::RULE.0.split_at(Self::RULE.1).0) {
            Ok(rule) => panic!("{}", rule),
            Err(_) => panic!("a file literal must be a URL or a data URI"),
        }
    }
}

const fn joined((mut bytes, mut length): ([u8; 256], usize), text: &str) -> ([u8; 256], usize) {
    let (text, mut index) = (text.as_bytes(), 0);
    while index < text.len() {
        bytes[length] = text[index];
        (length, index) = (length + 1, index + 1);
    }
    (bytes, length)
}

impl<P> From<Url<P>> for File {
    fn from(url: Url<P>) -> Self {
        Self::url(url.0)
    }
}

impl<P> Param<File> for Url<P> {
    fn into_param(self) -> Option<File> {
        Some(self.into())
    }
}

impl<P> Param<Nullable<File>> for Url<P> {
    fn into_param(self) -> Option<Nullable<File>> {
        Some(Nullable::Value(self.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_urls_are_file_literals() {
        for url in ["https://x/y.png", "http://x", "data:image/png;base64,"] {
            assert_eq!(File::from(Url::<Anywhere>::literal(url)), File::url(url));
        }
        assert!(std::panic::catch_unwind(|| Url::<Anywhere>::literal("cat.png")).is_err());
    }

    #[test]
    fn the_rule_names_the_endpoint() {
        struct Long;
        impl Place for Long {
            const NAME: &'static str = "acme/an-id-of-a-length-that-nobody-has-ever-seen-and-that-no-editor-would-\
                show/and-on-and-on-and-on-and-on-and-on-and-on-and-on-and-on-and-on-and-on-and-on-and-on-and-on-and-on";
        }
        struct Short;
        impl Place for Short {
            const NAME: &'static str = "acme/cat";
        }
        fn rule<P: Place>() -> String {
            String::from_utf8(Url::<P>::RULE.0[..Url::<P>::RULE.1].to_vec()).unwrap()
        }
        assert_eq!(rule::<Short>(), format!("a file literal of acme/cat{AFTER}"));
        assert_eq!(rule::<Anywhere>(), format!("a file literal{AFTER}"));
        assert_eq!(rule::<Long>(), format!("a file literal{AFTER}"));
    }
}
