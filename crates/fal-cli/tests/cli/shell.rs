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
async fn the_generator_and_the_emulator_are_inside() {
    let terminal = Terminal::offline();
    let help = terminal.stdout(&["codegen", "--help"]).await;
    assert!(
        help.contains("Usage: fal-cli codegen [OPTIONS] [INPUT]...") && help.contains("--module"),
        "{help}"
    );
    let wrong = terminal.run(&["codegen", "none.json"]).await;
    assert!(wrong.code == 1 && wrong.stderr.contains("none.json"), "{}", wrong.stderr);

    let help = terminal.stdout(&["emulator", "--help"]).await;
    assert!(help.contains("Usage: fal-cli emulator [OPTIONS]") && help.contains("--tls"), "{help}");
    #[cfg(unix)]
    {
        let child = ["emulator", "--", "sh", "-c", "echo $FAL_KEY; exit 7"];
        let ran = terminal.run(&child).await;
        assert_eq!((ran.code, ran.stdout.trim()), (7, "emulator:key"), "{}", ran.stderr);
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
