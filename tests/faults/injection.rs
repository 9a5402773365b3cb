//! The calls, and the request of each into which a fault is injected.

use fal_client::{Client, Error, Result};
use fal_emulator::{Emulator, Pace, RequestKind, ResponseTemplate};
use futures_util::TryStreamExt;
use serde_json::json;

use crate::{
    expected::Column,
    model::{Input, Model},
};

/// A call, and the request of it into which a fault is injected.
pub(crate) struct Injection {
    pub(crate) name: &'static str,
    pub(crate) call: Call,
    /// The request that meets the fault.
    pub(crate) request: RequestKind,
    /// The column of `expected.md` that applies. `None` for the status stream: whatever happens to it, the client falls
    /// back to status requests, so that the caller notices nothing.
    pub(crate) column: Option<Column>,
    /// The attempts of the retry policy that applies.
    pub(crate) attempts: usize,
    /// The emulator offers a status stream.
    pub(crate) has_stream: bool,
    /// The job fails with 422.
    pub(crate) job_fails: bool,
    /// Requests that a successful call may send beyond the expected ones.
    pub(crate) extra_requests: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Call {
    Run,
    Submit,
    Status,
    Result,
    Cancel,
    Updates,
    Wait,
    Subscribe,
}

/// Attempts of the default policy.
const ATTEMPTS: usize = 4;

/// Attempts of calls that wait for a job.
const WAITING_ATTEMPTS: usize = 10;

const fn single(name: &'static str, call: Call, request: RequestKind, column: Column) -> Injection {
    Injection {
        name,
        call,
        request,
        column: Some(column),
        attempts: ATTEMPTS,
        has_stream: false,
        job_fails: false,
        extra_requests: 0,
    }
}

const fn waiting(name: &'static str, call: Call, request: RequestKind) -> Injection {
    let column = if matches!(request, RequestKind::Result) { Column::Output } else { Column::Poll };
    Injection { attempts: WAITING_ATTEMPTS, ..single(name, call, request, column) }
}

const fn stream(name: &'static str, call: Call) -> Injection {
    Injection { column: None, has_stream: true, ..waiting(name, call, RequestKind::StatusStream) }
}

pub(crate) const INJECTIONS: &[Injection] = &[
    single("run", Call::Run, RequestKind::Run, Column::Billable),
    single("submit", Call::Submit, RequestKind::Submit, Column::Billable),
    single("status", Call::Status, RequestKind::Status, Column::Status),
    single("result", Call::Result, RequestKind::Result, Column::Result),
    single("cancel", Call::Cancel, RequestKind::Cancel, Column::Cancel),
    // After a job completes, `updates` asks for log lines that arrive late, and once more if there were any.
    Injection {
        extra_requests: 2,
        ..waiting("updates, a status request", Call::Updates, RequestKind::Status)
    },
    stream("updates, the status stream", Call::Updates),
    waiting("wait, a status request", Call::Wait, RequestKind::Status),
    waiting("wait, the result", Call::Wait, RequestKind::Result),
    single("subscribe, the submission", Call::Subscribe, RequestKind::Submit, Column::Billable),
    stream("subscribe, the status stream", Call::Subscribe),
    waiting("subscribe, a status request", Call::Subscribe, RequestKind::Status),
    Injection { has_stream: true, ..waiting("subscribe, the result", Call::Subscribe, RequestKind::Result) },
    Injection {
        column: Some(Column::Failure),
        has_stream: true,
        job_fails: true,
        ..waiting("subscribe, the result of a failed job", Call::Subscribe, RequestKind::Result)
    },
];

impl Injection {
    /// Starts an emulator for the calls.
    pub(crate) async fn start_emulator() -> Emulator {
        Emulator::builder().pace(Pace::instant()).start().await.unwrap()
    }

    /// Scripts the emulator as the call needs it, without the fault.
    pub(crate) fn script(&self, emulator: &Emulator) {
        emulator.reset();
        let script = emulator.on_endpoint("acme/app/edit");
        if self.job_fails {
            let body = json!({"detail": [{"loc": ["body"], "msg": "job's own", "type": "t"}]});
            script.fail(422, body);
        } else {
            script.reply(|_| json!({"seed": 7}));
        }
        if !self.has_stream {
            emulator
                .on_request(RequestKind::StatusStream)
                .respond(ResponseTemplate::json(404, json!({"detail": "Not Found"})));
        }
    }

    /// Submits the job that the call is about, before the fault is injected. Returns its id; empty if the call submits
    /// a job itself.
    pub(crate) async fn submit_job(&self, emulator: &Emulator) -> String {
        if matches!(self.call, Call::Run | Call::Submit | Call::Subscribe) {
            return String::new();
        }
        let client = Client::builder().emulator(emulator.url()).build().unwrap();
        client.submit(Input { prompt: "before" }).await.unwrap().request_id().to_owned()
    }

    /// Makes the call. Its value is 7.
    pub(crate) async fn call(&self, client: &Client, request_id: &str) -> Result<u64> {
        let input = || Input { prompt: "a cat" };
        let job = client.endpoint::<Model>().job(request_id);
        match self.call {
            Call::Run => client.run(input()).await.map(|reply| reply.seed),
            Call::Submit => client.submit(input()).await.map(|_| 7),
            Call::Status => job.status().await.map(|_| 7),
            Call::Result => job.result().await.map(|reply| reply.seed),
            Call::Cancel => job.cancel().await.map(|_| 7),
            Call::Updates => job.updates().try_collect::<Vec<_>>().await.map(|_| 7),
            Call::Wait => job.wait().await.map(|reply| reply.seed),
            Call::Subscribe => client.subscribe(input()).await.map(|reply| reply.seed),
        }
    }

    /// Returns true if the value or error is that of a call without a fault.
    pub(crate) fn is_undisturbed(&self, outcome: &Result<u64>) -> bool {
        match outcome {
            Ok(value) => !self.job_fails && *value == 7,
            Err(error) => self.job_fails && is_of_job(error),
        }
    }

    /// Returns true if the request with the fault is the first one of the call, and opens the connection.
    pub(crate) fn is_first_request(&self) -> bool {
        match self.call {
            Call::Run | Call::Submit | Call::Status | Call::Result | Call::Cancel => true,
            Call::Subscribe => self.request == RequestKind::Submit,
            Call::Updates | Call::Wait => false,
        }
    }

    /// Returns true if the request starts work that is paid for.
    pub(crate) fn is_billable(&self) -> bool {
        self.column == Some(Column::Billable)
    }
}

fn is_of_job(error: &Error) -> bool {
    error.is_validation() && error.to_string().contains("job's own")
}
