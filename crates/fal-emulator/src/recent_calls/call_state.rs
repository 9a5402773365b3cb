//! The states of calls, and the choice of calls to list.

/// The state of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CallState {
    Queued { ahead: u32 },
    Running,
    Done,
    Failed,
    Refused,
    Cancelled,
}

/// The calls that the web page lists.
#[derive(Default)]
pub(crate) struct CallFilter {
    /// Words that a call must have in its endpoint, prompt, id, program or kind, in lower case.
    pub(crate) words: Vec<String>,
    pub(crate) states: Option<StateFilter>,
    /// The number of the last call before those that are listed.
    pub(crate) after: u64,
}

/// A group of states.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StateFilter {
    Open,
    Done,
    Failed,
}

impl CallFilter {
    pub(super) fn is_selective(&self) -> bool {
        !self.words.is_empty() || self.states.is_some()
    }

    /// Returns true if the filter lets a call pass. `has_word` tells if the call has a word.
    pub(super) fn accepts(&self, has_word: impl Fn(&str) -> bool, state: impl FnOnce() -> CallState) -> bool {
        self.words.iter().all(|word| has_word(word))
            && self.states.is_none_or(|states| state().group() == states)
    }
}

impl CallState {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Queued { .. } => "queued",
            Self::Running => "running",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Refused => "refused",
            Self::Cancelled => "cancelled",
        }
    }

    pub(super) fn group(self) -> StateFilter {
        match self {
            Self::Queued { .. } | Self::Running => StateFilter::Open,
            Self::Done => StateFilter::Done,
            Self::Failed | Self::Refused | Self::Cancelled => StateFilter::Failed,
        }
    }
}
