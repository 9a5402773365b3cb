//! The journal of a batch, from which another process can continue.

use std::{fmt, io, pin::Pin};

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use crate::{BoxFuture, Error, ErrorKind, Usd, queue::Ticket, redact::single_line, untyped::Any};

/// A record of the requests of a batch, such as [`FileJournal`](crate::batch::FileJournal) or a table of a database.
///
/// A journal belongs to one batch at a time.
pub trait Journal: Send + Sync + 'static {
    /// Reads all entries, in the order in which they were written.
    ///
    /// A batch reads them once, when it starts, and keeps no output in memory.
    ///
    /// # Errors
    ///
    /// If the entries cannot be read. The batch then sends nothing.
    fn read(&self) -> JournalEntries<'_>;

    /// Writes one more entry, and completes when the entry would survive a power failure.
    ///
    /// If the process dies while an entry is written, `read` must return the whole entry or leave it out.
    ///
    /// # Errors
    ///
    /// If the entry cannot be written. Its request is then not sent or, if it has been, its reply is an error that
    /// contains its id.
    fn write(&self, entry: JournalEntry) -> BoxFuture<'_, io::Result<()>>;

    /// Returns the output that is kept for an input, or `None` if there is none.
    ///
    /// Reads all entries by default. A journal that finds one by its key should do so.
    ///
    /// # Errors
    ///
    /// If the journal cannot be read.
    fn read_output<'a>(&'a self, key: &'a str) -> BoxFuture<'a, io::Result<Option<JournalOutput>>> {
        Box::pin(async move {
            let (mut entries, mut found) = (self.read(), None);
            while let Some(entry) = entries.next().await {
                if let JournalEntry::Collected { key: collected, output, .. } = entry?
                    && collected == key
                {
                    found = output;
                }
            }
            Ok(found)
        })
    }
}

/// The entries of a [`Journal`], one after the other.
pub type JournalEntries<'a> = Pin<Box<dyn Stream<Item = io::Result<JournalEntry>> + Send + 'a>>;

/// An entry of a [`Journal`]: a change of the state of one request.
///
/// A request is begun, submitted, collected and done, or it has failed. The key says which input it belongs to: the index of
/// the input, the [caller's key](crate::Client::batch_by_key), or a
/// [fingerprint](super::BatchRequest::by_content).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
#[non_exhaustive]
pub enum JournalEntry {
    /// The journal was created. The first entry, except of journals of older versions, whose keys are indexes.
    Started {
        /// The kind of the keys.
        keys: KeyKind,
    },
    /// The request is about to be sent.
    Begun {
        /// The key of the input.
        #[serde(alias = "index", deserialize_with = "deserialize_key")]
        key: String,
        /// A fingerprint of the input and its endpoint, by which changed inputs are noticed.
        input: String,
        /// The time, in milliseconds since 1970.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        time: Option<u64>,
        /// A fingerprint of the JSON as it is sent, by which fal can be asked for the request.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        json: Option<String>,
        /// True if a middleware or a layer of the client may have changed the JSON before it was sent.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        may_differ: bool,
        /// The part of the budget that is reserved for the request, if the batch has one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reserved: Option<Usd>,
    },
    /// The request was not accepted, and costs nothing.
    Refused {
        /// The key of the input.
        #[serde(alias = "index", deserialize_with = "deserialize_key")]
        key: String,
    },
    /// The request was accepted by the queue.
    Submitted {
        /// The key of the input.
        #[serde(alias = "index", deserialize_with = "deserialize_key")]
        key: String,
        /// The ticket by which the result is fetched.
        ticket: Ticket<Any>,
    },
    /// The output was received.
    Collected {
        /// The key of the input.
        key: String,
        /// The units that fal charges, as decimal text, if it named them.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        units: Option<String>,
        /// The cost, if the batch has a budget.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cost: Option<Usd>,
        /// The output, if the batch [keeps outputs](super::BatchRequest::keep_outputs).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        output: Option<JournalOutput>,
    },
    /// The request has failed, and would fail again in the same way if its result was fetched again.
    Failed {
        /// The key of the input.
        key: String,
        /// The units that fal charges, as decimal text, if it named them.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        units: Option<String>,
        /// The cost, if the batch has a budget.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cost: Option<Usd>,
        /// The failure.
        failure: JournalFailure,
    },
    /// The caller has [acknowledged](super::Completions::acknowledge) the reply.
    Done {
        /// The key of the input.
        key: String,
    },
}

/// The kind of the keys of a journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum KeyKind {
    /// The index of the input, from 0.
    Index,
    /// The key that the caller gives each input.
    Key,
    /// A fingerprint of the input and its endpoint.
    Content,
}

/// An output that a [`Journal`] keeps.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct JournalOutput {
    /// The body of the response as it was received.
    pub body: Bytes,
    /// The type of the body, if it is not JSON.
    pub content_type: Option<String>,
}

/// A failure in a [`Journal`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct JournalFailure {
    /// The id of the request.
    pub request_id: Option<String>,
    /// The HTTP status of the result.
    pub status: u16,
    /// The message.
    pub message: String,
    /// fal's category of the failure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_type: Option<String>,
    /// The body of the response, if it is text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// True if the request did not start in time.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub timed_out: bool,
}

