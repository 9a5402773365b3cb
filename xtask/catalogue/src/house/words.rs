//! The phrase book: `schemas/words/*.toml`.

use std::{cell::Cell, collections::BTreeMap, fs, path::Path, rc::Rc};

use serde::Deserialize;
use serde_json::Value;

/// What is said about parameters, fields, types and endpoints.
///
/// A phrase is looked for from the particular to the general: under the id of the endpoint and each of its
/// prefixes, under the kind of thing that the endpoint makes, and for any endpoint. In each place
/// `input.name` or `output.name` comes before `name`. For a field of any other type, `Type.name` in any place
/// comes before `name`.
#[derive(Debug, Default)]
pub(crate) struct Words {
    titles: BTreeMap<String, String>,
    endpoints: BTreeMap<String, About>,
    under: BTreeMap<String, Table>,
    types_under: BTreeMap<String, BTreeMap<String, String>>,
    kinds: BTreeMap<String, Table>,
    any: Table,
    types: BTreeMap<String, String>,
}

type Table = BTreeMap<String, Entry>;

/// A phrase, and whether anything has asked for it.
#[derive(Debug, Clone, Deserialize)]
#[serde(from = "Phrase")]
struct Entry {
    phrase: Phrase,
    /// Shared by the ids that one table serves.
    used: Rc<Cell<bool>>,
}

impl From<Phrase> for Entry {
    fn from(phrase: Phrase) -> Self {
        Self { phrase, used: Rc::default() }
    }
}

/// What is said about one endpoint.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct About {
    /// The model's name.
    pub(crate) name: String,
    /// What the endpoint does, in a sentence or two.
    pub(crate) does: String,
}

/// What is said about one name.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub(crate) enum Phrase {
    Text(String),
    WithExample { text: String, example: Value },
}

impl Phrase {
    pub(crate) fn text(&self) -> &str {
        match self {
            Self::Text(text) | Self::WithExample { text, .. } => text,
        }
    }

    pub(crate) fn example(&self) -> Option<&Value> {
        match self {
            Self::Text(_) => None,
            Self::WithExample { example, .. } => Some(example),
        }
    }
}

/// One file of the phrase book. With `app`, ids are relative to it: `""` is the app itself.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct File {
    app: Option<String>,
    /// What the family is, in a few words.
    title: Option<String>,
    endpoints: BTreeMap<String, About>,
    under: BTreeMap<String, Table>,
    kind: BTreeMap<String, Table>,
    any: Table,
    types: BTreeMap<String, String>,
}

/// Where a phrase is needed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place<'a> {
    pub(crate) id: &'a str,
    pub(crate) kind: &'a str,
    /// The type that the name belongs to: a component, `input` or `output`.
    pub(crate) owner: &'a str,
}

impl Words {
    /// Reads every file of a folder.
    pub(crate) fn read(folder: &Path) -> Result<Self, String> {
        let mut words = Self::default();
        let entries = fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        for entry in entries {
            let path = entry.map_err(|error| format!("{}: {error}", folder.display()))?.path();
            if path.extension().is_some_and(|extension| extension == "toml") {
                let failed = |error: String| format!("{}: {error}", path.display());
                let text = fs::read_to_string(&path).map_err(|error| failed(error.to_string()))?;
                words.add(&text).map_err(failed)?;
            }
        }
        Ok(words)
    }

    /// Adds the phrases of one file.
    pub(crate) fn add(&mut self, text: &str) -> Result<(), String> {
        let file: File = toml::from_str(text).map_err(|error| error.to_string().trim_end().to_owned())?;
        let whole = |id: &str| match &file.app {
            None => id.to_owned(),
            Some(app) if id.is_empty() => app.clone(),
            Some(app) => format!("{app}/{id}"),
        };
        if let (Some(app), Some(title)) = (&file.app, &file.title) {
            once(&mut self.titles, app.clone(), title.clone())?;
        }
        for (id, about) in &file.endpoints {
            once(&mut self.endpoints, whole(id), about.clone())?;
        }
        for (ids, table) in &file.under {
            // One table may serve several ids, with spaces between them.
            for id in ids.split(' ') {
                let place = self.under.entry(whole(id)).or_default();
                table.iter().try_for_each(|(name, phrase)| once(place, name.clone(), phrase.clone()))?;
            }
        }
        for (kind, table) in file.kind {
            let place = self.kinds.entry(kind).or_default();
            table.into_iter().try_for_each(|(name, phrase)| once(place, name, phrase))?;
        }
        file.any.into_iter().try_for_each(|(name, phrase)| once(&mut self.any, name, phrase))?;
        let types = match file.app {
            Some(app) => self.types_under.entry(app).or_default(),
            None => &mut self.types,
        };
        file.types.into_iter().try_for_each(|(name, text)| once(types, name, text))
    }

    /// What the family of an app is.
    pub(crate) fn title(&self, app: &str) -> Option<&str> {
        self.titles.get(app).map(String::as_str)
    }

    pub(crate) fn endpoint(&self, id: &str) -> Option<&About> {
        self.endpoints.get(id)
    }

    /// What a type is. It belongs to one app, or means the same in all.
    pub(crate) fn of_type(&self, id: &str, name: &str) -> Option<&str> {
        let own = prefixes(id).find_map(|prefix| self.types_under.get(prefix)?.get(name));
        own.or_else(|| self.types.get(name)).map(String::as_str)
    }

    /// What a parameter or field is.
    pub(crate) fn of_name(&self, place: Place<'_>, name: &str) -> Option<&Phrase> {
        let entry = self.entry(place, name)?;
        entry.used.set(true);
        Some(&entry.phrase)
    }

    fn entry(&self, place: Place<'_>, name: &str) -> Option<&Entry> {
        let qualified = format!("{}.{name}", place.owner);
        let tables = || {
            let under = prefixes(place.id).filter_map(|prefix| self.under.get(prefix));
            under.chain(self.kinds.get(place.kind)).chain([&self.any])
        };
        // What is said about a field of a type beats what is said about parameters of its name.
        let of_type = || tables().find_map(|table| table.get(&qualified));
        match place.owner {
            "input" | "output" => {
                tables().find_map(|table| table.get(&qualified).or_else(|| table.get(name)))
            }
            _ => of_type().or_else(|| tables().find_map(|table| table.get(name))),
        }
    }
}

#[cfg(test)]
impl Words {
    /// The phrases that nothing has asked for, as `place: name`.
    pub(crate) fn unused(&self) -> Vec<String> {
        let tables = self.under.iter().chain(&self.kinds).map(|(place, table)| (place.as_str(), table));
        let tables = tables.chain([("any", &self.any)]);
        let unused = tables.flat_map(|(place, table)| {
            let unused = table.iter().filter(|(_, entry)| !entry.used.get());
            unused.map(move |(name, _)| format!("{place}: {name}"))
        });
        unused.collect()
    }
}

/// An id and what is before each of its slashes, the longest first.
fn prefixes(id: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(id), |id| Some(id.rsplit_once('/')?.0))
}

/// Two files may not say the same thing twice.
fn once<T>(table: &mut BTreeMap<String, T>, key: String, value: T) -> Result<(), String> {
    match table.insert(key.clone(), value) {
        None => Ok(()),
        Some(_) => Err(format!("`{key}` is already in the phrase book")),
    }
}
