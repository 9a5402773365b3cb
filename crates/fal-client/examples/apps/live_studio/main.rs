//! A sketch becomes a picture that follows what is typed. At the end, a language model directs the final one.
//!
//! ```sh
//! cargo run -p fal-client --features realtime,schemars --example live_studio -- sketch.png
//! ```
//!
//! Each line is the next version of the idea. A viewer that reloads `preview.png` shows the picture as it changes.

use std::{env, error::Error, fs, io, path::PathBuf, thread, time::Duration};

use fal_client::{Client, File, input, realtime::Message, storage::MediaExt, tool, untyped};
use fal_flux::dev;
use fal_flux_2::klein::realtime;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

#[cfg(test)]
mod tests;

struct Studio {
    client: Client,
    folder: PathBuf,
}

/// The answer of a language model, as far as it is needed here.
#[derive(Deserialize)]
struct Chat {
    choices: Vec<Choice>,
}

#[derive(Deserialize)]
struct Choice {
    message: Value,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let studio = Studio { client: Client::from_env()?, folder: env::current_dir()? };
    let sketch = fs::read(env::args().nth(1).ok_or("the path of a sketch is missing")?)?;
    let (typed, ideas) = unbounded_channel();
    thread::spawn(move || io::stdin().lines().map_while(Result::ok).try_for_each(|line| typed.send(line)));
    let idea = studio.preview(sketch, ideas).await?;
    studio.paint(studio.direct(&idea).await?).await
}

impl Studio {
    /// Draws the sketch by the newest idea, up to 30 times a second. Returns the last idea.
    async fn preview(
        &self,
        sketch: Vec<u8>,
        mut ideas: UnboundedReceiver<String>,
    ) -> Result<String, Box<dyn Error>> {
        let (sketch, mut newest) = (File::bytes(sketch, "image/png"), String::new());
        let call = self.client.endpoint::<realtime::Model>().realtime().throttle(Duration::from_millis(33));
        let mut connection = call.reconnect().await?;
        loop {
            tokio::select! {
                idea = ideas.recv() => {
                    let Some(idea) = idea else { break };
                    connection.latest(input!(realtime { prompt: &*idea, image_url: sketch.clone() }))?;
                    newest = idea;
                }
                frame = connection.recv() => self.show(frame?).await?,
            }
        }
        let mut answers = connection.finish();
        while let Some(answer) = answers.recv().await? {
            self.show(Some(answer)).await?;
        }
        Ok(newest)
    }

    async fn show(&self, frame: Option<Message<realtime::Output>>) -> Result<(), Box<dyn Error>> {
        for picture in frame.iter().flat_map(Message::files) {
            fs::write(self.folder.join("preview.png"), picture.fetch(&self.client).await?)?;
        }
        Ok(())
    }

    /// Lets a language model choose the parameters of FLUX.1 [dev], and tells it its mistakes.
    async fn direct(&self, idea: &str) -> Result<dev::Input, Box<dyn Error>> {
        let tool = tool::<dev::Model>().with_name("paint");
        let mut messages = vec![json!({ "role": "user", "content": format!("Paint a masterpiece: {idea}") })];
        for _ in 0..3 {
            let question = json!({
                "model": "openai/gpt-5-mini",
                "messages": messages,
                "tools": [tool.to_openai()],
                "tool_choice": "required",
            });
            let question = untyped::input("openrouter/router/openai/v1/chat/completions", question);
            let answer = self.client.run(question.with_output::<Chat>()).await?.into_inner();
            let message = answer.choices.into_iter().next().ok_or("there is no answer")?.message;
            let call = &message["tool_calls"][0];
            match tool.parse_text(call["function"]["arguments"].as_str().unwrap_or_default()) {
                Ok(input) => return Ok(input),
                Err(mistakes) => {
                    let content = mistakes.to_string();
                    let reply = json!({ "role": "tool", "tool_call_id": call["id"], "content": content });
                    messages.extend([message, reply]);
                }
            }
        }
        Err("the language model does not find parameters that are allowed".into())
    }

    /// Paints the final picture, and shows it while it is made.
    async fn paint(&self, input: dev::Input) -> Result<(), Box<dyn Error>> {
        let mut events = self.client.stream(input).await?;
        while let Some(event) = events.next().await {
            for image in event?.images.iter().flatten() {
                image.save(&self.client, self.folder.join("preview.png")).await?;
            }
        }
        events.done().await?.save_media(&self.client, &self.folder).await?;
        Ok(())
    }
}
