//! A document of fal's protocol, and the comparison of requests and replies with it.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use jsonschema::Validator;
use serde_json::{Map, Value, json};

use crate::recording_proxy::{Exchange, Message};

/// An OpenAPI document of a service.
pub(crate) struct Document {
    name: &'static str,
    /// The first segment of the emulator's paths of this service.
    prefix: &'static str,
    root: Value,
    /// The validators of schemas, by the text of the schema.
    validators: RefCell<HashMap<String, Validator>>,
}

/// The result of a comparison.
#[derive(Default)]
pub(crate) struct Findings {
    /// The problems by their kind.
    problems: BTreeMap<String, Problem>,
    /// The deprecated parameters that were sent, each with the operations.
    pub(crate) deprecated: BTreeMap<String, BTreeSet<String>>,
    parameters: BTreeSet<String>,
    statuses: BTreeSet<(String, String)>,
    states: BTreeSet<String>,
}

/// A problem that some operations have.
struct Problem {
    /// The message about the first value that has the problem.
    text: String,
    operations: BTreeSet<String>,
}

/// The placeholder of a value in a kind of problem.
const VALUE: &str = "…";

impl Document {
    pub(crate) fn new(name: &'static str, prefix: &'static str, root: Value) -> Self {
        Self { name, prefix, root, validators: RefCell::default() }
    }

    /// Compares all requests and replies of this service. Everything that the document describes must occur in them, too.
    pub(crate) fn check(&self, exchanges: &[Exchange]) -> Findings {
        let mut findings = Findings::default();
        let prefix = format!("/{}", self.prefix);
        for exchange in exchanges {
            if let Some(path) = exchange.path.strip_prefix(&prefix).filter(|path| path.starts_with('/')) {
                self.check_exchange(path, exchange, &mut findings);
            }
        }
        // Something that is named otherwise is missing too, which needs no second line.
        if findings.problems.is_empty() {
            self.check_coverage(&mut findings);
        }
        findings
    }

    fn check_exchange(&self, path: &str, exchange: &Exchange, findings: &mut Findings) {
        let Some((template, item, path_values)) = self.find_path(path) else {
            return self.problem(findings, "", format!("no operation has a path like {path}"));
        };
        let method = exchange.method.to_ascii_lowercase();
        let Some(operation) = item.get(&method) else {
            return self.problem(findings, "", format!("{method} is not a method of {template}"));
        };
        let id = operation["operationId"].as_str().unwrap_or_default();
        if exchange.is_of_client {
            self.check_parameters(id, operation, &path_values, exchange, findings);
            self.check_request_body(id, operation, &exchange.request, findings);
        }
        self.check_reply(id, operation, exchange, findings);
    }

    /// Returns the path of the document that matches, its item, and the values of its parameters.
    fn find_path(&self, path: &str) -> Option<(&str, &Value, BTreeMap<String, String>)> {
        let segments: Vec<&str> = path.split('/').skip(1).collect();
        let mut templates: Vec<_> = self.root["paths"].as_object()?.iter().collect();
        // The path with the most literal segments comes first.
        templates.sort_by_key(|(template, _)| std::cmp::Reverse(literals(template)));
        templates.into_iter().find_map(|(template, item)| {
            let parts: Vec<&str> = template.split('/').skip(1).collect();
            Some((template.as_str(), item, match_segments(&parts, &segments)?))
        })
    }

    fn check_parameters(
        &self,
        id: &str,
        operation: &Value,
        path_values: &BTreeMap<String, String>,
        exchange: &Exchange,
        findings: &mut Findings,
    ) {
        let declared = operation["parameters"].as_array().into_iter().flatten();
        let declared: Vec<&Value> = declared.map(|parameter| self.resolve(parameter)).collect();
        let find = |place: &str, name: &str| {
            declared.iter().find(|parameter| {
                parameter["in"] == place
                    && parameter["name"].as_str().is_some_and(|own| own.eq_ignore_ascii_case(name))
            })
        };
        let query = exchange.query.split('&').filter(|pair| !pair.is_empty());
        let query = query.map(|pair| pair.split_once('=').unwrap_or((pair, "")));
        let query = query.map(|(name, value)| ("query", name.to_owned(), decode(value)));
        let headers = exchange.request.headers.iter().filter(|(name, _)| is_of_fal(name));
        let headers = headers.map(|(name, value)| ("header", name.clone(), value.clone()));
        let path = path_values.iter().map(|(name, value)| ("path", name.clone(), value.clone()));
        for (place, name, value) in query.chain(headers).chain(path) {
            let Some(parameter) = find(place, &name) else {
                self.problem(findings, id, format!("request: the {place} `{name}` is not in the document"));
                continue;
            };
            let own_name = parameter["name"].as_str().unwrap_or_default().to_owned();
            if parameter["deprecated"] == true {
                findings.deprecated.entry(own_name.clone()).or_default().insert(id.to_owned());
            }
            if let Some((kind, text)) = self.check_text(parameter, &value) {
                let what = format!("request: the {place} `{own_name}`: ");
                self.problem_of_kind(findings, id, format!("{what}{kind}"), format!("{what}{text}"));
            }
            findings.parameters.insert(own_name);
        }
        if let Some(authorization) = exchange.request.header("authorization")
            && !authorization.starts_with("Key ")
        {
            self.problem(findings, id, "request: the authorization is not a key".to_owned());
        }
    }

