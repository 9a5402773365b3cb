//! `fal-cli batch`: a model for every row of a table.

#[cfg(feature = "fleet")]
mod database;

use std::process::ExitCode;

use fal_client::Reply;
use fal_client::batch::{BatchRequest, Budget, Completions, Concurrency, FileJournal};
use fal_client::platform::types::Price;
use fal_client::untyped::{self, Any};
use serde_json::{Map, Value, json};

use super::call::print_help;
use crate::arguments::{AtOnce, BatchArguments, BatchOptions, Call};
use crate::costs;
use crate::failure::{Failure, FailureKind, Result};
use crate::input::{self, Given, Input};
use crate::model::{lookup, parameter};
use crate::output::template::{Facts, Template};
use crate::output::{self, OutputFile, print};
use crate::progress::{Bar, Progress};
use crate::rows::{Rows, fill};
use crate::session::Session;

/// The most mistakes that are reported.
const MAX_MISTAKES: usize = 50;

pub(super) async fn run(session: &Session, arguments: &BatchArguments) -> Result<ExitCode> {
    let BatchArguments { options, call } = arguments;
    if print_help(session, "batch", call).await? {
        return Ok(ExitCode::SUCCESS);
    }
    let Some((path, parameters)) = call.parameters.split_first() else {
        return Err(Failure::usage(format!("name a table: fal-cli batch {} rows.csv", call.id)));
    };
    let rows = Rows::read(path.as_ref())?;
    let mut places: Vec<&str> = rows.columns.iter().map(String::as_str).collect();
    places.push("row");
    let template = options.output.as_deref().map(|path| Template::parse(path, &places)).transpose()?;
    let model = lookup::find(session, &call.id).await?;
    let inputs = check_rows(&model, &rows, parameters, call)?;
    let previews: Vec<Value> = inputs.iter().map(Input::preview).collect();
    let batch_rows = BatchRows { rows: &rows.rows, inputs: &previews, template };
    let client = session.client().await?;
    let price = lookup::price(client, model.id()).await;
    let progress = Progress::new(session.global.quiet, session.global.json);
    let call = BatchCall { session, id: model.id(), price, progress };
    if let Some(url) = options.database.as_deref().filter(|_| !options.dry_run) {
        #[cfg(feature = "fleet")]
        return database::run(&call, url, path.as_ref(), options, &batch_rows, inputs).await;
        #[cfg(not(feature = "fleet"))]
        return Err(Failure::usage(format!(
            "--database {url}: this program was built without the feature `fleet`"
        )));
    }
    let inputs: Vec<untyped::Input> =
        inputs.into_iter().map(|input| input.into_untyped(model.id())).collect();
    let mut batch = configure(client.batch(inputs), options)?;
    if options.dry_run {
        let estimate = batch.estimate().await?;
        match session.global.json {
            true => {
                let cost = estimate.cost.to_string();
                print(&json!({"endpoint": model.id(), "inputs": previews, "estimate": cost.trim_start_matches('$')}).to_string());
            }
            false => print(&format!("{} rows, about {estimate}; nothing was sent", previews.len())),
        }
        return Ok(ExitCode::SUCCESS);
    }
    call.follow(batch.as_completed().await?, &batch_rows).await
}

/// Reads and checks the input of every row. All mistakes of all rows are reported.
fn check_rows(
    model: &fal_emulator::catalogue::CatalogueModel,
    rows: &Rows,
    parameters: &[String],
    call: &Call,
) -> Result<Vec<Input>> {
    let known = parameter::parameters(model);
    let (mut inputs, mut mistakes) = (Vec::with_capacity(rows.rows.len()), Vec::new());
    for (index, row) in rows.rows.iter().enumerate() {
        let arguments = row_arguments(&known, rows, row, parameters);
        let input = arguments.map_err(Failure::usage).and_then(|arguments| {
            let given =
                Given { arguments: &arguments, base: call.input.as_ref(), is_unchecked: call.unchecked };
            input::read(model, &given)
        });
        match input {
            Ok(input) => inputs.push(input),
            Err(failure) => {
                mistakes.extend(failure.lines().iter().map(|line| format!("row {}: {line}", index + 1)));
            }
        }
    }
    let more = mistakes.len().saturating_sub(MAX_MISTAKES);
    if more > 0 {
        mistakes.truncate(MAX_MISTAKES);
        mistakes.push(format!("and {more} more"));
    }
    if mistakes.is_empty() { Ok(inputs) } else { Err(Failure::mistakes(mistakes)) }
}

/// Returns the arguments of a row: its columns that are parameters, then the parameters of the command with their columns
/// filled in.
fn row_arguments(
    known: &[parameter::Parameter],
    rows: &Rows,
    row: &Map<String, Value>,
    parameters: &[String],
) -> std::result::Result<Vec<String>, String> {
    let own = row.iter().filter(|(name, _)| known.iter().any(|parameter| parameter.name == **name));
    let own = own.map(|(name, value)| match value {
        // A text that begins with @ is the name of a file only for a parameter that takes one.
        Value::String(text) if text.starts_with('@') && !takes_files(known, name) => {
            format!("{name}=@{text}")
        }
        Value::String(text) if text == "-" => format!("{name}:=\"-\""),
        Value::String(text) => format!("{name}={text}"),
        value => format!("{name}:={value}"),
    });
    let filled = parameters.iter().map(|parameter| fill(parameter, &rows.columns, row));
    own.map(Ok).chain(filled).collect()
}

