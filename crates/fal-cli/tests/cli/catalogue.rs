//! Finding and describing models, without a key and without a network.

use serde_json::json;

use crate::support::Terminal;

#[tokio::test]
async fn models_are_found_by_words_and_task() {
    let terminal = Terminal::offline();
    let found = terminal.json(&["models", "flux", "--task", "text-to-image", "--limit", "5"]).await;
    let models = found["models"].as_array().unwrap();
    assert_eq!(models.len(), 5);
    assert!(models.iter().all(|model| model["category"] == "text-to-image"), "{found}");
    assert!(models[0]["id"].as_str().unwrap().contains("flux"), "{found}");
    assert!(found["total"].as_u64().unwrap() > 5);

    let all = terminal.json(&["models", "--limit", "0"]).await;
    assert!(all["total"].as_u64().unwrap() > 1_000);

    let lines = terminal.stdout(&["models", "whisper"]).await;
    assert!(lines.lines().any(|line| line.starts_with("fal-ai/whisper\tspeech-to-text\t")), "{lines}");

    let none = terminal.run(&["models", "fal-ai/flux/deev"]).await;
    assert_eq!((none.code, none.stdout.as_str()), (0, ""));
    assert!(none.stderr.contains("fal-ai/flux/dev"), "{}", none.stderr);
}

#[tokio::test]
async fn show_has_the_facts_of_the_schema() {
    let terminal = Terminal::offline();
    let shown = terminal.json(&["show", "https://fal.ai/models/fal-ai/flux/dev"]).await;
    assert_eq!(shown["id"], "fal-ai/flux/dev");
    let parameter = |name: &str| {
        let parameters = shown["parameters"].as_array().unwrap();
        parameters.iter().find(|parameter| parameter["name"] == name).unwrap().clone()
    };
    assert_eq!(parameter("prompt")["required"], true);
    assert_eq!(parameter("num_images")["type_text"], "integer 1..4");
    assert_eq!(parameter("num_images")["default"], 1);
    assert_eq!(parameter("output_format")["choices"], json!(["jpeg", "png"]));
    assert_eq!(parameter("seed")["type"], "integer");

    let page = terminal.stdout(&["show", "fal-ai/flux/dev"]).await;
    for text in [
        "num_inference_steps",
        "integer 1..50, default 28",
        "landscape_16_9",
        "fal-cli run fal-ai/flux/dev prompt=",
    ] {
        assert!(page.contains(text), "{text}: {page}");
    }
    let schema = terminal.stdout(&["show", "fal-ai/flux/dev", "--input-schema"]).await;
    let schema: serde_json::Value = serde_json::from_str(&schema).unwrap();
    assert_eq!(schema["required"], json!(["prompt"]));
    assert_eq!(schema["properties"]["image_size"]["anyOf"][0]["$ref"], "#/$defs/ImageSize");
    assert_eq!(schema["$defs"]["ImageSize"]["properties"]["width"]["exclusiveMinimum"], 0);
}

#[tokio::test]
async fn rules_between_parameters_are_told_in_words() {
    let terminal = Terminal::offline();
    let kling = "fal-ai/kling-video/v3/pro/text-to-video";
    let rule = "Exactly one of `prompt` and `multi_prompt` must be given.";
    assert_eq!(terminal.json(&["show", kling]).await["rules"], json!([rule]));
    assert!(terminal.stdout(&["show", kling]).await.contains(&format!("Rules\n  {rule}\n")));
    assert!(terminal.stdout(&["run", kling, "--help"]).await.contains(&format!("Rules:\n  {rule}\n")));

    let flux = std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/schemas/fal-ai/flux/dev.json")).unwrap();
    let mut own: serde_json::Value = serde_json::from_slice(&flux).unwrap();
    let schemas = own["openapi"]["components"]["schemas"].as_object_mut().unwrap();
    let input = schemas.values_mut().find(|schema| schema["properties"]["prompt"].is_object()).unwrap();
    input["dependentRequired"] = json!({"seed": ["guidance_scale"]});
    input["if"] = json!({"required": ["sync_mode"], "properties": {"sync_mode": {"const": true}}});
    input["then"] = json!({"properties": {"output_format": {"const": "png"}}, "required": ["output_format"]});
    let document = terminal.write("own.json", own.to_string());
    let shown = terminal.json(&["show", "fal-ai/flux/dev", "--schema", document.to_str().unwrap()]).await;
    let rules = json!([
        "`guidance_scale` is required if `seed` is given.",
        "`output_format` must be `png` if `sync_mode` is `true`.",
    ]);
    assert_eq!(shown["rules"], rules);
}

#[tokio::test]
async fn every_model_can_be_shown() {
    let catalogue = fal_emulator::catalogue::Catalogue::embedded().unwrap();
    let terminal = Terminal::offline();
    // One of each category, because a process for each of 1,300 takes minutes.
    let mut categories = std::collections::BTreeMap::new();
    for model in catalogue.summaries() {
        categories.insert(model.category.to_owned(), model.id.to_owned());
    }
    for id in categories.values() {
        let shown = terminal.json(&["show", id]).await;
        assert!(!shown["output"].as_array().unwrap().is_empty() || shown["parameters"].is_array(), "{id}");
        let help = terminal.stdout(&["run", id, "--help"]).await;
        for parameter in shown["parameters"].as_array().unwrap() {
            let name = parameter["name"].as_str().unwrap();
            assert!(help.contains(&name.replace('_', "-")) || help.contains(name), "{id} {name}: {help}");
        }
    }
}

#[tokio::test]
async fn prices_are_shown_where_they_can_be_asked_for() {
    let terminal = Terminal::with_emulator().await;
    let price = &terminal.json(&["show", "fal-ai/flux/dev"]).await["price"];
    assert!(price["unit_price"].as_f64().unwrap() > 0.0 && price["unit"].is_string(), "{price}");
}
