//! Types: what a value may be, before and after.

use std::collections::BTreeSet;

use fal_codegen::{
    model::{Item, List, Object, TypeGraph, Text, Type},
    rust::{self, Bounds, names},
};
use serde_json::Value;

use super::{
    bounds::{self, Moved},
    finding::{Finding, Kind, Level, Place},
};

/// Why it breaks that fewer values are taken.
const REFUSED: &str =
    "What the new bounds exclude no longer compiles as a literal, and is refused at run time.";

/// Compares one side of an endpoint.
pub(super) struct Walk<'a> {
    pub(super) place: Place,
    before: &'a TypeGraph,
    after: &'a TypeGraph,
    /// Pairs of objects that were compared, or are being compared.
    seen: BTreeSet<(&'a str, &'a str)>,
    pub(super) found: Vec<Finding>,
}

impl<'a> Walk<'a> {
    pub(super) fn over(place: Place, before: &'a TypeGraph, after: &'a TypeGraph) -> Vec<Finding> {
        let mut walk = Self { place, before, after, seen: BTreeSet::new(), found: Vec::new() };
        match (&before.root, &after.root) {
            (Type::Object(before), Type::Object(after)) => walk.objects("", before, after),
            (before, after) => walk.types("", before, after),
        }
        walk.found
    }

    /// Whether users write the values, and not fal.
    pub(super) fn is_input(&self) -> bool {
        self.place == Place::Input
    }

    pub(super) fn note(&mut self, level: Level, kind: Kind, path: &str, what: &str, why: &'static str) {
        self.changed(level, kind, path, what, why, [Value::Null, Value::Null]);
    }

    /// Notes a change between two values. `what` follows the name of the place.
    pub(super) fn changed(
        &mut self,
        level: Level,
        kind: Kind,
        path: &str,
        what: &str,
        why: &'static str,
        [from, to]: [Value; 2],
    ) {
        let what = format!("{} {what}", self.place.name(path));
        self.found.push(Finding {
            level,
            kind,
            place: self.place,
            path: path.to_owned(),
            what,
            why,
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
        if before.closed != after.closed {
            let (level, kind, what) = match after.closed {
                true => (Level::Minor, Kind::Narrowed, "allows no unknown fields any more"),
                false => (Level::Minor, Kind::Widened, "allows unknown fields"),
            };
            self.note(level, kind, prefix.trim_end_matches('.'), what, "");
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
                    let why = "fal checks files; the crate documents the limits.";
                    let values = [from.clone(), to.clone()];
                    self.changed(
                        Level::Patch,
                        Kind::TypeChanged,
                        path,
                        "has other limits for files",
                        why,
                        values,
                    );
                }
            }
            (Type::Integer(old), Type::Integer(new)) => {
                let moved = bounds::of_number(old, new, bounds::integer_divides);
                let opened = old.is_open() != new.is_open();
                self.range(path, moved, opened, &Bounds::Integer(*old), &Bounds::Integer(*new));
            }
            (Type::Number(old), Type::Number(new)) => {
                let moved = bounds::of_number(old, new, bounds::float_divides);
                let opened = old.is_open() != new.is_open();
                self.range(path, moved, opened, &Bounds::Number(*old), &Bounds::Number(*new));
            }
            (Type::TextEnum(old), Type::TextEnum(new)) => self.values(path, old, new),
            (Type::IntegerEnum(old), Type::IntegerEnum(new)) => self.values(path, old, new),
            (Type::Map(old), Type::Map(new)) => self.items(&format!("{path}{{}}"), old, new),
            (Type::List(old, old_rules), Type::List(new, new_rules)) => {
                self.lists(path, old_rules, new_rules);
                self.items(&format!("{path}[]"), old, new);
            }
            (Type::Tuple(old), Type::Tuple(new)) if old.len() == new.len() => {
                for (index, (old, new)) in old.iter().zip(new).enumerate() {
                    self.items(&format!("{path}[{index}]"), old, new);
                }
            }
            (Type::Union(old), Type::Union(new)) => self.unions(path, old, new),
            (Type::Tagged(old_tag, old), Type::Tagged(new_tag, new)) if old_tag == new_tag => {
                self.members(path, old, new);
            }
            (Type::Any, Type::Any) | (Type::Boolean, Type::Boolean) => {}
            (old, new) => {
                let what = format!("is now {}, was {}", describe(new), describe(old));
                let same = !self.is_input() && is_whole(old) && is_whole(new);
                let (level, why) = match same {
                    true => (Level::Patch, "In outputs both are an `i64`."),
                    false => (Level::Breaking, "Its Rust type is another."),
                };
                let values = [describe(old).into(), describe(new).into()];
                self.changed(level, Kind::TypeChanged, path, &what, why, values);
            }
        }
    }

