//! What all routes share.

use std::net::SocketAddr;

use axum::http::{HeaderMap, header};

use crate::models::Registry;
use crate::pace::Pace;
use crate::queue::Queue;
use crate::realtime::Realtime;
use crate::store::Store;
use crate::tokens::Tokens;

pub(crate) struct App {
    pub(crate) models: Registry,
    pub(crate) queue: Queue,
    pub(crate) store: Store,
    pub(crate) key: Option<String>,
    pub(crate) pace: Pace,
    /// Handed out by the token route and accepted for CDN uploads.
    pub(crate) cdn_token: String,
    pub(crate) tokens: Tokens,
    pub(crate) realtime: Realtime,
    address: SocketAddr,
}

impl App {
    pub(crate) fn new(
        models: Registry,
        address: SocketAddr,
        key: Option<String>,
        pace: Pace,
        realtime: Realtime,
        space: u64,
    ) -> Self {
        Self {
            models,
            queue: Queue::default(),
            store: Store::new(space),
            key,
            pace,
            cdn_token: uuid::Uuid::new_v4().simple().to_string(),
            tokens: Tokens::new(realtime.token_life()),
            realtime,
            address,
        }
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
