//! The descriptions of `schemas/descriptions/*.toml`.

use std::{cell::Cell, collections::BTreeMap, fs, path::Path, rc::Rc};

use serde::Deserialize;
use serde_json::Value;

use super::rules::Rule;

/// Descriptions of families, endpoints, types and properties.
///
/// The most specific description of a property wins: one for the endpoint or a prefix of its id, then one for the kind
/// of output that the endpoint makes, then one for any endpoint. At each of these levels, `input.name` and
/// `output.name` win over `name`. For a field of any other type, `Type.name` at any level wins over `name`.
#[derive(Debug, Default)]
pub(crate) struct Descriptions {
    titles: BTreeMap<String, String>,
    endpoints: BTreeMap<String, EndpointDescription>,
    under: BTreeMap<String, Table>,
    types_under: BTreeMap<String, BTreeMap<String, String>>,
    kinds: BTreeMap<String, Table>,
    any: Table,
    types: BTreeMap<String, String>,
    rules: Vec<Rule>,
}

type Table = BTreeMap<String, Entry>;

/// A description of a property, with its file and a mark that a document uses it.
#[derive(Debug, Clone, Deserialize)]
#[serde(from = "Description")]
struct Entry {
    description: Description,
    /// The file that has the description.
    file: Rc<str>,
    /// Shared by the ids of a table that serves several.
    used: Rc<Cell<bool>>,
}

impl From<Description> for Entry {
    fn from(description: Description) -> Self {
        Self { description, file: Rc::default(), used: Rc::default() }
    }
}

/// The name and the description of an endpoint.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct EndpointDescription {
    /// The model's name.
    pub(crate) name: String,
    /// One or two sentences about what the endpoint does.
    pub(crate) description: String,
    /// The category, in place of a wrong one in the record.
    pub(crate) category: Option<String>,
}

/// The description of a property, with an example value if it has one.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub(crate) enum Description {
    Text(String),
    WithExample { text: String, example: Value },
}

impl Description {
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

/// The content of one file. With `app`, ids are relative to it, and `""` is the app itself.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct File {
    app: Option<String>,
    /// A short title of the family.
    title: Option<String>,
    /// Short titles of families by app, in a file that describes several.
    titles: BTreeMap<String, String>,
    endpoints: BTreeMap<String, EndpointDescription>,
    under: BTreeMap<String, Table>,
    kind: BTreeMap<String, Table>,
    any: Table,
    types: BTreeMap<String, String>,
    /// Rules between parameters.
    rules: Vec<Rule>,
}

/// The property that a description is needed for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Context<'a> {
    pub(crate) endpoint_id: &'a str,
    /// The kind of output of the endpoint, such as `image`.
    pub(crate) kind: &'a str,
    /// The type that has the property: the name of a component, `input` or `output`.
    pub(crate) owner: &'a str,
}

impl Descriptions {
    /// Reads every file of a folder.
    pub(crate) fn read(folder: &Path) -> Result<Self, String> {
        let mut descriptions = Self::default();
        let entries = fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        for entry in entries {
            let path = entry.map_err(|error| format!("{}: {error}", folder.display()))?.path();
            if path.extension().is_some_and(|extension| extension == "toml") {
                let failed = |error: String| format!("{}: {error}", path.display());
                let text = fs::read_to_string(&path).map_err(|error| failed(error.to_string()))?;
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                descriptions.add(&name, &text).map_err(failed)?;
            }
        }
        Ok(descriptions)
    }

