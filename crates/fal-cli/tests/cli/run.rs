//! Running models.

use serde_json::json;

use crate::support::{PIXEL, Terminal};

const SMALL: &str = "image_size=64x64";

#[tokio::test]
async fn a_run_prints_urls_and_its_facts() {
    let terminal = Terminal::with_emulator().await;
    let outcome = terminal.run(&["run", "fal-ai/flux/dev", "prompt=a cat", SMALL, "num_images=2"]).await;
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    let urls: Vec<&str> = outcome.stdout.lines().collect();
    assert!(urls.len() == 2 && urls.iter().all(|url| url.starts_with("http://127.0.0.1")), "{urls:?}");
    let last = outcome.stderr.lines().last().unwrap();
    assert!(last.contains(" s, $") && last.contains("request "), "{}", outcome.stderr);

    let expected = json!({"prompt": "a cat", "image_size": {"width": 64, "height": 64}, "num_images": 2});
    assert_eq!(terminal.submitted("fal-ai/flux/dev"), [expected]);
}

#[tokio::test]
async fn json_has_the_documented_shape() {
    let terminal = Terminal::with_emulator().await;
    let done = terminal.json(&["run", "fal-ai/flux/dev", "--prompt", "a cat", SMALL, "--seed", "7"]).await;
    assert_eq!(done["endpoint"], "fal-ai/flux/dev");
    assert_eq!(done["output"]["seed"], 7);
    assert_eq!(done["files"][0]["field"], "images-0");
    assert_eq!(done["files"][0]["url"], done["output"]["images"][0]["url"]);
    assert_eq!(done["cost"]["currency"], "USD");
    assert!(done["request_id"].is_string() && done["seconds"].is_number(), "{done}");
}

#[tokio::test]
async fn the_embedded_emulator_needs_nothing() {
    let terminal = Terminal::offline();
    let arguments = [
        "run",
        "--emulator",
        "fal-ai/flux/dev",
        "prompt=a cat",
        SMALL,
        "-o",
        "out/{model}_{seed}.{ext}",
        "seed:=3",
    ];
    let saved = terminal.stdout(&arguments).await;
    assert_eq!(saved.trim(), "out/fal-ai-flux-dev_3.jpg");
    assert!(terminal.path("out/fal-ai-flux-dev_3.jpg").metadata().unwrap().len() > 100);
    // A saved file is never overwritten.
    assert_eq!(terminal.stdout(&arguments).await.trim(), "out/fal-ai-flux-dev_3-2.jpg");
}

#[tokio::test]
async fn files_are_uploaded_from_paths_and_stdin() {
    let terminal = Terminal::with_emulator().await;
    terminal.write("cat.png", PIXEL);
    let arguments = ["run", "fal-ai/flux/dev/image-to-image", "prompt=a hat", "image_url=@cat.png", "--json"];
    let outcome = terminal.run(&arguments).await;
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    let arguments = ["run", "fal-ai/flux/dev/image-to-image", "prompt=a hat", "image_url=@-", "--json"];
    let outcome = terminal.run_with_stdin(&arguments, PIXEL).await;
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    let received = terminal.submitted("fal-ai/flux/dev/image-to-image");
    assert_eq!(received.len(), 2);
    for input in received {
        assert!(input["image_url"].as_str().unwrap().starts_with("http://127.0.0.1"), "{input}");
    }
}

#[tokio::test]
async fn the_media_of_one_run_are_the_input_of_another() {
    let terminal = Terminal::with_emulator().await;
    for json in [&[][..], &["--json"]] {
        let first = [&["run", "fal-ai/flux/dev", "prompt=a cat", SMALL][..], json].concat();
        let output = terminal.stdout(&first).await;
        let second = ["run", "fal-ai/flux/dev/image-to-image", "prompt=a hat", "image_url=-"];
        let outcome = terminal.run_with_stdin(&second, output).await;
        assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    }
}

