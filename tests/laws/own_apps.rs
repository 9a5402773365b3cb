//! Laws of types that are generated from the documents of fal apps, judged by pydantic: the models of the apps decide
//! which inputs they accept, and what they send.
//!
//! `cargo xtask conformance --own-apps` installs fal's Python package and runs this. pydantic is asked twice about an
//! input. Its strict mode accepts what the document promises. Its lax mode also converts, such as texts into numbers,
//! which the document does not promise, so that a type may accept or refuse these. `OWN_APPS_SEED` draws other instances.

use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead, BufReader, Write},
    path::PathBuf,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

use fal_codegen::{Generated, Generator, Options, Source, report::Status};
use serde_json::{Value, json};

use crate::{
    cases::{Amounts, Case, cases},
    compare::Direction,
    documents::Document,
    harness::{Harness, Session},
    schema::Schema,
};

/// The number of cases of each route.
const AMOUNTS: Amounts = Amounts { inputs: 150, outputs: 60 };

/// Texts for formats that pydantic checks, of which a schema says only the name.
const FORMATS: &[(&str, &[&str])] = &[
    ("date-time", &["2024-05-06T07:08:09Z"]),
    ("date", &["2024-05-06"]),
    ("time", &["07:08:09"]),
    ("duration", &["PT1S", "P1DT2H"]),
    ("uuid", &["6fa459ea-ee8a-3ca4-894e-db77e160355e"]),
    ("uri", &["https://example.com/a?b=c"]),
    ("ipv4", &["127.0.0.1"]),
    ("base64", &["aGVsbG8="]),
    ("base64url", &["aGVsbG8="]),
    ("binary", &["hello"]),
    ("password", &["secret"]),
    ("path", &["/data/a"]),
];

#[test]
#[ignore = "needs fal's Python package; `cargo xtask conformance --own-apps` runs it"]
fn types_of_own_apps_agree_with_pydantic() {
    let python = std::env::var("FAL_CONFORMANCE_PYTHON").unwrap();
    let conformance = fal_tests::root().join("tests/conformance");
    let (mut judge, documents) = Judge::start(&python, &apps());

    let mut differences = Vec::new();
    let mut all = Generated::default();
    for (app, document) in &documents {
        match generate(app, document) {
            Ok(generated) => {
                generated.tree.iter().for_each(|(path, text)| all.tree.insert(path, text));
                all.report.endpoints.extend(generated.report.endpoints);
            }
            Err(errors) => differences.push(Difference::new(app, "", "no code", errors)),
        }
    }
    let (harness, failed) = Harness::compile("own-apps", all);
    for (krate, messages) in &failed {
        differences.push(Difference::new(
            krate.trim_start_matches("fal-me-"),
            "",
            "does not compile",
            messages,
        ));
    }
    for warning in &harness.warnings {
        let app = warning
            .split("crates/fal-me-")
            .nth(1)
            .and_then(|rest| rest.split('/').next())
            .unwrap_or_default();
        differences.push(Difference::new(&app.replace('-', "_"), "", "a warning", warning));
    }
    let mut session = harness.start();
    let mut count = 0;
    for entry in &harness.generated.report.endpoints {
        let id = entry.id.trim_start_matches("me/");
        let (app, path) = id.split_once('/').unwrap_or((id, ""));
        let broken = entry.krate.as_ref().is_some_and(|krate| failed.contains_key(krate));
        if entry.status == Status::Skipped || broken {
            println!("not judged: {}: {:?}", entry.id, entry.reason);
            continue;
        }
        let route = Route { app, path: format!("/{path}"), id: &entry.id };
        let cases = route.cases(&documents[app]);
        count += cases.len();
        for case in &cases {
            differences.extend(route.check(case, &mut session, &mut judge));
        }
    }
    let exceptions = fs::read_to_string(conformance.join("own_apps.json")).unwrap();
    let exceptions: Vec<Exception> = serde_json::from_str(&exceptions).unwrap();
    println!("{count} instances, {} differences, {} exceptions", differences.len(), exceptions.len());
    let stale = exceptions.iter().filter_map(|exception| exception.is_stale(&documents));
    let wrong: Vec<String> = unexplained(differences, &exceptions).into_iter().chain(stale).collect();
    assert!(wrong.is_empty(), "{} problems:\n{}", wrong.len(), wrong.join("\n"));
}

