//! Faults in the middle of a realtime connection, for every way of using one: nothing hangs, each message is written or an
//! error, and messages before the fault are not lost.
//! `cargo test -p fal-client --features realtime --test wire interruptions -- --nocapture` prints the table.

use std::{fmt::Write as _, time::Duration};

use fal_client::{
    Client, Error,
    realtime::{ConnectRequest, Connection},
    untyped::Messages,
};
use fal_emulator::{FaultPoint, RealtimeFault, RequestKind, Rule};
use serde_json::{Value, json};

use super::realtime::{ask, live, soon, start};

/// The silence after which connections ping. Silent ones end after twice that, and do so at the same time.
const KEEP_ALIVE: Duration = Duration::from_secs(5);

/// The largest message that is accepted, above the size of the valid ones.
const LIMIT: usize = 1000;

struct Fault {
    name: &'static str,
    rule: fn(Rule, usize) -> Rule,
    is_expected: fn(&Error) -> bool,
    /// `true` if the connection continues afterwards.
    continues: bool,
    /// `true` if the connection ends in order. That is no loss after an answer, because some models answer several inputs
    /// with one message.
    in_order: bool,
}

const fn fault(name: &'static str, rule: fn(Rule, usize) -> Rule, is_expected: fn(&Error) -> bool) -> Fault {
    Fault { name, rule, is_expected, continues: false, in_order: false }
}

static FAULTS: [Fault; 10] = [
    fault("cut without a frame", |rule, at| rule.cut(FaultPoint::Message(at)), Error::is_transport),
    fault("reset", |rule, at| rule.reset(FaultPoint::Message(at)), Error::is_transport),
    fault("silence", |rule, at| rule.stall(FaultPoint::Message(at)), Error::is_timeout),
    Fault {
        name: "closed with 1000",
        rule: |rule, at| rule.replace_message(at, RealtimeFault::Close(1000)),
        is_expected: Error::is_transport,
        continues: false,
        in_order: true,
    },
    fault(
        "closed with 1009",
        |rule, at| rule.replace_message(at, RealtimeFault::Close(1009)),
        |error| error.message().contains("1009"),
    ),
    fault(
        "closed with 1011",
        |rule, at| rule.replace_message(at, RealtimeFault::Close(1011)),
        Error::is_transport,
    ),
    fault(
        "bytes that are no frame",
        |rule, at| rule.replace_message(at, RealtimeFault::Garbage),
        Error::is_transport,
    ),
    fault(
        "a frame that is too large",
        |rule, at| rule.replace_message(at, RealtimeFault::Large(LIMIT + 1)),
        Error::is_too_large,
    ),
    fault(
        "the token expires",
        |rule, at| rule.replace_message(at, RealtimeFault::Unauthorized),
        Error::is_auth,
    ),
    Fault {
        name: "a message without sense",
        rule: |rule, at| rule.replace_message(at, RealtimeFault::Nonsense),
        is_expected: Error::is_decode,
        continues: true,
        in_order: false,
    },
];

type Json = Messages<Value, Value>;

fn call(client: &Client) -> ConnectRequest<Json> {
    client.endpoint_id("acme/live").messages().realtime().keep_alive(KEEP_ALIVE).max_message_bytes(LIMIT)
}

/// Sends each message after the answer to the one before, and returns everything that is wrong.
async fn one_by_one(
    mut connection: Connection<Json>,
    fault: &Fault,
    at: usize,
    reconnects: bool,
) -> Vec<String> {
    let mut wrong = Vec::new();
    for n in 0..4 {
        let answer = connection.request_message(&ask(n as u64)).await;
        let is_right = match &answer {
            Ok(answer) => answer["n"] == n && n != at && (n < at || reconnects || fault.continues),
            Err(error) if n == at => (fault.is_expected)(error) && error.endpoint() == Some("acme/live"),
            Err(error) => n > at && !reconnects && !fault.continues && error.is_transport(),
        };
        if !is_right {
            wrong.push(format!("message {n}: {answer:?}"));
        }
    }
    wrong
}