    fn check_request_body(&self, id: &str, operation: &Value, request: &Message, findings: &mut Findings) {
        match (operation.get("requestBody"), request.body.is_empty()) {
            (None, true) => {}
            (None, false) => self.problem(findings, id, "request: has a body".to_owned()),
            (Some(_), true) => self.problem(findings, id, "request: has no body".to_owned()),
            (Some(body), false) => {
                self.check_content(id, "request", body, request, findings);
            }
        }
    }

    fn check_reply(&self, id: &str, operation: &Value, exchange: &Exchange, findings: &mut Findings) {
        let (status, class) = (exchange.status.to_string(), format!("{}XX", exchange.status / 100));
        let responses = &operation["responses"];
        let Some((key, response)) =
            [status.as_str(), class.as_str()].iter().find_map(|key| Some((*key, responses.get(*key)?)))
        else {
            return self.problem(findings, id, format!("reply: the status {status} is not in the document"));
        };
        findings.statuses.insert((id.to_owned(), key.to_owned()));
        let headers = response["headers"].as_object().cloned().unwrap_or_default();
        for (name, header) in &headers {
            let header = self.resolve(header);
            match exchange.reply.header(&name.to_ascii_lowercase()) {
                Some(value) => {
                    if let Some((kind, text)) = self.check_text(header, value) {
                        let what = format!("reply: the header `{name}`: ");
                        self.problem_of_kind(findings, id, format!("{what}{kind}"), format!("{what}{text}"));
                    }
                }
                None if header["required"] == true => {
                    self.problem(findings, id, format!("reply: has no header `{name}`"));
                }
                None => {}
            }
        }
        let is_known = |name: &str| headers.keys().any(|own| own.eq_ignore_ascii_case(name));
        for (name, _) in exchange.reply.headers.iter().filter(|(name, _)| is_of_fal(name) && !is_known(name))
        {
            self.problem(findings, id, format!("reply: the header `{name}` is not in the document"));
        }
        self.check_content(id, "reply", response, &exchange.reply, findings);
    }

    /// Checks the body against the schema of its content type. A stream is checked event by event.
    fn check_content(
        &self,
        id: &str,
        side: &str,
        holder: &Value,
        message: &Message,
        findings: &mut Findings,
    ) {
        let kind = message.header("content-type").unwrap_or_default();
        let kind = kind.split(';').next().unwrap_or_default().trim();
        let Some(media) = holder["content"].get(kind) else {
            return self.problem(
                findings,
                id,
                format!("{side}: the content type `{kind}` is not in the document"),
            );
        };
        let text = String::from_utf8_lossy(&message.body);
        let (schema, bodies): (&Value, Vec<&str>) = match media.get("x-event") {
            Some(event) => (event, text.lines().filter_map(|line| line.strip_prefix("data: ")).collect()),
            None => (&media["schema"], vec![&*text]),
        };
        for body in bodies {
            let Ok(body) = serde_json::from_str::<Value>(body) else {
                self.problem(findings, id, format!("{side}: the body is not JSON"));
                continue;
            };
            if side == "reply" {
                findings.states.extend(body["status"].as_str().map(str::to_owned));
            }
            for (kind, text) in self.schema_problems(schema, &body) {
                self.problem_of_kind(findings, id, format!("{side}: {kind}"), format!("{side}: {text}"));
            }
        }
    }

    /// Checks the text of a parameter or header, which is JSON if the document says so.
    fn check_text(&self, parameter: &Value, text: &str) -> Option<(String, String)> {
        let json_schema = parameter.pointer("/content/application~1json/schema");
        let schema = self.resolve(json_schema.unwrap_or(&parameter["schema"]));
        let value = match schema["type"].as_str() {
            _ if json_schema.is_some() => serde_json::from_str(text).ok(),
            Some("number" | "integer") => serde_json::from_str(text).ok().filter(Value::is_number),
            _ => Some(json!(text)),
        };
        let Some(value) = value else {
            return Some((format!("{VALUE} has another type"), format!("{text:?} has another type")));
        };
        self.schema_problems(schema, &value).into_iter().next()
    }