    /// Adds the descriptions of one file. `name` is its name in messages.
    pub(crate) fn add(&mut self, name: &str, text: &str) -> Result<(), String> {
        let mut file: File = toml::from_str(text).map_err(|error| error.to_string().trim_end().to_owned())?;
        let name: Rc<str> = name.into();
        for entry in file
            .under
            .values_mut()
            .chain(file.kind.values_mut())
            .chain([&mut file.any])
            .flat_map(Table::values_mut)
        {
            entry.file = name.clone();
        }
        let full_id = |id: &str| match &file.app {
            None => id.to_owned(),
            Some(app) if id.is_empty() => app.clone(),
            Some(app) => format!("{app}/{id}"),
        };
        if let (Some(app), Some(title)) = (&file.app, &file.title) {
            insert_new(&mut self.titles, app.clone(), title.clone())?;
        }
        std::mem::take(&mut file.titles)
            .into_iter()
            .try_for_each(|(app, title)| insert_new(&mut self.titles, app, title))?;
        for (id, endpoint) in &file.endpoints {
            insert_new(&mut self.endpoints, full_id(id), endpoint.clone())?;
        }
        for (ids, table) in &file.under {
            // One table may serve several ids, separated by spaces.
            for id in ids.split(' ') {
                let under = self.under.entry(full_id(id)).or_default();
                table.iter().try_for_each(|(name, entry)| insert_new(under, name.clone(), entry.clone()))?;
            }
        }
        for mut rule in std::mem::take(&mut file.rules) {
            rule.endpoints.iter_mut().for_each(|id| *id = full_id(id));
            self.rules.push(rule);
        }
        for (kind, table) in file.kind {
            let kind = self.kinds.entry(kind).or_default();
            table.into_iter().try_for_each(|(name, entry)| insert_new(kind, name, entry))?;
        }
        file.any.into_iter().try_for_each(|(name, entry)| insert_new(&mut self.any, name, entry))?;
        let types = match file.app {
            Some(app) => self.types_under.entry(app).or_default(),
            None => &mut self.types,
        };
        file.types.into_iter().try_for_each(|(name, text)| insert_new(types, name, text))
    }

    /// Returns the title of the family of an app.
    pub(crate) fn title(&self, app: &str) -> Option<&str> {
        self.titles.get(app).map(String::as_str)
    }

    pub(crate) fn endpoint(&self, id: &str) -> Option<&EndpointDescription> {
        self.endpoints.get(id).filter(|endpoint| !endpoint.description.trim().is_empty())
    }

    /// Returns the rules between the parameters of an endpoint.
    pub(crate) fn rules(&self, id: &str) -> Vec<&Rule> {
        self.rules.iter().filter(|rule| rule.endpoints.iter().any(|endpoint| endpoint == id)).collect()
    }

    /// Returns the description of a type. One that belongs to the app wins over one for all apps.
    pub(crate) fn type_text(&self, endpoint_id: &str, name: &str) -> Option<&str> {
        let own = prefixes(endpoint_id).find_map(|prefix| self.types_under.get(prefix)?.get(name));
        own.or_else(|| self.types.get(name)).map(String::as_str).filter(|text| !text.trim().is_empty())
    }

    /// Returns the description of a parameter or a field and its file, and marks it as used. An empty one counts as missing.
    pub(crate) fn property(&self, context: Context<'_>, name: &str) -> Option<(&Description, &str)> {
        let entry = self.entry(context, name)?;
        entry.used.set(true);
        Some((&entry.description, &*entry.file)).filter(|_| !entry.description.text().trim().is_empty())
    }

    fn entry(&self, context: Context<'_>, name: &str) -> Option<&Entry> {
        let qualified = format!("{}.{name}", context.owner);
        let tables = || {
            let under = prefixes(context.endpoint_id).filter_map(|prefix| self.under.get(prefix));
            under.chain(self.kinds.get(context.kind)).chain([&self.any])
        };
        // The description of a field of this type wins over that of parameters with its name.
        let by_type = || tables().find_map(|table| table.get(&qualified));
        match context.owner {
            "input" | "output" => {
                tables().find_map(|table| table.get(&qualified).or_else(|| table.get(name)))
            }
            _ => by_type().or_else(|| tables().find_map(|table| table.get(name))),
        }
    }
}

#[cfg(test)]
impl Descriptions {
    /// Returns the descriptions that were never looked up, as `level: name`.
    pub(crate) fn unused(&self) -> Vec<String> {
        let tables = self.under.iter().chain(&self.kinds).map(|(level, table)| (level.as_str(), table));
        let tables = tables.chain([("any", &self.any)]);
        let unused = tables.flat_map(|(level, table)| {
            let unused = table.iter().filter(|(_, entry)| !entry.used.get());
            unused.map(move |(name, _)| format!("{level}: {name}"))
        });
        unused.collect()
    }
}

/// Returns an id and its prefixes at slashes, the longest first.
fn prefixes(id: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(id), |id| Some(id.rsplit_once('/')?.0))
}

/// Inserts a value, or fails if there is one already: two files must not describe the same thing.
fn insert_new<T>(table: &mut BTreeMap<String, T>, key: String, value: T) -> Result<(), String> {
    match table.insert(key.clone(), value) {
        None => Ok(()),
        Some(_) => Err(format!("`{key}` is described twice in schemas/descriptions")),
    }
}