/// Returns the apps: those of this repository, and those of the folder beside it, if there is one.
fn apps() -> Vec<PathBuf> {
    let mut apps = vec![fal_tests::root().join("tests/conformance/app/painter.py")];
    for folder in ["tests/conformance/own_apps", "../shared/cases/own-apps"] {
        let folder = fal_tests::root().join(folder);
        let Ok(entries) = fs::read_dir(&folder) else {
            println!("only the apps of this repository: there are no others at {}", folder.display());
            continue;
        };
        let paths = entries.map(|entry| entry.unwrap().path());
        apps.extend(paths.filter(|path| {
            path.extension().is_some_and(|extension| extension == "py") && !path.ends_with("common.py")
        }));
    }
    apps.sort();
    apps
}

fn generate(app: &str, document: &Value) -> Result<Generated, String> {
    let source = Source { file: format!("{app}.json"), text: document.to_string() };
    let options = Options { app: Some(format!("me/{app}")), ..fal_tests::standalone() };
    Generator::new(options).crates(&[source]).map_err(|errors| errors.to_string())
}

/// A difference between a type and its model.
struct Difference {
    app: String,
    /// The place in the instance, as a JSON pointer that begins with the path of the route.
    place: String,
    kind: &'static str,
    /// The types of pydantic's errors.
    errors: Vec<String>,
    text: String,
}

impl Difference {
    fn new(app: &str, place: &str, kind: &'static str, text: impl ToString) -> Self {
        Self {
            app: app.to_owned(),
            place: place.to_owned(),
            kind,
            errors: Vec::new(),
            text: text.to_string(),
        }
    }
}

/// A kind of difference that is right, with its reason.
///
/// It is listed by the name of a field or by an error of pydantic, and not by the places where instances show it: which
/// of these are drawn depends on the seed.
#[derive(serde::Deserialize)]
struct Exception {
    kind: String,
    #[serde(flatten)]
    scope: Scope,
    #[expect(dead_code, reason = "for readers of the list")]
    reason: String,
}

#[derive(serde::Deserialize)]
#[serde(untagged)]
enum Scope {
    /// Everything in the fields of this name of an app.
    Field { app: String, field: String },
    /// Everything that pydantic refuses with this type of error.
    Error { error: String },
}

impl Exception {
    fn explains(&self, one: &Difference) -> bool {
        let is_in_scope = match &self.scope {
            Scope::Field { app, field } => {
                *app == one.app && one.place.split('/').any(|token| token == field)
            }
            Scope::Error { error } => one.errors.contains(error),
        };
        self.kind == one.kind && is_in_scope
    }

    /// Returns the reason why the exception has nothing to explain, whatever instances are drawn.
    fn is_stale(&self, documents: &BTreeMap<String, Value>) -> Option<String> {
        let Scope::Field { app, field } = &self.scope else { return None };
        let document = documents.get(app)?;
        (!has_property(document, field))
            .then(|| format!("an exception names `{field}`, which {app} does not have"))
    }
}

/// Returns true if a schema of a document has a property of this name.
fn has_property(schema: &Value, name: &str) -> bool {
    match schema {
        Value::Array(parts) => parts.iter().any(|part| has_property(part, name)),
        Value::Object(object) => {
            object.get("properties").is_some_and(|properties| properties.get(name).is_some())
                || object.values().any(|part| has_property(part, name))
        }
        _ => false,
    }
}

