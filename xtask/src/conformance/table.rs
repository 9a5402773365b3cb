//! The table of results by operation and client: passed, failed, or a known defect of the client.

use std::fmt;

use serde_json::Value;

/// The result of an operation.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Cell {
    Passed,
    /// With the message of the driver.
    Failed(String),
}

/// A known defect of a client, which fails against any server.
pub(super) struct Defect {
    client: String,
    operation: String,
    /// Text that the message of the failure must contain.
    error: String,
    reason: String,
}

impl Defect {
    pub(super) fn read(entry: &Value) -> Option<Self> {
        let text = |name: &str| entry.get(name)?.as_str().map(str::to_owned);
        let (client, operation) = (text("client")?, text("operation")?);
        Some(Self { client, operation, error: text("error")?, reason: text("reason")? })
    }
}

/// The results of all clients.
pub(super) struct Table {
    defects: Vec<Defect>,
    clients: Vec<(String, String)>,
    /// In the order of their first occurrence.
    operations: Vec<String>,
    cells: Vec<(String, String, Cell)>,
    /// The operations of each client that must be reported.
    expected: Vec<(String, String)>,
}

impl Table {
    pub(super) fn new(defects: Vec<Defect>) -> Self {
        Self { defects, clients: Vec::new(), operations: Vec::new(), cells: Vec::new(), expected: Vec::new() }
    }

    /// Requires a result of each client for each of its operations, and no others, after all operations.
    pub(super) fn expect(&mut self, cells: &Value) -> Result<(), String> {
        let clients = cells.as_object().ok_or("the expected cells must be an object")?;
        for (client, operations) in clients {
            let names = operations.as_array().into_iter().flatten().filter_map(Value::as_str);
            self.expected.extend(names.map(|operation| (client.clone(), operation.to_owned())));
        }
        Ok(())
    }

    /// Returns the differences between the expected cells and those that were reported.
    fn unexpected(&self) -> Vec<String> {
        if self.expected.is_empty() {
            return Vec::new();
        }
        let has = |(client, operation): &(String, String)| self.cell(client, operation).is_some();
        let gone = self.expected.iter().filter(|cell| !has(cell)).map(|(client, operation)| {
            format!("{client}, {operation}: was not run; remove it from cells.json if that is intended")
        });
        let new = self.cells.iter().filter(|(client, operation, _)| {
            !self.expected.iter().any(|(of, known)| of == client && known == operation)
        });
        let new =
            new.map(|(client, operation, _)| format!("{client}, {operation}: is not in cells.json; add it"));
        gone.chain(new).collect()
    }

    pub(super) fn add_client(&mut self, client: &str, version: &str) {
        if !self.clients.iter().any(|(known, _)| known == client) {
            self.clients.push((client.to_owned(), version.to_owned()));
        }
    }

    pub(super) fn set(&mut self, client: &str, operation: &str, cell: Cell) {
        if !self.operations.iter().any(|known| known == operation) {
            self.operations.push(operation.to_owned());
        }
        self.cells.retain(|(of, known, _)| of != client || known != operation);
        self.cells.push((client.to_owned(), operation.to_owned(), cell));
    }

    /// Fails if an operation failed without a known defect or, after all operations, a known defect did not occur.
    pub(super) fn verdict(&self, all: bool) -> Result<(), String> {
        let mut problems: Vec<String> = self
            .cells
            .iter()
            .filter_map(|(client, operation, cell)| match (cell, self.defect(client, operation, cell)) {
                (Cell::Failed(error), None) => Some(format!("{client}, {operation}: {error}")),
                _ => None,
            })
            .collect();
        for (client, version) in &self.clients {
            if !self.cells.iter().any(|(of, ..)| of == client) {
                problems.push(format!("{client} {version}: the driver reported nothing"));
            }
        }
        let still = |defect: &Defect| {
            let cell = self.cell(&defect.client, &defect.operation);
            cell.is_some_and(|cell| self.defect(&defect.client, &defect.operation, cell).is_some())
        };
        if all {
            let gone = self.defects.iter().filter(|defect| !still(defect));
            problems.extend(gone.map(|defect| {
                let Defect { client, operation, .. } = defect;
                format!("{client}, {operation}: no longer the known defect; remove it from defects.json")
            }));
            problems.extend(self.unexpected());
        }
        if problems.is_empty() { Ok(()) } else { Err(problems.join("\n       ")) }
    }

