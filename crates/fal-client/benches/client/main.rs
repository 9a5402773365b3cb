//! The cost of the client beyond the HTTP client it is built on. `cargo xtask bench client` runs it.
//!
//! Every figure is measured beside plain `reqwest` in the same exchange with the same server, in alternating rounds,
//! because the machine may be busy. The server has a thread of its own.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failed measurement has no figures")]

mod decode;
mod journal;
mod many;
mod model;
#[cfg(all(feature = "metrics", feature = "opentelemetry"))]
mod observed;
mod peers;
mod raw;
#[path = "../support/row.rs"]
mod row;
mod run;
mod server;
#[path = "../support/stats.rs"]
mod stats;
mod subscribe;

use row::Row;

/// The number of rounds.
#[derive(Clone, Copy)]
pub(crate) struct Extent {
    /// `true` for few rounds, as a quick check.
    pub(crate) quick: bool,
}

impl Extent {
    pub(crate) fn select<T>(self, usual: T, quick: T) -> T {
        if self.quick { quick } else { usual }
    }
}

fn main() {
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    let peers = peers::take(&mut arguments);
    let has = |flag: &str| arguments.iter().any(|argument| argument == flag);
    // cargo test runs benches with these flags.
    if has("--list") || has("--test") {
        return;
    }
    let _ = rustls::crypto::ring::default_provider().install_default();
    let extent = Extent { quick: has("--quick") };
    let only = arguments.iter().find(|argument| !argument.starts_with("--"));
    let server = server::Server::start();
    type Part = fn(&server::Server, Extent) -> Vec<Row>;
    let parts: &[(&str, Part)] = &[
        ("run", run::measure),
        ("subscribe", subscribe::measure),
        ("many", many::measure),
        ("decode", decode::measure),
        ("journal", journal::measure),
        #[cfg(all(feature = "metrics", feature = "opentelemetry"))]
        ("observed", observed::measure),
    ];
    let mut rows = Vec::new();
    for (name, measure) in parts {
        if only.is_none_or(|only| only == *name) {
            rows.append(&mut measure(&server, extent));
        }
    }
    for peer in &peers {
        peer.measure(&server.url, extent, &mut rows);
    }
    row::print(&rows);
}

/// Runs `future` on this thread, so that its allocations are counted here.
fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}
