//! Settings for realtime connections.

use std::time::Duration;

/// Settings for realtime connections and their tokens.
///
/// By default an output follows its input within a thirtieth of a second, a connection without inputs stays
/// open for as long as the model's document says, and tokens live for as long as their caller asks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RealtimeSettings {
    pub(crate) frame_time: Duration,
    pub(crate) frames: u32,
    pub(crate) session_timeout: Option<Duration>,
    pub(crate) timings: bool,
    pub(crate) token_lifetime: Option<Duration>,
    pub(crate) close_on_token_expiry: bool,
}

impl Default for RealtimeSettings {
    fn default() -> Self {
        Self {
            frame_time: Duration::from_secs(1) / 30,
            frames: 8,
            session_timeout: None,
            timings: false,
            token_lifetime: None,
            close_on_token_expiry: false,
        }
    }
}

impl RealtimeSettings {
    /// Sets the time that each output takes, whose inverse is the highest frame rate. Defaults to a thirtieth
    /// of a second.
    #[must_use]
    pub fn frame_time(mut self, time: Duration) -> Self {
        self.frame_time = time;
        self
    }

    /// Sets the number of outputs for each input of a server-streaming route. Defaults to 8.
    #[must_use]
    pub fn frames(mut self, frames: u32) -> Self {
        self.frames = frames;
        self
    }

    /// Closes every connection that receives no input for this long. Defaults to the timeout in the model's
    /// document; without one, connections stay open.
    #[must_use]
    pub fn session_timeout(mut self, time: Duration) -> Self {
        self.session_timeout = Some(time);
        self
    }

    /// Sends a message after each output with the time that it took. Off by default.
    #[must_use]
    pub fn timings(mut self, on: bool) -> Self {
        self.timings = on;
        self
    }

    /// Sets the lifetime of tokens, whatever their caller asks for. By default callers choose it, up to a day.
    #[must_use]
    pub fn token_lifetime(mut self, time: Duration) -> Self {
        self.token_lifetime = Some(time);
        self
    }

    /// Closes a connection as unauthorized when its token expires. Off by default: tokens are checked only when
    /// a connection is opened.
    #[must_use]
    pub fn close_on_token_expiry(mut self, on: bool) -> Self {
        self.close_on_token_expiry = on;
        self
    }
}
