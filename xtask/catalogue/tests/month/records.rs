//! A month of records: unchanged, changed, new, removed and damaged ones.

use std::{collections::BTreeMap, fs, path::Path};

use serde_json::{Value, json};

use crate::ways::{Record, WAYS, Way};

/// The records that fal has by now, and what was done to them.
#[derive(Default)]
pub(crate) struct Month {
    /// The text of each record by the id of its endpoint.
    pub(crate) records: BTreeMap<String, String>,
    pub(crate) changed: Vec<Changed>,
    /// The ids of endpoints without a record.
    pub(crate) removed: Vec<String>,
    /// The ids of endpoints with a record that cannot be taken, with part of the reason.
    pub(crate) damaged: Vec<(String, &'static str)>,
}

/// A record that was changed.
pub(crate) struct Changed {
    pub(crate) id: String,
    /// The parameter or field. Empty for a change of the endpoint itself.
    pub(crate) property: String,
    pub(crate) way: &'static Way,
}

/// Damages a record, and returns its text. `None` if it has nothing to damage.
type Damage = fn(&mut Record) -> Option<String>;

/// The kinds of damage, each with part of the reason that is given.
const DAMAGES: [(&str, Damage); 5] = [
    ("EOF while parsing", |record| {
        let text = record.0.to_string();
        Some(text[..text.len() / 2].to_owned())
    }),
    ("the record is that of `another/endpoint`", |record| {
        record.0["endpoint_id"] = json!("another/endpoint");
        Some(record.0.to_string())
    }),
    ("fal has no document", |record| {
        record.0["openapi"] = json!({ "error": { "code": "expansion_failed" } });
        Some(record.0.to_string())
    }),
    ("#/components/schemas/Nowhere", |record| {
        let broken = json!({ "$ref": "#/components/schemas/Nowhere" });
        record.change_input(|schema| Some(std::mem::replace(schema, broken.as_object()?.clone())))?;
        Some(record.0.to_string())
    }),
    ("expected a JSON number", |record| {
        record.change_input(|schema| {
            schema.get("type").filter(|ty| *ty == "integer")?;
            Some(schema.insert("maximum".to_owned(), json!([40])))
        })?;
        Some(record.0.to_string())
    }),
];

/// A new endpoint that fal has no document of.
pub(crate) const UNDOCUMENTED: &str = "fal-ai/soon";

impl Month {
    /// Makes a month of the records of known endpoints and of `new` ones: `count` endpoints for each way, `removed` ones
    /// and `damaged` ones.
    pub(crate) fn new(
        known: BTreeMap<String, Value>,
        new: BTreeMap<String, Value>,
        [count, removed, damaged]: [usize; 3],
    ) -> Self {
        let mut month = Self::default();
        let (with_input, others): (BTreeMap<_, _>, BTreeMap<_, _>) =
            known.into_iter().partition(|(_, record)| Record(record.clone()).has_input());
        let mut left: Vec<Record> = with_input.into_values().map(Record).collect();
        for way in WAYS.iter().flat_map(|way| std::iter::repeat_n(way, count)) {
            let (id, property, text) = month.take(&mut left, way.name, |record| {
                let property = (way.apply)(record)?;
                Some((property, record.0.to_string()))
            });
            month.records.insert(id.clone(), text);
            month.changed.push(Changed { id, property, way });
        }
        for (reason, damage) in DAMAGES.iter().cycle().take(damaged) {
            let (id, (), text) = month.take(&mut left, reason, |record| Some(((), damage(record)?)));
            month.records.insert(id.clone(), text);
            month.damaged.push((id, reason));
        }
        month.removed = left.drain(..removed).map(|record| record.id()).collect();
        let rest = left.into_iter().map(|record| (record.id(), record.0)).chain(others).chain(new);
        month.records.extend(rest.map(|(id, record)| (id, record.to_string())));
        let undocumented = json!({
            "endpoint_id": UNDOCUMENTED,
            "metadata": { "display_name": "Soon", "category": "text-to-image", "status": "active" },
            "openapi": { "error": { "code": "expansion_failed", "message": "Failed to fetch OpenAPI schema" } },
        });
        month.records.insert(UNDOCUMENTED.to_owned(), undocumented.to_string());
        month
    }

    /// Takes the first record out of `left` that can be changed in a way.
    fn take<T>(
        &self,
        left: &mut Vec<Record>,
        name: &str,
        change: impl Fn(&mut Record) -> Option<(T, String)>,
    ) -> (String, T, String) {
        for index in 0..left.len() {
            let mut record = Record(left[index].0.clone());
            if let Some((found, text)) = change(&mut record) {
                return (left.remove(index).id(), found, text);
            }
        }
        panic!("no record is left that can get: {name}");
    }

    /// Writes the records to a folder.
    pub(crate) fn write(&self, folder: &Path) {
        for (id, text) in &self.records {
            let path = folder.join(format!("{id}.json"));
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
    }
}
