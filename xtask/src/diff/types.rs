//! Compares types.

use std::collections::BTreeSet;

use fal_codegen::{
    model::{Entries, Item, Keys, Length, List, Member, Object, Others, Text, Tuple, Type, TypeGraph},
    rust::{self, Bounds, names},
};
use serde_json::Value;

use super::{
    bounds::{self, Movement},
    finding::{Finding, Kind, Level, Part},
};

/// The reason of a breaking change to narrower bounds.
const REFUSED: &str =
    "Values outside the new bounds no longer compile as literals, and are refused at run time.";

/// The comparison of the inputs, the outputs or the events of an endpoint.
pub(super) struct TypeDiff<'a> {
    pub(super) part: Part,
    before: &'a TypeGraph,
    after: &'a TypeGraph,
    /// Pairs of objects that were compared, or are being compared.
    seen: BTreeSet<(&'a str, &'a str)>,
    pub(super) found: Vec<Finding>,
}

impl<'a> TypeDiff<'a> {
    /// Returns the changes between two type graphs.
    pub(super) fn compare(part: Part, before: &'a TypeGraph, after: &'a TypeGraph) -> Vec<Finding> {
        let mut diff = Self { part, before, after, seen: BTreeSet::new(), found: Vec::new() };
        match (&before.root, &after.root) {
            (Type::Object(before), Type::Object(after)) => diff.objects("", before, after),
            (before, after) => diff.types("", before, after),
        }
        diff.found
    }

    /// Returns true for inputs, whose values users write.
    pub(super) fn is_input(&self) -> bool {
        self.part == Part::Input
    }

    /// Adds a change without values.
    pub(super) fn add(&mut self, level: Level, kind: Kind, path: &str, message: &str, reason: &'static str) {
        self.add_change(level, kind, path, message, reason, [Value::Null, Value::Null]);
    }

    /// Adds a change between two values. `message` continues a sentence that starts with the name of the place.
    pub(super) fn add_change(
        &mut self,
        level: Level,
        kind: Kind,
        path: &str,
        message: &str,
        reason: &'static str,
        [from, to]: [Value; 2],
    ) {
        let message = format!("{} {message}", self.part.name(path));
        self.found.push(Finding {
            level,
            kind,
            part: self.part,
            path: path.to_owned(),
            message,
            reason,
            from,
            to,
        });
    }

    fn objects(&mut self, prefix: &str, before: &'a str, after: &'a str) {
        if !self.seen.insert((before, after)) {
            return;
        }
        let (Some(before), Some(after)) = (self.before.objects.get(before), self.after.objects.get(after))
        else {
            return;
        };
        self.properties(prefix, before, after);
        let path = prefix.trim_end_matches('.');
        self.requirements(path, before, after);
        match (&before.others, &after.others) {
            (Others::Refused, Others::Refused) => {}
            (_, Others::Refused) => {
                self.add(Level::Minor, Kind::Narrowed, path, "no longer allows unknown fields", "");
            }
            (Others::Refused, _) => self.add(Level::Minor, Kind::Widened, path, "allows unknown fields", ""),
            (Others::Kept(before), Others::Kept(after)) => {
                self.types(&format!("{prefix}extra"), &before.ty, &after.ty);
            }
            _ => {}
        }
    }

    fn requirements(&mut self, path: &str, before: &Object, after: &Object) {
        for rule in after.requirements.iter().filter(|rule| !before.requirements.contains(rule)) {
            let message = format!("has the rule \"{}\"", rust::describe_requirement(rule));
            let reason = "Inputs that break the rule are refused.";
            self.add(Level::Breaking, Kind::Narrowed, path, &message, reason);
        }
        for rule in before.requirements.iter().filter(|rule| !after.requirements.contains(rule)) {
            let message = format!("no longer has the rule \"{}\"", rust::describe_requirement(rule));
            self.add(Level::Minor, Kind::Widened, path, &message, "");
        }
    }

    fn properties(&mut self, prefix: &str, before: &'a Object, after: &'a Object) {
        let path = |name: &str| format!("{prefix}{name}");
        for old in &before.properties {
            match after.properties.iter().find(|new| new.name == old.name) {
                Some(new) => {
                    self.property(&path(&old.name), old, new);
                    self.types(&path(&old.name), &old.ty, &new.ty);
                }
                None => self.removed(&path(&old.name)),
            }
        }
        for new in &after.properties {
            if !before.properties.iter().any(|old| old.name == new.name) {
                self.added(&path(&new.name), new);
            }
        }
    }

