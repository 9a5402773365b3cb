//! A change, with its kind, its place and its effect on the version.

use serde_json::Value;

/// The effect of a change on the version, in rising order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Level {
    /// All code still compiles, and the interface has nothing new.
    Patch,
    /// All code still compiles, and the interface has something new.
    Minor,
    /// Some code no longer compiles, or its requests are refused.
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

/// The kind of a change.
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
    DependencyChanged,
    /// Something in the new schema is strange, such as a default outside its bounds.
    Odd,
    /// The old state cannot be read.
    NotComparable,
    DescriptionChanged,
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
            Self::DependencyChanged => "dependency_changed",
            Self::Odd => "odd",
            Self::NotComparable => "not_comparable",
            Self::DescriptionChanged => "description_changed",
        }
    }
}

/// The part of an endpoint that a change is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Part {
    /// The crate or endpoint itself.
    Endpoint,
    Input,
    Output,
    Event,
}

impl Part {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Endpoint => "endpoint",
            Self::Input => "input",
            Self::Output => "output",
            Self::Event => "event",
        }
    }

    /// Returns the name of the value at `path`, for a sentence.
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

/// A change of an endpoint or a crate.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Finding {
    pub(super) level: Level,
    pub(super) kind: Kind,
    pub(super) part: Part,
    /// The parameter or field, `Object.field` inside an object, `[]` for items of a list. Empty for the whole.
    pub(super) path: String,
    /// The change, as a sentence without its full stop.
    pub(super) message: String,
    /// The reason for the level, or further advice. May be empty.
    pub(super) reason: &'static str,
    /// The old value, for programs.
    pub(super) from: Value,
    /// The new value, for programs.
    pub(super) to: Value,
}
