//! Tables, comparisons and pipes.

use crate::support::{Terminal, lines};

const ROWS: &str = "animal,seed,image_size\ncat,1,64x64\ndog,2,64x64\n\"owl, wise\",3,64x64\n";

#[tokio::test]
async fn every_row_is_a_call_with_its_columns() {
    let terminal = Terminal::with_emulator().await;
    terminal.write("rows.csv", ROWS);
    let arguments = [
        "batch",
        "fal-ai/flux/dev",
        "rows.csv",
        "prompt=a {animal} reads",
        "-o",
        "out/{row}-{animal}.{ext}",
        "--json",
    ];
    let done = lines(&terminal.stdout(&arguments).await);
    assert_eq!(done.len(), 3);
    let mut paths: Vec<&str> = done.iter().map(|line| line["files"][0]["path"].as_str().unwrap()).collect();
    paths.sort_unstable();
    assert_eq!(paths, ["out/1-cat.jpg", "out/2-dog.jpg", "out/3-owl, wise.jpg"]);
    assert!(done.iter().all(|line| line["cost"]["amount"].is_string()), "{done:?}");
    let mut prompts: Vec<String> = terminal
        .submitted("fal-ai/flux/dev")
        .iter()
        .map(|input| format!("{} {}", input["seed"], input["prompt"]))
        .collect();
    prompts.sort_unstable();
    assert_eq!(prompts, ["1 \"a cat reads\"", "2 \"a dog reads\"", "3 \"a owl, wise reads\""]);
}

#[tokio::test]
async fn a_journal_lets_the_same_command_go_on() {
    let terminal = Terminal::with_emulator().await;
    terminal.write("rows.csv", ROWS);
    let arguments = [
        "batch",
        "fal-ai/flux/dev",
        "rows.csv",
        "prompt={animal}",
        "--journal",
        "rows.journal",
        "--at-once",
        "2",
    ];
    terminal.stdout(&arguments).await;
    terminal.write("rows.csv", format!("{ROWS}fox,4,64x64\n"));
    terminal.stdout(&arguments).await;
    assert_eq!(terminal.submitted("fal-ai/flux/dev").len(), 4);
}

#[tokio::test]
async fn a_budget_leaves_rows_unsent() {
    let terminal = Terminal::with_emulator().await;
    terminal.write(
        "rows.jsonl",
        "{\"prompt\": \"a\", \"image_size\": {\"width\": 64, \"height\": 64}}\n".repeat(5),
    );
    let call = ["batch", "fal-ai/flux/dev", "rows.jsonl"];
    let dry = terminal.json(&[&call[..], &["--dry-run"]].concat()).await;
    let estimate: f64 = dry["estimate"].as_str().unwrap().parse().unwrap();
    assert!(estimate > 0.0 && dry["inputs"].as_array().unwrap().len() == 5, "{dry}");
    let budget = format!("{:.6}", estimate / 5.0 * 2.5);
    let outcome = terminal.run(&[&call[..], &["--budget", &budget, "--at-once", "1"]].concat()).await;
    assert_eq!(outcome.code, 1, "{}", outcome.stderr);
    assert!(outcome.stderr.contains("not sent"), "{}", outcome.stderr);
    assert_eq!(terminal.submitted("fal-ai/flux/dev").len(), 2);
}

#[tokio::test]
async fn the_mistakes_of_all_rows_are_told_before_one_is_sent() {
    let terminal = Terminal::with_emulator().await;
    terminal.write("rows.csv", "prompt,num_images\na,1\n,2\nb,9\n");
    let outcome = terminal.run(&["batch", "fal-ai/flux/dev", "rows.csv"]).await;
    assert_eq!(outcome.code, 2);
    let expected = "error: row 2: prompt: is required\nerror: row 3: num_images: must be at most 4, not 9\n";
    assert_eq!(outcome.stderr, expected);
    for (arguments, expected) in [
        (&["rows.csv", "seed={none}"][..], "there is no column `none`"),
        (&["none.csv"], "cannot be read"),
        (&["rows.csv", "--at-once", "0"], "expected auto or a number above 0"),
        (&[], "name a table"),
    ] {
        let outcome = terminal.run(&[&["batch", "fal-ai/flux/dev"][..], arguments].concat()).await;
        assert_eq!(outcome.code, 2, "{}", outcome.stderr);
        assert!(outcome.stderr.contains(expected), "{}", outcome.stderr);
    }
    assert_eq!(terminal.submitted("fal-ai/flux/dev").len(), 0);
}

#[tokio::test]
async fn a_comparison_is_a_page_with_the_outputs() {
    let terminal = Terminal::with_emulator().await;
    let models = "fal-ai/flux/dev,fal-ai/flux/schnell";
    let arguments = [
        "compare",
        "--models",
        models,
        "prompt=<a cat>",
        "image_size=64x64",
        "guidance_scale=3",
        "acceleration=none",
        "-o",
        "side",
    ];
    let compared = terminal.json(&arguments).await;
    assert_eq!(compared["models"].as_array().unwrap().len(), 2);
    let page = std::fs::read_to_string(terminal.path("side/index.html")).unwrap();
    for text in [
        "fal-ai/flux/dev",
        "fal-ai/flux/schnell",
        "&lt;a cat&gt;",
        "<h1>2 models compared</h1>",
        "<dt>cost</dt>",
        "<dt>seed</dt>",
        "src=\"fal-ai-flux-dev-images-0.jpg\"",
    ] {
        assert!(page.contains(text), "{text}: {page}");
    }
    assert!(terminal.path("side/fal-ai-flux-dev-images-0.jpg").is_file());
    let wrong = terminal.run(&["compare", "--models", models, "prompt=x", "colour=red"]).await;
    assert_eq!((wrong.code, wrong.stderr.lines().count()), (2, 2), "{}", wrong.stderr);
}
