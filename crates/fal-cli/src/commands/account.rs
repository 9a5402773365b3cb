//! `fal-cli history` and `fal-cli usage`: past calls and their cost, from the platform API.

use std::process::ExitCode;

use fal_client::Error;
use serde_json::json;

use crate::arguments::{HistoryArguments, UsageArguments};
use crate::failure::{Failure, Result};
use crate::output::print;
use crate::requests::Requests;
use crate::session::Session;

/// The most models that the platform API lists the requests of at once.
const MAX_MODELS: usize = 50;

pub(super) async fn history(session: &Session, arguments: &HistoryArguments) -> Result<ExitCode> {
    let client = session.client().await?;
    let mut models = arguments.models.clone();
    if models.is_empty() {
        let known = Requests::new(client.hosts().queue())?.read()?;
        models = known.iter().rev().map(|(ticket, _)| ticket.endpoint().to_owned()).collect();
        models.sort_unstable();
        models.dedup();
        models.truncate(MAX_MODELS);
    }
    if models.is_empty() {
        return Err(Failure::usage(
            "this program has called no model yet; name models, such as fal-ai/flux/dev",
        ));
    }
    let platform = client.platform().await?;
    let limit = i64::try_from(arguments.limit.clamp(1, 100)).unwrap_or(100);
    let page = platform.list_requests().endpoint_id(models).limit(limit).send().await.map_err(Error::from)?;
    let requests = page.into_inner().items;
    if session.global.json {
        print(&json!({"requests": requests}).to_string());
        return Ok(ExitCode::SUCCESS);
    }
    for request in requests {
        let status = request.status_code.map_or_else(|| "-".to_owned(), |status| status.to_string());
        let seconds = request.duration.map_or_else(|| "-".to_owned(), |seconds| format!("{seconds:.1} s"));
        print(&[request.sent_at, request.request_id, request.endpoint_id, status, seconds].join("\t"));
    }
    Ok(ExitCode::SUCCESS)
}

pub(super) async fn usage(session: &Session, arguments: &UsageArguments) -> Result<ExitCode> {
    let platform = session.client().await?.platform().await?;
    let start = time::OffsetDateTime::now_utc() - time::Duration::days(i64::from(arguments.days));
    let start = format!("{:04}-{:02}-{:02}", start.year(), u8::from(start.month()), start.day());
    let mut request = platform.list_usage().start(start.clone()).expand(vec!["summary".to_owned()]);
    if !arguments.models.is_empty() {
        request = request.endpoint_id(arguments.models.clone());
    }
    let mut usage = request.send().await.map_err(Error::from)?.into_inner().summary;
    usage.sort_by(|one, other| other.cost_total.total_cmp(&one.cost_total));
    if session.global.json {
        print(&json!({"since": start, "usage": usage}).to_string());
        return Ok(ExitCode::SUCCESS);
    }
    let total: f64 = usage.iter().map(|record| record.cost_total).sum();
    for record in &usage {
        let quantity = format!("{} {}", record.quantity, record.unit);
        print(&[format!("${:.4}", record.cost_total), quantity, record.endpoint_id.clone()].join("\t"));
    }
    print(&format!("${total:.4}\tsince {start}"));
    Ok(ExitCode::SUCCESS)
}
