//! Compiler messages about calls of the client, whose packages would take too long to compile among the cases of `ui/`.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use fal_tests::{compile_app, root};

const STREAM: &str = "
use fal_client::{Client, input};
use fal_kling_video::v2_1::master::text_to_video;

async fn stream(client: Client) -> fal_client::Result<()> {
    let call = client.stream(input!(text_to_video { prompt: \"a cat\" })).header(\"a\", \"b\").idle_timeout(None);
    let mut events = call.await?;
    while let Some(event) = events.next().await {
        println!(\"{}\", event?.video.url);
    }
    println!(\"{}\", events.done().await?.video.url);
    Ok(())
}

fn main() {
    let _ = stream;
}
";

#[test]
fn stream_of_an_endpoint_that_does_not_stream_is_one_error() {
    let crates = root().join("crates");
    let dependencies = format!(
        "fal-client = {{ path = {:?} }}\nfal-kling-video = {{ path = {:?} }}",
        crates.join("fal-client"),
        crates.join("models/fal-kling-video")
    );
    let files = [("main.rs".to_owned(), STREAM.to_owned())];
    let messages = compile_app(&dependencies, &files).unwrap().unwrap_err();
    let errors: Vec<_> = messages.lines().filter(|line| line.starts_with("error")).collect();
    let expected = "error[E0277]: `fal_kling_video::v2_1::master::text_to_video::Model` does not stream";
    assert_eq!(errors.len(), 2, "{messages}");
    assert_eq!(errors[0], expected, "{messages}");
    assert!(
        errors[1].contains("could not compile `app` (bin \"app\") due to 1 previous error"),
        "{messages}"
    );
    assert!(messages.contains("`run` or `subscribe` call it"), "{messages}");
}
