//! Completions and man pages.

use crate::support::{Outcome, Terminal};

/// Returns what the program offers for the last of these words, as bash asks for it.
async fn complete(words: &[&str]) -> Vec<String> {
    let terminal = Terminal::offline();
    let mut command = terminal.command(&[]);
    command.arg("--").args(words).env("FAL_CLI_COMPLETE", "bash");
    command.env("_CLAP_COMPLETE_INDEX", (words.len() - 1).to_string()).env("_CLAP_IFS", "\n");
    let outcome = Outcome::wait(command.spawn().unwrap()).await;
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    outcome.stdout.lines().map(str::to_owned).collect()
}

#[tokio::test]
async fn models_parameters_and_values_are_completed() {
    assert!(complete(&["fal-cli", "mod"]).await.contains(&"models".to_owned()));
    let models = complete(&["fal-cli", "run", "fal-ai/flux/d"]).await;
    assert!(models.contains(&"fal-ai/flux/dev".to_owned()), "{models:?}");
    assert_eq!(complete(&["fal-cli", "run", "fal-ai/flux/dev", "out"]).await, ["output_format="]);
    let values = complete(&["fal-cli", "run", "fal-ai/flux/dev", "output_format=p"]).await;
    assert_eq!(values, ["output_format=png"]);
    let values = complete(&["fal-cli", "run", "fal-ai/flux/dev", "acceleration", "=", "h"]).await;
    assert_eq!(values, ["high"]);
    assert!(complete(&["fal-cli", "run", "--ti"]).await.contains(&"--timeout".to_owned()));
}

#[tokio::test]
async fn other_programs_get_their_arguments_or_are_named() {
    let terminal = Terminal::offline();
    let missing = terminal.run(&["codegen", "--version"]).await;
    // A build of the workspace has the program beside this one.
    assert!(missing.code == 0 || missing.stderr.contains("cargo install fal-codegen"), "{}", missing.stderr);
    #[cfg(unix)]
    {
        std::fs::create_dir(terminal.path("bin")).unwrap();
        std::os::unix::fs::symlink("/bin/echo", terminal.path("bin/fal-emulator")).unwrap();
        let mut command = terminal.command(&["emulator", "--version"]);
        let outcome = Outcome::wait(command.env("PATH", terminal.path("bin")).spawn().unwrap()).await;
        assert!(outcome.code == 0 && !outcome.stdout.is_empty(), "{}", outcome.stderr);
    }
}

#[tokio::test]
async fn every_shell_has_a_script_and_every_command_a_man_page() {
    let terminal = Terminal::offline();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        assert!(terminal.stdout(&["completions", shell]).await.contains("FAL_CLI_COMPLETE"), "{shell}");
    }
    assert_eq!(terminal.run(&["completions", "tcsh"]).await.code, 2);
    for command in [&["man"][..], &["man", "run"], &["man", "batch"]] {
        let page = terminal.stdout(command).await;
        assert!(page.contains(".TH") && page.contains("SH OPTIONS"), "{page}");
    }
    assert_eq!(terminal.run(&["man", "dance"]).await.code, 2);
}
