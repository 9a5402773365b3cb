//! String literals of file parameters.

use std::marker::PhantomData;

use crate::{
    Draft, Endpoint, File, Nullable, Param, TryParam,
    token::{Message, Token, starts_with},
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

impl<O: Owner> Url<O> {
    #[doc(hidden)]
    #[must_use]
    #[track_caller]
    pub const fn from_token(token: Token) -> Self {
        if let Some(text) = token.as_text()
            && (starts_with(text, "https://") || starts_with(text, "http://") || starts_with(text, "data:"))
        {
            return Self(text, PhantomData);
        }
        Self::message(token.parameter()).fail()
    }

    /// Returns the message for another literal. An endpoint whose id does not fit is left out.
    const fn message(parameter: &str) -> Message {
        const OF: &str = " of ";
        const REQUIREMENT: &str = " must be a URL or a data URI; a local file is given as `File::path(..)`";
        let mut message = Message::new("a file literal");
        if !parameter.is_empty() {
            message = message.append(" for `").append(parameter).append("`");
        }
        let id = O::ENDPOINT_ID;
        if !id.is_empty() && message.has_room_for(OF.len() + id.len() + REQUIREMENT.len()) {
            message = message.append(OF).append(id);
        }
        message.append(REQUIREMENT)
    }
}

impl<O> From<Url<O>> for File {
    fn from(url: Url<O>) -> Self {
        Self::url(url.0)
    }
}

#[diagnostic::do_not_recommend]
impl<O> Param<File> for Url<O> {
    fn into_param(self) -> Option<File> {
        Some(self.into())
    }
}

#[diagnostic::do_not_recommend]
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
    use crate::token::Literal;

    #[test]
    fn a_path_is_not_a_file_literal() {
        for url in ["https://x/y.png", "http://x", "data:image/png;base64,"] {
            assert_eq!(File::from(Url::<AnyOwner>::from_token(Literal(url).token())), File::url(url));
        }
        let refused = || Url::<AnyOwner>::from_token(Literal("cat.png").token());
        assert!(std::panic::catch_unwind(refused).is_err());
    }

    #[test]
    fn message_names_the_parameter_and_the_endpoint_if_they_fit() {
        const REQUIREMENT: &str = " must be a URL or a data URI; a local file is given as `File::path(..)`";
        const LONG: &str = match str::from_utf8(&[b'x'; 500]) {
            Ok(id) => id,
            Err(_) => "",
        };
        struct Long;
        impl Owner for Long {
            const ENDPOINT_ID: &'static str = LONG;
        }
        struct Short;
        impl Owner for Short {
            const ENDPOINT_ID: &'static str = "acme/cat";
        }
        let message = |message: Message| message.as_str().to_owned();
        assert_eq!(
            message(Url::<Short>::message("image_url")),
            format!("a file literal for `image_url` of acme/cat{REQUIREMENT}")
        );
        assert_eq!(message(Url::<Short>::message("")), format!("a file literal of acme/cat{REQUIREMENT}"));
        assert_eq!(message(Url::<AnyOwner>::message("")), format!("a file literal{REQUIREMENT}"));
        assert_eq!(
            message(Url::<Long>::message("image_url")),
            format!("a file literal for `image_url`{REQUIREMENT}")
        );
    }
}
