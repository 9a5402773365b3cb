//! The commands about a request in the queue: status, wait, result, save, cancel, log, resume.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use fal_client::queue::{Cancelled, Job, Update};
use fal_client::untyped::Any;
use fal_client::{Client, Reply};
use serde_json::{Value, json};

use super::run::Finished;
use crate::arguments::{
    LogArguments, RequestArguments, ResultArguments, ResumeArguments, SaveArguments, StatusArguments,
    WaitArguments,
};
use crate::failure::{Failure, FailureKind, Result};
use crate::output::print;
use crate::output::template::Template;
use crate::progress::Progress;
use crate::requests::Requests;
use crate::session::Session;

/// A request that the user named.
struct Named<'a> {
    session: &'a Session,
    client: &'a Client,
    requests: Requests,
    job: Job<Any>,
}

impl<'a> Named<'a> {
    async fn find(session: &'a Session, arguments: &RequestArguments) -> Result<Self> {
        let RequestArguments { request, model } = arguments;
        let client = session.client().await?;
        let requests = Requests::new(client.hosts().queue())?;
        let job = match (model, requests.find(request)?) {
            (Some(model), _) if request != "last" => client.endpoint_id(model).job(request),
            (_, Some(ticket)) => client.resume(ticket),
            (_, None) if request == "last" => {
                return Err(Failure::usage("this program has submitted no request yet"));
            }
            (_, None) => {
                let message =
                    format!("this program did not submit {request}; name its model with --model ID");
                return Err(Failure::usage(message));
            }
        };
        Ok(Self { session, client, requests, job })
    }

    /// Prints the output and saves its files. The request is then done.
    async fn finish(&self, reply: &Reply<Value>, output: Option<&Template>, since: Instant) -> Result<()> {
        let seconds = since.elapsed().as_secs_f64();
        let finished = Finished { id: self.job.endpoint(), input: &Value::Null, seconds };
        let progress = self.progress();
        finished.print(self.client, reply, output, progress, self.session.global.json, false).await?;
        self.requests.finish(self.job.request_id())
    }

    /// Waits for the output, with its progress.
    async fn wait(&self, logs: bool, timeout: Option<Duration>) -> Result<Reply<Value>> {
        let mut bar = self.progress().request(self.job.request_id());
        let mut wait = self.job.wait().on_update(move |update| bar.update(update, logs));
        if logs {
            wait = wait.logs();
        }
        if let Some(timeout) = timeout {
            wait = wait.timeout(timeout);
        }
        tokio::select! {
            biased;
            _ = tokio::signal::ctrl_c() => {
                let id = self.job.request_id();
                let message = format!("interrupted; the request goes on. Resume it with: fal-cli wait {id}");
                Err(Failure::new(FailureKind::Interrupted, message).with_request_id(id))
            }
            reply = wait.into_future() => self.forget_failed(reply),
        }
    }

    /// Records a request that has failed as done, because its failure was reported.
    fn forget_failed(&self, reply: fal_client::Result<Reply<Value>>) -> Result<Reply<Value>> {
        if let Err(error) = &reply {
            let is_open =
                error.is_transport() || error.is_timeout() || error.is_rate_limited() || error.is_auth();
            if !is_open && !error.is_not_ready() {
                self.requests.finish(self.job.request_id())?;
            }
        }
        Ok(reply?)
    }

    fn progress(&self) -> Progress {
        Progress::new(self.session.global.quiet, self.session.global.json)
    }
}

/// Returns the request that the user named.
pub(super) async fn find(session: &Session, arguments: &RequestArguments) -> Result<Job<Any>> {
    Ok(Named::find(session, arguments).await?.job)
}

pub(super) async fn status(session: &Session, arguments: &StatusArguments) -> Result<ExitCode> {
    let named = Named::find(session, &arguments.request).await?;
    let update = named.job.status().await?;
    match session.global.json {
        true => print(&status_json(&named.job, &update).to_string()),
        false => print(&update.to_string()),
    }
    Ok(ExitCode::SUCCESS)
}

fn status_json(job: &Job<Any>, update: &Update) -> Value {
    let mut json = serde_json::to_value(update).unwrap_or_default();
    json["endpoint"] = job.endpoint().into();
    json
}

