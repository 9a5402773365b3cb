//! Tables, comparisons and pipes.

#[cfg(feature = "fleet")]
use std::collections::HashSet;

#[cfg(feature = "fleet")]
use fal_emulator::RequestKind;
use serde_json::Value;
#[cfg(feature = "fleet")]
use serde_json::json;

#[cfg(feature = "fleet")]
use crate::support::PIXEL;
use crate::support::Terminal;

const ROWS: &str = "animal,seed,image_size\ncat,1,64x64\ndog,2,64x64\n\"owl, wise\",3,64x64\n";

fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

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

#[cfg(feature = "fleet")]
#[tokio::test]
async fn a_batch_in_a_database_pays_for_no_row_twice() {
    let terminal = Terminal::with_emulator().await;
    terminal.write("rows.csv", "animal,seed\ncat,1\ndog,2\ncat,1\n");
    let call = [
        "batch",
        "fal-ai/flux/dev",
        "rows.csv",
        "prompt=a {animal}",
        "image_size=64x64",
        "--database",
        "fleet.db",
        "-o",
        "out/{row}-{animal}.{ext}",
    ];
    let outcome = terminal.run(&call).await;
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    let mut saved: Vec<&str> = outcome.stdout.lines().collect();
    saved.sort_unstable();
    assert_eq!(saved, ["out/1-cat.jpg", "out/2-dog.jpg", "out/3-cat.jpg"], "{}", outcome.stderr);
    assert_eq!(terminal.submitted("fal-ai/flux/dev").len(), 3);

    terminal.write("rows.csv", "animal,seed\nfox,3\ncat,1\ndog,2\ncat,1\n");
    let lines = terminal.stdout(&[&call[..], &["--json"]].concat()).await;
    let line: serde_json::Value = serde_json::from_str(lines.trim()).unwrap();
    assert_eq!((line["row"].as_u64(), line["files"][0]["path"].as_str()), (Some(1), Some("out/1-fox.jpg")));
    assert!(line["cost"]["amount"].is_string() && line["output"]["seed"] == 3, "{line}");
    assert_eq!(terminal.submitted("fal-ai/flux/dev").len(), 4);
}

#[cfg(feature = "fleet")]
#[tokio::test]
async fn local_files_of_a_batch_in_a_database_are_uploaded_once() {
    let terminal = Terminal::with_emulator().await;
    terminal.write("rows.csv", "prompt\na hat\na coat\na scarf\n");
    terminal.write("cat.png", PIXEL);
    let model = "fal-ai/flux/dev/image-to-image";
    let call = async |file: &str| {
        let image = format!("image_url=@{file}");
        terminal.stdout(&["batch", model, "rows.csv", &image, "-q", "--database", "fleet.db"]).await;
        let requests = terminal.emulator.as_ref().unwrap().requests();
        let uploads = requests.iter().filter(|request| request.kind == RequestKind::Upload).count();
        (terminal.submitted(model).len(), uploads)
    };
    assert_eq!(call("cat.png").await, (3, 1));
    let urls = terminal.submitted(model).into_iter().map(|input| input["image_url"].to_string());
    assert_eq!(urls.collect::<HashSet<_>>().len(), 1);
    // A row is known by the content of its file, whatever it is called.
    std::fs::rename(terminal.path("cat.png"), terminal.path("pet.png")).unwrap();
    assert_eq!(call("pet.png").await, (3, 1));
    terminal.write("pet.png", [PIXEL, b"more"].concat());
    assert_eq!(call("pet.png").await, (6, 2));
}

#[cfg(feature = "fleet")]
#[tokio::test]
async fn failed_rows_of_a_database_are_listed_with_their_reasons() {
    let terminal = Terminal::with_emulator().await;
    let emulator = terminal.emulator.as_ref().unwrap();
    emulator.on_request(RequestKind::Submit).fail(422, json!({"detail": "no cats"})).times(1);
    terminal.write("rows.csv", "prompt,image_size\ncat,64x64\ndog,64x64\n");
    let call = ["batch", "fal-ai/flux/dev", "rows.csv", "--at-once", "1", "--database", "fleet.db"];
    let outcome = terminal.run(&call).await;
    assert_eq!(outcome.code, 1, "{}", outcome.stderr);
    let line = outcome.stderr.lines().find(|line| line.contains("no cats")).unwrap();
    assert!(line.starts_with("row 1, key "), "{}", outcome.stderr);

    // The same command sends nothing again, and the row of the old table has its key only.
    terminal.write("rows.csv", "prompt,image_size\ndog,64x64\n");
    let outcome = terminal.run(&[&call[..], &["--json"]].concat()).await;
    let failed = lines(&outcome.stdout);
    assert_eq!((outcome.code, failed.len(), terminal.submitted("fal-ai/flux/dev").len()), (1, 1, 2));
    assert_eq!((&failed[0]["row"], &failed[0]["error"]["kind"]), (&Value::Null, &json!("failed")));
    assert!(line.contains(failed[0]["key"].as_str().unwrap()), "{failed:?}");
    assert!(failed[0]["error"]["problems"][0].as_str().unwrap().contains("no cats"), "{failed:?}");
}

#[cfg(feature = "fleet")]
#[tokio::test]
async fn mistakes_about_databases_have_one_line() {
    let terminal = Terminal::with_emulator().await;
    terminal.write("rows.csv", "prompt\na\n");
    for (call, code, expected) in [
        (&["batch", "fal-ai/flux/dev", "rows.csv", "--batch", "b"][..], 2, "--database"),
        (&["batch", "fal-ai/flux/dev", "rows.csv", "--database", "f.db", "--journal", "j"], 2, "--journal"),
        (
            &["batch", "fal-ai/flux/dev", "rows.csv", "--database", "postgres://127.0.0.1:9/x"],
            5,
            "PostgreSQL",
        ),
    ] {
        let outcome = terminal.run(call).await;
        assert_eq!(outcome.code, code, "{}", outcome.stderr);
        assert!(outcome.stderr.contains(expected), "{}", outcome.stderr);
    }
}
