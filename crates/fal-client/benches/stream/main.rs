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
mod server;
#[path = "../support/stats.rs"]
mod stats;
#[path = "../support/memory.rs"]
mod usage;

use process::Server;
use serde_json::{Value, json};

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
    let mut result = json!({});
    // The part that measures memory comes first, in a process that has done nothing else.
    if only.is_none_or(|only| only == "memory") {
        result["memory"] = block_on(memory::measure(&server.url, extent));
    }
    if only.is_none_or(|only| only == "events") {
        result["events"] = block_on(events::measure(&server.url, extent));
    }
    if only.is_none_or(|only| only == "echo") {
        result["echo"] = block_on(echo::measure(&server.url, extent));
    }
    if has("--json") {
        println!("{result:#}");
    } else {
        print(&result);
    }
}

fn print(result: &Value) {
    for (part, figures) in result.as_object().into_iter().flatten() {
        println!("\n{part}");
        for (name, figure) in figures.as_object().into_iter().flatten() {
            let target = match (part.as_str(), name.as_str()) {
                ("events", "ratio") => "  (target: 0.9 at least)",
                ("echo", "ratio") => "  (target: 0.95 at least)",
                ("echo", "p99_added_us") => "  (target: 50 at most)",
                ("memory", "peak_growth_kib") => "  (target: 2048 at most, however long)",
                _ => "",
            };
            println!("  {name:<32} {figure}{target}");
        }
    }
}

/// The client under test.
fn client(url: &str) -> fal_client::Client {
    fal_client::Client::builder().emulator(url).key("id:secret").build().unwrap()
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}
