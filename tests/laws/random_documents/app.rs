//! A random app: its documents, the code that is generated for them, and the checks of that code.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
};

use fal_codegen::{
    Generated, Generator, Options, Source,
    report::{Entry, Status},
};
use serde_json::{Value, json};

use super::{
    reported::Reported,
    writer::{self, Part},
};
use crate::{
    cases::{Amounts, cases},
    compare::Direction,
    documents::Document,
    findings::{Findings, Law, outline},
    harness::{Harness, Session},
    random::Random,
    schema::Schema,
};

/// Every so many documents, two documents of one app are written.
const PAIRS: usize = 5;

/// The number of cases of each endpoint.
const AMOUNTS: Amounts = Amounts { inputs: 40, outputs: 15 };

/// A random app.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct App {
    /// The number that, with the seed, repeats it.
    pub(super) index: usize,
    /// The name, without its owner.
    name: String,
    /// The contents of its documents.
    pub(super) parts: Vec<Part>,
}

/// A law that the generated code of an app breaks.
#[derive(Debug, Clone)]
pub(super) struct Failure {
    /// The number of the app.
    pub(super) app: usize,
    /// The same text for all failures with one cause.
    pub(super) class: String,
    /// The message, with the instance.
    pub(super) text: String,
    /// The document of the app, and the direction, that the failure is about.
    pub(super) place: Option<(usize, Direction)>,
    /// JSON pointer to the change of the instance.
    pub(super) pointer: String,
}

/// The result of checking some apps.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    pub(super) failures: Vec<Failure>,
    instances: usize,
    /// The number of differences that the report of the generator announces.
    announced: usize,
    /// The number of places that the reports name.
    places: usize,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { failures, instances, announced, places } = self;
        writeln!(f, "{instances:>9}  instances\n{:>9}  failures", failures.len())?;
        writeln!(f, "{announced:>9}  differences announced by the {places} places in the reports")
    }
}

impl App {
    /// Writes the app with a number.
    pub(super) fn random(seed: usize, index: usize) -> Self {
        let mut random = Random::named(&format!("{seed}/{index}"));
        let parts = writer::write(&mut random, index % PAIRS == PAIRS - 1);
        Self { index, name: format!("d{index}"), parts }
    }

    /// Creates an app with these contents.
    pub(super) fn with_parts(index: usize, name: String, parts: Vec<Part>) -> Self {
        Self { index, name, parts }
    }

    /// Returns the ids of its endpoints.
    fn ids(&self) -> Vec<String> {
        match self.parts.len() {
            1 => vec![format!("random/{}", self.name)],
            _ => ["one", "two"].iter().map(|last| format!("random/{}/{last}", self.name)).collect(),
        }
    }

    /// Returns the texts of its documents: one of all routes, as apps publish it, or a record for each endpoint.
    fn texts(&self) -> Vec<String> {
        let body = |schema: &Value| json!({ "content": { "application/json": { "schema": schema } } });
        let reply = |schema: &Value| {
            let mut reply = body(schema);
            reply["description"] = json!("OK");
            json!({ "200": reply })
        };
        let documents = self.parts.iter().zip(self.ids()).map(|(part, id)| {
            let mut request = body(&part.input);
            request["required"] = json!(true);
            let (input, output) = match self.parts.len() {
                1 => (json!({ "/": { "post": { "requestBody": request, "responses": reply(&part.output) } } }), json!({})),
                _ => (
                    json!({ format!("/{id}"): { "post": { "requestBody": request, "responses": {} } } }),
                    json!({ format!("/{id}/requests/{{request_id}}"): { "get": { "responses": reply(&part.output) } } }),
                ),
            };
            let mut paths = input;
            for (path, operations) in output.as_object().into_iter().flatten() {
                paths[path] = operations.clone();
            }
            let openapi = json!({
                "openapi": "3.1.0",
                "info": { "title": "Random", "version": "1" },
                "paths": paths,
                "components": { "schemas": part.components },
            });
            let record = json!({ "endpoint_id": id, "openapi": openapi });
            if self.parts.len() == 1 { openapi.to_string() } else { record.to_string() }
        });
        documents.collect()
    }

    /// Returns the documents with their schemas.
    fn documents(&self) -> Vec<Document> {
        let parts = self.parts.iter().zip(self.ids()).zip(self.texts());
        let documents = parts.map(|((part, id), text)| {
            let openapi = json!({ "components": { "schemas": part.components } });
            let schemas = (Schema::new(&openapi, &part.input), Schema::new(&openapi, &part.output));
            Document { file: format!("{id}.json"), id, text, schemas: Some(schemas) }
        });
        documents.collect()
    }

