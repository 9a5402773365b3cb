//! The list of past requests of the platform API.

use std::cmp::Reverse;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use serde_json::{Value, json};

use super::parameters::Parameters;
use super::period::parse_time;
use super::platform::{check_key, endpoint_ids, error, invalid, list, page};
use crate::app::App;
use crate::clock::format_iso8601;
use crate::history::HistoryOutage;
use crate::recent_calls::PastRequest;
use crate::reply::Reply;

/// The largest number of requests on a page.
const MAX_LIMIT: usize = 100;
const DAY: Duration = Duration::from_secs(24 * 3600);

/// Handles `GET /platform/v1/models/requests/by-endpoint`: lists the requests to endpoints that have begun to run, the
/// latest end first.
///
/// fal's documents do not say if `start` and `end` compare the submission or the end of a request. The emulator
/// compares the submission.
pub(super) async fn requests(
    State(app): State<Arc<App>>,
    Query(parameters): Query<Parameters>,
    headers: HeaderMap,
) -> Result<Reply, Reply> {
    check_key(&app, &headers)?;
    check_outage(&app)?;
    let settings = app.scripts.history.get();
    let filter = Filter::parse(&parameters, app.clock.to_system_time(app.clock.now()))?;
    let expansions = list(&parameters, "expand");
    if let Some(unknown) = expansions.iter().find(|expansion| *expansion != "payloads") {
        return Err(invalid(&format!("expand: {unknown:?} is not payloads")));
    }
    let visible = |request: &PastRequest| {
        settings.outage.is_none()
            && request.started.saturating_add(settings.lag) <= app.clock.now()
            && filter.accepts(request, &app)
    };
    let mut found: Vec<PastRequest> = app.recent_calls.past_requests().into_iter().filter(visible).collect();
    match parameters.get("sort_by") {
        // A request that runs has no end yet, and comes first.
        None | Some("ended_at") => {
            found.sort_by_key(|request| Reverse((request.ended.unwrap_or(Duration::MAX), request.sent)));
        }
        Some("duration") => found.sort_by_key(|request| Reverse(request.duration())),
        Some(_) => return Err(invalid("sort_by: expected ended_at or duration")),
    }
    let page = page(&parameters, &found, MAX_LIMIT)?;
    let with_payloads = !expansions.is_empty();
    let items = page.entries.iter().map(|request| request_json(request, &app, with_payloads));
    Ok(page.reply("items", items.collect()))
}

/// Checks that no script makes the data of past requests unavailable.
///
/// # Errors
///
/// Returns a 503.
pub(super) fn check_outage(app: &App) -> Result<(), Reply> {
    if app.scripts.history.get().outage == Some(HistoryOutage::Unavailable) {
        let text = "The data of past requests is not available";
        return Err(error(StatusCode::SERVICE_UNAVAILABLE, "server_error", text));
    }
    Ok(())
}

/// The conditions of a caller for the requests to list.
struct Filter {
    endpoints: Vec<String>,
    start: SystemTime,
    end: Option<SystemTime>,
    status: Option<Outcome>,
    request_id: Option<String>,
}

/// The outcome of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Success,
    /// The service failed.
    Error,
    /// The caller's request was refused.
    UserError,
}

impl Filter {
    fn parse(parameters: &Parameters, now: SystemTime) -> Result<Self, Reply> {
        let endpoints = endpoint_ids(parameters)?;
        if endpoints.is_empty() {
            return Err(invalid("endpoint_id: required"));
        }
        let time = |name: &str| parameters.get(name).map(|text| parse_time(name, text)).transpose();
        let request_id = parameters.get("request_id").map(str::to_owned);
        let default_range = if request_id.is_some() { DAY * 90 } else { DAY };
        let status = match parameters.get("status") {
            None => None,
            Some("success") => Some(Outcome::Success),
            Some("error") => Some(Outcome::Error),
            Some("user_error") => Some(Outcome::UserError),
            Some(_) => return Err(invalid("status: expected success, error or user_error")),
        };
        let start = time("start")?.or_else(|| now.checked_sub(default_range));
        let start = start.unwrap_or(SystemTime::UNIX_EPOCH);
        Ok(Self { endpoints, start, end: time("end")?, status, request_id })
    }

    fn accepts(&self, request: &PastRequest, app: &App) -> bool {
        let sent = app.clock.to_system_time(request.sent);
        self.endpoints.iter().any(|id| id == request.endpoint())
            && sent >= self.start
            && self.end.is_none_or(|end| sent < end)
            && self.request_id.as_deref().is_none_or(|id| id == request.id())
            && self.status.is_none_or(|status| request.status.map(Outcome::from_status) == Some(status))
    }
}

impl Outcome {
    pub(super) fn from_status(status: u16) -> Self {
        match status {
            0..400 => Self::Success,
            400..500 => Self::UserError,
            _ => Self::Error,
        }
    }
}

fn request_json(request: &PastRequest, app: &App, with_payloads: bool) -> Value {
    let format = |time: Duration| format_iso8601(app.clock.to_system_time(time));
    let mut entry = json!({
        "request_id": request.id(),
        "endpoint_id": request.endpoint(),
        "sent_at": format(request.sent),
        "started_at": format(request.started),
        "ended_at": request.ended.map(format),
        "status_code": request.status,
        "duration": request.duration().map(|duration| duration.as_secs_f64()),
    });
    if with_payloads && let Some((input, output)) = request.payloads() {
        entry["json_input"] = input;
        if let Some(output) = output {
            entry["json_output"] = output;
        }
    }
    entry
}
