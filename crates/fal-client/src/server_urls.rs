//! The URLs of a request as fal names them.

/// URLs of a request as the queue, a ticket or an error names them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ServerUrls {
    pub(crate) status: Option<String>,
    pub(crate) result: Option<String>,
    pub(crate) cancel: Option<String>,
}
