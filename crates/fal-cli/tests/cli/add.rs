//! `fal-cli add`: crates of models for Rust packages.

use std::path::Path;

use serde_json::Value;
use tokio::process::Command;

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
    let outcome = Outcome::wait(with_cargo(&mut command).spawn().unwrap()).await;
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    let manifest: toml::Table =
        std::fs::read_to_string(terminal.path("Cargo.toml")).unwrap().parse().unwrap();
    let names: Vec<&String> = manifest["dependencies"].as_table().unwrap().keys().collect();
    assert_eq!(names, ["fal-client", "fal-flux", "tokio"]);
    assert_eq!(manifest["dependencies"]["tokio"]["features"][1].as_str(), Some("rt-multi-thread"));
}

#[tokio::test]
async fn the_printed_programs_compile() {
    let terminal = Terminal::offline();
    let manifest = "[package]\nname = \"app\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n[workspace]\n\n\
                    [profile.dev]\ndebug = \"line-tables-only\"\n";
    terminal.write("Cargo.toml", manifest);
    terminal.write("src/lib.rs", "");
    let checkout = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    // The versions of dependencies that are compiled and fetched already.
    std::fs::copy(checkout.join("Cargo.lock"), terminal.path("Cargo.lock")).unwrap();
    for (name, id) in [
        ("text_to_image", "fal-ai/flux/dev"),
        ("image_to_video", "fal-ai/kling-video/v2.1/master/image-to-video"),
        ("speech_to_text", "fal-ai/whisper"),
    ] {
        let mut command = terminal.command(&["add", id, "--quiet", "--path", checkout.to_str().unwrap()]);
        let outcome = Outcome::wait(with_cargo(&mut command).spawn().unwrap()).await;
        assert_eq!(outcome.code, 0, "{}", outcome.stderr);
        terminal.write(&format!("src/bin/{name}.rs"), outcome.stdout);
    }
    let mut check = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    check.args(["check", "--quiet", "--bins"]).current_dir(terminal.home.path());
    check.env("CARGO_TARGET_DIR", Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap());
    let output = with_cargo(&mut check).output().await.unwrap();
    let messages = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && !messages.contains("warning"), "{messages}");
}

/// Lets a command use the cargo and the registry that this test was built with.
fn with_cargo(command: &mut Command) -> &mut Command {
    for name in ["PATH", "HOME", "CARGO", "CARGO_HOME", "RUSTUP_HOME"] {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    command.env("CARGO_NET_OFFLINE", "true")
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