    pub(super) fn types(&mut self, path: &str, before: &'a Type, after: &'a Type) {
        match (before, after) {
            (Type::Object(before), Type::Object(after)) => {
                self.objects(&format!("{}.", names::camel(after)), before, after);
            }
            (Type::Text(before), Type::Text(after)) => self.texts(path, before, after),
            (Type::File(old, from), Type::File(new, to)) => {
                self.texts(path, old, new);
                if from != to {
                    let reason = "The crate documents the limits, and fal checks the files.";
                    let values = [from.clone(), to.clone()];
                    self.add_change(
                        Level::Patch,
                        Kind::TypeChanged,
                        path,
                        "has other limits for files",
                        reason,
                        values,
                    );
                }
            }
            (Type::Integer(old), Type::Integer(new)) => {
                let movement = bounds::compare_numbers(old, new, bounds::integer_divides);
                let opened = old.is_open() != new.is_open();
                self.range(path, movement, opened, &Bounds::Integer(*old), &Bounds::Integer(*new));
            }
            (Type::WideInteger(old), Type::WideInteger(new)) => {
                let divides = |part: i128, whole: i128| whole.checked_rem(part) == Some(0);
                let movement = bounds::compare_numbers(old, new, divides);
                let opened = old.is_open() != new.is_open();
                self.range(path, movement, opened, &Bounds::Wide(*old), &Bounds::Wide(*new));
            }
            (Type::Number(old), Type::Number(new)) => {
                let movement = bounds::compare_numbers(old, new, bounds::float_divides);
                let opened = old.is_open() != new.is_open();
                self.range(path, movement, opened, &Bounds::Number(*old), &Bounds::Number(*new));
            }
            (Type::TextEnum(old, _), Type::TextEnum(new, _)) => self.values(path, old, new),
            (Type::IntegerEnum(old, _), Type::IntegerEnum(new, _)) => self.values(path, old, new),
            (Type::Map(old, old_entries), Type::Map(new, new_entries)) => {
                self.entries(path, old_entries, new_entries);
                self.items(&format!("{path}{{}}"), old, new);
            }
            (Type::List(old, old_rules), Type::List(new, new_rules)) => {
                self.lists(path, old_rules, new_rules);
                self.items(&format!("{path}[]"), old, new);
            }
            (Type::Tuple(old), Type::Tuple(new)) if has_same_positions(old, new) => {
                for (index, (old, new)) in old.items.iter().zip(&new.items).enumerate() {
                    self.items(&format!("{path}[{index}]"), old, new);
                }
                if let (Some((old, old_length)), Some((new, new_length))) = (&old.rest, &new.rest) {
                    let rules = |length: &Length| List { length: *length, unique: false };
                    self.lists(path, &rules(old_length), &rules(new_length));
                    self.items(&format!("{path}[]"), old, new);
                }
            }
            (Type::Union(old, _), Type::Union(new, _)) => self.unions(path, old, new),
            (Type::Tagged(old_tag, old, _), Type::Tagged(new_tag, new, _)) if old_tag == new_tag => {
                self.members(path, old, new);
            }
            (Type::NumberEnum(old), Type::NumberEnum(new)) => self.values(path, old, new),
            (old, new) if old == new => {}
            (old, new) => {
                let message = format!("is now {}, was {}", describe(new), describe(old));
                let same = !self.is_input() && is_whole(old) && is_whole(new);
                let (level, reason) = match same {
                    true => (Level::Patch, "In outputs both are an `i64`."),
                    false => (Level::Breaking, "Its Rust type changes."),
                };
                let values = [describe(old).into(), describe(new).into()];
                self.add_change(level, Kind::TypeChanged, path, &message, reason, values);
            }
        }
    }

    fn items(&mut self, path: &str, before: &'a Item, after: &'a Item) {
        if before.nullable != after.nullable {
            let (kind, message) = match after.nullable {
                true => (Kind::NullAllowed, "may be null"),
                false => (Kind::NullRefused, "can no longer be null"),
            };
            self.add(Level::Breaking, kind, path, message, "Its Rust type changes.");
        }
        self.types(path, &before.ty, &after.ty);
    }

    fn range(&mut self, path: &str, movement: Movement, opened: bool, old: &Bounds, new: &Bounds) {
        let text = |bounds: &Bounds| match rust::describe_range(bounds) {
            range if range.is_empty() => "without bounds".to_owned(),
            range => range,
        };
        let (old, new) = (text(old), text(new));
        let reason = "Its Rust type changes between a plain number and one with bounds.";
        let reason = (opened && !movement.narrowed).then_some(reason);
        self.add_movement(path, movement, &format!("is {new}, was {old}"), [old, new], reason);
    }