    fn cell(&self, client: &str, operation: &str) -> Option<&Cell> {
        self.cells.iter().find(|(of, known, _)| of == client && known == operation).map(|(_, _, cell)| cell)
    }

    /// Returns the known defect that explains a failure, with its number.
    fn defect(&self, client: &str, operation: &str, cell: &Cell) -> Option<(usize, &Defect)> {
        let Cell::Failed(error) = cell else {
            return None;
        };
        let known = |defect: &&Defect| {
            defect.client == client && defect.operation == operation && error.contains(&defect.error)
        };
        self.defects.iter().position(|defect| known(&defect)).map(|index| (index + 1, &self.defects[index]))
    }
}

impl fmt::Display for Table {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let widest = self.operations.iter().map(|operation| operation.chars().count()).max().unwrap_or(0);
        let titles: Vec<String> =
            self.clients.iter().map(|(client, version)| format!("{client} {version}")).collect();
        write!(out, "{:widest$}", "")?;
        for title in &titles {
            write!(out, "  {title}")?;
        }
        for operation in &self.operations {
            write!(out, "\n{operation:widest$}")?;
            for ((client, _), title) in self.clients.iter().zip(&titles) {
                let width = title.chars().count();
                let text = match self.cell(client, operation) {
                    None => "-".to_owned(),
                    Some(Cell::Passed) => "pass".to_owned(),
                    Some(cell) => match self.defect(client, operation, cell) {
                        Some((number, _)) => format!("defect {number}"),
                        None => "FAIL".to_owned(),
                    },
                };
                write!(out, "  {text:width$}")?;
            }
        }
        writeln!(out)?;
        for (index, defect) in self.defects.iter().enumerate() {
            write!(out, "\ndefect {}: {}", index + 1, defect.reason)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn table(cell: Cell) -> Table {
        let defect = json!({"client": "A", "operation": "run", "error": "odd", "reason": "It is odd."});
        let mut table = Table::new(vec![Defect::read(&defect).unwrap()]);
        table.add_client("A", "1.0");
        table.set("A", "run", cell);
        table
    }

    #[test]
    fn only_a_failure_with_the_known_message_is_a_defect() {
        let known = table(Cell::Failed("how odd".to_owned()));
        assert_eq!(known.verdict(true), Ok(()));
        assert!(known.to_string().contains("run  defect 1"), "{known}");
        let other = table(Cell::Failed("worse".to_owned()));
        assert!(other.verdict(true).unwrap_err().starts_with("A, run: worse"));
        assert!(other.to_string().contains("FAIL"));
    }

    #[test]
    fn a_cell_that_vanished_or_is_new_fails() {
        let mut table = table(Cell::Failed("odd".to_owned()));
        table.expect(&json!({"A": ["run", "cancel"], "B": ["run"]})).unwrap();
        table.set("A", "upload", Cell::Passed);
        let problems = table.verdict(true).unwrap_err();
        for problem in ["A, cancel: was not run", "B, run: was not run", "A, upload: is not in cells.json"] {
            assert!(problems.contains(problem), "{problems}");
        }
        assert_eq!(table.verdict(false), Ok(()));
    }

    #[test]
    fn a_fixed_defect_and_a_silent_driver_fail() {
        assert!(table(Cell::Passed).verdict(true).unwrap_err().contains("no longer"));
        assert_eq!(table(Cell::Passed).verdict(false), Ok(()));
        let mut silent = table(Cell::Failed("odd".to_owned()));
        silent.add_client("B", "2.0");
        assert!(silent.verdict(true).unwrap_err().contains("B 2.0: the driver reported nothing"));
    }
}