fn takes_files(known: &[parameter::Parameter], name: &str) -> bool {
    known.iter().any(|parameter| parameter.name == name && parameter.kind.takes_files())
}

fn configure(mut batch: BatchRequest<Any>, options: &BatchOptions) -> Result<BatchRequest<Any>> {
    batch = match options.at_once {
        AtOnce::Auto => batch.concurrency(Concurrency::adaptive()),
        AtOnce::Number(number) => batch.concurrency(number),
    };
    if let Some(path) = &options.journal {
        batch = batch.journal(FileJournal::open(path)?).by_content();
    }
    Ok(match budget(options) {
        Some(budget) => batch.budget(budget),
        None => batch,
    })
}

/// Returns the budget of the options.
fn budget(options: &BatchOptions) -> Option<Budget> {
    let budget = Budget::new(options.budget?);
    Some(match options.max_per_request {
        Some(cost) => budget.max_per_request(cost),
        None => budget,
    })
}

/// The rows of a batch, with what is made of each.
struct BatchRows<'a> {
    rows: &'a [Map<String, Value>],
    inputs: &'a [Value],
    template: Option<Template>,
}

/// A batch that runs.
struct BatchCall<'a> {
    session: &'a Session,
    id: &'a str,
    price: Option<Price>,
    progress: Progress,
}

impl BatchCall<'_> {
    /// Prints each output as it comes, and acknowledges it when its files are saved.
    async fn follow(&self, mut done: Completions<Any>, rows: &BatchRows<'_>) -> Result<ExitCode> {
        let bar = self.progress.request(self.id);
        let mut failed = 0;
        loop {
            let next = tokio::select! {
                biased;
                _ = tokio::signal::ctrl_c() => {
                    let message = "interrupted; with --journal the same command goes on where it stopped";
                    return Err(Failure::new(FailureKind::Interrupted, message));
                }
                next = done.next() => next,
            };
            let Some((index, reply)) = next else { break };
            let saved = match reply {
                Ok(reply) => {
                    let cost = costs::billed(self.price.as_ref(), reply.billable_units());
                    self.save(Some(index), &reply, cost, rows, &bar).await
                }
                Err(error) => Err(error.into()),
            };
            match saved {
                Ok(()) => done.acknowledge(&index).await?,
                Err(failure) => {
                    failed += 1;
                    bar.suspended(|| self.print_failure(Some(index), None, &failure));
                }
            }
            bar.state(&done.progress().to_string());
        }
        drop(bar);
        if let Some(reason) = done.stop_reason() {
            eprintln!("the other rows were not sent: {reason}");
        }
        let progress = done.progress();
        self.progress.line(&progress.to_string());
        match failed + progress.unsent {
            0 => Ok(ExitCode::SUCCESS),
            _ => Ok(ExitCode::from(1)),
        }
    }

    async fn save(
        &self,
        row: Option<usize>,
        reply: &Reply<Value>,
        cost: Value,
        rows: &BatchRows<'_>,
        bar: &Bar,
    ) -> Result<()> {
        let client = self.session.client().await?;
        let mut columns = row.and_then(|row| rows.rows.get(row)).cloned().unwrap_or_default();
        let number: Option<usize> = row.map(|row| row + 1);
        columns.insert("row".to_owned(), number.into());
        let (columns, null) = (Value::from(columns), Value::Null);
        let facts = Facts {
            model: self.id,
            request: reply.request_id(),
            input: row.and_then(|row| rows.inputs.get(row)).unwrap_or(&null),
            output: reply,
            row: Some(&columns),
        };
        let files = output::files(client, reply, rows.template.as_ref(), &facts, Progress::None).await?;
        if self.session.global.json {
            let files: Vec<Value> = files.iter().map(OutputFile::to_json).collect();
            let line = json!({
                "row": number, "request_id": reply.request_id(), "output": **reply, "files": files, "cost": cost,
            });
            print(&line.to_string());
        } else {
            bar.suspended(|| output::print_output(reply, &files));
        }
        Ok(())
    }

    /// Prints a row that has failed. One of an earlier form of the table has a key only.
    fn print_failure(&self, index: Option<usize>, key: Option<&str>, failure: &Failure) {
        let row = index.map(|index| index + 1);
        if self.session.global.json {
            let mut line = failure.to_json();
            line["row"] = row.into();
            if let Some(key) = key {
                line["key"] = key.into();
            }
            print(&line.to_string());
            return;
        }
        let key = key.map(|key| format!("key {key}"));
        let place = [row.map(|row| format!("row {row}")), key].into_iter().flatten().collect::<Vec<_>>();
        eprintln!("{}: {}", place.join(", "), failure.lines().join("; "));
    }
}
