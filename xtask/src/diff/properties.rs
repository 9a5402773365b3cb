//! Compares parameters and fields: presence, defaults, deprecation and descriptions.

use fal_codegen::model::Property;
use serde_json::Value;

use super::{
    finding::{Kind, Level},
    types::{TypeDiff, describe, unquoted},
};

impl TypeDiff<'_> {
    pub(super) fn added(&mut self, path: &str, new: &Property) {
        let values = [Value::Null, describe(&new.ty).into()];
        let article = if new.required { "a new required" } else { "a new" };
        let (level, message, reason) = match (self.is_input(), new.required) {
            (true, true) => (
                Level::Breaking,
                format!("is {article} parameter, {}", describe(&new.ty)),
                "Calls without it no longer compile.",
            ),
            (true, false) => (Level::Minor, format!("is {article} parameter, {}", describe(&new.ty)), ""),
            (false, _) => (Level::Minor, format!("is a new field, {}", describe(&new.ty)), ""),
        };
        self.add_change(level, Kind::Added, path, &message, reason, values);
    }

    pub(super) fn removed(&mut self, path: &str) {
        let reason = if self.is_input() {
            "Calls with it no longer compile."
        } else {
            "Code that reads it no longer compiles."
        };
        self.add(Level::Breaking, Kind::Removed, path, "was removed", reason);
    }

    pub(super) fn property(&mut self, path: &str, old: &Property, new: &Property) {
        self.presence(path, old, new);
        if old.default != new.default {
            let text = |default: &Option<Value>| {
                default
                    .as_ref()
                    .map_or("no default".to_owned(), |value| format!("the default `{}`", unquoted(value)))
            };
            let message = format!("has {}, had {}", text(&new.default), text(&old.default));
            let reason = "Calls without it get different results, even from compiled programs.";
            let reason = if self.is_input() { reason } else { "" };
            let values = [old.default.clone().unwrap_or_default(), new.default.clone().unwrap_or_default()];
            self.add_change(Level::Patch, Kind::DefaultChanged, path, &message, reason, values);
        }
        if old.deprecated != new.deprecated {
            let (level, kind, message, reason) = match new.deprecated {
                true => {
                    (Level::Minor, Kind::Deprecated, "is deprecated", "Code that uses it gets a warning.")
                }
                false => (Level::Patch, Kind::Restored, "is no longer deprecated", ""),
            };
            self.add(level, kind, path, message, reason);
        }
        if old.description != new.description {
            let values = [old.description.clone().into(), new.description.clone().into()];
            let message = match (&old.description, &new.description) {
                (Some(_), None) => "lost its description",
                (None, Some(_)) => "has a description now",
                _ => "has another description",
            };
            self.add_change(Level::Patch, Kind::DescriptionChanged, path, message, "", values);
        }
    }

    /// Compares whether a value is required and may be null.
    fn presence(&mut self, path: &str, old: &Property, new: &Property) {
        let input = self.is_input();
        let (was, is) = (Presence::of(old, input), Presence::of(new, input));
        let level = if was == is { Level::Patch } else { Level::Breaking };
        if old.required != new.required {
            let (kind, message) = match new.required {
                true if input => (Kind::BecameRequired, "is required"),
                true => (Kind::BecameRequired, "is always present"),
                false if input => (Kind::BecameOptional, "is optional"),
                false => (Kind::BecameOptional, "may be missing"),
            };
            let reason = match (was == is, new.required) {
                (true, _) => "",
                (false, true) if input => "Calls without it no longer compile.",
                (false, false) if input => "Calls still compile, but the field of `Input` has another type.",
                (false, _) => "Its type gets or loses `Option`.",
            };
            self.add(level, kind, path, message, reason);
        }
        if old.nullable != new.nullable {
            let (kind, message) = match new.nullable {
                true => (Kind::NullAllowed, "may be null"),
                false => (Kind::NullRefused, "can no longer be null"),
            };
            let level = if new.nullable { level.max(Level::Minor) } else { level };
            let reason = if was == is { "" } else { "Its Rust type changes." };
            self.add(level, kind, path, message, reason);
        } else if was != is && old.required == new.required {
            // With a default, null means something else than a missing value.
            let message = "distinguishes null from a missing value, or no longer does";
            self.add(Level::Breaking, Kind::TypeChanged, path, message, "Its Rust type changes.");
        }
    }
}

/// The ways in which the field of a struct may be missing.
#[derive(PartialEq, Eq)]
enum Presence {
    Plain,
    Optional,
    /// Required, and may be null.
    Null,
    /// Null and a missing value mean different things.
    TriState,
}

impl Presence {
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
