//! `fal-cli compare`: several models with the same parameters, and a page that shows their outputs.

use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use fal_client::{Client, Reply};
use fal_emulator::catalogue::CatalogueModel;
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::arguments::CompareArguments;
use crate::costs::{self, Estimate};
use crate::failure::{Failure, FailureKind, Result};
use crate::input::{self, Given, Input};
use crate::model::{lookup, parameter};
use crate::output::template::{Facts, Template};
use crate::output::{self, OutputFile, gallery, print};
use crate::progress::Progress;
use crate::session::Session;

/// A model and its checked input.
struct Candidate {
    model: CatalogueModel,
    input: Input,
    /// The parameters that the model does not have.
    left_out: Vec<String>,
}

/// The result of one model.
pub(crate) struct Compared {
    pub(crate) id: String,
    pub(crate) left_out: Vec<String>,
    pub(crate) seconds: f64,
    pub(crate) result: Result<(Reply<Value>, Vec<OutputFile>)>,
    pub(crate) cost: Value,
}

pub(super) async fn run(session: &Session, arguments: &CompareArguments) -> Result<ExitCode> {
    let CompareArguments { options, parameters } = arguments;
    let candidates = candidates(session, &options.models, parameters).await?;
    let client = session.client().await?;
    if let Some(limit) = options.yes_cost.or(session.max_cost()) {
        let mut estimates = Vec::new();
        for Candidate { model, input, .. } in &candidates {
            estimates.push(Estimate::fetch(client, model.id(), &input.preview()).await?);
        }
        costs::check_sum(&estimates, limit)?;
    }
    let folder = &options.output;
    std::fs::create_dir_all(folder)
        .map_err(|error| Failure::usage(format!("{} cannot be created: {error}", folder.display())))?;
    let progress = Progress::new(session.global.quiet, session.global.json);
    let bar = progress.request(&format!("{} models run", candidates.len()));
    let compared = join_all(candidates.into_iter().map(|candidate| call(client, candidate, folder))).await;
    drop(bar);
    let page = folder.join("index.html");
    let html = gallery::page(&compared, parameters, folder);
    std::fs::write(&page, html).map_err(|error| Failure::usage(format!("{}: {error}", page.display())))?;
    if session.global.json {
        print(
            &json!({"page": page, "models": compared.iter().map(Compared::to_json).collect::<Vec<_>>()})
                .to_string(),
        );
    } else {
        compared.iter().for_each(|compared| progress.line(&compared.to_string()));
        print(&page.display().to_string());
    }
    match compared.iter().all(|compared| compared.result.is_err()) {
        true => Err(Failure::new(FailureKind::Failed, "every model has failed")),
        false => Ok(ExitCode::SUCCESS),
    }
}

/// Finds the models and checks the input of each.
async fn candidates(session: &Session, ids: &[String], parameters: &[String]) -> Result<Vec<Candidate>> {
    let mut models = Vec::new();
    for id in ids {
        models.push(lookup::find(session, id.trim()).await?);
    }
    let known: Vec<Vec<String>> = models
        .iter()
        .map(|model| parameter::parameters(model).into_iter().map(|parameter| parameter.name).collect())
        .collect();
    let name = |argument: &String| {
        let name = argument.split(['=', '.']).next().unwrap_or_default().trim_end_matches(':');
        name.trim_start_matches("--").replace('-', "_")
    };
    let (mut candidates, mut mistakes) = (Vec::new(), Vec::new());
    for (model, own) in models.into_iter().zip(&known) {
        // A name that no model has is a mistake of the user.
        let fits = |argument: &&String| {
            let name = name(argument);
            own.contains(&name) || !known.iter().any(|other| other.contains(&name))
        };
        let (given, left_out): (Vec<&String>, Vec<&String>) = parameters.iter().partition(fits);
        let given: Vec<String> = given.into_iter().cloned().collect();
        match input::read(&model, &Given { arguments: &given, base: None, is_unchecked: false }) {
            Ok(input) => candidates.push(Candidate {
                model,
                input,
                left_out: left_out.into_iter().map(name).collect(),
            }),
            Err(failure) => {
                mistakes.extend(failure.lines().iter().map(|line| format!("{}: {line}", model.id())))
            }
        }
    }
    if mistakes.is_empty() { Ok(candidates) } else { Err(Failure::mistakes(mistakes)) }
}

async fn call(client: &Client, candidate: Candidate, folder: &Path) -> Compared {
    let Candidate { model, input, left_out } = candidate;
    let (id, start, preview) = (model.id().to_owned(), Instant::now(), input.preview());
    let reply = client.subscribe(input.into_untyped(&id)).await;
    let seconds = start.elapsed().as_secs_f64();
    let (result, cost) = match reply {
        Ok(reply) => {
            let price = lookup::price(client, &id).await;
            let cost = costs::billed(price.as_ref(), reply.billable_units());
            (save(client, &id, &preview, reply, folder).await, cost)
        }
        Err(error) => (Err(error.into()), Value::Null),
    };
    Compared { id, left_out, seconds, result, cost }
}

async fn save(
    client: &Client,
    id: &str,
    input: &Value,
    reply: Reply<Value>,
    folder: &Path,
) -> Result<(Reply<Value>, Vec<OutputFile>)> {
    let folder = folder.display().to_string().replace(['{', '}'], "_");
    let template = Template::parse(&format!("{folder}/{{model}}-{{name}}.{{ext}}"), &[])?;
    let request = reply.request_id().to_owned();
    let facts = Facts { model: id, request: &request, input, output: &reply, row: None };
    let files = output::files(client, &reply, Some(&template), &facts, Progress::None).await?;
    Ok((reply, files))
}

impl Compared {
    fn to_json(&self) -> Value {
        let mut json = json!({
            "endpoint": self.id, "left_out": self.left_out, "cost": self.cost,
            "seconds": (self.seconds * 1000.0).round() / 1000.0,
        });
        match &self.result {
            Ok((reply, files)) => {
                json["request_id"] = reply.request_id().into();
                json["output"] = (**reply).clone();
                json["files"] = files.iter().map(OutputFile::to_json).collect();
            }
            Err(failure) => json["error"] = failure.to_json()["error"].clone(),
        }
        json
    }
}

impl std::fmt::Display for Compared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {:.1} s", self.id, self.seconds)?;
        let cost = costs::billed_text(&self.cost);
        if !cost.is_empty() {
            write!(f, ", {cost}")?;
        }
        if !self.left_out.is_empty() {
            write!(f, ", without {}", self.left_out.join(", "))?;
        }
        if let Err(failure) = &self.result {
            write!(f, ", failed: {}", failure.lines().join("; "))?;
        }
        Ok(())
    }
}
