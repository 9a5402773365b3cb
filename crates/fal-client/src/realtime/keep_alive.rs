//! The detection of a silent connection.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use tokio::time::{Instant, Sleep};

use super::link::Link;
use crate::{Error, ErrorKind};

/// A timer that pings the service after a time of silence, and ends the connection after another one.
#[derive(Default)]
pub(super) struct KeepAlive {
    timer: Option<Pin<Box<Sleep>>>,
    /// The number of frames when the timer last elapsed.
    frames: u64,
    pinged: bool,
}

impl KeepAlive {
    /// Polls the timer. Returns an error if the connection is lost.
    pub(super) fn poll(&mut self, context: &mut Context<'_>, link: &Link) -> Poll<Error> {
        let Some(silence) = link.settings.keep_alive else { return Poll::Pending };
        let timer = self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep(silence)));
        while timer.as_mut().poll(context).is_ready() {
            let frames = link.frames();
            if frames != self.frames {
                (self.frames, self.pinged) = (frames, false);
            } else if self.pinged {
                link.drop_socket();
                self.timer = None;
                self.pinged = false;
                let message = format!("the connection is lost: no sign of life within {silence:?}");
                return Poll::Ready(link.settings.add_endpoint(Error::new(ErrorKind::Timeout, message)));
            } else {
                self.pinged = true;
                link.ping();
            }
            // A time that cannot be represented never comes.
            let Some(next) = Instant::now().checked_add(silence) else { return Poll::Pending };
            timer.as_mut().reset(next);
        }
        Poll::Pending
    }
}
