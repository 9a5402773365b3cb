//! The verbs, and where in them the fault is.

use fal_client::{Client, Error, Result};
use fal_emulator::{Answer, Emulator, Pace, Verb as Asked};
use futures_util::TryStreamExt;
use serde_json::json;

use crate::{
    cell::{Cell, run},
    fault::{Expect, Fault, Kind},
    model::{Input, Model},
};

/// A verb, and the request of it at which the fault is.
pub(crate) struct Verb {
    pub(crate) name: &'static str,
    pub(crate) call: Call,
    /// The request at which the fault is.
    pub(crate) at: Asked,
    /// What must become of a fault there.
    pub(crate) expect: fn(&Fault) -> Expect,
    /// How often the request is sent in all if it does not help.
    pub(crate) attempts: usize,
    /// Whether there is a status stream.
    pub(crate) stream: bool,
    /// Whether the job fails, with 422.
    pub(crate) fails: bool,
    /// What the answer is without a fault, if it is an error: half of it is worth more than nothing.
    pub(crate) half: Option<Kind>,
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

/// Attempts of the policy, and of the policy for who waits.
const ONE: usize = 4;
const WAITING: usize = 10;

fn work(fault: &Fault) -> Expect {
    fault.work
}

fn look(fault: &Fault) -> Expect {
    fault.look
}

fn result(fault: &Fault) -> Expect {
    fault.result
}

/// That there is nothing to cancel is an outcome, and what a success says is not read.
fn cancel(fault: &Fault) -> Expect {
    match fault.look {
        Expect::Told(Kind::NotFound | Kind::Decode) => Expect::Fine,
        other => other,
    }
}

/// Whatever happens to the stream, there are looks.
fn fine(_: &Fault) -> Expect {
    Expect::Fine
}

/// Until the failure of the job is known. The status has said that it failed, and why, which a result that makes no
/// sense does not hide.
fn failure(fault: &Fault) -> Expect {
    match fault.look {
        Expect::Again(kind) if fault.is_answer => Expect::Told(kind),
        Expect::Told(Kind::Decode) => Expect::Told(Kind::Api),
        other => other,
    }
}

const fn verb(
    name: &'static str,
    call: Call,
    at: Asked,
    expect: fn(&Fault) -> Expect,
    attempts: usize,
) -> Verb {
    Verb { name, call, at, expect, attempts, stream: false, fails: false, half: None }
}

pub(crate) const VERBS: &[Verb] = &[
    verb("run", Call::Run, Asked::Run, work, ONE),
    verb("submit", Call::Submit, Asked::Submit, work, ONE),
    verb("status", Call::Status, Asked::Status, look, ONE),
    verb("result", Call::Result, Asked::Result, result, ONE),
    // The job is completed, which is answered with 400.
    Verb { half: Some(Kind::Api), ..verb("cancel", Call::Cancel, Asked::Cancel, cancel, ONE) },
    verb("updates, at a look", Call::Updates, Asked::Status, look, WAITING),
    Verb {
        stream: true,
        ..verb("updates, at the stream", Call::Updates, Asked::StatusStream, fine, WAITING)
    },
    verb("wait, at a look", Call::Wait, Asked::Status, look, WAITING),
    verb("wait, at the result", Call::Wait, Asked::Result, look, WAITING),
    verb("subscribe, at the submit", Call::Subscribe, Asked::Submit, work, ONE),
    Verb {
        stream: true,
        ..verb("subscribe, at the stream", Call::Subscribe, Asked::StatusStream, fine, WAITING)
    },
    verb("subscribe, at a look", Call::Subscribe, Asked::Status, look, WAITING),
    Verb { stream: true, ..verb("subscribe, at the result", Call::Subscribe, Asked::Result, look, WAITING) },
    Verb {
        stream: true,
        fails: true,
        half: Some(Kind::Validation),
        ..verb("subscribe, at a failed job's result", Call::Subscribe, Asked::Result, failure, WAITING)
    },
];

impl Verb {
    /// The outcomes of all cells: what was wrong, if anything.
    pub(crate) async fn column(&self, cells: &[Cell]) -> Vec<std::result::Result<(), String>> {
        let emulator = Emulator::builder().pace(Pace::instant()).start().await.unwrap();
        let mut outcomes = Vec::new();
        for cell in cells {
            emulator.reset();
            let script = emulator.on_endpoint("acme/app/edit");
            if self.fails {
                let body = json!({"detail": [{"loc": ["body"], "msg": "job's own", "type": "t"}]});
                script.fail(422, body);
            } else {
                script.reply(|_| json!({"seed": 7}));
            }
            if !self.stream {
                emulator.at(Asked::StatusStream).answer(Answer::json(404, json!({"detail": "Not Found"})));
            }
            outcomes.push(run(self, cell, &emulator).await);
        }
        outcomes
    }

    /// The call, with the id of the job it is about. Jobs are submitted before the fault is there.
    pub(crate) async fn make(&self, client: &Client, request_id: &str) -> Result<u64> {
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

    pub(crate) fn submits_before(&self) -> bool {
        !matches!(self.call, Call::Run | Call::Submit | Call::Subscribe)
    }

    /// Whether the request with the fault is the first of the call.
    pub(crate) fn at_first(&self) -> bool {
        match self.call {
            Call::Run | Call::Submit | Call::Status | Call::Result | Call::Cancel => true,
            Call::Subscribe => self.at == Asked::Submit,
            Call::Updates | Call::Wait => false,
        }
    }

    /// Whether an error knows the queue's id of the request.
    pub(crate) fn knows_id(&self) -> bool {
        !matches!(self.at, Asked::Run | Asked::Submit)
    }
}

pub(crate) fn is_job_s_own(error: &Error) -> bool {
    error.is_validation() && error.to_string().contains("job's own")
}
