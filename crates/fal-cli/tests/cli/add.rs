//! `fal-cli add`: crates of models for Rust packages.

use serde_json::Value;

use crate::support::{Outcome, Terminal};

#[tokio::test]
async fn a_dry_run_prints_the_commands_and_a_first_call() {
    let terminal = Terminal::offline();
    let outcome = terminal.run(&["add", "https://fal.ai/models/fal-ai/flux/dev", "--dry-run"]).await;
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    let commands = "would run cargo add fal-client fal-flux\n\
                    would run cargo add tokio --features macros,rt-multi-thread\n";
    assert_eq!(outcome.stderr, commands);
    assert!(outcome.stdout.contains("use fal_flux::dev;"), "{}", outcome.stdout);
    assert!(outcome.stdout.contains("client.subscribe(input!(dev {"), "{}", outcome.stdout);
    let facts =
        terminal.json(&["add", "fal-ai/flux/dev/image-to-image", "--dry-run", "--package", "app"]).await;
    assert_eq!(facts["crate"], "fal-flux");
    assert_eq!(facts["commands"][0], "cargo add fal-client fal-flux --package app");
    assert!(facts["program"].as_str().unwrap().contains("use fal_flux::dev::image_to_image;"), "{facts}");
}

#[tokio::test]
async fn the_crates_are_added_to_the_package() {
    let terminal = Terminal::offline();
    terminal.write("Cargo.toml", "[package]\nname = \"app\"\nversion = \"0.1.0\"\nedition = \"2024\"\n");
    terminal.write("src/main.rs", "fn main() {}\n");
    let checkout = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
    let mut command = terminal.command(&["add", "fal-ai/flux/dev", "--path", checkout]);
    // The index that this test was built with has tokio.
    for name in ["PATH", "HOME", "CARGO", "CARGO_HOME", "RUSTUP_HOME"] {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    let outcome = Outcome::wait(command.env("CARGO_NET_OFFLINE", "true").spawn().unwrap()).await;
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    let manifest: toml::Table =
        std::fs::read_to_string(terminal.path("Cargo.toml")).unwrap().parse().unwrap();
    let names: Vec<&String> = manifest["dependencies"].as_table().unwrap().keys().collect();
    assert_eq!(names, ["fal-client", "fal-flux", "tokio"]);
    assert_eq!(manifest["dependencies"]["tokio"]["features"][1].as_str(), Some("rt-multi-thread"));
}

#[tokio::test]
async fn failures_of_cargo_and_models_without_a_crate_are_reported() {
    let terminal = Terminal::offline();
    let mut command = terminal.command(&["add", "fal-ai/flux/dev"]);
    let missing = Outcome::wait(command.env("CARGO", "none").spawn().unwrap()).await;
    assert!(missing.code == 2 && missing.stderr.contains("cannot be started"), "{}", missing.stderr);
    let document = terminal.write("own.json", own_document().to_string());
    let own = terminal.run(&["add", "me/app", "--schema", document.to_str().unwrap()]).await;
    assert!(own.code == 2 && own.stderr.contains("fal-cli codegen"), "{}", own.stderr);
    assert_eq!(terminal.run(&["add", "fal-ai/flux/deev"]).await.code, 2);
}

fn own_document() -> Value {
    let flux = std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/schemas/fal-ai/flux/dev.json")).unwrap();
    let text = String::from_utf8(flux).unwrap().replace("fal-ai/flux/dev", "me/app");
    serde_json::from_str(&text).unwrap()
}
