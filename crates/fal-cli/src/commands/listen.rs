//! `fal-cli listen`: deliveries for a local program, from an emulator or for requests in fal's queue.

use std::collections::HashSet;
use std::io::BufRead as _;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use fal_client::Client;
use fal_client::queue::Job;
use fal_client::untyped::Any;
use fal_client::webhook::Verifier;
use fal_emulator::WebhookSender;
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use serde_json::{Value, json};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::request;
use crate::arguments::{ListenArguments, ListenCommand, RequestArguments};
use crate::failure::{Failure, Result};
use crate::output::print;
use crate::requests::Requests;
use crate::session::Session;
use crate::webhooks::{Deliverer, Delivery, KEY_SET_PATH, Recorded, bind, serve};

/// The pause between two looks for new requests of this user.
const LOOK_EVERY: Duration = Duration::from_secs(1);

pub(super) async fn run(session: &Session, arguments: &ListenArguments) -> Result<ExitCode> {
    let deliverer = Arc::new(Deliverer::new(session.global.json)?);
    if let Some(ListenCommand::Resend { number, forward_to }) = &arguments.command {
        let mut recorded = Recorded::find(*number)?;
        recorded.url = forward_to.clone().unwrap_or(recorded.url);
        deliverer.resend(&recorded).await?.check()?;
        return Ok(ExitCode::SUCCESS);
    }
    let Some(forward_to) = &arguments.forward_to else {
        return Err(Failure::usage("name the local program: --forward-to http://localhost:3000/hook"));
    };
    let client = session.client().await?;
    let mut jobs = Vec::new();
    for request in &arguments.requests {
        let named = RequestArguments { request: request.clone(), model: arguments.model.clone() };
        jobs.push(request::find(session, &named).await?);
    }
    let listener = bind(arguments.at).await?;
    let address = listener.local_addr().map_err(|error| Failure::usage(error.to_string()))?;
    announce(session, &format!("http://{address}"), forward_to);
    let passed = Some((forward_to.clone(), Verifier::new(client)));
    let server = serve(listener, deliverer.clone(), service_keys(client).await, passed);
    let followed = Followed { session, client, deliverer: &deliverer, forward_to };
    tokio::select! {
        biased;
        _ = tokio::signal::ctrl_c() => Ok(()),
        failed = server => failed,
        failed = resend_on_enter(&deliverer) => failed,
        done = followed.run(jobs) => done,
    }?;
    Ok(ExitCode::SUCCESS)
}

/// Prints the URLs that other programs need.
fn announce(session: &Session, url: &str, forward_to: &str) {
    let keys = format!("{url}{KEY_SET_PATH}");
    let emulator = session.emulator_url();
    if session.global.json {
        print(&json!({"url": url, "keys": keys, "emulator": emulator}).to_string());
        return;
    }
    eprintln!(
        "deliveries to {url} go to {forward_to}; Enter sends the latest again, a number and Enter that one"
    );
    eprintln!("verify them with the keys of {keys}");
    if let Some(emulator) = emulator {
        eprintln!("the emulator: export FAL_EMULATOR_URL={emulator}");
    }
}

/// Returns the keys of the service, so that one key set verifies everything. None if they cannot be had.
async fn service_keys(client: &Client) -> Value {
    let keys = async {
        let download = client.download(format!("{}{KEY_SET_PATH}", client.hosts().rest())).max_bytes(1 << 20);
        Ok::<_, fal_client::Error>(
            serde_json::from_slice(&download.await?.bytes().await?).unwrap_or_default(),
        )
    };
    keys.await.unwrap_or_else(|error| {
        eprintln!("warning: the keys of the service are not in the key set: {error}");
        Value::Null
    })
}

/// Sends the latest delivery again for each empty line of stdin, and the delivery of a number for a number.
async fn resend_on_enter(deliverer: &Deliverer) -> Result<()> {
    let mut lines = stdin_lines();
    while let Some(line) = lines.recv().await {
        let number = match line.trim() {
            "" => Ok(None),
            text => text
                .parse()
                .map(Some)
                .map_err(|_| Failure::usage(format!("`{text}` is no number of a delivery"))),
        };
        match number.and_then(Recorded::find) {
            Ok(recorded) => drop(deliverer.resend(&recorded).await?),
            Err(failure) => failure.print(false),
        }
    }
    std::future::pending().await
}

/// Returns the lines of stdin, read by a thread that ends with the process: a task could not be stopped.
fn stdin_lines() -> UnboundedReceiver<String> {
    let (sender, lines) = unbounded_channel();
    std::thread::spawn(move || {
        let read = std::io::stdin().lock().lines().map_while(std::result::Result::ok);
        read.take_while(|line| sender.send(line.clone()).is_ok()).for_each(drop);
    });
    lines
}

/// Requests in the queue whose results are delivered.
struct Followed<'a> {
    session: &'a Session,
    client: &'a Client,
    deliverer: &'a Deliverer,
    forward_to: &'a str,
}

impl Followed<'_> {
    /// Delivers the results of these requests and returns, or else those of all requests that this user submits from now on.
    /// An emulator delivers by itself.
    async fn run(&self, jobs: Vec<Job<Any>>) -> Result<()> {
        let is_selection = !jobs.is_empty();
        let requests = Requests::new(self.client.hosts().queue())?;
        let mut known = ids(&requests)?;
        let mut running: FuturesUnordered<_> = jobs.into_iter().map(|job| self.follow(job)).collect();
        let mut look = tokio::time::interval(LOOK_EVERY);
        loop {
            tokio::select! {
                Some(done) = running.next() => {
                    match done {
                        Ok(()) => {}
                        Err(failure) if is_selection => return Err(failure),
                        Err(failure) => failure.print(self.session.global.json),
                    }
                    if is_selection && running.is_empty() {
                        return Ok(());
                    }
                }
                _ = look.tick(), if !is_selection && !self.session.is_local() => {
                    for (ticket, _) in requests.read()? {
                        if known.insert(ticket.request_id().to_owned()) {
                            running.push(self.follow(self.client.resume(ticket)));
                        }
                    }
                }
                else => std::future::pending().await,
            }
        }
    }

    /// Waits for a request and delivers its result.
    async fn follow(&self, job: Job<Any>) -> Result<()> {
        let (status, result) = match job.wait().await {
            Ok(reply) => (200, (*reply).clone()),
            Err(error) => match (error.status(), error.body()) {
                (Some(status), Some(body)) if !error.is_transport() && !error.is_auth() => {
                    (status.as_u16(), serde_json::from_slice(body).unwrap_or_default())
                }
                _ => return Err(error.into()),
            },
        };
        let request_id = job.request_id().to_owned();
        let body = WebhookSender::body(&request_id, status, &result).to_string();
        let delivery = Delivery { url: self.forward_to.to_owned(), request_id, body };
        let answer = self.deliverer.deliver(delivery).await?;
        answer.check()?;
        Requests::new(self.client.hosts().queue())?.finish(job.request_id())
    }
}

fn ids(requests: &Requests) -> Result<HashSet<String>> {
    Ok(requests.read()?.into_iter().map(|(ticket, _)| ticket.request_id().to_owned()).collect())
}