/// Describes the differences that no exception explains, the first of each place.
fn unexplained(differences: Vec<Difference>, exceptions: &[Exception]) -> Vec<String> {
    let mut seen: BTreeMap<(String, &str, String), (usize, String)> = BTreeMap::new();
    for one in differences {
        if !exceptions.iter().any(|exception| exception.explains(&one)) {
            let place = without_indices(&one.place);
            let (count, _) = seen.entry((one.app, one.kind, place)).or_insert((0, one.text));
            *count += 1;
        }
    }
    let describe = |((app, kind, place), (count, text)): ((String, &str, String), (usize, String))| {
        let text: String = text.chars().take(700).collect();
        format!("{count} x {app} {place}: {kind}\n    {text}")
    };
    seen.into_iter().map(describe).collect()
}

fn without_indices(pointer: &str) -> String {
    let tokens = pointer.split('/').map(|token| if token.parse::<usize>().is_ok() { "*" } else { token });
    tokens.collect::<Vec<_>>().join("/")
}

/// A route of an app.
struct Route<'a> {
    app: &'a str,
    path: String,
    id: &'a str,
}

impl Route<'_> {
    /// Returns instances of the input and output that the document describes.
    fn cases(&self, openapi: &Value) -> Vec<Case> {
        let operation = &openapi["paths"][&self.path]["post"];
        let schema = |content: &Value| {
            let schema = &content["content"]["application/json"]["schema"];
            let mut schema = Schema::new(openapi, if schema.is_null() { &Value::Bool(true) } else { schema });
            name_formats(&mut schema.tree);
            schema
        };
        let schemas = Some((schema(&operation["requestBody"]), schema(&operation["responses"]["200"])));
        // The id chooses the instances.
        let seed = std::env::var("OWN_APPS_SEED").unwrap_or_default();
        let document =
            Document { id: format!("{}{seed}", self.id), file: String::new(), text: String::new(), schemas };
        cases(&document, AMOUNTS).list
    }

    fn check(&self, case: &Case, session: &mut Session, judge: &mut Judge) -> Option<Difference> {
        match case.direction {
            Direction::Input => self.check_input(case, session, judge),
            Direction::Output => self.check_output(case, session, judge),
        }
    }

    /// Returns the place of a difference: the path of the route, and the pointer into the instance.
    fn place(&self, pointer: &str) -> String {
        format!("{}{pointer}", self.path.trim_end_matches('/'))
    }

    fn check_input(&self, case: &Case, session: &mut Session, judge: &mut Judge) -> Option<Difference> {
        let verdict = judge.ask(self, "input", &case.instance)?;
        let answer = session.check(self.id, std::slice::from_ref(case)).remove(0);
        let place = self.place(verdict["place"].as_str().unwrap_or_default());
        match answer {
            Ok(_) if verdict["lax"] == false => {
                let text = format!("{} at {}: {}", case.kind, case.pointer, case.instance);
                let difference = Difference::new(self.app, &place, "accepts what the model refuses", text);
                let errors = verdict["errors"].as_array().into_iter().flatten().filter_map(Value::as_str);
                Some(Difference { errors: errors.map(str::to_owned).collect(), ..difference })
            }
            Err(error) if verdict["strict"] == true => {
                let text = format!("{error}: {}", case.instance);
                Some(Difference::new(
                    self.app,
                    &self.place(&case.pointer),
                    "refuses what the model accepts",
                    text,
                ))
            }
            Ok(again) => {
                let second = judge.ask(self, "input", &again)?;
                let place = self.place(&first_change(&verdict["value"], &second["value"])?);
                let text = format!("{} is written as {again}", case.instance);
                Some(Difference::new(self.app, &place, "writes what the model reads otherwise", text))
            }
            Err(_) => None,
        }
    }

    fn check_output(&self, case: &Case, session: &mut Session, judge: &mut Judge) -> Option<Difference> {
        let sent = judge.ask(self, "output", &case.instance)?["sent"].as_str()?.to_owned();
        let instance: Value = serde_json::from_str(&sent).unwrap();
        let sent =
            Case { direction: case.direction, kind: "sent", pointer: String::new(), instance, valid: true };
        match session.check(self.id, std::slice::from_ref(&sent)).remove(0) {
            Err(error) => {
                let text = format!("{error}: {}", sent.instance);
                Some(Difference::new(
                    self.app,
                    &self.place(&case.pointer),
                    "cannot read what the app sends",
                    text,
                ))
            }
            Ok(again) => {
                // Fields that are null are read as absent.
                let place = first_change(&without_nulls(&sent.instance), &without_nulls(&again))?;
                let text = format!("{} is written as {again}", sent.instance);
                Some(Difference::new(self.app, &self.place(&place), "changes what the app sends", text))
            }
        }
    }
}

