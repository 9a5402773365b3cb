//! The reasons for which a request stays in doubt.

use std::{
    fmt,
    time::{Duration, SystemTime},
};

use crate::timestamp;

/// The reason for which a request [stays in doubt](super::Reconciled::InDoubt).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum DoubtReason {
    /// The client may not read the list of requests: it has no key for the platform API, or calls through a proxy. The
    /// message says which.
    NoAccess(String),
    /// The list could not be read, for the reason in the message.
    Outage(String),
    /// The list does not have the request, but may still be behind it.
    #[non_exhaustive]
    WindowNotOver {
        /// The time from which on a look can conclude that the request was not accepted.
        until: SystemTime,
    },
    /// The list does not have the request, nor any that was sent after it or in the two minutes before, so it may be out
    /// of order.
    /// [`Reconcile::without_witness`](super::Reconcile::without_witness) concludes all the same.
    Unwitnessed,
    /// The list has more requests with this input than this client may have sent.
    #[non_exhaustive]
    Ambiguous {
        /// The ids of those that it may be.
        request_ids: Vec<String>,
    },
    /// The list has requests of that time whose input it does not show, or not as it was sent.
    Unrecognizable,
    /// The clock by which the request was sent differs from fal's, so the time at which fal received it is not known.
    /// Reconcile again once the clock is right, or allow for the difference by
    /// [`Reconcile::clock_skew`](super::Reconcile::clock_skew).
    #[non_exhaustive]
    ClockDiffers {
        /// The difference.
        by: Duration,
    },
    /// It is not known what was sent and when: the request was no submit with a JSON body, or the journal is of an older
    /// version.
    NotRecorded,
}

impl fmt::Display for DoubtReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoAccess(why) => write!(f, "the list of requests may not be read: {why}"),
            Self::Outage(why) => write!(f, "the list of requests could not be read: {why}"),
            Self::WindowNotOver { until } => {
                write!(f, "the list of requests may be behind; look again after {}", timestamp::format(*until))
            }
            Self::Unwitnessed => f.write_str(
                "the list of requests has none that was sent later, so it may be out of order; look again after another request",
            ),
            Self::Ambiguous { request_ids } => {
                write!(f, "it may be any of the requests with the same input: {}", request_ids.join(", "))
            }
            Self::Unrecognizable => {
                f.write_str("the list of requests does not show the inputs of that time as they were sent")
            }
            Self::ClockDiffers { by } => write!(
                f,
                "the clock differs from fal's by {} s, so the time at which fal received it is not known; set the clock, or \
                 allow for the difference by `Reconcile::clock_skew`",
                by.as_secs()
            ),
            Self::NotRecorded => f.write_str("there is no record of its input and time"),
        }
    }
}
