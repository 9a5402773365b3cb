//! Realtime connections: settings, messages and sessions.

pub(crate) mod codec;
mod session;
mod settings;

pub(crate) use session::{RealtimeSession, refuse_caller, refuse_route};
pub use settings::RealtimeSettings;
