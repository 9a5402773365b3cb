//! The requests of each client for each operation.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::Path;

use super::shape::Shape;

/// A reader of the file that the emulator appends requests to.
pub(super) struct Feed(BufReader<File>);

impl Feed {
    pub(super) fn open(path: &Path) -> Result<Self, String> {
        let file = File::open(path).map_err(|error| format!("{}: {error}", path.display()))?;
        Ok(Self(BufReader::new(file)))
    }

    /// Returns the requests since the last call.
    pub(super) fn read(&mut self) -> Result<Vec<Shape>, String> {
        let mut shapes = Vec::new();
        loop {
            let mut line = String::new();
            let length = self.0.read_line(&mut line).map_err(|error| format!("the requests: {error}"))?;
            if length == 0 {
                return Ok(shapes);
            }
            let entry = serde_json::from_str(&line).map_err(|error| format!("a request: {error}: {line}"))?;
            shapes.extend(Shape::read(&entry));
        }
    }
}

/// The requests of every client by operation.
#[derive(Default)]
pub(super) struct Captures {
    /// In the order of their first occurrence.
    pub(super) operations: Vec<String>,
    shapes: BTreeMap<(String, String), Vec<Shape>>,
}

/// A difference between the requests of two clients for the same operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Difference {
    pub(super) operation: String,
    /// The client that ours is compared with.
    pub(super) client: String,
    pub(super) request: String,
    /// `request` if only one of them sends it, else `query`, `body` or the name of a header.
    pub(super) part: String,
    pub(super) ours: String,
    pub(super) theirs: String,
}

impl Captures {
    pub(super) fn add(&mut self, client: &str, operation: &str, shapes: Vec<Shape>) {
        if !self.operations.iter().any(|known| known == operation) {
            self.operations.push(operation.to_owned());
        }
        self.shapes.entry((client.to_owned(), operation.to_owned())).or_default().extend(shapes);
    }

    /// Fails if a client listed the parts of an upload in another order than that of their numbers. Stores of this kind
    /// may refuse that, although the emulator does not, because fal's Python client does it.
    pub(super) fn check_order_of_parts(&self, client: &str) -> Result<(), String> {
        let of_client = self.shapes.iter().filter(|((of, _), _)| of == client);
        let mut wrong =
            of_client.filter(|(_, shapes)| shapes.iter().any(|shape| !shape.lists_parts_in_order));
        match wrong.next() {
            Some(((_, operation), _)) => Err(format!("{client}, {operation}: the parts are not in order")),
            None => Ok(()),
        }
    }

    pub(super) fn has(&self, client: &str, operation: &str) -> bool {
        self.shapes.contains_key(&(client.to_owned(), operation.to_owned()))
    }

    /// Returns the differences between the requests of `ours` and of each of the `others`, for the operations that both ran.
    pub(super) fn differences(&self, ours: &str, others: &[&str]) -> Vec<Difference> {
        let lines = |client: &str, operation: &str| {
            self.shapes.get(&(client.to_owned(), operation.to_owned())).map(|shapes| by_line(shapes))
        };
        let mut differences = Vec::new();
        for operation in &self.operations {
            for &client in others {
                if let (Some(ours), Some(theirs)) = (lines(ours, operation), lines(client, operation)) {
                    let found =
                        differences_of(&ours, &theirs).into_iter().map(|(request, part, ours, theirs)| {
                            let (operation, client) = (operation.clone(), client.to_owned());
                            Difference { operation, client, request, part, ours, theirs }
                        });
                    differences.extend(found);
                }
            }
        }
        differences
    }
}

type Lines<'a> = BTreeMap<&'a str, Vec<&'a Shape>>;

fn by_line(shapes: &[Shape]) -> Lines<'_> {
    let mut lines = Lines::new();
    for shape in shapes {
        lines.entry(&shape.line).or_default().push(shape);
    }
    lines
}

