//! Parameters and fields: there or not, required or not, their defaults, and what is said of them.

use fal_codegen::model::Property;
use serde_json::Value;

use super::{
    finding::{Kind, Level},
    types::{Walk, describe, plain},
};

impl Walk<'_> {
    pub(super) fn added(&mut self, path: &str, new: &Property) {
        let values = [Value::Null, describe(&new.ty).into()];
        let article = if new.required { "a new required" } else { "a new" };
        let (level, what, why) = match (self.is_input(), new.required) {
            (true, true) => (
                Level::Breaking,
                format!("is {article} parameter, {}", describe(&new.ty)),
                "Calls that do not give it no longer compile.",
            ),
            (true, false) => (Level::Minor, format!("is {article} parameter, {}", describe(&new.ty)), ""),
            (false, _) => (Level::Minor, format!("is a new field, {}", describe(&new.ty)), ""),
        };
        self.changed(level, Kind::Added, path, &what, why, values);
    }

    pub(super) fn removed(&mut self, path: &str) {
        let why = if self.is_input() {
            "Calls that give it no longer compile."
        } else {
            "Code that reads it no longer compiles."
        };
        self.note(Level::Breaking, Kind::Removed, path, "is gone", why);
    }

    pub(super) fn property(&mut self, path: &str, old: &Property, new: &Property) {
        self.presence(path, old, new);
        if old.default != new.default {
            let words = |default: &Option<Value>| {
                default
                    .as_ref()
                    .map_or("no default".to_owned(), |value| format!("the default `{}`", plain(value)))
            };
            let what = format!("has {}, had {}", words(&new.default), words(&old.default));
            let why = "Calls that leave it out get other results, whatever version they were compiled with.";
            let why = if self.is_input() { why } else { "" };
            let values = [old.default.clone().unwrap_or_default(), new.default.clone().unwrap_or_default()];
            self.changed(Level::Patch, Kind::DefaultChanged, path, &what, why, values);
        }
        if old.deprecated != new.deprecated {
            let (level, kind, what, why) = match new.deprecated {
                true => {
                    (Level::Minor, Kind::Deprecated, "is deprecated", "Code that uses it gets a warning.")
                }
                false => (Level::Patch, Kind::Restored, "is deprecated no longer", ""),
            };
            self.note(level, kind, path, what, why);
        }
        if old.description != new.description {
            let values = [old.description.clone().into(), new.description.clone().into()];
            self.changed(Level::Patch, Kind::WordsChanged, path, "is described in other words", "", values);
        }
    }

    /// Whether a value must be there, and whether null is one.
    fn presence(&mut self, path: &str, old: &Property, new: &Property) {
        let input = self.is_input();
        let (was, is) = (Form::of(old, input), Form::of(new, input));
        let level = if was == is { Level::Patch } else { Level::Breaking };
        if old.required != new.required {
            let (kind, what) = match new.required {
                true if input => (Kind::BecameRequired, "is required"),
                true => (Kind::BecameRequired, "is always there"),
                false if input => (Kind::BecameOptional, "is optional"),
                false => (Kind::BecameOptional, "may be missing"),
            };
            let why = match (was == is, new.required) {
                (true, _) => "",
                (false, true) if input => "Calls that do not give it no longer compile.",
                (false, false) if input => {
                    "Calls compile as before; code that reads the field of an `Input` meets another type."
                }
                (false, _) => "Code that reads it meets another type: `Option` comes or goes.",
            };
            self.note(level, kind, path, what, why);
        }
        if old.nullable != new.nullable {
            let (kind, what) = match new.nullable {
                true => (Kind::NullAllowed, "may be null"),
                false => (Kind::NullRefused, "is never null any more"),
            };
            let level = if new.nullable { level.max(Level::Minor) } else { level };
            let why = if was == is { "" } else { "Its Rust type is another." };
            self.note(level, kind, path, what, why);
        } else if was != is && old.required == new.required {
            // A default has come or gone, beside which null has a meaning of its own.
            let what = "tells null from being left out, or does so no longer";
            self.note(Level::Breaking, Kind::TypeChanged, path, what, "Its Rust type is another.");
        }
    }
}

/// How the field of a struct may be missing.
#[derive(PartialEq, Eq)]
enum Form {
    Plain,
    Optional,
    /// It is given, as a value or as null.
    Null,
    /// Null and leaving it out mean different things.
    TriState,
}

impl Form {
    fn of(property: &Property, input: bool) -> Self {
        let default = property.default.as_ref().is_some_and(|default| !default.is_null());
        match (property.required, property.nullable) {
            (true, false) => Self::Plain,
            (true, true) if input => Self::Null,
            _ if input && property.nullable && default => Self::TriState,
            _ => Self::Optional,
        }
    }
}
