//! Wrong input: exit code 2, one clear line for each mistake, and nothing is sent.

use crate::support::Terminal;

/// Arguments after `run`, and what the line must say.
const TABLE: &[(&[&str], &str)] = &[
    (&["fal-ai/flux/dev"], "prompt: is required"),
    (&["fal-ai/flux/dev", "prompt=x", "num_images=9"], "num_images: must be at most 4, not 9"),
    (
        &["fal-ai/flux/dev", "prompt=x", "num_inference_steps=0"],
        "num_inference_steps: must be at least 1, not 0",
    ),
    (&["fal-ai/flux/dev", "prompt=x", "num_images=two"], "num_images: must be an integer, not \"two\""),
    (&["fal-ai/flux/dev", "prompt=x", "num_images=1.5"], "num_images: must be an integer"),
    (
        &["fal-ai/flux/dev", "prompt=x", "guidance_scale=high"],
        "guidance_scale: must be a number, not \"high\"",
    ),
    (
        &["fal-ai/flux/dev", "prompt=x", "output_format=gif"],
        "output_format: must be `jpeg` or `png`, not \"gif\"",
    ),
    (
        &["fal-ai/flux/dev", "prompt=x", "image_size=huge"],
        "image_size: must be {width, height} or one of `square_hd`",
    ),
    (
        &["fal-ai/flux/dev", "prompt=x", "image_size.width=0", "image_size.height=9"],
        "image_size.width: must be above 0, not 0",
    ),
    (&["fal-ai/flux/dev", "prompt=x", "image_size.with=3"], "image_size.with: there is no such parameter"),
    (&["fal-ai/flux/dev", "prompt=x", "sync_mode=maybe"], "sync_mode: must be true or false, not \"maybe\""),
    (
        &["fal-ai/flux/dev", "prompt=x", "num_image=2"],
        "num_image: there is no such parameter; did you mean `num_images`?",
    ),
    (
        &["fal-ai/flux/dev", "--promt", "x", "prompt=y"],
        "promt: there is no such parameter; did you mean `prompt`?",
    ),
    (&["fal-ai/flux/dev", "prompt:=\"x\"", "a cat"], "`a cat` is no parameter; write name=value"),
    (
        &["fal-ai/flux/dev", "prompt=a", "cat"],
        "`cat` is no parameter; text with spaces needs quotes: prompt=\"a cat\"",
    ),
    (&[], "the following required arguments were not provided: <MODEL>"),
    (&["fal-ai/flux/dev", "prompt=x", "--emulator", "--show=ascii"], "invalid value 'ascii' for '--show"),
    (&["fal-ai/flux/dev", "prompt=x", "=3"], "has no name before `=`"),
    (&["fal-ai/flux/dev", "prompt:=a cat"], "prompt: not JSON"),
    (&["fal-ai/flux/dev", "prompt:=3"], "prompt: must be a text, not 3"),
    (&["fal-ai/flux/dev", "prompt=@none.txt"], "prompt: the file none.txt cannot be read"),
    (&["fal-ai/flux/dev", "prompt=x", "--seed"], "seed: --seed has no value after it"),
    (&["fal-ai/flux/dev", "--input", "none.json"], "--input none.json: the file none.json cannot be read"),
    (&["fal-ai/flux/dev", "--input", "list.json"], "--input list.json: it is not a JSON object"),
    (
        &["fal-ai/flux/dev/image-to-image", "prompt=x", "image_url=@none.png"],
        "image_url: the file none.png cannot be read",
    ),
    (
        &["fal-ai/flux/dev/image-to-image", "prompt=x", "image_url=cat.png"],
        "write image_url=@cat.png to upload it",
    ),
    (
        &["fal-ai/flux/dev/image-to-image", "prompt=x", "image_url=@empty.png"],
        "image_url: empty.png is empty",
    ),
    (
        &[
            "fal-ai/kling-video/o1/image-to-video",
            "prompt=x",
            "start_image_url=@cat.png",
            "end_image_url=@wide.png",
        ],
        "end_image_url: wide.png has a ratio of width to height of 3, and the endpoint takes at most 2.500",
    ),
    (
        &["fal-ai/kling-video/v3/pro/text-to-video", "duration=5"],
        "error: Exactly one of `prompt` and `multi_prompt` must be given.",
    ),
    (&["fal-ai/flux/deev", "prompt=x"], "there is no model `fal-ai/flux/deev`; did you mean fal-ai/flux/dev"),
    (&["flux", "prompt=x"], "`flux` is not an endpoint id"),
    (&["fal-ai/flux/dev", "prompt=x", "-o", "{sed}.png"], "there is no {sed}; there are {model}"),
    (&["fal-ai/flux/dev", "prompt=x", "-o", "{seed.png"], "a `{` has no `}`"),
    (&["fal-ai/flux/dev", "prompt=x", "--yes-cost", "much"], "is not an amount of US dollars"),
    (&["fal-ai/flux/dev", "prompt=x", "--timeout", "-1"], "expected a number of seconds above 0"),
    (
        &["fal-ai/flux/dev/image-to-image", "prompt=x", "image_url=https://a/b.png", "--stream"],
        "does not stream",
    ),
    (&["fal-ai/flux/dev", "prompt=x", "--schema", "list.json"], "list.json"),
];

