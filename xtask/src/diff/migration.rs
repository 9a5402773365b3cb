//! The names that users write in place of those that are gone.

use std::collections::BTreeMap;

/// The methods that return builders. Their types follow from the parameters that are required.
const BUILDERS: [&str; 3] = ["::builder", "::builder_with", "::try_builder"];

/// A name that is gone or has another type, and its replacement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Migration {
    /// The name, with its module.
    pub(super) before: String,
    pub(super) after: After,
}

/// The replacement of a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum After {
    /// There is none.
    Nothing,
    /// The name has another type.
    Type(String),
    /// A new name in the same place, which is the only one of the same type.
    Renamed(String),
    /// The newer version of the whole.
    Newer(String),
}

/// Returns the migrations between two states of the items of a module. Items of a type that is gone are left out, and
/// so are traits and the methods of builders, which follow from the fields.
pub(super) fn find(
    module: &str,
    old: &BTreeMap<String, String>,
    new: &BTreeMap<String, String>,
) -> Vec<Migration> {
    let is_gone = |name: &str| old.contains_key(name) && !new.contains_key(name);
    let lost: Vec<(&String, &String)> = old
        .iter()
        .filter(|(name, signature)| new.get(*name) != Some(signature))
        .filter(|(name, _)| {
            !name.contains(": ")
                && !name.starts_with("Builder")
                && !BUILDERS.iter().any(|method| name.ends_with(method))
                && !owner(name).is_some_and(is_gone)
        })
        .collect();
    let place = |name: &str| if module.is_empty() { name.to_owned() } else { format!("{module}::{name}") };
    let migration = |(name, signature): &(&String, &String)| {
        let after = match new.get(*name) {
            Some(other) if names(signature).any(is_gone) && !names(other).eq(names(signature)) => {
                // The type was renamed, which is a migration of its own.
                let is_renamed = names(other).any(|name| !old.contains_key(name) && new.contains_key(name));
                if is_renamed {
                    return None;
                }
                After::Type(compact(other))
            }
            Some(other) => After::Type(compact(other)),
            None => {
                let shape = shape(name, old);
                let is_alike = |other: &str, items: &BTreeMap<String, String>| {
                    owner(other) == owner(name) && self::shape(other, items) == shape
                };
                let mut candidates =
                    new.keys().filter(|other| !old.contains_key(*other) && is_alike(other, new));
                let candidate = candidates.next().filter(|_| candidates.next().is_none());
                let is_only =
                    lost.iter().filter(|(other, _)| is_gone(other) && is_alike(other, old)).count() == 1;
                candidate.filter(|_| is_only).map_or(After::Nothing, |name| After::Renamed(place(name)))
            }
        };
        Some(Migration { before: place(name), after })
    };
    lost.iter().filter_map(migration).collect()
}

/// Returns what an item is a member of: `Size` for `Size::Own` and `Size.width`.
fn owner(name: &str) -> Option<&str> {
    let end = name.rfind([':', '.'])?;
    Some(name[..end].trim_end_matches(':'))
}

/// Returns the type and the members of an item, without its own name.
fn shape(name: &str, items: &BTreeMap<String, String>) -> Vec<String> {
    let separators = |rest: &str| rest.starts_with([':', '.']);
    let plain = |text: &str| text.chars().filter(|c| c.is_alphanumeric()).collect::<String>().to_lowercase();
    let last = name.rsplit([':', '.']).next().unwrap_or(name);
    let members = items.iter().filter_map(|(item, signature)| {
        let rest = item.strip_prefix(name)?;
        // The type of a field may have the name of the field.
        let words: Vec<&str> = signature.split(' ').filter(|word| plain(word) != plain(last)).collect();
        (rest.is_empty() || separators(rest)).then(|| format!("{rest} {}", words.join(" ")))
    });
    let kind = if name.contains('.') { "field" } else { "item" };
    let is_constant = last.chars().all(|c| !c.is_lowercase());
    [format!("{kind} {is_constant}")].into_iter().chain(members).collect()
}

/// Returns the names in a signature.
fn names(signature: &str) -> impl Iterator<Item = &str> {
    signature.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !word.is_empty())
}

/// Returns a signature without the spaces between its tokens.
fn compact(signature: &str) -> String {
    [
        (" < ", "<"),
        (" >", ">"),
        (" :: ", "::"),
        (" ,", ","),
        ("& ", "&"),
        (" (", "("),
        ("( ", "("),
        (" )", ")"),
    ]
    .iter()
    .fold(signature.to_owned(), |text, (from, to)| text.replace(from, to))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn items(list: &[(&str, &str)]) -> BTreeMap<String, String> {
        list.iter().map(|(name, signature)| ((*name).to_owned(), (*signature).to_owned())).collect()
    }

    #[track_caller]
    fn assert_migrations(old: &[(&str, &str)], new: &[(&str, &str)], expected: &[(&str, After)]) {
        let found = find("dev", &items(old), &items(new));
        let expected: Vec<Migration> = expected
            .iter()
            .map(|(before, after)| Migration { before: format!("dev::{before}"), after: after.clone() })
            .collect();
        assert_eq!(found, expected);
    }

    fn renamed(name: &str) -> After {
        After::Renamed(format!("dev::{name}"))
    }

    const INPUT: (&str, &str) = ("Input", "open struct");

    #[test]
    fn parameter_with_one_candidate_of_its_type_may_be_renamed() {
        let old = [
            INPUT,
            ("Input.steps", "Option < Steps >"),
            ("Builder::steps", "value : u8"),
            ("Input::builder", "A"),
        ];
        let new = [
            INPUT,
            ("Input.num_steps", "Option < NumSteps >"),
            ("Builder::num_steps", "value : u8"),
            ("Input::builder", "B"),
        ];
        assert_migrations(&old, &new, &[("Input.steps", renamed("Input.num_steps"))]);
        let two = [INPUT, ("Input.a", "Option < A >"), ("Input.b", "Option < B >")];
        assert_migrations(&old, &two, &[("Input.steps", After::Nothing)]);
        assert_migrations(&two, &new, &[("Input.a", After::Nothing), ("Input.b", After::Nothing)]);
        let other = [INPUT, ("Input.seed", "Option < Vec < Seed > >")];
        assert_migrations(&old, &other, &[("Input.steps", After::Nothing)]);
    }

    #[test]
    fn renamed_type_is_listed_once_without_its_members() {
        let ty = |name: &str| {
            [
                (name.to_owned(), "open enum".to_owned()),
                (format!("{name}::Small"), "0".to_owned()),
                ("Input.size".to_owned(), format!("Option < {name} >")),
            ]
        };
        let (old, new) = (ty("Size").into(), ty("Format").into());
        let found = find("", &old, &new);
        assert_eq!(
            found,
            [Migration { before: "Size".to_owned(), after: After::Renamed("Format".to_owned()) }]
        );
    }

    #[test]
    fn values_constants_and_types_are_listed() {
        let old = [
            ("Size", "enum"),
            ("Size::Pano", "0"),
            ("Input::DEFAULT_SEED", "u32"),
            ("Input.seed", "Option < u32 >"),
        ];
        let new = [("Size", "enum"), ("Input.seed", "Option < f64 >")];
        assert_migrations(
            &old,
            &new,
            &[
                ("Input.seed", After::Type("Option<f64>".to_owned())),
                ("Input::DEFAULT_SEED", After::Nothing),
                ("Size::Pano", After::Nothing),
            ],
        );
    }
}