/// Sends all messages, then receives until the end, and returns everything that is wrong.
async fn all_at_once(
    connection: Connection<Json>,
    fault: &Fault,
    at: usize,
    reconnects: bool,
) -> Vec<String> {
    let (sender, mut receiver) = connection.split();
    let mut wrong = Vec::new();
    for n in 0..4 {
        // The connection may be lost already.
        if let Err(error) = sender.send_message(&ask(n)).await
            && !(error.is_transport() || (fault.is_expected)(&error))
        {
            wrong.push(format!("message {n} was not sent: {error:?}"));
        }
    }
    drop(sender);
    let (mut received, mut errors) = (Vec::new(), Vec::new());
    loop {
        match receiver.recv().await {
            Ok(Some(answer)) => received.push(answer["n"].as_u64().unwrap()),
            Ok(None) => break,
            Err(error) => errors.push(error),
        }
        let all = received.len() + errors.len();
        if (fault.continues && all == 4) || (reconnects && !errors.is_empty()) {
            break;
        }
    }
    let before: Vec<u64> = (0..at as u64).collect();
    if !received.starts_with(&before) {
        wrong.push(format!("{received:?} received"));
    }
    let is_quiet = errors.is_empty() && fault.in_order && at > 0;
    if !is_quiet && (errors.len() != 1 || !(fault.is_expected)(&errors[0])) {
        wrong.push(format!("errors: {errors:?}"));
    }
    wrong
}

/// A fault, the number of messages before it, and the use of the connection.
#[derive(Clone, Copy)]
struct Case {
    fault: &'static Fault,
    at: usize,
    reconnects: bool,
    waits: bool,
}

impl Case {
    fn all(fault: &'static Fault) -> Vec<Self> {
        let mut cases = Vec::new();
        for at in 0..3 {
            for reconnects in [false, true] {
                for waits in [true, false] {
                    // A second connection, which does not end, is only opened if the end is noticed early enough.
                    if !(fault.in_order && reconnects && !waits) {
                        cases.push(Self { fault, at, reconnects, waits });
                    }
                }
            }
        }
        cases
    }

    /// Returns everything that is wrong.
    async fn run(self) -> Vec<String> {
        let Self { fault, at, reconnects, waits } = self;
        let (_folder, builder) = live(&json!({"type": "realtime"}));
        let (emulator, client) = start(builder).await;
        emulator.on_endpoint("acme/live/realtime").reply(|input| json!({"n": input["n"]}));
        // Later connections have no fault.
        (fault.rule)(emulator.on_request(RequestKind::Realtime), at).times(1);
        let call = call(&client);
        let connection = soon(if reconnects { call.reconnect() } else { call }).await.unwrap();
        let used = async {
            match waits {
                true => one_by_one(connection, fault, at, reconnects).await,
                false => all_at_once(connection, fault, at, reconnects).await,
            }
        };
        let used = tokio::time::timeout(Duration::from_secs(60), used).await;
        let wrong = used.unwrap_or_else(|_| vec!["it hangs".to_owned()]);
        let name = fault.name;
        wrong
            .iter()
            .map(|wrong| format!("{name}, after {at}, reconnects {reconnects}, waits {waits}: {wrong}"))
            .collect()
    }
}

#[tokio::test]
async fn faults_are_errors_and_lose_no_earlier_message() {
    let (mut table, mut failures, mut cases) = (String::new(), Vec::new(), 0);
    for fault in &FAULTS {
        let wrong = futures_util::future::join_all(Case::all(fault).into_iter().map(Case::run)).await;
        let (all, passed) = (wrong.len(), wrong.iter().filter(|wrong| wrong.is_empty()).count());
        writeln!(table, "{:<28} {passed:>3} of {all:>2}", fault.name).unwrap();
        failures.extend(wrong.into_iter().flatten());
        cases += all;
    }
    println!("{table}{cases} cases");
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
}
