//! Recipes for engines that run steps themselves and repeat them: the sides of the ledger are those of the README, and the engines are
//! small ones in their place.

use std::{
    collections::HashMap,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use fal_client::{Usd, batch::Budget, untyped};
use fal_emulator::{FaultPoint, RequestKind};
use fal_fleet::{ErrorKind, Progress, RequestLedger, Result};
use serde_json::{Value, json};

use crate::support::{DEV, Stage};

on_both_ledgers! {
    a_workflow_of_temporal_pays_once_although_its_activities_are_repeated,
    a_handler_of_restate_pays_once_although_it_is_replayed,
    failures_and_doubts_are_reported_and_not_repeated,
    a_request_is_within_the_budget_and_under_one_key,
}

/// Activities of a worker of Temporal.
struct Activities<L> {
    ledger: L,
}

impl<L: RequestLedger> Activities<L> {
    // With the SDK: `worker.register_activity("advance", ..)`. Temporal runs it at least once.
    async fn advance(&self, workflow_id: &str, prompt: &str) -> Result<Progress> {
        self.ledger.advance(workflow_id, untyped::input(DEV, json!({ "prompt": prompt }))).await
    }
}

/// A workflow of Temporal, in place of `WfContext`.
struct Workflow<'a, L> {
    id: &'a str,
    activities: &'a Activities<L>,
    crashes: AtomicUsize,
}

impl<L: RequestLedger> Workflow<'_, L> {
    /// Runs an activity. Some workers die after it has run and before its result is in the history, so it runs again.
    async fn activity(&self, prompt: &str) -> Result<Progress> {
        let progress = self.activities.advance(self.id, prompt).await?;
        match self.crashes.fetch_add(1, Ordering::Relaxed) {
            0..3 => self.activities.advance(self.id, prompt).await,
            _ => Ok(progress),
        }
    }

    async fn picture(&self, prompt: &str) -> Result<Value> {
        loop {
            // With the SDK: `ctx.activity(ActivityOptions { activity_type: "advance", .. }).await`.
            match self.activity(prompt).await? {
                Progress::Done { output, .. } => return Ok(output),
                // With the SDK: `ctx.timer(pause).await`.
                Progress::Wait(pause) => tokio::time::sleep(pause).await,
                other => panic!("{other:?}"),
            }
        }
    }
}

async fn a_workflow_of_temporal_pays_once_although_its_activities_are_repeated(stage: Stage) {
    let batch = stage.fleet.batch("workflows").concurrency(2);
    let activities = Activities { ledger: batch.ledger(stage.client()) };
    let ids: Vec<String> = (0..5).map(|workflow| format!("picture-{workflow}")).collect();
    let workflows = ids.iter().map(async |id| {
        let workflow = Workflow { id, activities: &activities, crashes: AtomicUsize::new(0) };
        workflow.picture(&format!("a cat for {id}")).await
    });
    for output in futures_util::future::try_join_all(workflows).await.unwrap() {
        assert!(!output["images"].is_null(), "{output}");
    }
    assert_eq!(stage.submits(), 5);
    assert!(batch.status().await.unwrap().is_finished());
}

/// The context of a handler of Restate, whose journal survives when the handler is replayed.
#[derive(Default)]
struct Context {
    journal: Mutex<HashMap<usize, Progress>>,
}

/// One run of a handler.
struct Replay<'a> {
    context: &'a Context,
    entry: AtomicUsize,
    /// The entry at which this run is lost after the step and before the journal.
    dies_at: usize,
}

impl Replay<'_> {
    /// Runs a step if the journal does not have its result. With the SDK: `ctx.run(|| ..).await`.
    async fn run(&self, step: impl Future<Output = Result<Progress>>) -> Option<Progress> {
        let entry = self.entry.fetch_add(1, Ordering::Relaxed);
        if let Some(known) = self.context.journal.lock().unwrap().get(&entry) {
            return Some(known.clone());
        }
        let progress = step.await.unwrap();
        if entry == self.dies_at {
            return None;
        }
        self.context.journal.lock().unwrap().insert(entry, progress.clone());
        Some(progress)
    }
}

/// A handler of Restate, whose key is the id of the invocation. Returns `None` if the run is lost.
async fn handler(replay: Replay<'_>, ledger: &impl RequestLedger, invocation: &str) -> Option<Value> {
    loop {
        let input = untyped::input(DEV, json!({ "prompt": "a dog" }));
        match replay.run(ledger.advance(invocation, input)).await? {
            Progress::Done { output, .. } => return Some(output),
            // With the SDK: `ctx.sleep(pause).await`.
            Progress::Wait(pause) => tokio::time::sleep(pause.min(Duration::from_millis(250))).await,
            other => panic!("{other:?}"),
        }
    }
}

async fn a_handler_of_restate_pays_once_although_it_is_replayed(stage: Stage) {
    let ledger = stage.fleet.batch("invocations").ledger(stage.client());
    let context = Context::default();
    let mut output = None;
    for dies_at in 0.. {
        let replay = Replay { context: &context, entry: AtomicUsize::new(0), dies_at };
        output = handler(replay, &ledger, "inv_1").await;
        if output.is_some() {
            break;
        }
    }
    assert!(!output.unwrap()["images"].is_null());
    assert_eq!(stage.submits(), 1);
}

async fn failures_and_doubts_are_reported_and_not_repeated(stage: Stage) {
    let batch = stage.fleet.batch("cats");
    let ledger = batch.ledger(stage.client());
    let cat = || untyped::input(DEV, json!({ "prompt": "a cat" }));
    stage.emulator.on_request(RequestKind::Submit).fail(422, json!({ "detail": "no cats" })).times(1);
    for _ in 0..3 {
        let progress = ledger.advance("refused", cat()).await.unwrap();
        assert!(
            matches!(&progress, Progress::Failed { message } if message.contains("no cats")),
            "{progress:?}"
        );
    }
    stage.emulator.on_request(RequestKind::Submit).reset(FaultPoint::Reply).times(1);
    for _ in 0..3 {
        assert_eq!(ledger.advance("lost", cat()).await.unwrap(), Progress::InDoubt);
    }
    assert_eq!(stage.submits(), 2);
    // What an engine keeps of it can be read again.
    let progress = Progress::Wait(Duration::from_millis(1500));
    let json = serde_json::to_string(&progress).unwrap();
    assert_eq!(serde_json::from_str::<Progress>(&json).unwrap(), progress);
}

async fn a_request_is_within_the_budget_and_under_one_key(stage: Stage) {
    let budget = Budget::new(Usd::cents(1)).max_per_request(Usd::cents(1));
    let batch = stage.fleet.batch("cats").budget(budget);
    let ledger = batch.ledger(stage.client());
    let cat = |seed| untyped::input(DEV, json!({ "prompt": "a cat", "seed": seed }));
    while !matches!(ledger.advance("a", cat(1)).await.unwrap(), Progress::Done { .. }) {}
    for _ in 0..3 {
        assert!(matches!(ledger.advance("b", cat(2)).await.unwrap(), Progress::Wait(_)));
    }
    assert_eq!((stage.submits(), batch.status().await.unwrap().spent), (1, Usd::cents(1)));
    assert_eq!(ledger.advance("a", cat(3)).await.unwrap_err().kind(), ErrorKind::OtherInput);
    // A batch of another account is not worked on with the key of this one.
    stage.fleet.batch("theirs").account("theirs").enqueue([("a", cat(1))]).await.unwrap();
    let theirs = stage.fleet.batch("theirs").ledger(stage.client());
    assert_eq!(theirs.advance("a", cat(1)).await.unwrap_err().kind(), ErrorKind::Config);
}