impl JournalEntry {
    /// Returns the key of the input, or `None` for an entry about the whole batch.
    #[must_use]
    pub fn key(&self) -> Option<&str> {
        match self {
            Self::Started { .. } => None,
            Self::Begun { key, .. }
            | Self::Refused { key }
            | Self::Submitted { key, .. }
            | Self::Collected { key, .. }
            | Self::Failed { key, .. }
            | Self::Done { key } => Some(key),
        }
    }
}

/// Reads a key, which older versions write as the index of the input.
fn deserialize_key<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Key {
        Text(String),
        Index(u64),
    }
    Ok(match Key::deserialize(deserializer)? {
        Key::Text(key) => key,
        Key::Index(index) => index.to_string(),
    })
}

impl fmt::Display for KeyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Index => "their index",
            Self::Key => "keys of the caller",
            Self::Content => "their content",
        })
    }
}

/// Returns the error of an entry that could not be written.
pub(super) fn cannot_be_written(cause: io::Error) -> Error {
    Error::new(ErrorKind::File, format!("the journal cannot be written: {cause}")).with_source(cause)
}

/// Prints one line for people, such as `cat-7: submitted as 764cabcf`.
impl fmt::Display for JournalEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cost = |f: &mut fmt::Formatter<'_>, cost: &Option<Usd>| match cost {
            Some(cost) => write!(f, " for {cost}"),
            None => Ok(()),
        };
        match self {
            Self::Started { keys } => write!(f, "a batch that knows its inputs by {keys}"),
            Self::Begun { key, reserved, .. } => {
                write!(f, "{key}: begun")?;
                reserved.map_or(Ok(()), |reserved| write!(f, ", {reserved} reserved"))
            }
            Self::Refused { key } => write!(f, "{key}: not accepted"),
            Self::Submitted { key, ticket } => write!(f, "{key}: submitted as {}", ticket.request_id()),
            Self::Collected { key, cost: amount, .. } => {
                write!(f, "{key}: collected")?;
                cost(f, amount)
            }
            Self::Failed { key, cost: amount, failure, .. } => {
                write!(f, "{key}: failed")?;
                cost(f, amount)?;
                write!(f, ": {}", single_line(&failure.message, 500))
            }
            Self::Done { key } => write!(f, "{key}: done"),
        }
    }
}

/// Prints the length of the body.
impl fmt::Debug for JournalOutput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "JournalOutput({} bytes)", self.body.len())
    }
}

/// Text stays text, because outputs are JSON. It is not embedded, so that no number changes its form.
#[derive(Serialize, Deserialize)]
struct OutputJson {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    base64: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    content_type: Option<String>,
}

impl Serialize for JournalOutput {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let content_type = self.content_type.clone();
        let json = match std::str::from_utf8(&self.body) {
            Ok(text) => OutputJson { text: Some(text.to_owned()), base64: None, content_type },
            Err(_) => OutputJson { text: None, base64: Some(STANDARD.encode(&self.body)), content_type },
        };
        json.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for JournalOutput {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let OutputJson { text, base64, content_type } = OutputJson::deserialize(deserializer)?;
        let body = match (text, base64) {
            (Some(text), None) => text.into(),
            (None, Some(base64)) => STANDARD.decode(base64).map_err(D::Error::custom)?.into(),
            _ => return Err(D::Error::custom("expected either `text` or `base64`")),
        };
        Ok(Self { body, content_type })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_of_older_versions_are_read() {
        let table = [
            r#"{"state":"begun","index":3,"input":"00ff","time":5,"json":"0a"}"#,
            r#"{"state":"submitted","index":3,"ticket":{"endpoint":"acme/app","request_id":"r1"}}"#,
            r#"{"state":"refused","index":3}"#,
        ];
        for json in table {
            assert_eq!(serde_json::from_str::<JournalEntry>(json).unwrap().key(), Some("3"), "{json}");
        }
        assert!(serde_json::from_str::<JournalEntry>(r#"{"state":"done","key":true}"#).is_err());
    }

    #[test]
    fn outputs_are_kept_to_the_last_byte() {
        for body in [&b"{\"n\": 28.0, \"big\": 123456789012345678901234567890}"[..], b"\xff\xd8\x00", b""] {
            let content_type = Some("image/jpeg".to_owned());
            let output = Some(JournalOutput { body: Bytes::copy_from_slice(body), content_type });
            let entry = JournalEntry::Collected { key: "a".to_owned(), units: None, cost: None, output };
            let json = serde_json::to_string(&entry).unwrap();
            assert_eq!(serde_json::from_str::<JournalEntry>(&json).unwrap(), entry, "{json}");
        }
    }

    #[test]
    fn entries_print_as_lines_for_people() {
        let key = || "cat-7".to_owned();
        let (units, cost) = (Some("1.5".to_owned()), Some(Usd::cents(4)));
        let failure = JournalFailure {
            request_id: None,
            status: 422,
            message: "no cats".to_owned(),
            error_type: None,
            body: None,
            timed_out: false,
        };
        let table = [
            (
                JournalEntry::Started { keys: KeyKind::Content },
                "a batch that knows its inputs by their content",
            ),
            (JournalEntry::Failed { key: key(), units, cost, failure }, "cat-7: failed for $0.04: no cats"),
            (JournalEntry::Done { key: key() }, "cat-7: done"),
        ];
        for (entry, line) in table {
            assert_eq!(entry.to_string(), line);
        }
    }
}
