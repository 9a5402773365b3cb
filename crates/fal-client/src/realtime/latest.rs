//! Writing the latest input while messages are awaited.

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use tokio::time::{Instant, Sleep};

use super::link::Link;

/// The pause after which the turn is asked for again that another sender has.
const TURN_PAUSE: Duration = Duration::from_millis(2);

/// Writes the message in the slot of a [`Link`], in its turn and under the throttle.
///
/// Holds the turn during a poll only: the receiver may not be polled for a long time, and senders wait for it.
#[derive(Default)]
pub(super) struct LatestWriter {
    /// `true` after the socket has taken a message, until it has written it.
    is_flushing: bool,
    timer: Option<Pin<Box<Sleep>>>,
}

impl LatestWriter {
    /// Returns true while a message is being written.
    pub(super) fn is_busy(&self) -> bool {
        self.is_flushing
    }

    /// Writes as much as possible. The end of the connection is reported to the receiver, and not here.
    pub(super) fn poll(&mut self, context: &mut Context<'_>, link: &Link) {
        loop {
            if self.is_flushing {
                // Another sender writes everything that is left.
                if let Some(_turn) = link.try_turn()
                    && link.poll_write(context, &mut None).is_pending()
                {
                    return;
                }
                self.is_flushing = false;
            }
            if !link.has_latest() {
                return;
            }
            let now = Instant::now();
            let turn = link.try_turn();
            let earliest = match &turn {
                None => Some(now + TURN_PAUSE),
                Some(turn) => turn.earliest.filter(|earliest| *earliest > now),
            };
            let (None, Some(mut turn)) = (earliest, turn) else {
                if self.is_elapsed(context, earliest.unwrap_or(now)) {
                    continue;
                }
                return;
            };
            self.timer = None;
            let mut message = link.take_latest();
            let written = link.poll_write(context, &mut message);
            if let Some(message) = message {
                // For when the socket has room, or for the next connection.
                if !matches!(written, Poll::Ready(Err(_))) {
                    link.put_back(message);
                }
                return;
            }
            turn.earliest = link.settings.throttle.and_then(|interval| now.checked_add(interval));
            if written.is_pending() {
                self.is_flushing = true;
                return;
            }
        }
    }

    /// Returns true if the time has come. Otherwise the task is woken then.
    fn is_elapsed(&mut self, context: &mut Context<'_>, at: Instant) -> bool {
        let timer = self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(at)));
        if timer.as_mut().poll(context).is_ready() {
            self.timer = None;
            return true;
        }
        false
    }
}
