//! The cost of streams and realtime connections beyond the libraries below them. `cargo xtask bench stream` runs it.
//!
//! Each figure is compared with plain `reqwest` or plain `tokio-tungstenite` in the same exchange with the same server, in
//! alternating rounds of the same run. The server is another process.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a measurement fails by panicking"
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

/// The amount of work that is measured.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extent {
    /// A few rounds, for a first impression.
    Quick,
    Usual,
    /// The usual rounds, and 10 minutes of a slow consumer.
    Long,
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let has = |flag: &str| arguments.iter().any(|argument| argument == flag);
    // `cargo test` runs benches with these arguments.
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
    // Memory is measured first, before the process has allocated anything else.
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

/// Returns the client under test.
fn client(url: &str) -> fal_client::Client {
    fal_client::Client::builder().emulator(url).key("id:secret").build().unwrap()
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}
