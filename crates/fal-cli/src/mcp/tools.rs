//! The tools, as agents see them.

use std::sync::Arc;

use fal_emulator::catalogue::CatalogueModel;
use rmcp::model::{JsonObject, Tool, ToolAnnotations};
use serde_json::{Value, json};

/// The longest name of a tool that all agents accept.
const MAX_NAME: usize = 64;

/// Returns the name of the tool of a model, such as `fal-ai_flux_dev`.
pub(super) fn name(id: &str) -> String {
    let safe = |letter: char| if letter.is_ascii_alphanumeric() || letter == '-' { letter } else { '_' };
    id.chars().map(safe).take(MAX_NAME).collect()
}

/// Returns the tools that find, describe, price, run, follow, cancel, upload and fetch.
pub(super) fn general(has_files: bool) -> Vec<Tool> {
    let model = json!({"type": "string", "description": "Id of the model, such as fal-ai/flux/dev, or the URL of its page"});
    let input =
        json!({"type": "object", "description": "Parameters of the model, as describe_model lists them"});
    let request =
        json!({"type": "string", "description": "Id of the request, from submit_model or run_model"});
    let max_cost = json!({"type": "number", "exclusiveMinimum": 0, "description": "Refuse if the estimated cost is higher, in US dollars"});
    let call = json!({"model": model, "input": input, "max_cost": max_cost});
    let of_request = json!({"model": model, "request_id": request});
    let mut upload = json!({
        "content": {"type": "string", "description": "Content of the file in base64"},
        "content_type": {"type": "string", "description": "Media type, such as image/png"},
    });
    if has_files {
        upload["path"] = json!({"type": "string", "description": "Path of a file in the folder of this server, in place of content"});
    }
    let mut fetch = json!({
        "url": {"type": "string", "description": "URL of a file that a model has made"},
        "inline": {"type": "boolean", "default": false, "description": "Return a picture or a recording of at most 4 MB itself"},
    });
    if has_files {
        fetch["save_as"] = json!({"type": "string", "description": "Name without extension under which it is saved in the folder of this server"});
    }
    vec![
        tool(
            "find_models",
            "Finds models of fal by words and task, the best first.",
            &json!({
                "query": {"type": "string", "description": "A wish in plain words, such as \"describe an image\", or words of the id, the name, the category or the description"},
                "task": {"type": "string", "description": "Category, such as text-to-image or image-to-video"},
                "limit": {"type": "integer", "minimum": 1, "maximum": 100, "default": 20},
            }),
            &[],
            Effect::Reads,
        ),
        tool(
            "describe_model",
            "Describes a model: its parameters with types, bounds, defaults and examples, its output and its price.",
            &json!({"model": model}),
            &["model"],
            Effect::Reads,
        ),
        tool(
            "estimate_cost",
            "Checks an input and estimates the cost of the call. Sends nothing.",
            &json!({"model": model, "input": input}),
            &["model", "input"],
            Effect::Reads,
        ),
        tool(
            "run_model",
            "Runs a model and waits for its output, with progress. The input is checked first. Costs money.",
            &call,
            &["model", "input"],
            Effect::Spends,
        ),
        tool(
            "submit_model",
            "Submits a request and returns its id at once, for runs that take long. The input is checked first. Costs money.",
            &call,
            &["model", "input"],
            Effect::Spends,
        ),
        tool(
            "request_status",
            "Returns the state of a request, with its log lines.",
            &of_request,
            &["model", "request_id"],
            Effect::Reads,
        ),
        tool(
            "request_result",
            "Waits for the output of a submitted request and returns it.",
            &of_request,
            &["model", "request_id"],
            Effect::Reads,
        ),
        tool(
            "cancel_request",
            "Cancels a request. One that still waits is not billed.",
            &of_request,
            &["model", "request_id"],
            Effect::Cancels,
        ),
        tool(
            "upload_file",
            "Uploads a file and returns the URL to use as a parameter.",
            &upload,
            &[],
            Effect::Writes,
        ),
        tool("fetch_file", "Fetches a file that a model has made.", &fetch, &["url"], Effect::Reads),
        tool(
            "session_costs",
            "Returns what this server has spent, and its limits.",
            &json!({}),
            &[],
            Effect::Reads,
        ),
    ]
}

/// Returns the tool of a model, with a closed schema: nothing but the parameters of the model.
pub(super) fn of_model(name: &str, model: &CatalogueModel) -> Tool {
    let text = |key: &str| model.metadata()[key].as_str().unwrap_or_default();
    let description = [text("display_name"), model.category(), text("description"), "Costs money."];
    let description: Vec<&str> = description.into_iter().filter(|text| !text.is_empty()).collect();
    let mut schema = model.input_json_schema();
    schema["additionalProperties"] = false.into();
    schema["type"] = "object".into();
    let rules = take_rules(&mut schema);
    let description = [description.join(". ").replace("..", "."), rules].join(" ");
    Tool::new(name.to_owned(), description.trim_end().to_owned(), object(schema))
        .with_title(model.id())
        .with_annotations(Effect::Spends.annotations())
}

/// Removes the rules about several parameters, which language models take in words only, and returns their descriptions.
fn take_rules(schema: &mut Value) -> String {
    let rules = schema.as_object_mut().and_then(|schema| schema.remove("allOf"));
    let rules = rules.as_ref().and_then(Value::as_array).into_iter().flatten();
    rules.filter_map(|rule| rule["description"].as_str()).collect::<Vec<_>>().join(" ")
}

/// The effect of a tool, about which agents may ask their users.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Effect {
    Reads,
    Writes,
    Cancels,
    Spends,
}

impl Effect {
    fn annotations(self) -> ToolAnnotations {
        ToolAnnotations::new()
            .read_only(self == Self::Reads)
            .destructive(self == Self::Cancels)
            .idempotent(matches!(self, Self::Reads | Self::Cancels))
            .open_world(true)
    }
}

fn tool(
    name: &'static str,
    description: &'static str,
    properties: &Value,
    required: &[&str],
    effect: Effect,
) -> Tool {
    let schema = json!({
        "type": "object", "properties": properties, "required": required, "additionalProperties": false,
    });
    Tool::new(name, description, object(schema)).with_annotations(effect.annotations())
}

fn object(schema: Value) -> Arc<JsonObject> {
    Arc::new(schema.as_object().cloned().unwrap_or_default())
}
