//! Webhooks: what is announced, how it is signed, how often it is tried.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::app::App;

mod delivery;
mod keys;

pub use delivery::Delivery;
pub(crate) use delivery::announce;
pub(crate) use keys::Keys;

/// The account that deliveries are signed for.
pub(crate) const USER: &str = "fal-emulator|1";
/// How long a receiver may take to answer.
const TIMEOUT: Duration = Duration::from_secs(15);

/// What the emulator knows of webhooks; got by [`Emulator::webhooks`](crate::Emulator::webhooks).
#[derive(Clone)]
pub struct Webhooks {
    app: Arc<App>,
}

impl Webhooks {
    pub(crate) fn new(app: Arc<App>) -> Self {
        Self { app }
    }

    /// Every attempt to deliver so far, in order.
    #[must_use]
    pub fn deliveries(&self) -> Vec<Delivery> {
        self.app.hooks.all()
    }

    /// Signs with a new key from now on. The key set goes on to hold the older ones.
    pub fn rotate_key(&self) {
        self.app.hooks.keys.rotate();
    }

    /// Takes all keys but the one in use out of the key set.
    pub fn forget_old_keys(&self) {
        self.app.hooks.keys.forget_old();
    }

    /// Delivers the next delivery that is taken a second time, as may happen at fal.
    pub fn duplicate_next(&self) {
        *self.app.hooks.duplicates.lock().unwrap_or_else(PoisonError::into_inner) += 1;
    }

    /// The signature of a delivery, in hexadecimal digits. `timestamp` is in seconds since 1970.
    #[must_use]
    pub fn sign(&self, request_id: &str, user_id: &str, timestamp: u64, body: &[u8]) -> String {
        self.app.hooks.keys.sign(request_id, user_id, timestamp, body)
    }
}

impl std::fmt::Debug for Webhooks {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Webhooks").field("deliveries", &self.deliveries().len()).finish()
    }
}

/// The state of webhooks of one emulator.
pub(crate) struct Hooks {
    pub(crate) keys: Keys,
    /// How long to wait before each further attempt.
    retries: Vec<Duration>,
    record: Mutex<Vec<Delivery>>,
    /// How many deliveries are still to be made twice.
    duplicates: Mutex<u32>,
    http: delivery::Http,
}

impl Hooks {
    pub(crate) fn new(retries: Vec<Duration>) -> Self {
        Self {
            keys: Keys::new(),
            retries,
            record: Mutex::default(),
            duplicates: Mutex::default(),
            http: delivery::Http::default(),
        }
    }

    /// Every attempt to deliver so far, in order.
    pub(crate) fn all(&self) -> Vec<Delivery> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Ten further attempts within two hours, each after twice the time of the one before.
    pub(crate) fn default_retries() -> Vec<Duration> {
        (0..10).map(|attempt| Duration::from_secs(7 << attempt)).collect()
    }
}
