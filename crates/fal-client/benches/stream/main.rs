//! What streams and realtime connections cost beyond what they are built on. `cargo xtask bench stream` runs it.
//!
//! Every figure comes with that of plain `reqwest` or plain `tokio-tungstenite` making the same exchange with the same
//! server in the same run, in rounds that take turns. The server is a process of its own.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a measurement that fails is none"
)]

mod echo;
mod events;
mod memory;
#[path = "../support/process.rs"]
mod process;
#[path = "../support/row.rs"]
mod row;
mod server;
#[path = "../support/stats.rs"]
mod stats;
#[path = "../support/memory.rs"]
mod usage;

use process::Server;

/// How much is measured.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extent {
    /// A look: few rounds.
    Quick,
    Usual,
    /// With the slow consumer at its full length of 10 minutes.
    Long,
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let has = |flag: &str| arguments.iter().any(|argument| argument == flag);
    // cargo asks a bench to list its tests, or to be one.
    if has("--list") || has("--test") {
        return;
    }
    if has("serve") {
        return block_on(server::serve());
    }
    let _ = rustls::crypto::ring::default_provider().install_default();
    let extent = match (has("--quick"), has("--long")) {
        (true, _) => Extent::Quick,
        (_, true) => Extent::Long,
        _ => Extent::Usual,
    };
    let only = arguments.iter().find(|argument| !argument.starts_with("--"));
    let server = Server::start().unwrap();
    let mut rows = Vec::new();
    // The part that measures memory comes first, in a process that has done nothing else.
    if only.is_none_or(|only| only == "memory") {
        rows.push(block_on(memory::measure(&server.url, extent)));
    }
    if only.is_none_or(|only| only == "events") {
        rows.append(&mut block_on(events::measure(&server.url, extent)));
    }
    if only.is_none_or(|only| only == "echo") {
        rows.append(&mut block_on(echo::measure(&server.url, extent)));
    }
    row::print(&rows);
}

/// The client under test.
fn client(url: &str) -> fal_client::Client {
    fal_client::Client::builder().emulator(url).key("id:secret").build().unwrap()
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}