fn differences_of(ours: &Lines<'_>, theirs: &Lines<'_>) -> Vec<(String, String, String, String)> {
    let mut found = Vec::new();
    let lines: BTreeSet<&str> = ours.keys().chain(theirs.keys()).copied().collect();
    for line in lines {
        let mut add = |part: &str, ours: String, theirs: String| {
            if ours != theirs {
                found.push((line.to_owned(), part.to_owned(), ours, theirs));
            }
        };
        match (ours.get(line), theirs.get(line)) {
            (Some(ours), Some(theirs)) => {
                let names: BTreeSet<&String> =
                    ours.iter().chain(theirs).flat_map(|shape| shape.parts.keys()).collect();
                for name in names {
                    add(name, values(ours, name), values(theirs, name));
                }
            }
            (ours, theirs) => add("request", sent(ours.is_some()), sent(theirs.is_some())),
        }
    }
    found
}

fn sent(is: bool) -> String {
    if is { "sent" } else { "not sent" }.to_owned()
}

/// Returns the distinct values of a part in requests of the same line, with `none` for a request without it.
fn values(shapes: &[&Shape], name: &str) -> String {
    let value = |shape: &&Shape| shape.parts.get(name).cloned().unwrap_or_else(|| "none".to_owned());
    shapes.iter().map(value).collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>().join(" or ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(line: &str, parts: &[(&str, &str)]) -> Shape {
        let parts = parts.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Shape { line: line.to_owned(), parts, lists_parts_in_order: true }
    }

    fn found(ours: Vec<Shape>, theirs: Vec<Shape>) -> Vec<(String, String, String, String)> {
        let mut captures = Captures::default();
        captures.add("A", "run", ours);
        captures.add("B", "run", theirs);
        let differences = captures.differences("A", &["B", "C"]);
        assert!(
            differences.iter().all(|difference| difference.operation == "run" && difference.client == "B")
        );
        differences.into_iter().map(|one| (one.request, one.part, one.ours, one.theirs)).collect()
    }

    fn expected(parts: [&str; 4]) -> (String, String, String, String) {
        let [request, part, ours, theirs] = parts.map(str::to_owned);
        (request, part, ours, theirs)
    }

    #[test]
    fn repetition_and_order_of_requests_are_ignored() {
        let (a, b) = (shape("GET a", &[("query", "logs=1")]), shape("GET a", &[]));
        let other = shape("GET b", &[]);
        assert_eq!(
            found(vec![a.clone(), other.clone(), b.clone()], vec![b.clone(), a.clone(), a.clone(), other]),
            []
        );
        assert_eq!(
            found(vec![a.clone()], vec![b, a]),
            [expected(["GET a", "query", "logs=1", "logs=1 or none"])]
        );
    }

    #[test]
    fn missing_requests_and_different_parts_are_reported() {
        let ours = vec![shape("GET a", &[]), shape("POST b", &[("accept", "*/*"), ("body", "{}")])];
        let theirs = vec![
            shape("POST b", &[("accept", "text/plain"), ("body", "{}"), ("x-a", "1")]),
            shape("PUT c", &[]),
        ];
        assert_eq!(
            found(ours, theirs),
            [
                expected(["GET a", "request", "sent", "not sent"]),
                expected(["POST b", "accept", "*/*", "text/plain"]),
                expected(["POST b", "x-a", "none", "1"]),
                expected(["PUT c", "request", "not sent", "sent"]),
            ]
        );
    }

    #[test]
    fn a_feed_continues_at_the_end_of_the_last_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("requests");
        let line = r#"{"method": "GET", "path": "/run/a", "headers": {"host": "fal.run"}}"#;
        std::fs::write(&path, format!("{line}\n")).unwrap();
        let mut feed = Feed::open(&path).unwrap();
        assert_eq!(feed.read().unwrap(), [shape("GET https://fal.run/a", &[])]);
        assert_eq!(feed.read().unwrap(), []);
        let mut file = File::options().append(true).open(&path).unwrap();
        std::io::Write::write_all(&mut file, format!("{line}\n").as_bytes()).unwrap();
        assert_eq!(feed.read().unwrap().len(), 1);
    }
}
