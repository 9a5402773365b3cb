//! The events of streamed replies.

use serde_json::{Value, json};

use super::{Answer, CREATED, choices, id, model, output_item, response_with, text_part, usage};
use crate::models::OpenAiRoute;

/// An event of a stream.
pub(crate) struct ServerEvent {
    /// The name, which only events of responses have.
    pub(crate) name: Option<String>,
    pub(crate) data: String,
}

impl ServerEvent {
    fn unnamed(data: &Value) -> Self {
        Self { name: None, data: data.to_string() }
    }
}

/// Returns the events of a streamed reply. `None` if the route does not stream.
pub(crate) fn events(route: OpenAiRoute, input: &Value) -> Option<Vec<ServerEvent>> {
    match route {
        OpenAiRoute::Chat => Some(chat(input)),
        OpenAiRoute::Completions => Some(completion(input)),
        OpenAiRoute::Responses => Some(response(input)),
        OpenAiRoute::Embeddings => None,
    }
}

/// Splits a text before each space.
fn pieces(text: &str) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some(end) = rest.char_indices().skip(1).find(|(_, letter)| *letter == ' ').map(|(at, _)| at) {
        let (piece, after) = rest.split_at(end);
        pieces.push(piece);
        rest = after;
    }
    if !rest.is_empty() {
        pieces.push(rest);
    }
    pieces
}

fn chat(input: &Value) -> Vec<ServerEvent> {
    let answer = Answer::new(input);
    let chunk = |choices: Value| {
        json!({
            "id": id("chatcmpl-", input),
            "object": "chat.completion.chunk",
            "created": CREATED,
            "model": model(input),
            "choices": choices,
        })
    };
    let mut events = Vec::new();
    for index in 0..choices(input) {
        let mut push = |delta: Value, reason: Option<&str>| {
            let choice = json!([{"index": index, "delta": delta, "logprobs": null, "finish_reason": reason}]);
            events.push(ServerEvent::unnamed(&chunk(choice)));
        };
        match &answer {
            Answer::Text(text) => {
                push(json!({"role": "assistant", "content": ""}), None);
                pieces(text).into_iter().for_each(|piece| push(json!({"content": piece}), None));
                push(json!({}), Some("stop"));
            }
            Answer::Tool { name, arguments } => {
                let function = json!({"name": name, "arguments": ""});
                let call =
                    json!({"index": 0, "id": id("call_", input), "type": "function", "function": function});
                push(json!({"role": "assistant", "content": null, "tool_calls": [call]}), None);
                let call = json!({"index": 0, "function": {"arguments": arguments}});
                push(json!({"tool_calls": [call]}), None);
                push(json!({}), Some("tool_calls"));
            }
        }
    }
    if input.pointer("/stream_options/include_usage") == Some(&Value::Bool(true)) {
        let mut last = chunk(json!([]));
        last["usage"] = usage(input, &answer, choices(input));
        events.push(ServerEvent::unnamed(&last));
    }
    events.push(done());
    events
}

fn completion(input: &Value) -> Vec<ServerEvent> {
    let answer = Answer::new(input);
    let chunk = |text: &str, reason: Option<&str>| {
        ServerEvent::unnamed(&json!({
            "id": id("cmpl-", input),
            "object": "text_completion",
            "created": CREATED,
            "model": model(input),
            "choices": [{"index": 0, "text": text, "logprobs": null, "finish_reason": reason}],
        }))
    };
    let mut events: Vec<_> = pieces(answer.text()).into_iter().map(|piece| chunk(piece, None)).collect();
    events.extend([chunk("", Some("stop")), done()]);
    events
}

fn done() -> ServerEvent {
    ServerEvent { name: None, data: "[DONE]".to_owned() }
}

fn response(input: &Value) -> Vec<ServerEvent> {
    let answer = Answer::new(input);
    let mut events = Vec::new();
    let mut push = |name: &str, mut data: Value| {
        data["type"] = json!(name);
        data["sequence_number"] = json!(events.len());
        events.push(ServerEvent { name: Some(name.to_owned()), data: data.to_string() });
    };
    let begun = response_with(input, "in_progress", Vec::new(), None);
    push("response.created", json!({"response": begun}));
    push("response.in_progress", json!({"response": begun}));
    let begun = output_item(input, &answer, "in_progress");
    let item_id = begun["id"].clone();
    push("response.output_item.added", json!({"output_index": 0, "item": begun}));
    match &answer {
        Answer::Text(text) => {
            let at = |mut data: Value| {
                data["item_id"] = item_id.clone();
                data["output_index"] = json!(0);
                data["content_index"] = json!(0);
                data
            };
            push("response.content_part.added", at(json!({"part": text_part("")})));
            for piece in pieces(text) {
                push("response.output_text.delta", at(json!({"delta": piece, "logprobs": []})));
            }
            push("response.output_text.done", at(json!({"text": text, "logprobs": []})));
            push("response.content_part.done", at(json!({"part": text_part(text)})));
        }
        Answer::Tool { name, arguments } => {
            let at = json!({"item_id": item_id, "output_index": 0});
            let with = |key: &str, value: &str| {
                let mut data = at.clone();
                data[key] = json!(value);
                data
            };
            push("response.function_call_arguments.delta", with("delta", arguments));
            let mut done = with("arguments", arguments);
            done["name"] = json!(name);
            push("response.function_call_arguments.done", done);
        }
    }
    let item = output_item(input, &answer, "completed");
    push("response.output_item.done", json!({"output_index": 0, "item": item}));
    let finished = response_with(input, "completed", vec![item], Some(&answer));
    push("response.completed", json!({"response": finished}));
    events
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pieces_of_a_text_are_the_text() {
        for text in ["", "one", "one two  three ", " ä ö"] {
            assert_eq!(pieces(text).concat(), text);
        }
        assert_eq!(pieces("one two"), ["one", " two"]);
    }

    #[test]
    fn streams_end_as_openai_ends_them() {
        let input = json!({"messages": [{"role": "user", "content": "Hi"}], "stream_options": {"include_usage": true}});
        let events = events(OpenAiRoute::Chat, &input).unwrap();
        assert_eq!(events.last().unwrap().data, "[DONE]");
        let parse = |event: &ServerEvent| serde_json::from_str::<Value>(&event.data).unwrap();
        let usage = parse(&events[events.len() - 2]);
        assert_eq!((&usage["choices"], usage["usage"]["total_tokens"].is_u64()), (&json!([]), true));
        let responses = super::events(OpenAiRoute::Responses, &input).unwrap();
        assert_eq!(responses.last().unwrap().name.as_deref(), Some("response.completed"));
        let numbers: Vec<Value> =
            responses.iter().map(|event| parse(event)["sequence_number"].clone()).collect();
        assert_eq!(numbers, (0..responses.len()).map(|number| json!(number)).collect::<Vec<_>>());
    }
}
