//! The names that users write in place of those that are gone.

use std::collections::BTreeMap;

use super::{
    finding::{Finding, Kind, Level, Part},
    items::{Items, compact},
};

/// The methods that return builders. Their types follow from the parameters that are required.
pub(super) const BUILDERS: [&str; 3] = ["::builder", "::builder_with", "::try_builder"];

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
    /// The parameter is required: its assignment as Markdown, and other values in place of the assigned one.
    Required(String, Vec<String>),
    /// The parameter accepts fewer values, as a sentence without its subject.
    Narrower(String),
    /// The number is written in another form: the new one, and the old one.
    Number(String, String),
}

/// Returns the migrations that follow from the changes of the parameters of an endpoint, and puts them in the place of
/// those that [`find`] made of the same names. `default` returns the default of a parameter.
pub(super) fn add_parameters(
    migrations: &mut Vec<Migration>,
    module: &str,
    items: &Items,
    found: &[Finding],
    default: impl Fn(&str) -> Option<f64>,
) {
    let place = |name: &str| if module.is_empty() { name.to_owned() } else { format!("{module}::{name}") };
    for finding in
        found.iter().filter(|finding| finding.part == Part::Input && finding.level == Level::Breaking)
    {
        let Some((field, signature)) = field(items.of(module), &finding.path) else { continue };
        let name = field.rsplit('.').next().unwrap_or(field);
        let after = match finding.kind {
            Kind::Added | Kind::BecameRequired => Some(required(name, signature, module, items)),
            Kind::Narrowed => {
                let path = format!("`{}` ", finding.path);
                Some(After::Narrower(finding.message.replacen(&path, "", 1)))
            }
            Kind::TypeChanged => number(&finding.from, &finding.to, default(&finding.path))
                .map(|(new, old)| After::Number(format!("{name}: {new}"), old)),
            _ => None,
        };
        let Some(after) = after else { continue };
        let before = place(field);
        // The type of a number has the name of the parameter.
        let alias = place(&plain(name));
        let is_replaced = |migration: &Migration| {
            let is_type = matches!(migration.after, After::Type(_));
            is_type && (migration.before == before || plain_path(&migration.before) == plain_path(&alias))
        };
        migrations.retain(|migration| !is_replaced(migration));
        let migration = Migration { before, after };
        if !migrations.contains(&migration) {
            migrations.push(migration);
        }
    }
}

/// Returns the field of a parameter, and its type.
fn field<'a>(items: &'a BTreeMap<String, String>, path: &str) -> Option<(&'a String, &'a String)> {
    let path = path.trim_end_matches("[]");
    let (owner, name) = path.rsplit_once('.').unwrap_or(("Input", path));
    items.iter().find(|(item, _)| {
        item.split_once('.').is_some_and(|(of, field)| of == owner && plain(field) == plain(name))
    })
}

/// Returns the assignment that a required parameter needs.
fn required(name: &str, signature: &str, module: &str, items: &Items) -> After {
    let ty = compact(signature);
    let variants = |module: &str| -> Vec<String> {
        let members = items.of(module).iter();
        let names = members.filter(|(item, fields)| item.starts_with(&format!("{ty}::")) && *fields == "0");
        names.map(|(item, _)| item.clone()).collect()
    };
    let mut values = variants(module);
    if values.is_empty() {
        values = variants("types");
    }
    let assignment = match ty.as_str() {
        _ if !values.is_empty() => format!("`{name}: {}`", values.remove(0)),
        "String" => format!("`{name}: \"…\"`"),
        "File" => format!("`{name}: \"https://…\"`"),
        "bool" => format!("`{name}: true`"),
        _ => format!("`{name}`, which has the type `{ty}`"),
    };
    After::Required(assignment, values)
}

/// Returns the new and the old form of a number whose type changes between an integer and a decimal number.
fn number(
    from: &serde_json::Value,
    to: &serde_json::Value,
    default: Option<f64>,
) -> Option<(String, String)> {
    let is_integer = |text: &str| text.starts_with("an integer");
    let is_decimal = |text: &str| text.starts_with("a number");
    let (from, to) = (from.as_str()?, to.as_str()?);
    let value = default.unwrap_or(1.0);
    let (integer, decimal) = (format!("{value:.0}"), format!("{:?}", value.round()));
    if is_integer(from) && is_decimal(to) {
        Some((decimal, integer))
    } else {
        (is_decimal(from) && is_integer(to)).then_some((integer, decimal))
    }
}

