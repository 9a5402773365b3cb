//! The options of a worker.

use std::time::Duration;

use fal_client::reconcile::Reconcile;

#[cfg(feature = "media")]
use crate::MediaStore;
use crate::ledger::ProbePauses;

/// The options of a worker.
#[derive(Debug, Clone)]
pub(super) struct Options {
    pub(super) name: String,
    pub(super) account: String,
    pub(super) submits: usize,
    pub(super) handlers: usize,
    pub(super) streams: usize,
    pub(super) lease: Duration,
    pub(super) poll: Duration,
    pub(super) grace: Duration,
    pub(super) probe_pauses: ProbePauses,
    pub(super) reconcile: Reconcile,
    pub(super) until_finished: bool,
    #[cfg(feature = "media")]
    pub(super) media: Option<MediaStore>,
}

impl Options {
    /// Returns true if the worker saves the files of outputs before it hands these to the handler.
    pub(super) fn saves_media(&self) -> bool {
        #[cfg(feature = "media")]
        let saves_media = self.media.is_some();
        #[cfg(not(feature = "media"))]
        let saves_media = false;
        saves_media
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            name: format!("process {}", std::process::id()),
            account: "default".to_owned(),
            submits: 1,
            handlers: 4,
            streams: 32,
            lease: Duration::from_secs(120),
            poll: Duration::from_millis(500),
            grace: Duration::from_secs(30),
            probe_pauses: ProbePauses { first: Duration::from_secs(30), max: Duration::from_secs(600) },
            reconcile: Reconcile::default(),
            until_finished: false,
            #[cfg(feature = "media")]
            media: None,
        }
    }
}
