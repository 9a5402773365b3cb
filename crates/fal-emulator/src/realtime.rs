//! Realtime connections: settings, frames, sessions.

use std::time::Duration;

mod codec;
mod session;

pub(crate) use session::{Session, refuse_caller, refuse_route};

/// How realtime connections behave, and how long the tokens for them live.
///
/// By default an output follows its input within a thirtieth of a second, a connection stays open without
/// inputs as long as the model's document says, and tokens live as long as their caller asks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Realtime {
    frame_time: Duration,
    frames: u32,
    session_timeout: Option<Duration>,
    timings: bool,
    token_life: Option<Duration>,
    ends_with_token: bool,
}

impl Default for Realtime {
    fn default() -> Self {
        Self {
            frame_time: Duration::from_secs(1) / 30,
            frames: 8,
            session_timeout: None,
            timings: false,
            token_life: None,
            ends_with_token: false,
        }
    }
}

impl Realtime {
    /// How long making an output takes; its inverse is the highest rate of outputs. Default a thirtieth of a
    /// second.
    #[must_use]
    pub fn frame_time(mut self, time: Duration) -> Self {
        self.frame_time = time;
        self
    }

    /// How many outputs follow an input of a route that streams from the server. Default 8.
    #[must_use]
    pub fn frames(mut self, frames: u32) -> Self {
        self.frames = frames;
        self
    }

    /// Ends every connection that brings no input for this long. Default: what the document says, else never.
    #[must_use]
    pub fn session_timeout(mut self, time: Duration) -> Self {
        self.session_timeout = Some(time);
        self
    }

    /// Sends a message with the time that an output took after each of them. Default off.
    #[must_use]
    pub fn timings(mut self, on: bool) -> Self {
        self.timings = on;
        self
    }

    /// How long tokens live, whatever their caller asks for. Default: what is asked for, a day at most.
    #[must_use]
    pub fn tokens_live(mut self, time: Duration) -> Self {
        self.token_life = Some(time);
        self
    }

    /// Ends a connection as unauthorized when the token it was opened with expires. Default off: a token
    /// matters when a connection is opened.
    #[must_use]
    pub fn ends_with_token(mut self, on: bool) -> Self {
        self.ends_with_token = on;
        self
    }

    pub(crate) fn token_life(&self) -> Option<Duration> {
        self.token_life
    }
}
