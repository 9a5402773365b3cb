//! `fal-cli submit`: a request that is followed later.

use std::process::ExitCode;

use fal_client::queue::Priority;
use fal_client::untyped;
use serde_json::json;

use super::call::{Prepared, print_help};
use crate::arguments::SubmitArguments;
use crate::failure::{Failure, Result};
use crate::output::print;
use crate::progress::Progress;
use crate::requests::Requests;
use crate::session::Session;

pub(super) async fn run(session: &Session, arguments: &SubmitArguments) -> Result<ExitCode> {
    let SubmitArguments { options, call } = arguments;
    if print_help(session, "submit", call).await? {
        return Ok(ExitCode::SUCCESS);
    }
    if session.is_embedded() {
        return Err(Failure::usage(
            "the emulator inside this program ends with it, and the request too; start `fal-emulator` and write --emulator=URL",
        ));
    }
    let prepared = Prepared::new(session, call, options.yes_cost, options.dry_run).await?;
    let is_json = session.global.json;
    if options.dry_run {
        prepared.print_dry(is_json);
        return Ok(ExitCode::SUCCESS);
    }
    let client = session.client().await?;
    let requests = Requests::new(client.hosts().queue())?;
    let id = prepared.model.id().to_owned();
    let input = prepared.input.upload(client, &Progress::new(session.global.quiet, is_json)).await?;
    let mut submit = client.submit(untyped::input(&id, input));
    if let Some(url) = &options.webhook {
        submit = submit.webhook(url);
    }
    if options.low_priority {
        submit = submit.priority(Priority::Low);
    }
    let job = submit.await?;
    requests.add(&job.ticket())?;
    match is_json {
        true => print(&json!({"endpoint": id, "request_id": job.request_id()}).to_string()),
        false => print(job.request_id()),
    }
    Ok(ExitCode::SUCCESS)
}