    fn items(&mut self, path: &str, before: &'a Item, after: &'a Item) {
        if before.nullable != after.nullable {
            let (kind, what) = match after.nullable {
                true => (Kind::NullAllowed, "may be null"),
                false => (Kind::NullRefused, "is never null any more"),
            };
            self.note(Level::Breaking, kind, path, what, "Its Rust type is another.");
        }
        self.types(path, &before.ty, &after.ty);
    }

    fn range(&mut self, path: &str, moved: Moved, opened: bool, old: &Bounds, new: &Bounds) {
        let words = |bounds: &Bounds| match rust::range(bounds) {
            words if words.is_empty() => "without bounds".to_owned(),
            words => words,
        };
        let (old, new) = (words(old), words(new));
        let why = "Its Rust type is another: a plain number against one with bounds.";
        let why = (opened && !moved.narrowed).then_some(why);
        self.moved(path, moved, &format!("is {new}, was {old}"), [old, new], why);
    }

    fn texts(&mut self, path: &str, before: &Text, after: &Text) {
        let words = |text: &Text| rust::length(&text.length, false);
        let (old, new) = (words(before), words(after));
        let moved = bounds::of_length(&before.length, &after.length);
        self.moved(path, moved, &format!("has {new}, had {old}"), [old, new], None);
        let moved = Moved::rule(before.pattern.as_ref(), after.pattern.as_ref());
        let words =
            |text: &Text| text.pattern.as_ref().map_or("anything".to_owned(), |rule| format!("`{rule}`"));
        let (old, new) = (words(before), words(after));
        self.moved(path, moved, &format!("matches {new}, matched {old}"), [old, new], None);
    }

    fn lists(&mut self, path: &str, before: &List, after: &List) {
        let words = |list: &List| rust::length(&list.length, true);
        let (old, new) = (words(before), words(after));
        let moved = bounds::of_length(&before.length, &after.length);
        self.moved(path, moved, &format!("has {new}, had {old}"), [old, new], None);
        if before.unique != after.unique {
            let moved = Moved { narrowed: after.unique, widened: before.unique };
            let what = if after.unique { "takes no item twice any more" } else { "may hold an item twice" };
            let values = [before.unique.to_string(), after.unique.to_string()];
            self.moved(path, moved, what, values, None);
        }
    }

    /// Notes that bounds moved, if they did. Of what is read, nothing is checked, and nothing breaks.
    fn moved(
        &mut self,
        path: &str,
        moved: Moved,
        what: &str,
        values: [String; 2],
        breaks: Option<&'static str>,
    ) {
        let (kind, level, why) = match (moved.narrowed, moved.widened) {
            (false, false) => return,
            (true, false) => (Kind::Narrowed, Level::Breaking, REFUSED),
            (true, true) => (Kind::Narrowed, Level::Breaking, REFUSED),
            (false, true) => match breaks {
                Some(why) => (Kind::Widened, Level::Breaking, why),
                None => (Kind::Widened, Level::Minor, ""),
            },
        };
        let (level, why) =
            if self.is_input() { (level, why) } else { (Level::Patch, "Outputs are read without bounds.") };
        self.changed(level, kind, path, what, why, values.map(Value::from));
    }

