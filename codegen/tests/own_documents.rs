//! Tests of constructs that authors of apps meet: the types of streams, rules and types that are reported, and their own words.
#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use serde_json::json;
use support::{document, entry, generate, route};

#[test]
fn events_have_the_type_that_the_document_gives_them() {
    let item = json!({ "$ref": "#/components/schemas/Out" });
    let event = json!({ "type": "object", "required": ["data"], "properties": {
        "data": { "type": "string", "contentMediaType": "application/json", "contentSchema": item },
        "event": { "type": "string" }, "id": { "type": "string" }, "retry": { "type": "integer", "minimum": 0 },
    } });
    for content in [
        json!({ "text/event-stream": { "itemSchema": event } }),
        json!({ "text/event-stream": { "itemSchema": item } }),
        json!({ "text/event-stream": { "schema": item } }),
        // fal's package describes every stream as any JSON; an overlay adds the type.
        json!({ "application/json": { "schema": {} }, "text/event-stream": { "itemSchema": event } }),
    ] {
        let mut stream = route();
        stream["post"]["responses"] = json!({ "200": { "description": "", "content": content } });
        let (text, report) = generate(&document(json!({ "/": route(), "/stream": stream })));
        let app = entry(&report, "me/app");
        assert!(app.streams, "{content}");
        assert_eq!(app.losses(), Vec::<String>::new(), "{content}");
        assert!(!text.contains("pub type Event"), "the event is `Out`, as the output is: {text}");
    }
}

#[test]
fn lines_of_json_are_a_typed_list_and_no_stream() {
    let mut lines = route();
    lines["post"]["responses"] = json!({ "200": { "description": "", "content": {
        "application/jsonl": { "itemSchema": { "$ref": "#/components/schemas/Out" } },
    } } });
    let (text, report) = generate(&document(json!({ "/": route(), "/stream": lines })));
    let entry = entry(&report, "me/app/stream");
    assert!(!entry.streams);
    assert!(text.contains("pub type Output = Vec<"), "{text}");
    let losses = entry.losses();
    let expected = "the client reads its lines as a list, when all have arrived";
    assert!(losses.len() == 1 && losses[0].ends_with(expected), "{losses:?}");
}

#[test]
fn an_unknown_type_is_named() {
    let mut app = document(json!({ "/": route() }));
    app["components"]["schemas"]["In"]["properties"]["scale"] = json!({ "type": "flot" });
    let (_, report) = generate(&app);
    let losses = entry(&report, "me/app").losses();
    let expected =
        "/components/schemas/In/properties/scale/type: `flot` is an unknown type; it is read as any JSON";
    assert!(losses.iter().any(|loss| loss == expected), "{losses:?}");
}

#[test]
fn keywords_beside_a_condition_are_reported() {
    let mut app = document(json!({ "/": route() }));
    let rules = json!({ "if": { "const": "a" }, "then": { "minLength": 2 }, "not": { "const": "b" } });
    let mut typed = rules.clone();
    typed["type"] = json!("string");
    app["components"]["schemas"]["In"]["properties"]["typed"] = typed;
    app["components"]["schemas"]["In"]["properties"]["open"] = rules;
    let (text, report) = generate(&app);
    let losses = entry(&report, "me/app").losses();
    for (property, keyword) in
        ["typed", "open"].iter().flat_map(|name| ["if", "then", "not"].map(|key| (name, key)))
    {
        let at = format!("/components/schemas/In/properties/{property}");
        let expected = format!("not checked: {at}: `{keyword}` is not checked here");
        assert!(losses.contains(&expected), "{expected}: {losses:?}");
    }
    assert!(text.contains("pub typed: Option<String>"), "a rule does not take the type away: {text}");
}

#[test]
fn docs_have_the_words_of_the_author() {
    let mut app = document(json!({ "/": route() }));
    app["components"]["schemas"]["In"]["description"] = json!("A postcard.\n\nIt has a front.");
    app["components"]["schemas"]["Out"]["description"] = json!("A postcard in the post.");
    let (text, _) = generate(&app);
    assert!(
        text.contains(
            "/// The parameters of [`me/app`](Model).\n///\n/// A postcard.\n///\n/// It has a front.\n"
        ),
        "{text}"
    );
    assert!(text.contains("/// A postcard in the post.\n"), "{text}");
}

#[test]
fn a_type_that_contains_itself_many_times_is_read_at_once() {
    let mut app = document(json!({ "/": route() }));
    let own = json!({ "$ref": "#/components/schemas/Value" });
    let branches: Vec<_> =
        (0..40).map(|length| json!({ "type": "array", "items": own, "maxItems": length + 1 })).collect();
    app["components"]["schemas"]["Value"] = json!({ "anyOf": branches });
    app["components"]["schemas"]["In"]["properties"]["value"] = own;
    let start = std::time::Instant::now();
    let (text, _) = generate(&app);
    assert!(text.contains("pub value:"), "{text}");
    assert!(start.elapsed().as_secs() < 30, "{:?}", start.elapsed());
}
