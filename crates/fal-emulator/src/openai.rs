//! Replies in the shapes of OpenAI's API.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::media::picture::fnv1a;
use crate::models::OpenAiRoute;
use crate::synth;

mod events;

pub(crate) use events::{ServerEvent, events};

/// The time that replies name as that of their creation: the same input has the same output.
const CREATED: i64 = 1_767_225_600;
/// The length of embeddings for which the caller names none.
const DEFAULT_DIMENSIONS: u64 = 1536;
/// The largest length of an embedding, and the largest number of texts and of choices.
const MAX_DIMENSIONS: u64 = 8192;
const MAX_TEXTS: usize = 2048;
/// The largest number of numbers in all embeddings of a reply.
const MAX_NUMBERS: u64 = 4_000_000;
const MAX_CHOICES: u64 = 16;
/// The longest part of a question that an answer repeats, in characters.
const MAX_QUOTE: usize = 200;

/// Makes the reply to a call that does not stream.
pub(crate) fn reply(route: OpenAiRoute, input: &Value) -> Value {
    match route {
        OpenAiRoute::Chat => chat(input),
        OpenAiRoute::Completions => completion(input),
        OpenAiRoute::Responses => response(input),
        OpenAiRoute::Embeddings => embeddings(input),
    }
}

/// The message with which the model answers.
pub(super) enum Answer {
    Text(String),
    /// A call of one of the caller's functions: its name, and its arguments as JSON.
    Tool {
        name: String,
        arguments: String,
    },
}

impl Answer {
    /// Answers with a function if the caller demands one, with JSON if it names a schema, else with a sentence.
    pub(super) fn new(input: &Value) -> Self {
        if let Some(tool) = demanded_tool(input) {
            return tool;
        }
        let format = input.get("response_format").or_else(|| input.pointer("/text/format"));
        let kind = format.and_then(|format| format.get("type")).and_then(Value::as_str);
        let schema =
            format.and_then(|format| format.pointer("/json_schema/schema").or_else(|| format.get("schema")));
        match (kind, schema) {
            (Some("json_schema"), Some(schema)) => Self::Text(synth::value_of_schema(schema).to_string()),
            (Some("json_object"), _) => {
                Self::Text(r#"{"answer":"This was made by fal-emulator."}"#.to_owned())
            }
            _ => Self::Text(sentence(&question(input))),
        }
    }

    pub(super) fn text(&self) -> &str {
        match self {
            Self::Text(text) => text,
            Self::Tool { arguments, .. } => arguments,
        }
    }
}

fn sentence(question: &str) -> String {
    let quoted: String = question.chars().take(MAX_QUOTE).collect();
    match quoted.trim() {
        "" => "This answer was made by fal-emulator.".to_owned(),
        quoted => format!("This answer to \"{quoted}\" was made by fal-emulator."),
    }
}

/// Returns the call of the function that the caller demands by `tool_choice`.
fn demanded_tool(input: &Value) -> Option<Answer> {
    let choice = input.get("tool_choice")?;
    let name = choice.pointer("/function/name").or_else(|| choice.get("name")).and_then(Value::as_str);
    if name.is_none() && choice != "required" {
        return None;
    }
    // A function is described in a member of its own for chats, and in the tool itself for responses.
    let tools = input.get("tools")?.as_array()?.iter().map(|tool| tool.get("function").unwrap_or(tool));
    let tool = tools
        .filter(|tool| tool.get("name").is_some())
        .find(|tool| name.is_none_or(|name| tool.get("name").is_some_and(|known| known == name)))?;
    let name = tool.get("name")?.as_str()?.to_owned();
    let arguments = tool.get("parameters").map_or_else(|| json!({}), synth::value_of_schema).to_string();
    Some(Answer::Tool { name, arguments })
}

/// Returns the last text that the caller sent.
fn question(input: &Value) -> String {
    let last = |list: &Value| list.as_array().and_then(|items| items.last()).cloned();
    let value = input.get("messages").and_then(last);
    let value = value.or_else(|| match input.get("input") {
        Some(text @ Value::String(_)) => Some(text.clone()),
        other => other.and_then(last),
    });
    text_of(&value.or_else(|| input.get("prompt").cloned()).unwrap_or_default())
}

/// Joins the texts of a message, of a list of its parts, or of a part.
fn text_of(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(parts) => parts.iter().map(text_of).collect::<Vec<_>>().join(" "),
        Value::Object(part) => {
            part.get("content").or_else(|| part.get("text")).map(text_of).unwrap_or_default()
        }
        _ => String::new(),
    }
}

fn model(input: &Value) -> &str {
    input.get("model").and_then(Value::as_str).unwrap_or("fal-emulator")
}

/// Returns an id that depends on the input only.
fn id(prefix: &str, input: &Value) -> String {
    format!("{prefix}{:016x}", fnv1a(input.to_string().as_bytes()))
}

/// Estimates the number of tokens of a text.
fn tokens(text: &str) -> u64 {
    text.len().div_ceil(4) as u64
}

fn prompt_tokens(input: &Value) -> u64 {
    let parts = ["messages", "input", "prompt"].iter().filter_map(|name| input.get(*name));
    parts.map(|part| tokens(&part.to_string())).sum::<u64>().max(1)
}

