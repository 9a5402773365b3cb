//! The replay of a recorded WebSocket.

use std::sync::Arc;

use super::connections::RecordedConnection;
use super::exchange::{MessageContent, Side};
use super::request_key::KeyBody;

/// The replay of a connection: what the service sent is sent again as soon as the client has sent all that came before it.
pub(super) struct MessagePlayer {
    connection: Arc<RecordedConnection>,
    /// The number of messages at the beginning that were sent or received.
    place: usize,
    /// For each message, `true` if it was received.
    received: Vec<bool>,
}

impl MessagePlayer {
    pub(super) fn new(connection: Arc<RecordedConnection>) -> Self {
        let received = vec![false; connection.keys.len()];
        Self { connection, place: 0, received }
    }

    /// Returns the next message of the service that is due.
    pub(super) fn next_due(&mut self) -> Option<MessageContent> {
        loop {
            let message = self.connection.exchange.messages.as_ref()?.get(self.place)?;
            let is_due = message.from == Side::Service;
            if !is_due && !*self.received.get(self.place)? {
                return None;
            }
            self.place += 1;
            if is_due {
                return Some(message.content.clone());
            }
        }
    }

    /// Takes a message of the client: the first equal one that was not received yet.
    ///
    /// # Errors
    ///
    /// Returns the difference in words if there is none.
    pub(super) fn receive(&mut self, key: &KeyBody) -> Result<(), String> {
        let open = self.connection.keys.iter().zip(&mut self.received).filter(|(_, received)| !**received);
        let mut open = open.filter_map(|(own, received)| Some((own.as_ref()?, received)));
        if let Some((_, received)) = open.find(|(own, _)| *own == key) {
            *received = true;
            return Ok(());
        }
        let number = self.received.iter().filter(|received| **received).count() + 1;
        Err(describe_difference(number, key, self.expected()))
    }

    /// Returns the messages of the client that were not received yet.
    fn expected(&self) -> impl Iterator<Item = &KeyBody> {
        let open = self.connection.keys.iter().zip(&self.received).filter(|(_, received)| !**received);
        open.filter_map(|(own, _)| own.as_ref())
    }
}

/// Describes a message of a client that is unlike the recorded ones.
pub(super) fn describe_difference<'a>(
    number: usize,
    key: &KeyBody,
    recorded: impl Iterator<Item = &'a KeyBody>,
) -> String {
    match recorded.map(|own| key.differences(own)).min_by_key(Vec::len) {
        Some(names) if !names.is_empty() => {
            format!("message {number} was recorded with another content: {} differs", names.join(", "))
        }
        Some(_) => format!("message {number} was recorded with another content"),
        None => format!("message {number} was not recorded"),
    }
}
