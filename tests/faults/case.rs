//! One fault in one request of a call.

use std::{fmt, time::Duration};

use fal_client::{Client, Result, Retry};
use fal_emulator::{Emulator, RequestKind};

use crate::{
    expected::{Expected, Outcome},
    fault::{Fault, Kind},
    injection::{Call, Injection},
};

/// Longer than any case takes on any machine.
const HANGS: Duration = Duration::from_secs(300);

/// The timeout of a call whose answer stalls. Everything before the fault must fit in, also on a busy machine.
const TIMEOUT: Duration = Duration::from_secs(20);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    Once,
    Always,
}

#[derive(Clone, Copy)]
pub(crate) struct Case {
    pub(crate) fault: &'static Fault,
    pub(crate) mode: Mode,
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({:?})", self.fault.name, self.mode)
    }
}

/// Returns every fault that the request of an injection can meet, once and always.
pub(crate) fn cases(injection: &Injection) -> Vec<Case> {
    let faults =
        crate::fault::FAULTS.iter().filter(|fault| !fault.is_of_stream || injection.column.is_none());
    let modes = |fault: &'static Fault| {
        // The timeout of the call ends a stall, so that a stall happens once at most.
        let modes: &[Mode] = if fault.stalls { &[Mode::Always] } else { &[Mode::Once, Mode::Always] };
        modes.iter().map(move |mode| Case { fault, mode: *mode })
    };
    faults.flat_map(modes).collect()
}

impl Case {
    /// Makes the call and checks its outcome and the requests that the server saw. `Err` describes a deviation.
    pub(crate) async fn run(
        &self,
        injection: &Injection,
        expected: &Expected,
        emulator: &Emulator,
    ) -> std::result::Result<(), String> {
        let times_out = self.times_out(injection, expected);
        let expected = self.expected(injection, expected);
        let builder = Client::builder().emulator(emulator.url()).retry(quick()).max_reply_bytes(100_000);
        let builder = if times_out { builder.timeout(TIMEOUT) } else { builder };
        let client = builder.build().unwrap();

        injection.script(emulator);
        let request_id = injection.submit_job(emulator).await;
        let before = emulator.requests().len();
        let rule = (self.fault.inject)(emulator.on_request(injection.request));
        if self.mode == Mode::Once {
            rule.times(1);
        }
        let Ok(outcome) = tokio::time::timeout(HANGS, injection.call(&client, &request_id)).await else {
            return Err(format!("{self}: the call hangs"));
        };
        let requests = emulator.requests().split_off(before);
        let count = |verb: RequestKind| requests.iter().filter(|request| request.kind == verb).count();
        self.check_outcome(injection, expected, &outcome)
            .and_then(|()| self.check_requests(injection, expected, &outcome, &count))
            .map_err(|deviation| format!("{self}: {deviation}: {outcome:?}"))
    }

    /// Returns true if the call may last until its own timeout.
    pub(crate) fn times_out(&self, injection: &Injection, expected: &Expected) -> bool {
        self.expected(injection, expected).error == Some(Kind::Timeout)
    }

    fn expected(&self, injection: &Injection, expected: &Expected) -> Outcome {
        injection.column.map_or(Outcome::OK, |column| expected.outcome(self.fault.name, column))
    }

    /// Returns true if the call ends by its own timeout and then asks for the result of its job.
    fn rescues(&self, injection: &Injection, expected: Outcome) -> bool {
        expected.rescues && injection.call == Call::Subscribe
    }

    fn is_repeated(&self, expected: Outcome) -> bool {
        expected.retries || expected.waits || expected.rechecks
    }

    fn check_outcome(
        &self,
        injection: &Injection,
        expected: Outcome,
        outcome: &Result<u64>,
    ) -> std::result::Result<(), String> {
        // After the timeout, the fault concerns only a result that is always asked for in vain.
        let is_rescued = self.rescues(injection, expected)
            && (self.mode == Mode::Once || injection.request != RequestKind::Result);
        let recovers = is_rescued || (self.mode == Mode::Once && self.is_repeated(expected));
        match (outcome, expected.error.filter(|_| !recovers)) {
            (outcome, None) if injection.is_undisturbed(outcome) => Ok(()),
            (_, None) => Err("expected the outcome of a call without a fault".to_owned()),
            (Err(error), Some(kind)) if Kind::from_error(error) == kind => {
                if error.endpoint() != Some("acme/app/edit") {
                    return Err("the endpoint is not named".to_owned());
                }
                let has_request_id = !injection.is_billable() || self.fault.has_request_id;
                if has_request_id && error.request_id().is_none() {
                    return Err("the request id is lost".to_owned());
                }
                if kind.has_answer() && (error.status().is_none() || error.body().is_none()) {
                    return Err("the service's answer is lost".to_owned());
                }
                Ok(())
            }
            (_, Some(kind)) => Err(format!("expected {kind:?}")),
        }
    }

    fn check_requests(
        &self,
        injection: &Injection,
        expected: Outcome,
        outcome: &Result<u64>,
        count: &dyn Fn(RequestKind) -> usize,
    ) -> std::result::Result<(), String> {
        let attempts = match self.mode {
            Mode::Once => 1 + usize::from(self.is_repeated(expected)),
            Mode::Always => {
                let attempts = if expected.retries { injection.attempts } else { 1 };
                attempts + usize::from(expected.rechecks)
            }
        };
        // A request that succeeds when it is sent again needs no rescue.
        let is_over = self.mode == Mode::Once && self.is_repeated(expected);
        let is_result = injection.request == RequestKind::Result;
        let attempts = attempts + usize::from(is_result && !is_over && self.rescues(injection, expected));
        // The number of attempts to open the status stream is left to the client.
        if injection.column.is_some() {
            let extra = if outcome.is_ok() { injection.extra_requests } else { 0 };
            let seen = count(injection.request);
            let is_bounded = self.mode == Mode::Once || !expected.waits;
            if seen < attempts || (is_bounded && seen > attempts + extra) {
                return Err(format!("the server saw {seen} requests and not {attempts}"));
            }
        }
        let billed = count(RequestKind::Submit) + count(RequestKind::Run);
        if billed > 1 && !(injection.is_billable() && expected.retries) {
            return Err(format!("work was requested {billed} times"));
        }
        let waits = injection.call == Call::Subscribe && injection.request != RequestKind::Submit;
        if waits && self.fault.stalls && expected.error.is_some() && count(RequestKind::Cancel) != 1 {
            return Err("the job was not cancelled after the timeout".to_owned());
        }
        Ok(())
    }
}

/// Returns the default policy with pauses of a millisecond, and as many attempts at 429 as at anything else.
pub(crate) fn quick() -> Retry {
    Retry::default()
        .rate_limit_budget(Duration::ZERO)
        .base_delay(Duration::from_millis(1))
        .max_delay(Duration::from_millis(2))
}
