//! Reads `expected.md`, the table of expected outcomes.

use std::collections::BTreeMap;

use crate::fault::Kind;

const TABLE: &str = include_str!("expected.md");

/// A column of the table: a kind of request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Column {
    Billable,
    Status,
    Poll,
    Output,
    Cancel,
    Result,
    Failure,
}

/// The outcome of a call in which one request meets a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Outcome {
    /// The error of the call if the fault never goes away. `None` if the caller does not notice it.
    pub(crate) error: Option<Kind>,
    /// The request is sent again, up to the attempts of the retry policy.
    pub(crate) retries: bool,
    /// The request is sent again until the call times out.
    pub(crate) waits: bool,
    /// A `subscribe` that times out finds its job completed, and fetches the result.
    pub(crate) rescues: bool,
    /// The request is sent once more because the status says that the job has completed.
    pub(crate) rechecks: bool,
}

impl Outcome {
    /// The outcome of a fault that the caller does not notice.
    pub(crate) const OK: Self =
        Self { error: None, retries: false, waits: false, rescues: false, rechecks: false };

    /// Parses a cell of the table, such as `retry, Transport`.
    fn parse(cell: &str) -> Self {
        let mut outcome = Self::OK;
        for word in cell.split(", ") {
            match word {
                "ok" => {}
                "retry" => outcome.retries = true,
                "wait" => outcome.waits = true,
                "rescue" => outcome.rescues = true,
                "recheck" => outcome.rechecks = true,
                kind => outcome.error = Some(Kind::parse(kind)),
            }
        }
        outcome
    }
}

/// The table: the outcomes of each fault, by its name.
pub(crate) struct Expected(BTreeMap<&'static str, Vec<Outcome>>);

impl Expected {
    /// Parses the rows of the table.
    pub(crate) fn read() -> Self {
        let rows = TABLE.lines().filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |"));
        let rows = rows.skip(1).map(|row| {
            let mut cells = row.split(" | ");
            let name = cells.next().unwrap_or_default();
            (name, cells.map(Outcome::parse).collect())
        });
        Self(rows.collect())
    }

    /// Returns the names of the faults in the table.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().copied()
    }

    /// Returns the cell of a fault in a column.
    pub(crate) fn outcome(&self, fault: &str, column: Column) -> Outcome {
        let row = self.0.get(fault).unwrap_or_else(|| panic!("expected.md has no row for `{fault}`"));
        row[column as usize]
    }
}