pub(super) async fn wait(session: &Session, arguments: &WaitArguments) -> Result<ExitCode> {
    let WaitArguments { request, output, logs, timeout } = arguments;
    let template = template(output.as_deref())?;
    let (named, since) = (Named::find(session, request).await?, Instant::now());
    let reply = named.wait(*logs, *timeout).await?;
    named.finish(&reply, template.as_ref(), since).await?;
    Ok(ExitCode::SUCCESS)
}

pub(super) async fn result(session: &Session, arguments: &ResultArguments) -> Result<ExitCode> {
    let ResultArguments { request, output } = arguments;
    let template = template(output.as_deref())?;
    fetch(session, request, template.as_ref()).await
}

pub(super) async fn save(session: &Session, arguments: &SaveArguments) -> Result<ExitCode> {
    let template = Template::parse(&arguments.output, &[])?;
    fetch(session, &arguments.request, Some(&template)).await
}

async fn fetch(
    session: &Session,
    request: &RequestArguments,
    template: Option<&Template>,
) -> Result<ExitCode> {
    let (named, since) = (Named::find(session, request).await?, Instant::now());
    let reply = named.forget_failed(named.job.result().await)?;
    named.finish(&reply, template, since).await?;
    Ok(ExitCode::SUCCESS)
}

pub(super) async fn cancel(session: &Session, arguments: &RequestArguments) -> Result<ExitCode> {
    let named = Named::find(session, arguments).await?;
    let (outcome, text) = match named.job.cancel().await? {
        Cancelled::Removed => ("removed", "removed from the queue; it is not billed"),
        Cancelled::Requested => ("requested", "asked to stop; it is billed if it goes on"),
        Cancelled::AlreadyCompleted => {
            ("already_completed", "done already; `fal-cli result` fetches its output")
        }
        _ => ("not_found", "not known to the queue"),
    };
    if outcome == "removed" {
        named.requests.finish(named.job.request_id())?;
    }
    match session.global.json {
        true => print(&json!({"request_id": named.job.request_id(), "outcome": outcome}).to_string()),
        false => print(text),
    }
    match outcome {
        "not_found" => Err(Failure::new(FailureKind::NotFound, "there is no such request")),
        _ => Ok(ExitCode::SUCCESS),
    }
}

pub(super) async fn log(session: &Session, arguments: &LogArguments) -> Result<ExitCode> {
    let named = Named::find(session, &arguments.request).await?;
    let show = |update: &Update| {
        for log in update.logs() {
            match session.global.json {
                true => print(&serde_json::to_string(log).unwrap_or_default()),
                false => print(&log.message),
            }
        }
    };
    if arguments.follow {
        let mut updates = named.job.updates();
        while let Some(update) = updates.next().await {
            show(&update?);
        }
    } else {
        show(&named.job.status().logs().await?);
    }
    Ok(ExitCode::SUCCESS)
}

/// Waits for all requests that are not done, one after another. A failure of one does not keep the others.
pub(super) async fn resume(session: &Session, arguments: &ResumeArguments) -> Result<ExitCode> {
    let template = template(arguments.output.as_deref())?;
    let client = session.client().await?;
    let queue = client.hosts().queue();
    let open: Vec<_> = Requests::new(queue)?.read()?.into_iter().filter(|(_, is_done)| !is_done).collect();
    if arguments.list {
        for (ticket, _) in &open {
            let (endpoint, id) = (ticket.endpoint(), ticket.request_id());
            match session.global.json {
                true => print(&json!({"endpoint": endpoint, "request_id": id}).to_string()),
                false => print(&format!("{id}\t{endpoint}")),
            }
        }
        return Ok(ExitCode::SUCCESS);
    }
    let mut first_failure = None;
    for (ticket, _) in open {
        let since = Instant::now();
        let named = Named { session, client, requests: Requests::new(queue)?, job: client.resume(ticket) };
        let done = match named.wait(false, None).await {
            Ok(reply) => named.finish(&reply, template.as_ref(), since).await,
            Err(failure) => Err(failure),
        };
        if let Err(failure) = done {
            if failure.is_interrupt() {
                return Err(failure);
            }
            if let Some(earlier) = first_failure.replace(failure) {
                earlier.print(session.global.json);
            }
        }
    }
    first_failure.map_or(Ok(ExitCode::SUCCESS), Err)
}

fn template(output: Option<&str>) -> Result<Option<Template>> {
    output.map(|path| Template::parse(path, &[])).transpose()
}
