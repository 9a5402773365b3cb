//! What one change is.

use serde_json::Value;

/// What a change asks of the next version. In rising order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Level {
    /// Code that compiled compiles, and there is nothing new to write.
    Patch,
    /// Code that compiled compiles, and there is more that can be written.
    Minor,
    /// Code that compiled may not compile any more, or is refused where it was accepted.
    Breaking,
}

impl Level {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Patch => "patch",
            Self::Minor => "minor",
            Self::Breaking => "breaking",
        }
    }
}

/// What kind of change it is, for programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    CrateAdded,
    CrateRemoved,
    EndpointAdded,
    EndpointRemoved,
    StreamAdded,
    StreamRemoved,
    RealtimeAdded,
    RealtimeRemoved,
    Added,
    Removed,
    BecameRequired,
    BecameOptional,
    NullAllowed,
    NullRefused,
    TypeChanged,
    Narrowed,
    Widened,
    ValueAdded,
    ValueRemoved,
    DefaultChanged,
    Deprecated,
    Restored,
    NameChanged,
    WordsChanged,
}

impl Kind {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::CrateAdded => "crate_added",
            Self::CrateRemoved => "crate_removed",
            Self::EndpointAdded => "endpoint_added",
            Self::EndpointRemoved => "endpoint_removed",
            Self::StreamAdded => "stream_added",
            Self::StreamRemoved => "stream_removed",
            Self::RealtimeAdded => "realtime_added",
            Self::RealtimeRemoved => "realtime_removed",
            Self::Added => "added",
            Self::Removed => "removed",
            Self::BecameRequired => "became_required",
            Self::BecameOptional => "became_optional",
            Self::NullAllowed => "null_allowed",
            Self::NullRefused => "null_refused",
            Self::TypeChanged => "type_changed",
            Self::Narrowed => "narrowed",
            Self::Widened => "widened",
            Self::ValueAdded => "value_added",
            Self::ValueRemoved => "value_removed",
            Self::DefaultChanged => "default_changed",
            Self::Deprecated => "deprecated",
            Self::Restored => "restored",
            Self::NameChanged => "name_changed",
            Self::WordsChanged => "words_changed",
        }
    }
}

/// Where a change is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Place {
    /// The crate or endpoint itself.
    Endpoint,
    Input,
    Output,
    Event,
}

impl Place {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Endpoint => "endpoint",
            Self::Input => "input",
            Self::Output => "output",
            Self::Event => "event",
        }
    }

    /// What stands at `path`, in a sentence.
    pub(super) fn name(self, path: &str) -> String {
        let whole = match self {
            Self::Endpoint => return format!("`{path}`"),
            Self::Input if path.is_empty() => return "the input".to_owned(),
            Self::Input => return format!("`{path}`"),
            Self::Output => "the output",
            Self::Event => "stream events",
        };
        if path.is_empty() { whole.to_owned() } else { format!("`{path}` of {whole}") }
    }
}

/// One change, wherever it happened.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Finding {
    pub(super) level: Level,
    pub(super) kind: Kind,
    pub(super) place: Place,
    /// The parameter or field, `Object.field` inside an object, `[]` for items of a list. Empty for the whole.
    pub(super) path: String,
    /// What changed, as a sentence without its full stop.
    pub(super) what: String,
    /// Why the level is what it is, or what to know about it. May be empty.
    pub(super) why: &'static str,
    pub(super) from: Value,
    pub(super) to: Value,
}