/// Returns the letters and digits of a name in lower case, which are alike for a parameter and its type.
fn plain(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).collect::<String>().to_lowercase()
}

/// Returns a path without the differences between names of parameters and of types.
fn plain_path(path: &str) -> (String, String) {
    let (module, name) = path.rsplit_once("::").unwrap_or(("", path));
    (module.to_owned(), name.to_lowercase())
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

    /// Returns the rows about the parameters of `dev` in the place of `rows`.
    fn rows(code: &str, finding: Finding, rows: &[(&str, After)]) -> Vec<(String, After)> {
        let sources = super::super::items::Sources::from([("dev.rs".to_owned(), code.to_owned())]);
        let items = Items::parse(&sources).unwrap_or_default();
        let row = |(before, after): &(&str, After)| Migration {
            before: format!("dev::{before}"),
            after: after.clone(),
        };
        let mut migrations: Vec<Migration> = rows.iter().map(row).collect();
        add_parameters(&mut migrations, "dev", &items, &[finding], |_| Some(30.0));
        migrations.into_iter().map(|migration| (migration.before, migration.after)).collect()
    }

    fn finding(kind: Kind, path: &str, message: &str, [from, to]: [&str; 2]) -> Finding {
        Finding {
            level: Level::Breaking,
            kind,
            part: Part::Input,
            path: path.to_owned(),
            message: message.to_owned(),
            reason: "",
            from: from.into(),
            to: to.into(),
        }
    }

    #[test]
    fn required_parameter_is_shown_as_users_write_it() {
        let code = "pub struct Input { pub render_tier: RenderTier, pub image: File, pub size: Size }
                    pub enum RenderTier { Draft, Final, Unlisted(String) }";
        let row = |path: &str| rows(code, finding(Kind::Added, path, "", [""; 2]), &[]).remove(0);
        let required = |assignment: &str, others: &[&str]| {
            After::Required(assignment.to_owned(), others.iter().map(|&other| other.to_owned()).collect())
        };
        let expected = required("`render_tier: RenderTier::Draft`", &["RenderTier::Final"]);
        assert_eq!(row("render_tier"), ("dev::Input.render_tier".to_owned(), expected));
        let old = [("Input.image", After::Type("File".to_owned()))];
        let image = rows(code, finding(Kind::BecameRequired, "image", "", [""; 2]), &old);
        assert_eq!(image, [("dev::Input.image".to_owned(), required("`image: \"https://…\"`", &[]))]);
        assert_eq!(row("size").1, required("`size`, which has the type `Size`", &[]));
        // Fields of outputs are not written.
        let mut output = finding(Kind::Added, "size", "", [""; 2]);
        output.part = Part::Output;
        assert_eq!(rows(code, output, &[]), []);
    }

    #[test]
    fn narrower_bound_and_other_form_of_a_number_have_a_row() {
        let code = "pub struct Input { pub motion_score: Option<MotionScore> }";
        let narrower = finding(
            Kind::Narrowed,
            "motion_score",
            "`motion_score` is between 1 and 8, was between 1 and 12",
            ["between 1 and 12", "between 1 and 8"],
        );
        let old = [("Input.motion_score", After::Type("Option<MotionScore>".to_owned()))];
        let after = After::Narrower("is between 1 and 8, was between 1 and 12".to_owned());
        assert_eq!(rows(code, narrower, &old), [("dev::Input.motion_score".to_owned(), after)]);

        let integer = "an integer between 0 and 100";
        let number = "a number between 0.0 and 100.0";
        let alias = [("MotionScore", After::Type("Float<bounds::MotionScore>".to_owned()))];
        for (from, to, new, old) in [(integer, number, "30.0", "30"), (number, integer, "30", "30.0")] {
            let found = rows(code, finding(Kind::TypeChanged, "motion_score", "", [from, to]), &alias);
            let after = After::Number(format!("motion_score: {new}"), old.to_owned());
            assert_eq!(found, [("dev::Input.motion_score".to_owned(), after)]);
        }
        let text = finding(Kind::TypeChanged, "motion_score", "", [integer, "a text"]);
        assert_eq!(rows(code, text, &alias).len(), 1);
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
