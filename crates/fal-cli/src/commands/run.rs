//! `fal-cli run`: one call of a model.

use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use fal_client::queue::{Cancelled, Ticket};
use fal_client::untyped::{self, Any};
use fal_client::{Client, Reply};
use serde_json::{Value, json};

use super::call::{Prepared, print_help};
use crate::arguments::{RunArguments, RunOptions};
use crate::costs;
use crate::failure::{Failure, FailureKind, Result};
use crate::model::lookup;
use crate::output::picture::{self, Protocol};
use crate::output::template::{Facts, Template};
use crate::output::{self, OutputFile, print};
use crate::progress::Progress;
use crate::requests::Requests;
use crate::session::Session;

pub(super) async fn run(session: &Session, arguments: &RunArguments) -> Result<ExitCode> {
    let RunArguments { options, call } = arguments;
    if print_help(session, "run", call).await? {
        return Ok(ExitCode::SUCCESS);
    }
    let template = options.output.as_deref().map(|path| Template::parse(path, &[])).transpose()?;
    let show = options.show.filter(|_| !session.global.json).map(Protocol::choose).transpose()?;
    let prepared = Prepared::new(session, call, options.yes_cost, options.dry_run).await?;
    let is_json = session.global.json;
    if options.dry_run {
        prepared.print_dry(is_json);
        return Ok(ExitCode::SUCCESS);
    }
    let id = prepared.model.id().to_owned();
    if options.stream && !prepared.model.streams() {
        return Err(Failure::usage(format!("{id} does not stream; leave --stream out")));
    }
    let client = session.client().await?;
    let progress = Progress::new(session.global.quiet, is_json);
    let start = Instant::now();
    let input = prepared.input.upload(client, &progress).await?;
    let reply = match options.stream {
        true => stream(client, &id, &input, options).await?,
        false => subscribe(session, client, &id, &input, options, progress).await?,
    };
    let finished = Finished { id: &id, input: &input, seconds: start.elapsed().as_secs_f64() };
    let files = finished.print(client, &reply, template.as_ref(), progress, is_json, options.stream).await?;
    if let Some(protocol) = show {
        picture::show(client, &files, protocol).await?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Calls a model and prints its events, a line of JSON each.
async fn stream(client: &Client, id: &str, input: &Value, options: &RunOptions) -> Result<Reply<Value>> {
    let mut call = client.stream(untyped::input(id, input));
    if let Some(timeout) = options.timeout {
        call = call.timeout(timeout);
    }
    let mut events = call.await?;
    while let Some(event) = events.next().await {
        print(&event?.to_string());
    }
    Ok(events.done().await?)
}

/// Submits a request and waits for its output. Ctrl-C leaves or cancels it.
async fn subscribe(
    session: &Session,
    client: &Client,
    id: &str,
    input: &Value,
    options: &RunOptions,
    progress: Progress,
) -> Result<Reply<Value>> {
    let requests = Arc::new(Requests::new(client.hosts().queue())?);
    let ticket: Arc<Mutex<Option<Ticket<Any>>>> = Arc::default();
    let mut bar = progress.request(id);
    let (logs, is_embedded) = (options.logs, session.is_embedded());
    let mut call = client.subscribe(untyped::input(id, input)).on_queued({
        let (requests, ticket) = (requests.clone(), ticket.clone());
        move |queued| {
            // An emulator inside this program forgets its requests.
            if !is_embedded && let Err(failure) = requests.add(&queued) {
                failure.print(false);
            }
            *ticket.lock().unwrap_or_else(PoisonError::into_inner) = Some(queued);
        }
    });
    if logs {
        call = call.logs();
    }
    if let Some(timeout) = options.timeout {
        call = call.timeout(timeout);
    }
    let call = call.on_update(move |update| bar.update(update, logs));
    let reply = tokio::select! {
        // In this order, Ctrl-C is listened for before the request is sent.
        biased;
        _ = tokio::signal::ctrl_c() => {
            let queued = ticket.lock().unwrap_or_else(PoisonError::into_inner).take();
            return Err(interrupt(client, queued, options.cancel_on_interrupt || is_embedded).await);
        }
        reply = call.into_future() => reply,
    };
    let queued = ticket.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let Some(queued) = queued.filter(|_| !is_embedded) {
        let is_over = reply.as_ref().err().is_none_or(|error| !is_still_running(error));
        if is_over && let Err(failure) = requests.finish(queued.request_id()) {
            failure.print(false);
        }
    }
    Ok(reply?)
}

/// Returns true if a request may still run after this failure, so that it can be resumed.
fn is_still_running(error: &fal_client::Error) -> bool {
    error.is_transport() || error.is_rate_limited()
}

/// Returns the failure for Ctrl-C, after it was cancelled if it should be.
async fn interrupt(client: &Client, ticket: Option<Ticket<Any>>, cancel: bool) -> Failure {
    let Some(ticket) = ticket else {
        return Failure::new(FailureKind::Interrupted, "interrupted; no request was confirmed yet");
    };
    let id = ticket.request_id().to_owned();
    let message = match cancel {
        false => format!("interrupted; the request goes on. Resume it with: fal-cli wait {id}"),
        true => match client.resume(ticket).cancel().await {
            Ok(Cancelled::Removed) => "interrupted; the request was removed from the queue".to_owned(),
            Ok(_) => "interrupted; the request was asked to stop".to_owned(),
            Err(error) => format!("interrupted; the request was not cancelled: {error}"),
        },
    };
    Failure::new(FailureKind::Interrupted, message).with_request_id(&id)
}

/// A call that is done.
pub(super) struct Finished<'a> {
    pub(super) id: &'a str,
    pub(super) input: &'a Value,
    pub(super) seconds: f64,
}

impl Finished<'_> {
    /// Saves the files of an output, prints it and returns the files. Events that were printed are the output of a stream.
    pub(super) async fn print(
        &self,
        client: &Client,
        reply: &Reply<Value>,
        template: Option<&Template>,
        progress: Progress,
        is_json: bool,
        was_streamed: bool,
    ) -> Result<Vec<OutputFile>> {
        let Self { id, input, seconds } = *self;
        let request = reply.request_id();
        let facts = Facts { model: id, request, input, output: reply, row: None };
        let files = output::files(client, reply, template, &facts, progress).await;
        // The output is paid for, so it is not lost with a file that cannot be saved.
        let (files, failure) = match files {
            Ok(files) => (files, None),
            Err(failure) => (Vec::new(), Some(failure.with_request_id(request))),
        };
        let cost = costs::billed(lookup::price(client, id).await.as_ref(), reply.billable_units());
        if is_json {
            let files: Vec<Value> = files.iter().map(OutputFile::to_json).collect();
            let rounded = (seconds * 1000.0).round() / 1000.0;
            let whole = json!({
                "endpoint": id, "request_id": request, "output": **reply, "files": files, "cost": cost,
                "seconds": rounded,
            });
            print(&whole.to_string());
        } else {
            if !was_streamed || template.is_some() {
                output::print_output(reply, &files);
            }
            let facts = [format!("{seconds:.1} s"), costs::billed_text(&cost), format!("request {request}")];
            let facts: Vec<String> = facts.into_iter().filter(|fact| !fact.is_empty()).collect();
            progress.line(&facts.join(", "));
        }
        failure.map_or(Ok(files), Err)
    }
}