    /// Generates its crate.
    pub(super) fn generate(&self) -> Result<Generated, Failure> {
        let sources = self.texts().into_iter().zip(self.ids());
        let sources: Vec<Source> =
            sources.map(|(text, id)| Source { file: format!("{id}.json"), text }).collect();
        let app = (self.parts.len() == 1).then(|| format!("random/{}", self.name));
        let options = Options { app, ..fal_tests::standalone() };
        let generated = catch_unwind(AssertUnwindSafe(|| Generator::new(options).crates(&sources)));
        match generated {
            Ok(Ok(generated)) => Ok(generated),
            Ok(Err(errors)) => {
                let first = errors.0.first().map_or(String::new(), |error| error.message.clone());
                Err(self.failure(format!("no code: {}", outline(&first)), errors.to_string()))
            }
            Err(_) => Err(self.failure("the generator panics".to_owned(), String::new())),
        }
    }

    fn failure(&self, class: String, text: String) -> Failure {
        Failure { app: self.index, class, text, place: None, pointer: String::new() }
    }
}

impl fmt::Display for App {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.texts().iter().try_for_each(|text| writeln!(f, "  {text}"))
    }
}

/// Generates code for all apps, compiles all of it as one program, and checks it.
pub(super) fn check(name: &str, apps: &[App]) -> Outcome {
    let mut outcome = Outcome::default();
    let mut all = Generated::default();
    let mut entries: BTreeMap<String, Entry> = BTreeMap::new();
    for app in apps {
        match app.generate() {
            Ok(generated) => {
                for (path, text) in generated.tree.iter() {
                    all.tree.insert(path, text);
                }
                for entry in &generated.report.endpoints {
                    entries.insert(entry.id.clone(), entry.clone());
                }
                all.report.endpoints.extend(generated.report.endpoints);
            }
            Err(failure) => outcome.failures.push(failure),
        }
    }
    if all.report.endpoints.is_empty() {
        return outcome;
    }
    let (harness, broken) = Harness::compile(name, all);
    let mut session = harness.start();
    for app in apps {
        let krate = format!("fal-random-{}", app.name);
        if let Some(messages) = broken.get(&krate) {
            let first = messages.lines().next().unwrap_or_default();
            outcome
                .failures
                .push(app.failure(format!("does not compile: {}", outline(first)), messages.clone()));
            continue;
        }
        for warning in harness.warnings.iter().filter(|text| text.contains(&format!("crates/{krate}/"))) {
            let first = warning.lines().next().unwrap_or_default();
            outcome.failures.push(app.failure(outline(first), warning.clone()));
        }
        for (part, document) in app.documents().iter().enumerate() {
            if let Some(entry) = entries.get(&document.id) {
                outcome.check_endpoint(app, part, document, entry, &mut session);
            }
        }
    }
    outcome
}

impl Outcome {
    fn check_endpoint(
        &mut self,
        app: &App,
        part: usize,
        document: &Document,
        entry: &Entry,
        session: &mut Session,
    ) {
        if entry.status == Status::Skipped {
            let reason = entry.reason.clone().unwrap_or_default();
            self.failures.push(app.failure(format!("skipped: {}", outline(&reason)), reason));
            return;
        }
        if entry.properties_read != entry.properties_emitted {
            self.failures.push(app.failure("properties were lost".to_owned(), format!("{entry:?}")));
        }
        let reported = Reported::new(entry, &app.parts[part]);
        self.places += reported.len();
        let cases = cases(document, AMOUNTS);
        let answers = session.check(&document.id, &cases.list);
        self.instances += cases.list.len();
        let mut findings = Findings::default();
        findings.add_answers(document, &cases, &answers);
        for one in findings.disagreements {
            if reported.announces(&one) {
                self.announced += 1;
                continue;
            }
            let text = format!(
                "  {} {} at `{}`: {}\n    {}",
                one.id, one.kind, one.pointer, one.reason, one.instance
            );
            let pointer = if one.law == Law::Refused { String::new() } else { one.pointer.clone() };
            let place = Some((part, one.direction));
            self.failures.push(Failure { app: app.index, class: one.class(), text, place, pointer });
        }

        let own = session.schema(&document.id);
        let options = jsonschema::draft202012::options().should_validate_formats(false).build(&own);
        let validator = match options {
            Ok(validator) => validator,
            Err(error) => {
                self.failures
                    .push(app.failure("JsonSchema is no schema".to_owned(), format!("{error}\n{own}")));
                return;
            }
        };
        let mut seen = BTreeSet::new();
        for case in cases.list.iter().filter(|case| case.direction == Direction::Input) {
            if validator.is_valid(&case.instance) == case.valid
                || reported.covers(Direction::Input, &case.instance, &case.pointer)
            {
                continue;
            }
            let verdict = if case.valid { "refuses a valid input" } else { "accepts" };
            let class = format!("JsonSchema {verdict}: {}", case.kind);
            if seen.insert(class.clone()) {
                let text = format!("  {} at `{}`\n    {}", document.id, case.pointer, case.instance);
                let place = Some((part, Direction::Input));
                let pointer = case.pointer.clone();
                self.failures.push(Failure { app: app.index, class, text, place, pointer });
            }
        }
    }
}