#[tokio::test]
async fn every_mistake_has_one_line_and_exit_code_2() {
    let terminal = Terminal::with_emulator().await;
    terminal.write("list.json", "[1]");
    terminal.write("cat.png", crate::support::PIXEL);
    terminal.write("empty.png", "");
    for (name, width) in [("cat.png", 1000_u32), ("wide.png", 3000)] {
        // A header of other sides, which is all that is read before the upload.
        let mut picture = crate::support::PIXEL.to_vec();
        picture[16..20].copy_from_slice(&width.to_be_bytes());
        picture[20..24].copy_from_slice(&1000_u32.to_be_bytes());
        terminal.write(name, picture);
    }
    for (arguments, expected) in TABLE {
        let outcome = terminal.run(&[&["run"][..], arguments].concat()).await;
        assert_eq!(outcome.code, 2, "{arguments:?}: {}", outcome.stderr);
        assert!(outcome.stderr.contains(expected), "{arguments:?}: {}", outcome.stderr);
        let errors = outcome.stderr.lines().filter(|line| line.starts_with("error:")).count();
        assert_eq!(errors, 1, "{arguments:?}: {}", outcome.stderr);
        let lines = outcome.stderr.lines().count();
        assert_eq!((outcome.stdout.as_str(), lines), ("", 1), "{arguments:?}: {}", outcome.stderr);
    }
    let emulator = terminal.emulator.as_ref().unwrap();
    assert!(emulator.requests().iter().all(|request| request.kind != fal_emulator::RequestKind::Submit));
}

#[tokio::test]
async fn all_mistakes_are_told_at_once() {
    let terminal = Terminal::offline();
    let arguments =
        ["run", "fal-ai/flux/dev", "num_images=9", "seed=x", "colour=red", "image_size=huge", "acceleration"];
    let outcome = terminal.run(&arguments).await;
    assert_eq!(outcome.code, 2);
    let lines: Vec<&str> = outcome.stderr.lines().collect();
    assert_eq!(lines.len(), 6, "{}", outcome.stderr);
    for name in ["prompt", "num_images", "seed", "colour", "image_size", "`acceleration`"] {
        assert!(
            lines.iter().any(|line| line.starts_with(&format!("error: {name}"))),
            "{name}: {}",
            outcome.stderr
        );
    }
    let json = terminal.run(&[&arguments[..], &["--json"]].concat()).await;
    let json: serde_json::Value = serde_json::from_str(&json.stderr).unwrap();
    assert_eq!(json["error"]["kind"], "usage");
    assert_eq!(json["error"]["problems"].as_array().unwrap().len(), 6);
}

#[tokio::test]
async fn what_the_schema_forbids_can_be_sent_unchecked() {
    let terminal = Terminal::with_emulator().await;
    let outcome = terminal.run(&["run", "fal-ai/flux/dev", "num_images=9", "--unchecked"]).await;
    // The service refuses it then.
    assert_eq!(outcome.code, 2, "{}", outcome.stderr);
    assert!(outcome.stderr.contains("num_images"), "{}", outcome.stderr);
    assert_eq!(terminal.run(&["nonsense"]).await.code, 2);
    assert_eq!(terminal.run(&["show"]).await.code, 2);
}