    fn texts(&mut self, path: &str, before: &Text, after: &Text) {
        let text = |text: &Text| rust::describe_length(&text.length, rust::Counted::Characters);
        let (old, new) = (text(before), text(after));
        let movement = bounds::compare_lengths(&before.length, &after.length);
        self.add_movement(path, movement, &format!("has {new}, had {old}"), [old, new], None);
        let movement = Movement::of_rule(before.pattern.as_ref(), after.pattern.as_ref());
        let text =
            |text: &Text| text.pattern.as_ref().map_or("anything".to_owned(), |rule| format!("`{rule}`"));
        let (old, new) = (text(before), text(after));
        self.add_movement(path, movement, &format!("matches {new}, matched {old}"), [old, new], None);
    }

    fn entries(&mut self, path: &str, before: &Entries, after: &Entries) {
        let text = |entries: &Entries| rust::describe_length(&entries.length, rust::Counted::Entries);
        let (old, new) = (text(before), text(after));
        let movement = bounds::compare_lengths(&before.length, &after.length);
        self.add_movement(path, movement, &format!("has {new}, had {old}"), [old, new], None);
        if before.keys != after.keys {
            let movement = Movement { narrowed: !after.keys.is_open(), widened: !before.keys.is_open() };
            let text = |keys: &Keys| match keys {
                Keys::Text(text) => format!("{text:?}"),
                Keys::OneOf(values) => values.join(", "),
            };
            let values = [text(&before.keys), text(&after.keys)];
            self.add_movement(path, movement, "has other keys", values, None);
        }
    }

    fn lists(&mut self, path: &str, before: &List, after: &List) {
        let text = |list: &List| rust::describe_length(&list.length, rust::Counted::Items);
        let (old, new) = (text(before), text(after));
        let movement = bounds::compare_lengths(&before.length, &after.length);
        self.add_movement(path, movement, &format!("has {new}, had {old}"), [old, new], None);
        if before.unique != after.unique {
            let movement = Movement { narrowed: after.unique, widened: before.unique };
            let message =
                if after.unique { "no longer accepts duplicate items" } else { "accepts duplicate items" };
            let values = [before.unique.to_string(), after.unique.to_string()];
            self.add_movement(path, movement, message, values, None);
        }
    }

    /// Adds a change of bounds, if there is one. Outputs are not checked, so that their bounds never break code.
    fn add_movement(
        &mut self,
        path: &str,
        movement: Movement,
        message: &str,
        values: [String; 2],
        reason: Option<&'static str>,
    ) {
        let (kind, level, reason) = match (movement.narrowed, movement.widened) {
            (false, false) => return,
            (true, false) => (Kind::Narrowed, Level::Breaking, REFUSED),
            (true, true) => (Kind::Narrowed, Level::Breaking, REFUSED),
            (false, true) => match reason {
                Some(reason) => (Kind::Widened, Level::Breaking, reason),
                None => (Kind::Widened, Level::Minor, ""),
            },
        };
        let (level, reason) = if self.is_input() {
            (level, reason)
        } else {
            (Level::Patch, "Outputs are read without bounds.")
        };
        self.add_change(level, kind, path, message, reason, values.map(Value::from));
    }

    fn values<T: PartialEq + Clone + Into<Value>>(&mut self, path: &str, before: &[T], after: &[T]) {
        for old in before.iter().filter(|old| !after.contains(old)) {
            let value: Value = old.clone().into();
            let verb = if self.is_input() { "no longer accepts" } else { "no longer lists" };
            let reason = "Code that names its variant no longer compiles.";
            let message = format!("{verb} `{}`", unquoted(&value));
            let values = [value, Value::Null];
            self.add_change(Level::Breaking, Kind::ValueRemoved, path, &message, reason, values);
        }
        for new in after.iter().filter(|new| !before.contains(new)) {
            let value: Value = new.clone().into();
            let verb = if self.is_input() { "also accepts" } else { "also lists" };
            let message = format!("{verb} `{}`", unquoted(&value));
            self.add_change(Level::Minor, Kind::ValueAdded, path, &message, "", [Value::Null, value]);
        }
    }

