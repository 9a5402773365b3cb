//! Webhooks: their delivery, their signatures, and the handle by which a test inspects them.

use std::sync::Arc;

mod delivery;
mod delivery_log;
mod sender;
mod signing_keys;

pub use delivery::Delivery;
pub use sender::WebhookSender;

pub(crate) use delivery_log::MAX_DELIVERIES;

/// The webhooks of an emulator; returned by [`Emulator::webhooks`](crate::Emulator::webhooks).
///
/// ```no_run
/// # async fn example(emulator: fal_emulator::Emulator) {
/// let webhooks = emulator.webhooks();
/// webhooks.duplicate_next();
/// // … submit with a webhook, and wait …
/// assert_eq!(webhooks.deliveries().len(), 2);
/// # }
/// ```
#[derive(Clone)]
pub struct Webhooks(Arc<WebhookSender>);

impl Webhooks {
    pub(crate) fn new(sender: Arc<WebhookSender>) -> Self {
        Self(sender)
    }

    /// Returns the attempts to deliver since the last [`reset`](crate::Emulator::reset), in order, also those of scopes. The latest
    /// 10,000 are kept, and fewer if their bodies take more than 64 MiB.
    #[must_use]
    pub fn deliveries(&self) -> Vec<Delivery> {
        self.0.deliveries()
    }

    /// Signs with a new key from now on. The published key set still contains the older keys.
    pub fn rotate_key(&self) {
        self.0.keys.rotate();
    }

    /// Removes all keys but the current one from the published key set.
    pub fn forget_old_keys(&self) {
        self.0.keys.forget_old();
    }

    /// Sends the next successful delivery a second time, as can happen at fal.
    pub fn duplicate_next(&self) {
        self.0.duplicate_next();
    }

    /// Signs a delivery with the current key. Returns the signature in hexadecimal digits.
    ///
    /// `timestamp` is in seconds since 1970.
    #[must_use]
    pub fn sign(&self, request_id: &str, user_id: &str, timestamp: u64, body: &[u8]) -> String {
        self.0.keys.sign(request_id, user_id, timestamp, body)
    }
}

impl std::fmt::Debug for Webhooks {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Webhooks").field("deliveries", &self.deliveries().len()).finish()
    }
}
