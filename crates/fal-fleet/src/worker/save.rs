//! Saving the files of outputs.

use std::time::Duration;

use tracing::Instrument;

use super::{lane::Lane, shared::Shared};
use crate::{
    MediaStore,
    ledger::{Move, Unsaved},
    trace::continued,
};

/// The number of outputs whose files are saved at the same time.
const SAVES: usize = 4;

/// The bounds of the pause before files are saved that could not be.
const PAUSES: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(600));

impl Shared {
    /// Saves files until the worker stops. The handler gets an output when its files are saved.
    pub(super) async fn save_outputs(&self) {
        let Some(media) = &self.options.media else { return };
        let lane = Lane { at_once: SAVES, at_least: 1 };
        let (account, lease) = (&*self.options.account, self.options.lease);
        let take = async |most| self.ledger.unsaved(account, self.endpoint, most, lease).await;
        self.work_off(lane, take, |unsaved| self.save(media, unsaved)).await;
    }

    async fn save(&self, media: &MediaStore, unsaved: Unsaved) {
        let collected = &unsaved.collected;
        let held = collected.held;
        let span = tracing::info_span!(
            "fal.fleet.save",
            batch = %collected.batch,
            key = %collected.key,
            request_id = %collected.request_id,
            gen_ai.response.id = %collected.request_id
        );
        let span = continued(span, collected.traceparent.as_deref());
        self.hold(held);
        let saved = media.save(&self.ledger, &self.client, &unsaved).instrument(span).await;
        self.let_go(held);
        match saved {
            Ok(files) => {
                self.persist(async || self.ledger.saved(held, &files).await).await;
            }
            Err(error) => {
                tracing::warn!(%error, "the files of an output cannot be saved, and are tried again");
                let pause = (unsaved.age / 4).clamp(PAUSES.0, PAUSES.1);
                self.write(held, Move::offer_again(&error.to_string(), pause)).await;
            }
        }
    }
}
