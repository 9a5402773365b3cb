//! The owner of a type, which messages and names mention.

/// The owner of a type: an endpoint, a shared struct or a shared union.
#[derive(Debug, Clone)]
pub(super) struct Owner {
    /// The name of the owner in messages.
    pub(super) label: String,
    /// The prefix of the names of its parameter types.
    pub(super) prefix: String,
}
