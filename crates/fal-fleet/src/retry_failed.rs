//! The policy for requests that have failed.

use std::time::Duration;

/// The longest pause that a policy may have: a year.
const MAX_PAUSE: Duration = Duration::from_secs(365 * 24 * 3600);

/// The policy for requests that have failed at fal, for [`Batch::retry_failed`](crate::Batch::retry_failed): the failures after
/// which a request is sent again, the number of times, and the pauses.
///
/// Each time is billed once more, if fal bills the failure. An input that fal refuses at the submit is not sent again.
///
/// ```
/// use std::time::Duration;
/// use fal_client::error_type;
/// use fal_fleet::RetryFailed;
///
/// // Crashes and time-outs, and pictures that the model did not make of a good input.
/// let policy = RetryFailed::times(3)
///     .also([error_type::NO_MEDIA_GENERATED])
///     .pauses(Duration::from_secs(30), Duration::from_secs(3600));
/// assert_ne!(policy, RetryFailed::from(3));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetryFailed {
    pub(crate) times: u32,
    /// Failures that may not repeat are sent again.
    pub(crate) transient: bool,
    pub(crate) error_types: Vec<String>,
    pub(crate) pause: Duration,
    pub(crate) max_pause: Duration,
}

impl RetryFailed {
    /// Sends a request again up to this number of times, after 5 s, which double up to 10 minutes, if its failure may not repeat:
    /// after a 5xx or a time-out.
    #[must_use]
    pub fn times(times: u32) -> Self {
        Self {
            times,
            transient: true,
            error_types: Vec::new(),
            pause: Duration::from_secs(5),
            max_pause: Duration::from_secs(600),
        }
    }

    /// Sends a request again also after failures of these [types](fal_client::Error::error_type), whatever fal says of them. The
    /// module [`error_type`](fal_client::error_type) has the types that fal documents.
    #[must_use]
    pub fn also(mut self, error_types: impl IntoIterator<Item: Into<String>>) -> Self {
        self.error_types.extend(error_types.into_iter().map(Into::into));
        self
    }

    /// Sends a request again after failures of these [types](fal_client::Error::error_type) alone.
    #[must_use]
    pub fn only(self, error_types: impl IntoIterator<Item: Into<String>>) -> Self {
        let error_types = error_types.into_iter().map(Into::into).collect();
        Self { transient: false, error_types, ..self }
    }

    /// Sets the pause before a request is sent again for the first time, which doubles each time, and the longest pause. 5 s and
    /// 10 minutes by default, a year at most.
    #[must_use]
    pub fn pauses(self, first: Duration, max: Duration) -> Self {
        let pause = first.min(MAX_PAUSE);
        Self { pause, max_pause: max.clamp(pause, MAX_PAUSE), ..self }
    }
}

impl From<u32> for RetryFailed {
    fn from(times: u32) -> Self {
        Self::times(times)
    }
}
