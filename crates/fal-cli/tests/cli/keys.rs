//! Keys: stored for their owner only, and never printed.

use crate::support::Terminal;

const KEY: &str = "0a1b2c3d-e5f6:5ec7e7f00d5ec7e7f00d";

#[tokio::test]
async fn a_key_is_stored_privately_and_never_printed() {
    let terminal = Terminal::offline();
    let mut printed = String::new();
    let added =
        terminal.run_with_stdin(&["profile", "add", "work", "--max-cost", "0.5"], format!("{KEY}\n")).await;
    assert_eq!(added.code, 0, "{}", added.stderr);
    let path = terminal.stdout(&["profile", "path"]).await;
    let text = std::fs::read_to_string(path.trim()).unwrap();
    assert!(text.contains(KEY) && text.contains("max_cost = \"0.50\""), "the file has the key and the limit");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(std::fs::metadata(path.trim()).unwrap().permissions().mode() & 0o777, 0o600);
    }
    for arguments in [
        &["profile", "list"][..],
        &["profile", "list", "--json"],
        &["profile", "use", "work"],
        &["models", "flux", "--offline"],
        &["run", "fal-ai/flux/dev", "prompt=x", "nonsense=1"],
        &["run", "fal-ai/flux/dev", "--help"],
        &["--profile", "none", "models"],
    ] {
        let outcome = terminal.run(arguments).await;
        printed.push_str(&outcome.stdout);
        printed.push_str(&outcome.stderr);
    }
    assert!(printed.contains("work (default)") && printed.contains("\"has_key\":true"), "{printed}");
    // The message for a damaged file names the line, and does not repeat it.
    std::fs::write(path.trim(), format!("[profiles.work]\nkey = \"{KEY}\nmax_cost = 1")).unwrap();
    let damaged = terminal.run(&["models"]).await;
    assert_eq!(damaged.code, 2);
    assert!(damaged.stderr.contains("config.toml, line 2"), "{}", damaged.stderr);
    printed.push_str(&damaged.stderr);
    let secret = KEY.split_once(':').unwrap().1;
    assert!(!printed.contains(secret), "{printed}");
}

#[tokio::test]
async fn the_key_of_stdin_and_of_a_profile_are_sent_to_fal_only() {
    let terminal = Terminal::with_emulator().await;
    let call = ["run", "fal-ai/flux/dev", "prompt=x", "image_size=64x64", "--key-stdin"];
    let outcome = terminal.run_with_stdin(&call, format!("{KEY}\n")).await;
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    let received = terminal.emulator.as_ref().unwrap().requests();
    let secret = KEY.split_once(':').unwrap().1;
    assert!(received.iter().all(|request| !format!("{request:?}").contains(secret)));
    let empty = Terminal::offline()
        .run_with_stdin(&["run", "fal-ai/flux/dev", "prompt=x", "--key-stdin"], "\n")
        .await;
    assert_eq!(empty.code, 2);
}

#[tokio::test]
async fn profiles_are_chosen_and_removed() {
    let terminal = Terminal::offline();
    for name in ["home", "work"] {
        assert_eq!(terminal.run_with_stdin(&["profile", "add", name], KEY).await.code, 0);
    }
    assert_eq!(terminal.stdout(&["profile", "list"]).await, "home (default)\nwork\n");
    terminal.stdout(&["profile", "use", "work"]).await;
    terminal.stdout(&["profile", "remove", "home"]).await;
    assert_eq!(terminal.stdout(&["profile", "list"]).await, "work (default)\n");
    assert_eq!(terminal.run(&["profile", "remove", "home"]).await.code, 2);
}
