//! Tables whose rows are kept in a database.

use std::collections::HashSet;

use fal_emulator::RequestKind;
use serde_json::{Value, json};

use crate::support::{PIXEL, Terminal, lines};

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
    let line: Value = serde_json::from_str(lines.trim()).unwrap();
    assert_eq!((line["row"].as_u64(), line["files"][0]["path"].as_str()), (Some(1), Some("out/1-fox.jpg")));
    assert!(line["cost"]["amount"].is_string() && line["output"]["seed"] == 3, "{line}");
    assert_eq!(terminal.submitted("fal-ai/flux/dev").len(), 4);
}

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