    fn schema_problems(&self, schema: &Value, value: &Value) -> Vec<(String, String)> {
        let mut validators = self.validators.borrow_mut();
        let validator = validators.entry(schema.to_string()).or_insert_with(|| {
            let root = json!({"allOf": [schema], "components": self.root["components"]});
            jsonschema::draft202012::options()
                .should_validate_formats(true)
                .build(&root)
                .unwrap_or_else(|error| panic!("{}: {schema} is no schema: {error}", self.name))
        });
        let problem = |error: jsonschema::ValidationError<'_>| {
            let (path, text) = (error.instance_path().to_string(), error.to_string());
            let kind = text.replace(&error.instance().to_string(), VALUE);
            let text: String = text.chars().take(200).collect();
            let at = if path.is_empty() { String::new() } else { format!("{path}: ") };
            (format!("{at}{kind}"), format!("{at}{text}"))
        };
        validator.iter_errors(value).map(problem).collect()
    }

    /// Reports what the document describes and no exchange has: parameters, statuses and states.
    fn check_coverage(&self, findings: &mut Findings) {
        let mut missing = Vec::new();
        let items = self.root["paths"].as_object().into_iter().flat_map(Map::values);
        for operation in items.flat_map(|item| item.as_object().into_iter().flat_map(Map::values)) {
            let id = operation["operationId"].as_str().unwrap_or_default();
            for parameter in operation["parameters"].as_array().into_iter().flatten() {
                let name = self.resolve(parameter)["name"].as_str().unwrap_or_default();
                if !findings.parameters.contains(name) {
                    missing.push((id, format!("request: nothing sends `{name}`")));
                }
            }
            for status in operation["responses"].as_object().into_iter().flat_map(Map::keys) {
                if !findings.statuses.contains(&(id.to_owned(), status.clone())) {
                    missing.push((id, format!("reply: nothing is answered with {status}")));
                }
            }
        }
        for schema in self.root["components"]["schemas"].as_object().into_iter().flat_map(Map::values) {
            let status = &schema["properties"]["status"];
            let states = status["enum"].as_array().into_iter().flatten().chain(status.get("const"));
            for state in states.filter_map(Value::as_str).filter(|state| !findings.states.contains(*state)) {
                missing.push(("", format!("reply: no status is {state:?}")));
            }
        }
        for (id, problem) in missing {
            self.problem(findings, id, problem);
        }
    }

    fn resolve<'a>(&'a self, value: &'a Value) -> &'a Value {
        match value["$ref"]
            .as_str()
            .and_then(|reference| self.root.pointer(reference.trim_start_matches('#')))
        {
            Some(target) => target,
            None => value,
        }
    }

    fn problem(&self, findings: &mut Findings, operation: &str, problem: String) {
        self.problem_of_kind(findings, operation, problem.clone(), problem);
    }

    /// Adds a problem. Those of one kind are one line, with the text of the first.
    fn problem_of_kind(&self, findings: &mut Findings, operation: &str, kind: String, text: String) {
        let text = format!("{}: {text}", self.name);
        let new = Problem { text, operations: BTreeSet::new() };
        findings.problems.entry(kind).or_insert(new).operations.insert(operation.to_owned());
    }
}

impl Findings {
    /// Returns a line for each problem, with the operations that have it.
    pub(crate) fn lines(&self) -> Vec<String> {
        let line = |Problem { text, operations }: &Problem| {
            let operations: Vec<&str> = operations.iter().map(String::as_str).collect();
            let operations = operations.join(", ");
            if operations.is_empty() { text.clone() } else { format!("{text} ({operations})") }
        };
        self.problems.values().map(line).collect()
    }
}

fn literals(template: &str) -> usize {
    template.split('/').filter(|part| !part.is_empty() && !part.starts_with('{')).count()
}

/// Matches a path. A namespace belongs to the owner, and `{path}` takes all segments that are left.
fn match_segments(parts: &[&str], segments: &[&str]) -> Option<BTreeMap<String, String>> {
    let Some((part, parts)) = parts.split_first() else {
        return segments.is_empty().then(BTreeMap::new);
    };
    let Some(name) = part.strip_prefix('{').and_then(|part| part.strip_suffix('}')) else {
        return (segments.first() == Some(part)).then(|| match_segments(parts, &segments[1..]))?;
    };
    let has_namespace = matches!(segments.first(), Some(&("workflows" | "comfy")));
    let count = match name {
        "path" => segments.len(),
        "owner" if has_namespace => 2,
        _ => 1,
    };
    let taken = segments.get(..count).filter(|taken| !taken.is_empty())?;
    let mut values = match_segments(parts, &segments[count..])?;
    values.insert(name.to_owned(), taken.join("/"));
    Some(values)
}

fn is_of_fal(name: &str) -> bool {
    name.starts_with("x-fal-") || name.starts_with("x-app-fal-")
}

/// Decodes a value of a query.
fn decode(value: &str) -> String {
    let (mut bytes, mut rest) = (Vec::new(), value.as_bytes());
    while let Some((first, after)) = rest.split_first() {
        let escaped = (*first == b'%')
            .then(|| {
                std::str::from_utf8(after.get(..2)?).ok().and_then(|hex| u8::from_str_radix(hex, 16).ok())
            })
            .flatten();
        match escaped {
            Some(byte) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            None => {
                bytes.push(if *first == b'+' { b' ' } else { *first });
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
