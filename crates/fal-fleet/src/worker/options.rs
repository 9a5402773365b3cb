//! The options of a worker.

use std::time::Duration;

use fal_client::reconcile::Reconcile;

use crate::ledger::ProbePauses;

/// The options of a worker.
#[derive(Debug, Clone)]
pub(super) struct Options {
    pub(super) name: String,
    pub(super) account: String,
    pub(super) submits: usize,
    pub(super) handlers: usize,
    pub(super) lease: Duration,
    pub(super) poll: Duration,
    pub(super) grace: Duration,
    pub(super) probe_pauses: ProbePauses,
    pub(super) reconcile: Reconcile,
    pub(super) until_finished: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            name: format!("process {}", std::process::id()),
            account: "default".to_owned(),
            submits: 1,
            handlers: 4,
            lease: Duration::from_secs(120),
            poll: Duration::from_millis(500),
            grace: Duration::from_secs(30),
            probe_pauses: ProbePauses { first: Duration::from_secs(30), max: Duration::from_secs(600) },
            reconcile: Reconcile::default(),
            until_finished: false,
        }
    }
}