#[tokio::test]
async fn texts_lists_objects_and_bases_are_read() {
    let terminal = Terminal::offline();
    terminal.write("prompt.txt", "a cat from a file");
    terminal.write("base.json", r#"{"prompt": "base", "num_images": 3}"#);
    let dry = async |arguments: &[&str]| {
        let arguments = [&["run", "fal-ai/flux/dev", "--dry-run"][..], arguments].concat();
        terminal.json(&arguments).await["input"].clone()
    };
    assert_eq!(dry(&["prompt=@prompt.txt"]).await, json!({"prompt": "a cat from a file"}));
    let piped = ["run", "fal-ai/flux/dev", "prompt=-", "--dry-run", "--json"];
    let piped = terminal.run_with_stdin(&piped, "a cat from a pipe\n").await;
    assert!(piped.stdout.contains(r#""input":{"prompt":"a cat from a pipe"}"#), "{}", piped.stderr);
    assert_eq!(dry(&["prompt=@@home"]).await, json!({"prompt": "@home"}));
    assert_eq!(dry(&["prompt=7"]).await, json!({"prompt": "7"}));
    assert_eq!(
        dry(&["--input", "base.json", "num_images=1"]).await,
        json!({"prompt": "base", "num_images": 1})
    );
    let size = json!({"prompt": "x", "image_size": {"width": 640, "height": 480}});
    assert_eq!(dry(&["prompt=x", "image_size.width=640", "image_size.height=480"]).await, size);
    assert_eq!(dry(&["prompt=x", r#"image_size={"width": 640, "height": 480}"#]).await, size);
    assert_eq!(
        dry(&["--prompt=x", "--no-enable-safety-checker", "--sync-mode"]).await,
        json!({"prompt": "x", "enable_safety_checker": false, "sync_mode": true})
    );
    let lists = ["run", "fal-ai/nano-banana/edit", "--dry-run", "prompt=a hat", "image_urls=https://a/1.png"];
    let lists = terminal.json(&[&lists[..], &["image_urls=https://a/2.png"]].concat()).await;
    assert_eq!(lists["input"]["image_urls"], json!(["https://a/1.png", "https://a/2.png"]));
}

#[tokio::test]
async fn a_dear_call_is_refused_before_it_is_sent() {
    let terminal = Terminal::with_emulator().await;
    let call = ["run", "fal-ai/flux/dev", "prompt=a cat", SMALL];
    let refused = terminal.run(&[&call[..], &["--yes-cost", "0.000001"]].concat()).await;
    assert_eq!(refused.code, 6, "{}", refused.stderr);
    assert!(refused.stderr.contains("nothing was sent"), "{}", refused.stderr);
    let dry = terminal.json(&[&call[..], &["--dry-run"]].concat()).await;
    assert_eq!(dry["estimate"]["currency"], "USD");
    assert_eq!(terminal.submitted("fal-ai/flux/dev").len(), 0);
    assert_eq!(terminal.run(&[&call[..], &["--yes-cost", "100"]].concat()).await.code, 0);
}

#[tokio::test]
async fn pictures_are_shown_in_the_protocol_of_the_terminal() {
    let terminal = Terminal::with_emulator().await;
    let call = ["run", "fal-ai/flux/dev", "prompt=a cat", SMALL, "--quiet"];
    for (show, start) in [
        ("--show=kitty", "\x1b_Gf=100"),
        ("--show=iterm", "\x1b]1337;File=inline=1"),
        ("--show=sixel", "\x1bP"),
    ] {
        let shown = terminal.stdout(&[&call[..], &[show]].concat()).await;
        assert!(shown.lines().nth(1).unwrap().starts_with(start), "{shown:?}");
    }
    let unknown = terminal.run(&[&call[..], &["--show"]].concat()).await;
    assert_eq!(unknown.code, 2, "{}", unknown.stderr);
}

#[tokio::test]
async fn events_of_a_stream_are_lines_of_json() {
    let terminal = Terminal::with_emulator().await;
    let lines = terminal.stdout(&["run", "fal-ai/flux/dev", "prompt=a cat", SMALL, "--stream"]).await;
    let events: Vec<serde_json::Value> =
        lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(events.last().unwrap()["images"][0]["url"].is_string(), "{lines}");
}

#[tokio::test]
async fn failures_of_the_model_have_their_exit_code() {
    let terminal = Terminal::with_emulator().await;
    let emulator = terminal.emulator.as_ref().unwrap();
    emulator.on_endpoint("fal-ai/flux/dev").fail(500, json!({"detail": "no cats"}));
    let outcome = terminal.run(&["run", "fal-ai/flux/dev", "prompt=a cat", "--json"]).await;
    assert_eq!(outcome.code, 1, "{}", outcome.stderr);
    let error: serde_json::Value = serde_json::from_str(outcome.stderr.lines().last().unwrap()).unwrap();
    assert_eq!(error["error"]["kind"], "failed");
    assert!(error["error"]["request_id"].is_string(), "{error}");

    let unreachable = ["run", "fal-ai/flux/dev", "prompt=x", "--emulator=http://127.0.0.1:9"];
    assert_eq!(terminal.run(&unreachable).await.code, 5);
    let no_key = Terminal::offline().run(&["run", "fal-ai/flux/dev", "prompt=x"]).await;
    assert_eq!(no_key.code, 3);
    assert!(no_key.stderr.contains("FAL_KEY"), "{}", no_key.stderr);
}