fn usage(input: &Value, answer: &Answer, choices: u64) -> Value {
    let (prompt, completion) = (prompt_tokens(input), tokens(answer.text()) * choices);
    json!({"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion})
}

fn choices(input: &Value) -> u64 {
    input.get("n").and_then(Value::as_u64).unwrap_or(1).clamp(1, MAX_CHOICES)
}

fn chat(input: &Value) -> Value {
    let answer = Answer::new(input);
    let (message, reason) = match &answer {
        Answer::Text(text) => (json!({"role": "assistant", "content": text, "refusal": null}), "stop"),
        Answer::Tool { name, arguments } => {
            let function = json!({"name": name, "arguments": arguments});
            let call = json!({"id": id("call_", input), "type": "function", "function": function});
            (json!({"role": "assistant", "content": null, "tool_calls": [call]}), "tool_calls")
        }
    };
    let choice =
        |index| json!({"index": index, "message": message, "logprobs": null, "finish_reason": reason});
    json!({
        "id": id("chatcmpl-", input),
        "object": "chat.completion",
        "created": CREATED,
        "model": model(input),
        "choices": (0..choices(input)).map(choice).collect::<Vec<_>>(),
        "usage": usage(input, &answer, choices(input)),
    })
}

fn completion(input: &Value) -> Value {
    let answer = Answer::new(input);
    let text = answer.text();
    let choice = |index| json!({"index": index, "text": text, "logprobs": null, "finish_reason": "stop"});
    json!({
        "id": id("cmpl-", input),
        "object": "text_completion",
        "created": CREATED,
        "model": model(input),
        "choices": (0..choices(input)).map(choice).collect::<Vec<_>>(),
        "usage": usage(input, &answer, choices(input)),
    })
}

fn response(input: &Value) -> Value {
    let answer = Answer::new(input);
    response_with(input, "completed", vec![output_item(input, &answer, "completed")], Some(&answer))
}

/// Creates a response object. `answer` is known at the end only.
fn response_with(input: &Value, status: &str, output: Vec<Value>, answer: Option<&Answer>) -> Value {
    let given = |name: &str, default: Value| input.get(name).cloned().unwrap_or(default);
    let usage = answer.map(|answer| {
        let (prompt, completion) = (prompt_tokens(input), tokens(answer.text()));
        json!({
            "input_tokens": prompt,
            "input_tokens_details": {"cached_tokens": 0},
            "output_tokens": completion,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": prompt + completion,
        })
    });
    json!({
        "id": id("resp_", input),
        "object": "response",
        "created_at": CREATED,
        "status": status,
        "error": null,
        "incomplete_details": null,
        "instructions": given("instructions", Value::Null),
        "metadata": given("metadata", json!({})),
        "model": model(input),
        "output": output,
        "parallel_tool_calls": given("parallel_tool_calls", json!(true)),
        "previous_response_id": given("previous_response_id", Value::Null),
        "temperature": given("temperature", json!(1.0)),
        "text": given("text", json!({"format": {"type": "text"}})),
        "tool_choice": given("tool_choice", json!("auto")),
        "tools": given("tools", json!([])),
        "top_p": given("top_p", json!(1.0)),
        "truncation": "disabled",
        "usage": usage,
    })
}

/// Creates the item of a response's output. An item that is in progress is still empty.
fn output_item(input: &Value, answer: &Answer, status: &str) -> Value {
    let is_done = status == "completed";
    match answer {
        Answer::Text(text) => {
            let content = if is_done { vec![text_part(text)] } else { Vec::new() };
            json!({"type": "message", "id": id("msg_", input), "status": status, "role": "assistant", "content": content})
        }
        Answer::Tool { name, arguments } => json!({
            "type": "function_call",
            "id": id("fc_", input),
            "call_id": id("call_", input),
            "status": status,
            "name": name,
            "arguments": if is_done { arguments } else { "" },
        }),
    }
}

fn text_part(text: &str) -> Value {
    json!({"type": "output_text", "text": text, "annotations": []})
}

fn embeddings(input: &Value) -> Value {
    let texts: Vec<Value> = match input.get("input") {
        // A list of numbers is one text, as tokens.
        Some(Value::Array(items)) if !items.iter().all(Value::is_number) => {
            items.iter().take(MAX_TEXTS).cloned().collect()
        }
        other => other.cloned().into_iter().collect(),
    };
    let dimensions = input.get("dimensions").and_then(Value::as_u64).unwrap_or(DEFAULT_DIMENSIONS);
    let dimensions = dimensions.clamp(1, MAX_DIMENSIONS);
    let texts = texts.iter().take(usize::try_from(MAX_NUMBERS / dimensions).unwrap_or(MAX_TEXTS));
    let is_base64 = input.get("encoding_format").is_some_and(|format| format == "base64");
    let entry = |(index, text): (usize, &Value)| {
        let vector = embedding(&text.to_string(), dimensions);
        let embedding = if is_base64 {
            let bytes: Vec<u8> = vector.iter().flat_map(|number| number.to_le_bytes()).collect();
            json!(STANDARD.encode(bytes))
        } else {
            json!(vector)
        };
        json!({"object": "embedding", "index": index, "embedding": embedding})
    };
    let count = prompt_tokens(input);
    json!({
        "object": "list",
        "data": texts.enumerate().map(entry).collect::<Vec<_>>(),
        "model": model(input),
        "usage": {"prompt_tokens": count, "total_tokens": count},
    })
}

/// Returns a vector of length 1 that depends on the text only.
fn embedding(text: &str, dimensions: u64) -> Vec<f32> {
    let mut state = fnv1a(text.as_bytes()) | 1;
    let raw: Vec<f32> = (0..dimensions)
        .map(|_| {
            // Marsaglia's xorshift.
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            // 16 bits, which a float holds exactly.
            f32::from((state >> 24) as u16) / f32::from(u16::MAX) - 0.5
        })
        .collect();
    let length = raw.iter().map(|number| number * number).sum::<f32>().sqrt().max(f32::EPSILON);
    raw.into_iter().map(|number| number / length).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chats_answer_the_last_message() {
        let input = json!({"model": "m", "n": 2, "messages": [
            {"role": "system", "content": "Be short."},
            {"role": "user", "content": [{"type": "text", "text": "Hi there"}]},
        ]});
        let reply = reply(OpenAiRoute::Chat, &input);
        assert_eq!((&reply["object"], &reply["model"]), (&json!("chat.completion"), &json!("m")));
        assert_eq!(reply["choices"].as_array().unwrap().len(), 2);
        assert!(reply["choices"][1]["message"]["content"].as_str().unwrap().contains("Hi there"));
        assert!(reply["usage"]["total_tokens"].as_u64() > reply["usage"]["prompt_tokens"].as_u64());
    }

    #[test]
    fn demanded_functions_and_formats_are_answered() {
        let schema = json!({"type": "object", "required": ["city", "to"], "properties": {
            "city": {"$ref": "#/$defs/City"}, "to": {"type": "integer", "minimum": 5},
        }, "$defs": {"City": {"enum": ["Oslo", "Bern"]}}});
        let input = json!({"tool_choice": "required", "tools": [
            {"type": "function", "function": {"name": "travel", "parameters": schema}},
        ]});
        let reply = reply(OpenAiRoute::Chat, &input);
        let call = &reply["choices"][0]["message"]["tool_calls"][0]["function"];
        assert_eq!(call["name"], "travel");
        let arguments: Value = serde_json::from_str(call["arguments"].as_str().unwrap()).unwrap();
        assert_eq!(arguments, json!({"city": "Oslo", "to": 5}));
        let format = json!({"type": "json_schema", "json_schema": {"name": "x", "schema": schema}});
        let reply = super::reply(OpenAiRoute::Chat, &json!({"response_format": format}));
        let content = reply["choices"][0]["message"]["content"].as_str().unwrap();
        assert_eq!(serde_json::from_str::<Value>(content).unwrap(), arguments);
        let input = json!({"tool_choice": {"type": "function", "name": "b"}, "tools": [
            {"type": "function", "name": "a"}, {"type": "function", "name": "b"},
        ]});
        assert_eq!(super::reply(OpenAiRoute::Responses, &input)["output"][0]["name"], "b");
    }

    #[test]
    fn schemas_without_bounds_end() {
        let wide: serde_json::Map<String, Value> =
            (0..30).map(|index| (format!("p{index}"), json!({"$ref": "#/$defs/A"}))).collect();
        for schema in [
            json!({"$ref": "#/$defs/A", "$defs": {"A": {"properties": wide}}}),
            json!({"type": "array", "minItems": 4_000_000_000u64, "items": {"type": "string"}}),
            json!({"type": "string", "minLength": 4_000_000_000u64}),
            json!({"$ref": "#/$defs/A", "$defs": {"A": {"$ref": "#/$defs/A"}}}),
            json!(5),
        ] {
            let format = json!({"type": "json_schema", "json_schema": {"schema": schema}});
            let reply = reply(OpenAiRoute::Chat, &json!({"response_format": format}));
            assert!(reply.to_string().len() < 5_000_000, "{schema}");
        }
    }

    #[test]
    fn embeddings_have_the_asked_length_and_encoding() {
        let get = |input: Value| reply(OpenAiRoute::Embeddings, &input);
        let two = get(json!({"input": ["a", "b"], "dimensions": 4}));
        let numbers: Vec<f64> = serde_json::from_value(two["data"][1]["embedding"].clone()).unwrap();
        assert_eq!((two["data"].as_array().unwrap().len(), numbers.len()), (2, 4));
        assert!((numbers.iter().map(|number| number * number).sum::<f64>() - 1.0).abs() < 1e-6);
        let encoded = get(json!({"input": "a", "encoding_format": "base64"}));
        let bytes = STANDARD.decode(encoded["data"][0]["embedding"].as_str().unwrap()).unwrap();
        assert_eq!(bytes.len(), 1536 * 4);
        assert_eq!(get(json!({"input": [1, 2, 3]}))["data"].as_array().unwrap().len(), 1);
    }
}
