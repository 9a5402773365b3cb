//! The program against the emulator.

use fal_emulator::{Emulator, Request, RequestKind};
use tempfile::TempDir;

use super::*;

type TestResult = Result<(), Box<dyn Error>>;

const CHAT: &str = "openrouter/router/openai/v1/chat/completions";

async fn studio() -> Result<(Emulator, Studio, TempDir), Box<dyn Error>> {
    let (emulator, folder) = (Emulator::start().await?, tempfile::tempdir()?);
    let client = Client::builder().emulator(emulator.url()).build()?;
    let studio = Studio { client, folder: folder.path().to_owned() };
    Ok((emulator, studio, folder))
}

/// Returns a grey square.
fn sketch() -> Result<Vec<u8>, png::EncodingError> {
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, 64, 64);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.write_header()?.write_image_data(&[128; 64 * 64])?;
    Ok(file)
}

/// Returns an answer that calls the tool.
fn painting(arguments: Value) -> Value {
    let call = json!({ "id": "call_1", "function": { "name": "paint", "arguments": arguments.to_string() } });
    json!({ "choices": [{ "message": { "role": "assistant", "tool_calls": [call] } }] })
}

fn is_question(request: &Request) -> bool {
    request.kind == RequestKind::Run && request.endpoint.as_deref() == Some(CHAT)
}

#[tokio::test]
async fn last_idea_is_always_drawn() -> TestResult {
    let (_emulator, studio, folder) = studio().await?;
    let (typed, ideas) = unbounded_channel();
    for end in 1..="a cat on a mat".len() {
        typed.send("a cat on a mat"[..end].to_owned())?;
    }
    drop(typed);
    assert_eq!(studio.preview(sketch()?, ideas).await?, "a cat on a mat");
    assert!(fs::metadata(folder.path().join("preview.png"))?.len() > 0);
    Ok(())
}

#[tokio::test]
async fn language_model_is_told_its_mistakes() -> TestResult {
    let (emulator, studio, _folder) = studio().await?;
    let wrong = painting(json!({ "prompt": "a cat", "steps": 40, "num_images": 9 }));
    let right = painting(json!({ "prompt": "a cat, in oil", "num_images": null }));
    emulator
        .on_endpoint(CHAT)
        .reply(move |_: Value| wrong.clone())
        .times(1)
        .reply(move |_: Value| right.clone());

    let input = studio.direct("a cat").await?;
    assert_eq!((&*input.prompt, input.num_images), ("a cat, in oil", None));
    let requests = emulator.requests();
    let questions: Vec<_> =
        requests.iter().filter(|request| is_question(request)).map(Request::json).collect();
    let told = questions[1]["messages"][2]["content"].as_str().unwrap_or_default();
    assert!(told.contains("steps") && told.contains("num_images"), "{told}");
    Ok(())
}

#[tokio::test]
async fn painting_is_given_up_after_three_mistakes() -> TestResult {
    let (emulator, studio, _folder) = studio().await?;
    let wrong = painting(json!({ "prompt": 7 }));
    emulator.on_endpoint(CHAT).reply(move |_: Value| wrong.clone());
    assert!(studio.direct("a cat").await.is_err());
    assert_eq!(emulator.requests().iter().filter(|request| is_question(request)).count(), 3);
    Ok(())
}

#[tokio::test]
async fn final_picture_is_shown_while_it_is_painted() -> TestResult {
    let (_emulator, studio, folder) = studio().await?;
    // The emulator's language model writes valid arguments.
    let input = studio.direct("a lighthouse").await?;
    studio.paint(input).await?;
    assert!(folder.path().join("preview.png").is_file());
    let names = fs::read_dir(folder.path())?.map(|entry| Ok(entry?.file_name()));
    let names = names.collect::<io::Result<Vec<_>>>()?;
    assert!(names.iter().any(|name| name.to_string_lossy().starts_with("images-0.")), "{names:?}");
    Ok(())
}
