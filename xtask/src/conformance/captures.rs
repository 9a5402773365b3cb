//! The requests of each client for each operation.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::Path;

use super::shape::Shape;

/// The file into which the emulator writes requests, as far as it was read.
pub(super) struct Feed(BufReader<File>);

impl Feed {
    pub(super) fn open(path: &Path) -> Result<Self, String> {
        let file = File::open(path).map_err(|error| format!("{}: {error}", path.display()))?;
        Ok(Self(BufReader::new(file)))
    }

    /// The requests that came since the last time.
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

#[derive(Default)]
pub(super) struct Captures {
    /// In the order in which they were first heard of.
    pub(super) operations: Vec<String>,
    shapes: BTreeMap<(String, String), Vec<Shape>>,
}

/// Something about the requests for an operation in which two clients differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Difference {
    pub(super) operation: String,
    /// Whose requests ours are compared with.
    pub(super) client: String,
    pub(super) request: String,
    /// `request` where only one of them sends it; else `query`, `body`, or the name of a header.
    pub(super) what: String,
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

    pub(super) fn has(&self, client: &str, operation: &str) -> bool {
        self.shapes.contains_key(&(client.to_owned(), operation.to_owned()))
    }

    /// How the requests of `ours` differ from those of each of the `others`, where both did the operation.
    pub(super) fn differences(&self, ours: &str, others: &[&str]) -> Vec<Difference> {
        let of = |client: &str, operation: &str| {
            self.shapes.get(&(client.to_owned(), operation.to_owned())).map(|shapes| by_line(shapes))
        };
        let mut differences = Vec::new();
        for operation in &self.operations {
            for &client in others {
                if let (Some(ours), Some(theirs)) = (of(ours, operation), of(client, operation)) {
                    let found = between(&ours, &theirs).into_iter().map(|(request, what, ours, theirs)| {
                        let (operation, client) = (operation.clone(), client.to_owned());
                        Difference { operation, client, request, what, ours, theirs }
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

fn between(ours: &Lines<'_>, theirs: &Lines<'_>) -> Vec<(String, String, String, String)> {
    let mut found = Vec::new();
    let lines: BTreeSet<&str> = ours.keys().chain(theirs.keys()).copied().collect();
    for line in lines {
        let mut add = |what: &str, ours: String, theirs: String| {
            if ours != theirs {
                found.push((line.to_owned(), what.to_owned(), ours, theirs));
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

/// What requests of one line say about something; `none` where one says nothing.
fn values(shapes: &[&Shape], name: &str) -> String {
    let value = |shape: &&Shape| shape.parts.get(name).cloned().unwrap_or_else(|| "none".to_owned());
    shapes.iter().map(value).collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>().join(" or ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(line: &str, parts: &[(&str, &str)]) -> Shape {
        let parts = parts.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Shape { line: line.to_owned(), parts }
    }

    fn found(ours: Vec<Shape>, theirs: Vec<Shape>) -> Vec<(String, String, String, String)> {
        let mut captures = Captures::default();
        captures.add("A", "run", ours);
        captures.add("B", "run", theirs);
        let told = captures.differences("A", &["B", "C"]);
        assert!(told.iter().all(|difference| difference.operation == "run" && difference.client == "B"));
        told.into_iter().map(|one| (one.request, one.what, one.ours, one.theirs)).collect()
    }

    fn told(parts: [&str; 4]) -> (String, String, String, String) {
        let [request, what, ours, theirs] = parts.map(str::to_owned);
        (request, what, ours, theirs)
    }

    #[test]
    fn how_often_and_in_which_order_makes_no_difference() {
        let (a, b) = (shape("GET a", &[("query", "logs=1")]), shape("GET a", &[]));
        let other = shape("GET b", &[]);
        assert_eq!(
            found(vec![a.clone(), other.clone(), b.clone()], vec![b.clone(), a.clone(), a.clone(), other]),
            []
        );
        assert_eq!(
            found(vec![a.clone()], vec![b, a]),
            [told(["GET a", "query", "logs=1", "logs=1 or none"])]
        );
    }

    #[test]
    fn requests_and_their_parts_are_compared() {
        let ours = vec![shape("GET a", &[]), shape("POST b", &[("accept", "*/*"), ("body", "{}")])];
        let theirs = vec![
            shape("POST b", &[("accept", "text/plain"), ("body", "{}"), ("x-a", "1")]),
            shape("PUT c", &[]),
        ];
        assert_eq!(
            found(ours, theirs),
            [
                told(["GET a", "request", "sent", "not sent"]),
                told(["POST b", "accept", "*/*", "text/plain"]),
                told(["POST b", "x-a", "none", "1"]),
                told(["PUT c", "request", "not sent", "sent"]),
            ]
        );
    }

    #[test]
    fn the_file_is_read_on_from_where_it_was_left() {
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
