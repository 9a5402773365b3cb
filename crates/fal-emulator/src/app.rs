//! What all routes share.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::http::{HeaderMap, header};

use crate::clock::Clock;
use crate::course::{Course, Stepped};
use crate::models::Registry;
use crate::pace::Pace;
use crate::queue::Queue;
use crate::realtime::Realtime;
use crate::script::{Behaviours, Record, Rules};
use crate::store::Store;
use crate::timeline::Timeline;
use crate::tokens::Tokens;
use crate::webhook::Hooks;

pub(crate) struct App {
    pub(crate) models: Registry,
    pub(crate) queue: Queue,
    pub(crate) store: Store,
    pub(crate) key: Option<String>,
    pace: Pace,
    pub(crate) clock: Arc<Clock>,
    pub(crate) behaviours: Arc<Behaviours>,
    pub(crate) rules: Arc<Rules>,
    pub(crate) record: Record,
    /// Handed out by the token route and accepted for CDN uploads.
    pub(crate) cdn_token: String,
    pub(crate) tokens: Tokens,
    pub(crate) realtime: Realtime,
    pub(crate) hooks: Hooks,
    address: SocketAddr,
}

/// What a builder says about an emulator.
pub(crate) struct Settings {
    pub(crate) key: Option<String>,
    pub(crate) pace: Pace,
    pub(crate) realtime: Realtime,
    /// Room for uploads, in bytes.
    pub(crate) space: u64,
    pub(crate) clock: Arc<Clock>,
    pub(crate) hooks: Hooks,
}

impl App {
    pub(crate) fn new(models: Registry, address: SocketAddr, settings: Settings) -> Self {
        let Settings { key, pace, realtime, space, clock, hooks } = settings;
        Self {
            models,
            queue: Queue::default(),
            store: Store::new(space),
            key,
            pace,
            clock,
            behaviours: Arc::default(),
            rules: Arc::default(),
            record: Record::default(),
            cdn_token: uuid::Uuid::new_v4().simple().to_string(),
            tokens: Tokens::new(realtime.token_life()),
            realtime,
            hooks,
            address,
        }
    }

    /// How a call of an endpoint goes. `refused`: its runner will not take the input.
    pub(crate) fn course(&self, endpoint: &str, start_timeout: Option<Duration>, refused: bool) -> Course {
        let (steps, pace) = self.behaviours.course(endpoint);
        match steps {
            Some(steps) => Course::Stepped(Stepped::new(steps, refused)),
            None => {
                let pace = pace.unwrap_or(self.pace);
                Course::Timed(Timeline { pace, start_timeout, refused, cancelled: None })
            }
        }
    }

    /// How long runs of an endpoint take.
    pub(crate) fn pace_of(&self, endpoint: &str) -> Pace {
        self.behaviours.course(endpoint).1.unwrap_or(self.pace)
    }

    /// The URL the caller reached this server by, so that replies work through a forwarded port.
    pub(crate) fn base(&self, headers: &HeaderMap) -> String {
        let plain = |host: &&str| {
            !host.is_empty()
                && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-:[]".contains(&byte))
        };
        match headers.get(header::HOST).and_then(|host| host.to_str().ok()).filter(plain) {
            Some(host) => format!("http://{host}"),
            None => format!("http://{}", self.address),
        }
    }
}