    fn values<T: PartialEq + Clone + Into<Value>>(&mut self, path: &str, before: &[T], after: &[T]) {
        for old in before.iter().filter(|old| !after.contains(old)) {
            let value: Value = old.clone().into();
            let verb = if self.is_input() { "no longer takes" } else { "no longer lists" };
            let why = "Code that names its variant no longer compiles.";
            let what = format!("{verb} `{}`", plain(&value));
            let values = [value, Value::Null];
            self.changed(Level::Breaking, Kind::ValueRemoved, path, &what, why, values);
        }
        for new in after.iter().filter(|new| !before.contains(new)) {
            let value: Value = new.clone().into();
            let verb = if self.is_input() { "takes" } else { "lists" };
            let what = format!("{verb} `{}` too", plain(&value));
            self.changed(Level::Minor, Kind::ValueAdded, path, &what, "", [Value::Null, value]);
        }
    }

    /// Kinds are told apart by what they are; of objects, by their names.
    fn unions(&mut self, path: &str, before: &'a [Type], after: &'a [Type]) {
        for old in before {
            match after.iter().find(|new| alike(old, new)) {
                Some(new) => self.types(path, old, new),
                None => self.lost(path, old),
            }
        }
        for new in after.iter().filter(|new| !before.iter().any(|old| alike(old, new))) {
            self.gained(path, new);
        }
    }

    fn members(&mut self, path: &str, before: &'a [(String, Type)], after: &'a [(String, Type)]) {
        for (tag, old) in before {
            match after.iter().find(|(other, _)| other == tag) {
                Some((_, new)) => self.types(path, old, new),
                None => self.lost(path, old),
            }
        }
        for (_, new) in after.iter().filter(|(tag, _)| !before.iter().any(|(other, _)| other == tag)) {
            self.gained(path, new);
        }
    }

    fn lost(&mut self, path: &str, old: &Type) {
        let what = format!("is never {} any more", describe(old));
        let why = "Code that names its variant no longer compiles.";
        let values = [describe(old).into(), Value::Null];
        self.changed(Level::Breaking, Kind::ValueRemoved, path, &what, why, values);
    }

    fn gained(&mut self, path: &str, new: &Type) {
        let what = format!("may be {} too", describe(new));
        self.changed(Level::Minor, Kind::ValueAdded, path, &what, "", [Value::Null, describe(new).into()]);
    }
}

fn alike(one: &Type, other: &Type) -> bool {
    match (one, other) {
        (Type::Object(one), Type::Object(other)) => one == other,
        (one, other) => std::mem::discriminant(one) == std::mem::discriminant(other),
    }
}

/// What is an `i64` in outputs.
fn is_whole(ty: &Type) -> bool {
    matches!(ty, Type::Integer(_) | Type::IntegerEnum(_))
}

/// A value as it stands in a sentence: a text without its quotation marks.
pub(super) fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// A type in a few words.
pub(super) fn describe(ty: &Type) -> String {
    match ty {
        Type::Text(_) => "a text".to_owned(),
        Type::File(..) => "a file".to_owned(),
        Type::Integer(bounds) if bounds.is_open() => "an integer".to_owned(),
        Type::Integer(bounds) => format!("an integer {}", rust::range(&Bounds::Integer(*bounds))),
        Type::Number(bounds) if bounds.is_open() => "a number".to_owned(),
        Type::Number(bounds) => format!("a number {}", rust::range(&Bounds::Number(*bounds))),
        Type::Boolean => "a boolean".to_owned(),
        Type::TextEnum(values) => format!("one of {}", list(values)),
        Type::IntegerEnum(values) => format!("one of {}", list(values)),
        Type::Object(name) => format!("an object `{}`", names::camel(name)),
        Type::Map(item) => format!("a map of values, each {}", describe(&item.ty)),
        Type::List(item, _) => format!("a list of items, each {}", describe(&item.ty)),
        Type::Tuple(items) => format!("a list of exactly {}", items.len()),
        Type::Union(kinds) => kinds.iter().map(describe).collect::<Vec<_>>().join(" or "),
        Type::Tagged(tag, _) => format!("one of several objects told apart by `{tag}`"),
        Type::Any => "any JSON value".to_owned(),
    }
}

fn list(values: &[impl ToString]) -> String {
    values.iter().map(|value| format!("`{}`", value.to_string())).collect::<Vec<_>>().join(", ")
}