    /// Compares the members of a union. Objects are matched by name, and other members by kind.
    fn unions(&mut self, path: &str, before: &'a [Type], after: &'a [Type]) {
        for old in before {
            match after.iter().find(|new| is_same_member(old, new)) {
                Some(new) => self.types(path, old, new),
                None => self.removed_member(path, old),
            }
        }
        for new in after.iter().filter(|new| !before.iter().any(|old| is_same_member(old, new))) {
            self.added_member(path, new);
        }
    }

    fn members(&mut self, path: &str, before: &'a [Member], after: &'a [Member]) {
        let are_same = |one: &Member, other: &Member| one.tags.iter().any(|tag| other.tags.contains(tag));
        let object = |member: &Member| Type::Object(member.object.clone());
        for old in before {
            match after.iter().find(|new| are_same(old, new)) {
                Some(new) => {
                    self.objects(&format!("{}.", names::camel(&new.object)), &old.object, &new.object);
                    self.values(path, &old.tags, &new.tags);
                }
                None => self.removed_member(path, &object(old)),
            }
        }
        for new in after.iter().filter(|new| !before.iter().any(|old| are_same(old, new))) {
            self.added_member(path, &object(new));
        }
    }

    fn removed_member(&mut self, path: &str, old: &Type) {
        let message = format!("can no longer be {}", describe(old));
        let reason = "Code that names its variant no longer compiles.";
        let values = [describe(old).into(), Value::Null];
        self.add_change(Level::Breaking, Kind::ValueRemoved, path, &message, reason, values);
    }

    fn added_member(&mut self, path: &str, new: &Type) {
        let message = format!("may also be {}", describe(new));
        self.add_change(
            Level::Minor,
            Kind::ValueAdded,
            path,
            &message,
            "",
            [Value::Null, describe(new).into()],
        );
    }
}

fn is_same_member(one: &Type, other: &Type) -> bool {
    match (one, other) {
        (Type::Object(one), Type::Object(other)) => one == other,
        (one, other) => std::mem::discriminant(one) == std::mem::discriminant(other),
    }
}

/// Returns true for types that are an `i64` in outputs.
fn is_whole(ty: &Type) -> bool {
    matches!(ty, Type::Integer(_) | Type::IntegerEnum(..))
}

/// Returns a value for a sentence: a text without its quotation marks.
pub(super) fn unquoted(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Returns true if the Rust types of two tuples have the same positions.
fn has_same_positions(old: &Tuple, new: &Tuple) -> bool {
    let positions = |tuple: &Tuple| (tuple.items.len(), tuple.required, tuple.rest.is_some());
    positions(old) == positions(new)
}

/// Describes a type in a few words.
pub(super) fn describe(ty: &Type) -> String {
    match ty {
        Type::Text(_) => "a text".to_owned(),
        Type::File(..) => "a file".to_owned(),
        Type::Integer(bounds) if bounds.is_open() => "an integer".to_owned(),
        Type::Integer(bounds) => format!("an integer {}", rust::describe_range(&Bounds::Integer(*bounds))),
        Type::Number(bounds) if bounds.is_open() => "a number".to_owned(),
        Type::Number(bounds) => format!("a number {}", rust::describe_range(&Bounds::Number(*bounds))),
        Type::WideInteger(bounds) if bounds.is_open() => "an integer of any size".to_owned(),
        Type::WideInteger(bounds) => format!("an integer {}", rust::describe_range(&Bounds::Wide(*bounds))),
        Type::Boolean => "a boolean".to_owned(),
        Type::BooleanConstant(value) => format!("always `{value}`"),
        Type::Null => "always null".to_owned(),
        Type::NumberEnum(values) => format!("one of {}", list(values)),
        Type::TextEnum(values, _) => format!("one of {}", list(values)),
        Type::IntegerEnum(values, _) => format!("one of {}", list(values)),
        Type::Object(name) => format!("an object `{}`", names::camel(name)),
        Type::Map(item, _) => format!("a map of values, each {}", describe(&item.ty)),
        Type::List(item, _) => format!("a list of items, each {}", describe(&item.ty)),
        Type::Tuple(tuple) if tuple.is_fixed() => format!("a list of exactly {}", tuple.items.len()),
        Type::Tuple(tuple) => format!("a list of at least {}", tuple.required),
        Type::Union(kinds, _) => kinds.iter().map(describe).collect::<Vec<_>>().join(" or "),
        Type::Tagged(tag, _, _) => format!("one of several objects, distinguished by `{tag}`"),
        Type::Any => "any JSON value".to_owned(),
    }
}

fn list(values: &[impl ToString]) -> String {
    values.iter().map(|value| format!("`{}`", value.to_string())).collect::<Vec<_>>().join(", ")
}