/// Returns the JSON pointer of the first difference, in inputs that pydantic read or in outputs.
fn first_change(before: &Value, after: &Value) -> Option<String> {
    match (before, after) {
        (Value::Object(old), Value::Object(new)) => {
            let names = old.keys().chain(new.keys());
            let mut changes = names.filter_map(|name| {
                let [old, new] = [old, new].map(|fields| fields.get(name).unwrap_or(&Value::Null));
                Some(format!("/{name}{}", first_change(old, new)?))
            });
            changes.next()
        }
        (Value::Array(old), Value::Array(new)) if old.len() == new.len() => {
            let mut pairs = old.iter().zip(new).enumerate();
            pairs.find_map(|(index, (old, new))| Some(format!("/{index}{}", first_change(old, new)?)))
        }
        // `2` and `2.0` are the same number in JSON.
        (Value::Number(old), Value::Number(new)) if old.as_f64() == new.as_f64() => None,
        _ => (before != after).then(String::new),
    }
}

/// Removes fields that are null, and the fractions of whole numbers.
fn without_nulls(value: &Value) -> Value {
    match value {
        Value::Object(fields) => fields
            .iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(name, value)| (name.clone(), without_nulls(value)))
            .collect(),
        Value::Array(items) => items.iter().map(without_nulls).collect(),
        Value::Number(number) => number.as_f64().map_or(value.clone(), |number| json!(number)),
        value => value.clone(),
    }
}

/// Replaces texts with a format by the texts of that format.
fn name_formats(schema: &mut Value) {
    match schema {
        Value::Array(parts) => parts.iter_mut().for_each(name_formats),
        Value::Object(object) => {
            let format = object.get("format").and_then(Value::as_str);
            let texts = FORMATS.iter().find(|(name, _)| Some(*name) == format);
            if let Some((_, texts)) =
                texts.filter(|_| object.get("type").is_some_and(|kind| kind == "string"))
            {
                object.insert("enum".to_owned(), json!(texts));
            }
            object.values_mut().for_each(name_formats);
        }
        _ => {}
    }
}

/// The program that asks pydantic.
struct Judge {
    process: Child,
    questions: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Judge {
    /// Starts the program, and returns the documents of the apps too.
    fn start(python: &str, apps: &[PathBuf]) -> (Self, BTreeMap<String, Value>) {
        let mut process = Command::new(python)
            .arg(fal_tests::root().join("tests/conformance/app/judge.py"))
            .args(apps)
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let questions = process.stdin.take().unwrap();
        let mut judge = Self { questions, answers: BufReader::new(process.stdout.take().unwrap()), process };
        let documents = serde_json::from_value(judge.answer()).unwrap();
        (judge, documents)
    }

    /// Returns the verdict about an instance. `None` if the route has no model.
    fn ask(&mut self, route: &Route, direction: &str, instance: &Value) -> Option<Value> {
        writeln!(self.questions, "{}", json!([route.app, route.path, direction, instance])).unwrap();
        Some(self.answer()).filter(|answer| !answer.is_null())
    }

    fn answer(&mut self) -> Value {
        let mut line = String::new();
        self.answers.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("the judge answered `{line}`: {error}"))
    }
}

impl Drop for Judge {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
