//! What the client costs beyond the HTTP client it is built on. `cargo xtask bench client` runs it.
//!
//! Every figure comes with that of plain `reqwest` making the same exchange with the same server in the same run,
//! in rounds that take turns, because the machine may have other work. The server has a thread of its own.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a measurement that fails is none")]

mod decode;
mod many;
mod model;
mod raw;
mod run;
mod server;
#[path = "../support/stats.rs"]
#[allow(dead_code, reason = "other measurements want more")]
mod stats;
mod subscribe;

use serde_json::{Value, json};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let has = |flag: &str| arguments.iter().any(|argument| argument == flag);
    // cargo asks a bench to list its tests, or to be one.
    if has("--list") || has("--test") {
        return;
    }
    let _ = rustls::crypto::ring::default_provider().install_default();
    let only = arguments.iter().find(|argument| !argument.starts_with("--"));
    let server = server::Server::start();
    type Part = fn(&server::Server) -> Value;
    let parts: [(&str, Part); 4] = [
        ("run", run::measure),
        ("subscribe", subscribe::measure),
        ("many", many::measure),
        ("decode", decode::measure),
    ];
    let mut result = json!({});
    for (name, measure) in parts {
        if only.is_none_or(|only| only == name) {
            result[name] = measure(&server);
        }
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
                ("run", "ratio") => "  (target: 0.95 at least)",
                ("run", "allocations_beyond") => "  (target: 3 at most)",
                ("subscribe", "p50_of_job") => "  (target: 1.03 at most)",
                ("subscribe", "p99_of_job") => "  (target: 1.1 at most)",
                ("many", "bytes_a_job") => "  (target: 8192 at most)",
                ("decode", "ratio" | "ratio_of_generated_type") => "  (target: 0.9 at least)",
                _ => "",
            };
            println!("  {name:<32} {figure}{target}");
        }
    }
}

/// A runtime on this thread, so that what it allocates is counted here.
fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}
