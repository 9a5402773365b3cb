//! The rows of a batch: CSV with a header, or lines of JSON objects.

use std::path::Path;

use serde_json::{Map, Value};

use crate::failure::{Failure, Result};
use crate::input::read_text;

/// The rows of a table, with the names of its columns.
pub(crate) struct Rows {
    pub(crate) columns: Vec<String>,
    pub(crate) rows: Vec<Map<String, Value>>,
}

impl Rows {
    /// Reads a file, or lines of JSON from stdin for `-`. A name that ends in `.csv` is that of a CSV file.
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let shown = path.display();
        let failure = |problem: &dyn std::fmt::Display| Failure::usage(format!("{shown}: {problem}"));
        let text = read_text(path).map_err(|problem| failure(&problem))?;
        let is_csv = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("csv"));
        let rows = if is_csv { parse_csv(&text) } else { parse_json_lines(&text) };
        let rows = rows.map_err(|problem| failure(&problem))?;
        match rows.rows.is_empty() {
            true => Err(failure(&"it has no row")),
            false => Ok(rows),
        }
    }
}

fn parse_csv(text: &str) -> std::result::Result<Rows, String> {
    let mut reader = csv::Reader::from_reader(text.trim_start_matches('\u{feff}').as_bytes());
    let columns: Vec<String> = reader
        .headers()
        .map_err(|error| error.to_string())?
        .iter()
        .map(|name| name.trim().to_owned())
        .collect();
    if let Some(twice) = columns.iter().enumerate().find(|(index, name)| columns[..*index].contains(name)) {
        return Err(format!("the column `{}` occurs twice", twice.1));
    }
    let rows = reader.records().map(|record| {
        let record = record.map_err(|error| error.to_string())?;
        // An empty cell is a parameter that is left out.
        let cells = columns.iter().zip(record.iter()).filter(|(_, cell)| !cell.is_empty());
        Ok(cells.map(|(name, cell)| (name.clone(), Value::from(cell))).collect())
    });
    let rows: std::result::Result<Vec<_>, String> = rows.collect();
    Ok(Rows { rows: rows?, columns })
}

fn parse_json_lines(text: &str) -> std::result::Result<Rows, String> {
    let mut columns: Vec<String> = Vec::new();
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let rows: std::result::Result<Vec<Map<String, Value>>, String> = lines
        .map(|(index, line)| {
            serde_json::from_str(line)
                .map_err(|error| format!("line {} is not a JSON object: {error}", index + 1))
        })
        .collect();
    let rows = rows?;
    for name in rows.iter().flat_map(Map::keys) {
        if !columns.contains(name) {
            columns.push(name.clone());
        }
    }
    Ok(Rows { columns, rows })
}

/// Replaces each `{column}` of a text by the value of the row. `{{` stands for `{`.
///
/// # Errors
///
/// Returns a message for a column that does not exist.
pub(crate) fn fill(
    text: &str,
    columns: &[String],
    row: &Map<String, Value>,
) -> std::result::Result<String, String> {
    let mut filled = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        filled.push_str(before);
        if let Some(after) = after.strip_prefix('{') {
            filled.push('{');
            rest = after;
            continue;
        }
        match after.split_once('}') {
            Some((name, after)) if columns.iter().any(|column| column == name) => {
                filled.push_str(&row.get(name).map(crate::model::parameter::value_text).unwrap_or_default());
                rest = after;
            }
            Some((name, _)) => {
                return Err(format!("there is no column `{name}`; there are {}", columns.join(", ")));
            }
            None => return Err("a `{` has no `}`; write {{ for a brace".to_owned()),
        }
    }
    filled.push_str(rest);
    Ok(filled)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn cells_and_lines_are_rows() {
        let rows = parse_csv("\u{feff}prompt,seed\n\"a, b\",7\nc,\n").unwrap();
        assert_eq!(rows.columns, ["prompt", "seed"]);
        assert_eq!(Value::from(rows.rows[0].clone()), json!({"prompt": "a, b", "seed": "7"}));
        assert_eq!(Value::from(rows.rows[1].clone()), json!({"prompt": "c"}));
        assert!(parse_csv("a,a\n1,2\n").is_err());
        assert!(parse_csv("a,b\n1\n").is_err_and(|problem| problem.contains("line")));
        let rows = parse_json_lines("{\"a\": 1}\n\n{\"b\": [2]}\n").unwrap();
        assert_eq!((rows.columns.as_slice(), rows.rows.len()), (&["a".to_owned(), "b".to_owned()][..], 2));
        assert!(parse_json_lines("{}\n[1]").is_err_and(|problem| problem.starts_with("line 2")));
    }

    #[test]
    fn columns_fill_texts() {
        let row = json!({"animal": "cat", "n": 3}).as_object().unwrap().clone();
        let columns = ["animal", "n", "empty"].map(str::to_owned);
        let filled = |text| fill(text, &columns, &row);
        assert_eq!(filled("a {animal} {n}{empty}").unwrap(), "a cat 3");
        assert_eq!(filled("{{animal}").unwrap(), "{animal}");
        assert!(filled("{dog}").is_err() && filled("{cat").is_err());
    }
}
