//! String literals of file parameters.

use std::marker::PhantomData;

use crate::{
    Draft, Endpoint, File, Nullable, Param, TryParam,
    token::{Token, append, starts_with},
};

/// A string literal of a file parameter of `O`.
///
/// It has to be a URL or a data URI; a path does not compile.
#[derive(Debug)]
pub struct Url<O = AnyOwner>(&'static str, PhantomData<fn() -> O>);

/// The owner of a parameter of a struct that several endpoints may share.
#[derive(Debug)]
pub enum AnyOwner {}

/// The owner of a parameter, which the compiler's message names.
pub trait Owner {
    /// The id of the endpoint, or an empty string.
    const ENDPOINT_ID: &'static str;
}

impl Owner for AnyOwner {
    const ENDPOINT_ID: &'static str = "";
}

impl<E: Endpoint> Owner for E {
    const ENDPOINT_ID: &'static str = E::ID;
}

impl<O> Clone for Url<O> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<O> Copy for Url<O> {}

const SUBJECT: &str = "a file literal";
const OF: &str = " of ";
const REQUIREMENT: &str = " must be a URL or a data URI; a local file is given as `File::path(..)`";

impl<O: Owner> Url<O> {
    // Built by hand, because `format!` is not const. An id that does not fit is left out.
    const MESSAGE: ([u8; 256], usize) = {
        let mut message = ([0; 256], 0);
        message = append(message, SUBJECT);
        let length = SUBJECT.len() + OF.len() + O::ENDPOINT_ID.len() + REQUIREMENT.len();
        if !O::ENDPOINT_ID.is_empty() && length <= message.0.len() {
            message = append(append(message, OF), O::ENDPOINT_ID);
        }
        append(message, REQUIREMENT)
    };

    #[doc(hidden)]
    #[must_use]
    #[track_caller]
    #[allow(clippy::panic, reason = "evaluated by the compiler, for literals of `input!` only")]
    pub const fn from_token(token: Token) -> Self {
        if let Token::Text(text) = token
            && (starts_with(text, "https://") || starts_with(text, "http://") || starts_with(text, "data:"))
        {
            return Self(text, PhantomData);
        }
        match str::from_utf8(Self::MESSAGE.0.split_at(Self::MESSAGE.1).0) {
            Ok(message) => panic!("{}", message),
            Err(_) => panic!("a file literal must be a URL or a data URI"),
        }
    }
}

impl<O> From<Url<O>> for File {
    fn from(url: Url<O>) -> Self {
        Self::url(url.0)
    }
}

impl<O> Param<File> for Url<O> {
    fn into_param(self) -> Option<File> {
        Some(self.into())
    }
}

impl<O> Param<Nullable<File>> for Url<O> {
    fn into_param(self) -> Option<Nullable<File>> {
        Some(Nullable::Value(self.into()))
    }
}

impl<O> TryParam<File> for Url<O> {
    type Value = File;

    fn try_param(self) -> Draft<File> {
        Draft::new(self.into())
    }
}

impl<O> TryParam<Nullable<File>> for Url<O> {
    type Value = Nullable<File>;

    fn try_param(self) -> Draft<Nullable<File>> {
        Draft::new(Nullable::Value(self.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_not_a_file_literal() {
        for url in ["https://x/y.png", "http://x", "data:image/png;base64,"] {
            assert_eq!(File::from(Url::<AnyOwner>::from_token(Token::Text(url))), File::url(url));
        }
        assert!(std::panic::catch_unwind(|| Url::<AnyOwner>::from_token(Token::Text("cat.png"))).is_err());
    }

    #[test]
    fn message_names_the_endpoint_if_it_fits() {
        struct Long;
        impl Owner for Long {
            const ENDPOINT_ID: &'static str = "acme/an-id-of-a-length-that-nobody-has-ever-seen-and-that-no-editor-would-\
                show/and-on-and-on-and-on-and-on-and-on-and-on-and-on-and-on-and-on-and-on-and-on-and-on-and-on-and-on";
        }
        struct Short;
        impl Owner for Short {
            const ENDPOINT_ID: &'static str = "acme/cat";
        }
        fn message<O: Owner>() -> String {
            String::from_utf8(Url::<O>::MESSAGE.0[..Url::<O>::MESSAGE.1].to_vec()).unwrap()
        }
        assert_eq!(message::<Short>(), format!("a file literal of acme/cat{REQUIREMENT}"));
        assert_eq!(message::<AnyOwner>(), format!("a file literal{REQUIREMENT}"));
        assert_eq!(message::<Long>(), format!("a file literal{REQUIREMENT}"));
    }
}
