//! One fault at one verb.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use fal_client::{Client, Retry};
use fal_emulator::{Emulator, Verb as Asked};

use crate::{
    fault::{Expect, Fault, Kind, What},
    model::Input,
    verb::{Call, Verb, is_job_s_own},
};

/// Longer than any of this takes, on any machine.
const HANGS: Duration = Duration::from_secs(60);

/// Of a call that stalls. All that comes before the fault must fit in.
const TIMEOUT: Duration = Duration::from_millis(1500);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    Once,
    Always,
}

#[derive(Clone, Copy)]
pub(crate) struct Cell {
    pub(crate) fault: &'static Fault,
    pub(crate) mode: Mode,
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({:?})", self.fault.name, self.mode)
    }
}

/// Runs it; `Err` says what was wrong.
pub(crate) async fn run(verb: &Verb, cell: &Cell, emulator: &Emulator) -> Result<(), String> {
    let builder = Client::builder().emulator(emulator.url()).retry(quick()).max_reply_bytes(100_000);
    let ends = (verb.expect)(cell.fault) == Expect::Fine;
    let builder = if cell.fault.stalls && !ends { builder.timeout(TIMEOUT) } else { builder };
    let client = builder.build().unwrap();
    let mut request_id = String::new();
    if verb.submits_before() {
        let other = Client::builder().emulator(emulator.url()).build().unwrap();
        other.submit(Input { prompt: "before" }).await.unwrap().request_id().clone_into(&mut request_id);
    }
    let before = emulator.requests().len();
    match cell.fault.what {
        What::Nobody => return nobody(verb, cell).await,
        What::Unread => return unread(verb, cell, emulator, &client, &request_id).await,
        What::Reply(rule) | What::Stream(rule) => {
            let rule = rule(emulator.at(verb.at));
            if cell.mode == Mode::Once {
                rule.times(1);
            }
        }
    }
    let Ok(outcome) = tokio::time::timeout(HANGS, verb.make(&client, &request_id)).await else {
        return Err(format!("{cell}: it hangs"));
    };
    let requests = emulator.requests().split_off(before);
    let count = |asked: Asked| requests.iter().filter(|request| request.verb == asked).count();

    let expect = (verb.expect)(cell.fault);
    let (kind, attempts) = match (expect, cell.mode) {
        (Expect::Fine, _) => (None, 1),
        (Expect::Again(_), Mode::Once) => (None, 2),
        (Expect::Again(kind), Mode::Always) => {
            let half = verb.half.filter(|_| cell.fault.name.starts_with("half a body"));
            (Some(half.unwrap_or(kind)), verb.attempts)
        }
        (Expect::Told(kind), _) => (Some(kind), 1),
    };
    // What may mean that there is no result yet is asked for once more when the status says that there is.
    let is_early = verb.call == Call::Result && cell.fault.name.starts_with("40") && kind != Some(Kind::Auth);
    let is_early = is_early && kind != Some(Kind::NotFound);
    let (kind, attempts) = match cell.mode {
        Mode::Once if is_early => (None, 2),
        Mode::Always if is_early => (kind, attempts + 1),
        _ => (kind, attempts),
    };
    let wrong = |what: String| Err(format!("{cell}: {what}, {outcome:?}"));
    match (&outcome, kind) {
        (Ok(7), None) if !verb.fails => {}
        (Err(error), None) if verb.fails && is_job_s_own(error) => {}
        (Err(error), Some(kind)) if Kind::of(error) == kind => {
            if error.endpoint() != Some("acme/app/edit") {
                return wrong("the endpoint is not named".into());
            }
            if error.request_id().is_none() && (verb.knows_id() || has_id(cell.fault, kind)) {
                return wrong("the request id is lost".into());
            }
            if kind.is_answer() && (error.status().is_none() || error.body().is_none()) {
                return wrong("the service's answer is lost".into());
            }
        }
        _ => return wrong(format!("expected {expect:?}")),
    }
    // A stream is tried again as often as it is of use.
    if verb.at != Asked::StatusStream {
        // After the end, `updates` looks for lines that come late.
        let late = usize::from(verb.call == Call::Updates && outcome.is_ok());
        let (seen, most) = (count(verb.at), attempts + late);
        if seen < attempts || seen > most {
            return wrong(format!("the server saw {seen} requests and not {attempts}"));
        }
    }
    let paid = count(Asked::Submit) + count(Asked::Run);
    // Only what was refused for certain may be asked for again.
    let refused = [Asked::Submit, Asked::Run].contains(&verb.at) && matches!(expect, Expect::Again(_));
    if paid > 1 && !refused {
        return wrong(format!("the server was asked for work {paid} times"));
    }
    let is_up = kind == Some(Kind::Timeout) && cell.fault.stalls && verb.call == Call::Subscribe;
    if is_up && verb.at != Asked::Submit && count(Asked::Cancel) != 1 {
        return wrong("the job was not cancelled when the time was up".into());
    }
    Ok(())
}

/// The usual attempts without the usual pauses.
pub(crate) fn quick() -> Retry {
    Retry::default().base_delay(Duration::from_millis(1)).max_delay(Duration::from_millis(2))
}

/// No connection: nothing was sent, so that everything may be sent again.
async fn nobody(verb: &Verb, cell: &Cell) -> Result<(), String> {
    let url = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://{}", listener.local_addr().unwrap())
    };
    let attempts = Arc::new(AtomicUsize::new(0));
    let count = attempts.clone();
    let builder = Client::builder().emulator(url).retry(quick()).on_attempt(move |_| {
        count.fetch_add(1, Ordering::SeqCst);
    });
    let outcome = verb.make(&builder.build().unwrap(), "r1").await;
    let attempts = attempts.load(Ordering::SeqCst);
    match &outcome {
        Err(error) if error.is_transport() && attempts == verb.attempts => Ok(()),
        _ => Err(format!("{cell}: {attempts} attempts, {outcome:?}")),
    }
}

/// Connections that are reset before anything is read. Whether the client notices while it connects, and knows
/// that nothing was sent, or after it has sent is up to the network.
async fn unread(
    verb: &Verb,
    cell: &Cell,
    emulator: &Emulator,
    client: &Client,
    request_id: &str,
) -> Result<(), String> {
    emulator.refuse_connections(if cell.mode == Mode::Once { 1 } else { usize::MAX });
    let before = emulator.requests().len();
    let outcome = verb.make(client, request_id).await;
    let seen = emulator.requests().len() - before;
    let is_work = [Asked::Submit, Asked::Run].contains(&verb.at);
    match &outcome {
        Ok(7) if cell.mode == Mode::Once => {}
        Err(error) if error.is_transport() && seen == 0 && (is_work || cell.mode == Mode::Always) => {}
        _ => return Err(format!("{cell}: {seen} requests were seen, {outcome:?}")),
    }
    Ok(())
}

/// Whether an answer of fal with an id came with the error.
fn has_id(fault: &Fault, kind: Kind) -> bool {
    let from_fal = fault.is_answer && !fault.name.contains("redirect");
    from_fal && matches!(kind, Kind::Api | Kind::Auth | Kind::NotFound | Kind::RateLimited | Kind::Validation)
}
