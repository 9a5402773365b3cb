//! The recorded WebSockets, and the choice of the one that a connection gets.

use std::collections::{HashMap, HashSet};
use std::io;
use std::sync::{Arc, Mutex};

use super::exchange::{Exchange, MessageContent, Side};
use super::folder::RecordingFolder;
use super::request_key::{KeyBody, RequestKey};
use crate::sync::lock;

/// The recorded WebSockets, by the requests that opened them.
pub(super) struct Connections {
    recorded: HashMap<RequestKey, Vec<Arc<RecordedConnection>>>,
    /// The numbers of the connections that each scope has got.
    used: Mutex<HashMap<Option<String>, HashSet<usize>>>,
}

/// A recorded WebSocket.
pub(super) struct RecordedConnection {
    number: usize,
    pub(super) exchange: Exchange,
    /// The comparable form of each message; `None` for those of the service, and for ends.
    pub(super) keys: Vec<Option<KeyBody>>,
}

/// The first message of a connection.
#[derive(Clone, Copy)]
pub(super) enum FirstMessage<'a> {
    Service,
    Client(&'a KeyBody),
}

impl Connections {
    /// Creates the set of the exchanges that are connections.
    ///
    /// # Errors
    ///
    /// Returns an error if the file of a message cannot be read.
    pub(super) fn new(exchanges: Vec<Exchange>, folder: &RecordingFolder) -> io::Result<Self> {
        let mut recorded: HashMap<RequestKey, Vec<Arc<RecordedConnection>>> = HashMap::new();
        for (number, exchange) in exchanges.into_iter().enumerate() {
            let key = RequestKey::of_recorded(&exchange.request);
            let connection = RecordedConnection::new(number, exchange, folder)?;
            recorded.entry(key).or_default().push(Arc::new(connection));
        }
        Ok(Self { recorded, used: Mutex::default() })
    }

    /// Returns the number of connections.
    pub(super) fn len(&self) -> usize {
        self.recorded.values().map(Vec::len).sum()
    }

    /// Returns the connections that a request opened, in the order in which they were recorded.
    pub(super) fn of_request(&self, key: &RequestKey) -> &[Arc<RecordedConnection>] {
        self.recorded.get(key).map(Vec::as_slice).unwrap_or_default()
    }

    /// Returns the first connection that begins like this and that a scope has not got yet, or the last such one again if
    /// `repeats`.
    pub(super) fn next(
        &self,
        key: &RequestKey,
        scope: Option<&str>,
        first: FirstMessage<'_>,
        repeats: bool,
    ) -> Option<Arc<RecordedConnection>> {
        let mut used = lock(&self.used);
        let used = used.entry(scope.map(str::to_owned)).or_default();
        let mut known = self.of_request(key).iter().filter(|own| own.begins_with(first));
        let chosen = match known.clone().find(|own| !used.contains(&own.number)) {
            None if repeats => known.next_back(),
            unused => unused,
        };
        used.insert(chosen?.number);
        chosen.map(Arc::clone)
    }

    /// Returns true if a scope has not got all connections of a request yet.
    pub(super) fn has_unused(&self, key: &RequestKey, scope: Option<&str>) -> bool {
        let used = lock(&self.used);
        let used = used.get(&scope.map(str::to_owned));
        self.of_request(key).iter().any(|own| used.is_none_or(|used| !used.contains(&own.number)))
    }

    /// Gives a scope all connections again.
    pub(super) fn rewind(&self, scope: Option<&str>) {
        lock(&self.used).remove(&scope.map(str::to_owned));
    }
}

impl RecordedConnection {
    fn new(number: usize, exchange: Exchange, folder: &RecordingFolder) -> io::Result<Self> {
        let keys =
            exchange.messages.iter().flatten().map(|message| match (&message.from, &message.content) {
                (Side::Client, MessageContent::Text(text)) => Ok(Some(KeyBody::of_text(text, ""))),
                (Side::Client, MessageContent::Binary { sha256, length }) => {
                    Ok(Some(KeyBody::of_binary(&folder.read_body(sha256, *length)?)))
                }
                _ => Ok(None),
            });
        let keys = keys.collect::<io::Result<_>>()?;
        Ok(Self { number, exchange, keys })
    }

    fn begins_with(&self, first: FirstMessage<'_>) -> bool {
        match first {
            FirstMessage::Service => {
                self.exchange.messages.iter().flatten().next().is_some_and(|own| own.from == Side::Service)
            }
            FirstMessage::Client(key) => self.keys.first().is_some_and(|own| own.as_ref() == Some(key)),
        }
    }
}
