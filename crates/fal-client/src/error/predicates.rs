//! Predicates for the kinds of errors.

use super::{Error, ErrorKind};

macro_rules! predicates {
    ($($(#[$doc:meta])* $name:ident => $kind:pat,)*) => {
        impl Error {
            $($(#[$doc])*
            #[must_use]
            pub fn $name(&self) -> bool {
                matches!(self.kind(), $kind)
            })*
        }
    };
}

predicates! {
    /// Returns true for [`ErrorKind::Config`].
    is_config => ErrorKind::Config,
    /// Returns true for [`ErrorKind::Auth`].
    is_auth => ErrorKind::Auth,
    /// Returns true for [`ErrorKind::InvalidInput`], which is found before anything is sent.
    is_invalid_input => ErrorKind::InvalidInput(_),
    /// Returns true for [`ErrorKind::Validation`], which the service reports.
    is_validation => ErrorKind::Validation(_),
    /// Returns true for [`ErrorKind::NotFound`].
    is_not_found => ErrorKind::NotFound,
    /// Returns true for [`ErrorKind::RateLimited`].
    is_rate_limited => ErrorKind::RateLimited,
    /// Returns true for [`ErrorKind::NotReady`].
    is_not_ready => ErrorKind::NotReady,
    /// Returns true for [`ErrorKind::Timeout`], of the client or of the service.
    is_timeout => ErrorKind::Timeout,
    /// Returns true for [`ErrorKind::InDoubt`].
    is_in_doubt => ErrorKind::InDoubt,
    /// Returns true for [`ErrorKind::Cancelled`].
    is_cancelled => ErrorKind::Cancelled,
    /// Returns true for [`ErrorKind::Transport`].
    is_transport => ErrorKind::Transport,
    /// Returns true for [`ErrorKind::Decode`].
    is_decode => ErrorKind::Decode { .. },
    /// Returns true for [`ErrorKind::TooLarge`].
    is_too_large => ErrorKind::TooLarge { .. },
    /// Returns true for [`ErrorKind::File`].
    is_file => ErrorKind::File,
}
