//! Tests of the routes of apps: request bodies, parameters and replies of every kind, and routes that cannot have types.
#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use fal_codegen::{Generator, Options, Source, report::Status};
use serde_json::{Value, json};
use support::{Folder, content, document, entry, generate, route};

/// Asserts that the route `/x` is skipped and `/` generated, and that the reason, the pointer and the help have the
/// parts.
#[track_caller]
fn assert_skipped(x: Value, pointer: &str, reason: &str, help: &str) {
    let (text, report) = generate(&document(json!({ "/": route(), "/x": x })));
    let skipped = entry(&report, "me/app/x");
    assert_eq!(skipped.status, Status::Skipped);
    assert!(!skipped.intended);
    assert_eq!(skipped.pointer, pointer);
    assert!(skipped.reason.as_deref().unwrap().contains(reason), "{:?}", skipped.reason);
    assert!(skipped.help.contains(help), "{:?}", skipped.help);
    assert_eq!(entry(&report, "me/app").status, Status::Generated);
    assert!(text.contains("pub prompt: String"), "{text}");
}

/// Asserts that the operation of `/` has the types of `In` and `Out`, and nothing to report.
#[track_caller]
fn assert_typed(document: &Value) {
    let (text, report) = generate(document);
    assert!(text.contains("pub prompt: String"), "no input:\n{text}");
    assert!(text.contains("pub text: String"), "no output:\n{text}");
    assert_eq!(entry(&report, "me/app").losses(), Vec::<String>::new());
}

#[test]
fn every_json_media_type_is_typed() {
    for media_type in [
        "application/json",
        "application/json; charset=utf-8",
        "APPLICATION/JSON",
        "application/vnd.api+json",
        "*/*",
    ] {
        assert_typed(&document(json!({ "/": { "post": {
            "requestBody": content(media_type, "In"), "responses": { "200": content(media_type, "Out") },
        } } })));
    }
    let mut both = content("multipart/form-data", "Out");
    both["content"]["application/json"] =
        content("application/json", "In")["content"]["application/json"].clone();
    assert_typed(&document(json!({ "/": { "post": {
        "requestBody": both, "responses": { "200": content("application/json", "Out") },
    } } })));
}

#[test]
fn every_successful_reply_is_typed() {
    for code in ["200", "201", "202", "2XX", "2xx", "default"] {
        let mut operation = route();
        operation["post"]["responses"] = json!({
            "422": content("application/json", "In"), code: content("application/json", "Out"),
        });
        assert_typed(&document(json!({ "/": operation })));
    }
    let mut operation = route();
    operation["post"]["responses"] = json!({
        "default": content("application/json", "In"), "204": { "description": "" }, "201": content("application/json", "Out"),
    });
    assert_typed(&document(json!({ "/": operation })));
}

#[test]
fn referenced_bodies_replies_and_paths_are_typed() {
    let mut app = document(json!({ "/": { "post": {
        "requestBody": { "$ref": "#/components/requestBodies/B~1b" },
        "responses": { "201": { "$ref": "#/components/responses/R%20r" } },
    } } }));
    app["components"]["requestBodies"] =
        json!({ "B/b": { "$ref": "#/components/requestBodies/C" }, "C": content("application/json", "In") });
    app["components"]["responses"] = json!({ "R r": content("application/json", "Out") });
    assert_typed(&app);

    let mut app = document(json!({ "/": { "$ref": "#/components/pathItems/P" } }));
    app["components"]["pathItems"] = json!({ "P": route() });
    assert_typed(&app);

    let gone = |reference: &str| json!({ "post": { "requestBody": { "$ref": reference }, "responses": {} } });
    assert_skipped(
        gone("#/components/requestBodies/Gone"),
        "/paths/~1x/post/requestBody",
        "leads nowhere",
        "add what",
    );
    assert_skipped(gone("other.json#/B"), "/paths/~1x/post/requestBody", "leads nowhere", "copy what");
}

#[test]
fn bodies_that_are_not_json_are_skipped_with_a_remedy() {
    for media_type in ["multipart/form-data", "application/x-www-form-urlencoded", "text/plain", "image/png"]
    {
        let mut other = route();
        other["post"]["requestBody"] = content(media_type, "In");
        assert_skipped(
            other,
            "/paths/~1x/post/requestBody/content",
            &format!("the body is `{media_type}`"),
            "take a model",
        );
    }
}

#[test]
fn replies_that_clients_turn_into_json_have_its_type() {
    for (media_types, part, loss) in [
        (vec!["image/png", "image/svg+xml"], "pub content_type: String", "`image/png` or `image/svg+xml`"),
        (vec!["application/octet-stream"], "pub url: String", "it as a file with a data URI"),
        (
            vec!["text/plain; charset=utf-8"],
            "pub type Output = String;",
            "it as a text, or as JSON if it is JSON",
        ),
        (vec!["application/x-ndjson"], "pub type Output = Vec<Value>;", "its lines as a list"),
    ] {
        let mut other = route();
        let content: serde_json::Map<_, _> =
            media_types.iter().map(|one| ((*one).to_owned(), json!({}))).collect();
        other["post"]["responses"] = json!({ "200": { "description": "", "content": content } });
        let (code, report) = generate(&document(json!({ "/": other })));
        assert!(code.contains(part), "{media_types:?}: {code}");
        let losses = entry(&report, "me/app").losses();
        assert!(losses.len() == 1 && losses[0].contains(loss), "{losses:?}");
    }
}

#[test]
fn replies_of_other_kinds_are_skipped_with_a_remedy() {
    for content in [json!({ "text/html": {} }), json!({ "image/png": {}, "text/plain": {} })] {
        let mut other = route();
        other["post"]["responses"] = json!({ "200": { "description": "", "content": content } });
        assert_skipped(other, "/paths/~1x/post/responses/200/content", "the reply is `", "return a model");
    }
    let mut other = route();
    other["post"]["responses"] =
        json!({ "200": { "description": "", "content": { "text/event-stream": {} } } });
    assert_skipped(other, "/paths/~1x/post/responses", "a stream of events", "`/stream`");
}

#[test]
fn required_parameters_are_skipped_with_a_remedy() {
    let required = |place: &str| json!({ "name": "steps", "in": place, "required": true, "schema": { "type": "integer" } });
    for place in ["query", "header", "cookie"] {
        let mut own = route();
        own["post"]["parameters"] = json!([required(place)]);
        let reason = format!("`steps` is a required {place} parameter");
        assert_skipped(own, "/paths/~1x/post/parameters/0", &reason, "class Input(BaseModel): steps");
        let mut shared = route();
        shared["parameters"] = json!([required(place)]);
        assert_skipped(shared, "/paths/~1x/parameters/0", &reason, "class Input(BaseModel): steps");
    }
    let mut app = document(json!({ "/": route(), "/x": route() }));
    app["components"]["parameters"] = json!({ "Steps": required("query") });
    app["paths"]["/x"]["post"]["parameters"] = json!([{ "$ref": "#/components/parameters/Steps" }]);
    assert_eq!(entry(&generate(&app).1, "me/app/x").pointer, "/components/parameters/Steps");

    let (_, report) = generate(&document(json!({ "/": route(), "/of/{user}": route() })));
    let skipped = entry(&report, "me/app/of/{user}");
    assert!(skipped.reason.as_deref().unwrap().contains("has parameters"), "{skipped:?}");
    assert!(skipped.help.contains("fields of the model"), "{skipped:?}");
}

#[test]
fn optional_parameters_are_reported() {
    let mut app = document(json!({ "/": route() }));
    app["paths"]["/"]["parameters"] = json!([
        { "name": "steps", "in": "query", "required": true, "schema": {} },
        { "name": "Accept", "in": "header", "required": true, "schema": {} },
    ]);
    // The parameter of the operation replaces that of the path.
    app["paths"]["/"]["post"]["parameters"] = json!([{ "name": "steps", "in": "query", "schema": {} }]);
    let (_, report) = generate(&app);
    assert_eq!(
        entry(&report, "me/app").losses(),
        [
            "/paths/~1/post/parameters/0: the query parameter `steps` is not in `Input`; calls send a JSON body"
        ]
    );
}

#[test]
fn a_reply_without_a_schema_is_reported() {
    let mut app = document(json!({ "/": route() }));
    app["paths"]["/"]["post"]["responses"] = json!({ "200": { "description": "" } });
    let (text, report) = generate(&app);
    assert!(text.contains("pub type Output = Value;"), "{text}");
    assert_eq!(
        entry(&report, "me/app").losses(),
        ["/paths/~1/post/responses/200: the reply has no schema; it is raw JSON"]
    );
}

#[test]
fn a_reply_without_a_body_is_null() {
    let mut app = document(json!({ "/": route() }));
    app["paths"]["/"]["post"]["responses"] = json!({ "204": { "description": "" } });
    let (text, report) = generate(&app);
    assert!(text.contains("pub type Output = ();"), "{text}");
    assert_eq!(entry(&report, "me/app").losses(), Vec::<String>::new());
}

#[test]
fn an_enum_of_an_endpoint_may_have_the_name_of_a_shared_union() {
    let mut app = document(json!({ "/": route() }));
    let custom = json!({ "type": "object", "title": "Custom", "properties": { "seed": {} } });
    let schemas = &mut app["components"]["schemas"];
    schemas["B"] =
        json!({ "type": "object", "properties": { "Output": { "anyOf": [custom, { "type": "string" }] } } });
    schemas["Out"]["properties"]["b"] = json!({ "const": "a" });
    schemas["Out"]["properties"]["c"] = json!({ "$ref": "#/components/schemas/B" });
    let (_, report) = generate(&app);
    let entry = entry(&report, "me/app");
    assert_eq!((entry.properties_read, entry.properties_emitted), (6, 6));
}

#[test]
fn a_document_in_yaml_gives_the_code_of_the_same_document_in_json() {
    let yaml = "openapi: 3.1.0\n\
                info: { title: App, version: '1' }\n\
                paths:\n  \
                /:\n    \
                post:\n      \
                requestBody: &in\n        \
                description: ''\n        \
                content: { application/json: { schema: { $ref: '#/components/schemas/In' } } }\n      \
                responses:\n        \
                200: *in\n\
                components:\n  \
                schemas:\n    \
                In: { type: object, properties: { on: { type: string, enum: [no, off, 007] } } }\n";
    let json = json!({
        "openapi": "3.1.0",
        "info": { "title": "App", "version": "1" },
        "paths": { "/": { "post": {
            "requestBody": content("application/json", "In"),
            "responses": { "200": content("application/json", "In") },
        } } },
        "components": { "schemas": {
            "In": { "type": "object", "properties": { "on": { "type": "string", "enum": ["no", "off", "007"] } } },
        } },
    });
    let generate = |text: &str| {
        let source = Source { file: "app.yaml".to_owned(), text: text.to_owned() };
        let options = Options { app: Some("me/app".to_owned()), ..Options::default() };
        Generator::new(options).module(&[source]).unwrap_or_else(|errors| panic!("{errors}")).text
    };
    assert_eq!(generate(yaml), generate(&json.to_string()));
}

#[test]
fn an_object_beside_a_union_keeps_its_properties() {
    let mut app = document(json!({ "/": route() }));
    let input = &mut app["components"]["schemas"]["In"];
    input["properties"]["image_url"] = json!({ "type": "string" });
    input["anyOf"] = json!([{ "required": ["prompt"] }, { "required": ["image_url"] }]);
    let (text, report) = generate(&app);
    assert!(text.contains("pub image_url: Option<File>") && text.contains("At least one of"), "{text}");
    assert_eq!(entry(&report, "me/app").losses(), [""; 0]);

    // A rule that says more than which properties there are is reported.
    app["components"]["schemas"]["In"]["anyOf"][0]["properties"]["prompt"] = json!({ "minLength": 3 });
    let (text, report) = generate(&app);
    assert!(text.contains("pub image_url: Option<File>"), "{text}");
    assert_eq!(
        entry(&report, "me/app").losses(),
        ["not checked: /components/schemas/In: `anyOf` is not checked here"]
    );
}

#[test]
fn an_object_beside_objects_has_the_properties_of_both() {
    let mut app = document(json!({ "/": route() }));
    let schemas = &mut app["components"]["schemas"];
    schemas["Cat"] =
        json!({ "type": "object", "properties": { "lives": { "type": "integer" } }, "required": ["lives"] });
    schemas["In"]["oneOf"] = json!([
        { "$ref": "#/components/schemas/Cat" },
        { "properties": { "bark": { "type": "string" } }, "required": ["bark"] },
    ]);
    let (text, report) = generate(&app);
    assert_eq!(text.matches("pub prompt: String").count(), 2, "{text}");
    assert!(text.contains("pub lives: Integer") && text.contains("pub bark: String"), "{text}");
    let loss = "not checked: /components/schemas/In/oneOf: a value that fits several of these is accepted";
    assert_eq!(entry(&report, "me/app").losses(), [loss]);
}

#[test]
fn an_input_that_is_not_an_object_is_skipped_with_a_remedy() {
    for schema in [
        json!({ "type": "array", "items": { "$ref": "#/components/schemas/In" } }),
        json!({ "type": "string" }),
        json!({ "anyOf": [{ "type": "string" }, { "type": "integer" }] }),
    ] {
        let mut other = route();
        other["post"]["requestBody"]["content"]["application/json"]["schema"] = schema;
        let at = "/paths/~1x/post/requestBody/content/application~1json/schema";
        assert_skipped(other, at, "not an object", "class Input(BaseModel)");
    }
}

#[test]
fn a_broken_schema_stops_only_the_routes_that_use_it() {
    let mut app = document(json!({ "/": route(), "/x": route(), "/y": route(), "/z": route() }));
    for (path, name) in [("/x", "Circle"), ("/y", "Broken"), ("/z", "Gone")] {
        app["paths"][path]["post"]["requestBody"] = content("application/json", name);
    }
    app["components"]["schemas"]["Circle"] = json!({ "$ref": "#/components/schemas/Circle" });
    app["components"]["schemas"]["Broken"] = json!({ "type": "object", "properties": 7 });
    app["components"]["securitySchemes"] = json!({ "tls": { "type": "mutualTLS" } });
    app["components"]["parameters"] = json!({ "Odd": { "type": ["a"] } });
    let (_, report) = generate(&app);
    for (id, pointer) in [
        ("me/app/x", "/components/schemas/Circle"),
        ("me/app/y", "/components/schemas/Broken"),
        ("me/app/z", "/paths/~1z/post/requestBody/content/application~1json/schema"),
    ] {
        let skipped = entry(&report, id);
        assert_eq!((skipped.status, skipped.pointer.as_str()), (Status::Skipped, pointer), "{skipped:?}");
        assert!(!skipped.help.is_empty(), "{skipped:?}");
    }
    assert_eq!(entry(&report, "me/app").losses(), Vec::<String>::new());
}

#[test]
fn a_type_that_contains_itself_is_raw_json_inside() {
    let mut app = document(json!({ "/": route() }));
    app["components"]["schemas"]["In"]["properties"]["data"] = json!({ "$ref": "#/components/schemas/Js" });
    app["components"]["schemas"]["Js"] = json!({ "anyOf": [
        { "type": "string" },
        { "type": "array", "items": { "$ref": "#/components/schemas/Js" } },
    ] });
    let (text, report) = generate(&app);
    assert!(text.contains("Vec<Value>"), "{text}");
    assert_eq!(entry(&report, "me/app").losses(), ["raw JSON: /components/schemas/Js"]);
}

#[test]
fn paths_that_give_the_same_module_are_numbered() {
    let (text, report) =
        generate(&document(json!({ "/a-b": route(), "/a_b": route(), "/a_b/c": route(), "/a.b": route() })));
    for name in ["a_b", "a_b_2", "a_b_3"] {
        assert!(text.contains(&format!("pub mod {name} {{")), "{name}");
    }
    assert!(report.endpoints.iter().all(|entry| entry.status == Status::Generated), "{report:?}");
    let (_, report) = generate(&document(json!({ "/x": route(), "/x/": route() })));
    let second = &report.endpoints[1];
    assert!(second.reason.as_deref().unwrap().contains("the same id as the route `/x`"), "{second:?}");
}

#[test]
fn queue_documents_without_metadata_are_recognised() {
    let folder = Folder::new();
    let queue = document(json!({
        "/fal-ai/nano": { "post": {
            "requestBody": content("application/json", "In"),
            "responses": { "200": { "description": "The request status." } },
        } },
        "/fal-ai/nano/requests/{id}": { "get": { "responses": { "200": content("application/json", "Out") } } },
        "/fal-ai/nano/requests/{id}/status": { "get": { "responses": {} } },
    }));
    folder.write("queue.json", queue.to_string());
    for arguments in
        [&["queue.json"][..], &["--app", "fal-ai/nano", "queue.json"], &["--app", "me/other", "queue.json"]]
    {
        let run = folder.run(&[&["--strict", "--module", "x.rs"], arguments].concat());
        assert_eq!(run.code, Some(0), "{}", run.stderr);
        let text = folder.read("x.rs");
        assert!(text.contains("const ID: &'static str = \"fal-ai/nano\";"), "{text}");
        assert!(text.contains("pub prompt: String") && text.contains("pub text: String"), "{text}");
    }
    // An app may have such routes of its own.
    let own = document(json!({ "/jobs/run": route(), "/jobs/run/requests/{id}": { "get": {} } }));
    folder.write("own.json", own.to_string());
    let run = folder.run(&["--app", "me/app", "--module", "y.rs", "own.json"]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert!(folder.read("y.rs").contains("\"me/app/jobs/run\""));
}

#[test]
fn an_app_without_a_single_endpoint_is_an_error_with_all_reasons() {
    let folder = Folder::new();
    let mut form = route();
    form["post"]["requestBody"] = content("multipart/form-data", "In");
    folder.write("app.json", document(json!({ "/": form, "/health": { "get": {} } })).to_string());
    let run = folder.run(&["--app", "me/app", "app.json"]);
    assert_eq!(run.code, Some(1));
    assert!(
        run.stderr.contains(
            "error: app.json: /paths/~1/post/requestBody/content: the body is `multipart/form-data`"
        ),
        "{}",
        run.stderr
    );
    assert!(run.stderr.contains("1 problem; nothing was written"), "{}", run.stderr);
}

#[test]
fn skip_and_only_choose_routes_and_must_name_some() {
    let folder = Folder::new();
    let mut batch = route();
    batch["post"]["requestBody"]["content"]["application/json"]["schema"] = json!({ "type": "array" });
    folder
        .write("app.json", document(json!({ "/": route(), "/fast": route(), "/batch": batch })).to_string());
    let run = |arguments: &[&str]| {
        folder.run(&[&["--app", "me/app", "--module", "x.rs", "app.json"], arguments].concat())
    };

    let strict = run(&["--strict"]);
    assert_eq!(strict.code, Some(1), "{}", strict.stderr);
    assert!(
        strict.stderr.contains(
            "me/app/batch: skipped: /paths/~1batch/post/requestBody/content/application~1json/schema: "
        ),
        "{}",
        strict.stderr
    );
    assert_eq!(folder.files(), ["app.json"]);
    for route in ["/batch", "/batch/", "me/app/batch"] {
        let run = run(&["--strict", "--skip", route]);
        assert_eq!(run.code, Some(0), "{}", run.stderr);
        assert!(run.stderr.contains("me/app/batch: left out on demand"), "{}", run.stderr);
    }
    assert_eq!(run(&["--only", "/", "--strict"]).code, Some(0));
    assert!(!folder.read("x.rs").contains("mod fast"));
    let unknown = run(&["--skip", "/gone"]);
    assert_eq!(unknown.code, Some(1));
    assert!(
        unknown.stderr.contains("error: --skip: no document has the route \"/gone\""),
        "{}",
        unknown.stderr
    );
    assert!(unknown.stderr.contains("me/app/fast"), "{}", unknown.stderr);
}

#[test]
fn overlays_correct_documents_before_they_are_read() {
    let folder = Folder::new();
    folder.write("docs/app.json", document(json!({ "/": route() })).to_string());
    let overlay = |extends: Option<&str>, target: &str| {
        let mut overlay = json!({
            "overlay": "1.0.0", "info": { "title": "Lengths", "version": "1" },
            "actions": [{ "target": target, "update": { "maxLength": 7 } }],
        });
        if let Some(extends) = extends {
            overlay["extends"] = extends.into();
        }
        overlay.to_string()
    };
    let run = || {
        let arguments = [
            "--app",
            "me/app",
            "--module",
            "x.rs",
            "--report",
            "report.json",
            "--overlay",
            "fixes/o.json",
            "docs/app.json",
        ];
        folder.run(&arguments)
    };
    for extends in [None, Some("../docs/app.json"), Some("https://example.com/openapi.json")] {
        folder.write("fixes/o.json", overlay(extends, "$.components.schemas.In.properties.prompt"));
        let run = run();
        assert_eq!(run.code, Some(0), "{}", run.stderr);
        assert!(folder.read("x.rs").contains("7 characters"), "{}", folder.read("x.rs"));
        assert!(folder.read("report.json").contains("fixes/o.json"));
    }
    folder.write("fixes/o.json", overlay(None, "$.components.schemas.Gone"));
    let failed = run();
    assert_eq!(failed.code, Some(1));
    assert!(failed.stderr.contains("error: fixes/o.json: /actions/0/target: "), "{}", failed.stderr);
    folder.write("fixes/o.json", overlay(Some("../docs/other.json"), "$"));
    let failed = run();
    assert!(
        failed.stderr.contains("is for `docs/other.json`, and there is no such document"),
        "{}",
        failed.stderr
    );
}

#[test]
fn help_texts_name_no_files_that_users_do_not_have() {
    let folder = Folder::new();
    let mut app = document(json!({ "/": route(), "/x": route() }));
    app["paths"]["/x"]["post"]["requestBody"] = content("application/json", "Gone");
    folder.write("app.json", app.to_string());
    let skipped = folder.run(&["--app", "me/app", "--module", "x.rs", "app.json"]).stderr;
    let help = folder.run(&["--help"]).stdout;
    for text in [skipped, help] {
        for word in ["fixup ", "manifest", "rules.rs", "codegen/src"] {
            assert!(!text.contains(word), "{word:?} in {text}");
        }
    }
}

#[test]
fn a_session_over_another_transport_is_reported_with_its_place() {
    // What `fal` 1.83 writes for an app with a realtime contract.
    let mut session = route();
    session["x-fal-realtime"] = json!({
        "schemaVersion": 1,
        "transport": { "protocol": "webrtc", "sessionProtocol": "wma", "version": 1 },
        "asyncapi": { "url": "./asyncapi.json" },
    });
    let (text, report) = generate(&document(json!({ "/": route(), "/start-session": session })));
    assert!(text.contains("pub mod start_session"), "the request that opens the session is typed");
    assert_eq!(
        entry(&report, "me/app/start-session").losses(),
        [
            "/paths/~1start-session/x-fal-realtime: opens a session over webrtc; give ./asyncapi.json too, for the types of \
             its messages"
        ]
    );
    assert_eq!(entry(&report, "me/app").losses(), Vec::<String>::new());
}

/// Returns the AsyncAPI document of an app's sessions, in the form that fal's Python package publishes.
fn sessions() -> Value {
    let message =
        |name: &str| json!({ "name": name, "payload": { "$ref": format!("#/components/schemas/{name}") } });
    let object = |kind: &str, properties: Value| {
        let mut object = json!({ "type": "object", "properties": properties, "required": ["type"] });
        object["properties"]["type"] = json!({ "const": kind, "type": "string" });
        object
    };
    let channel = |id: &str| json!({ "$ref": format!("#/components/messages/{id}") });
    let listed = |id: &str| json!({ "$ref": format!("#/channels/control/messages/{id}") });
    json!({
        "asyncapi": "3.1.0",
        "info": { "title": "World realtime client API", "version": "1.0.0" },
        "servers": { "session": { "host": "{sessionHost}", "protocol": "webrtc" } },
        "channels": { "control": {
            "address": "control",
            "messages": { "client.move": channel("client.move"), "client.stop": channel("client.stop"), "server.frame": channel("server.frame") },
        } },
        "operations": {
            "sendControl": { "action": "send", "channel": { "$ref": "#/channels/control" },
                "messages": [listed("client.move"), listed("client.stop")] },
            "receiveEvents": { "action": "receive", "channel": { "$ref": "#/channels/control" }, "messages": [listed("server.frame")] },
        },
        "components": {
            "messages": { "client.move": message("Move"), "client.stop": message("Stop"), "server.frame": {
                "payload": object("frame", json!({ "part": {
                    "oneOf": [{ "$ref": "#/components/schemas/Move" }, { "$ref": "#/components/schemas/Stop" }],
                    "discriminator": "type",
                } })),
            } },
            "schemas": { "Move": object("move", json!({ "dx": { "type": "number" } })), "Stop": object("stop", json!({})) },
        },
    })
}

#[test]
fn messages_of_sessions_are_typed_in_both_directions() {
    let (text, report) = generate(&sessions());
    let control = entry(&report, "me/app/control");
    assert_eq!(control.session.as_deref(), Some("webrtc"));
    assert_eq!(control.losses(), Vec::<String>::new());
    assert_eq!((control.properties_read, control.properties_emitted), (8, 8));
    for part in ["pub enum Input {", "Move(Move)", "Stop(Stop)", "pub part: Option<", "over webrtc"] {
        assert!(text.contains(part), "{part} is not in {text}");
    }
    assert!(!text.contains("impl Realtime"), "no client opens such a session");
}

#[test]
fn a_route_that_opens_sessions_and_their_messages_are_one_app() {
    let mut session = route();
    session["x-fal-realtime"] = json!({ "asyncapi": { "url": "./asyncapi.json" } });
    let documents = [document(json!({ "/start-session": session })), sessions()];
    let sources =
        documents.map(|document| Source { file: "app.json".to_owned(), text: document.to_string() });
    let options = Options { app: Some("me/app".to_owned()), ..Options::default() };
    let module = Generator::new(options).module(&sources).unwrap_or_else(|errors| panic!("{errors}"));
    assert_eq!(entry(&module.report, "me/app/start-session").losses(), Vec::<String>::new());
    assert!(module.text.contains("pub mod control {") && module.text.contains("pub mod start_session {"));
}

#[test]
fn messages_that_are_not_objects_are_an_error_with_their_channel() {
    let mut document = sessions();
    document["components"]["messages"]["client.stop"]["payload"] = json!({ "type": "array", "items": {} });
    let options = Options { app: Some("me/app".to_owned()), ..Options::default() };
    let source = Source { file: "app.json".to_owned(), text: document.to_string() };
    let error = Generator::new(options).module(&[source]).unwrap_err().to_string();
    assert!(error.starts_with("app.json: /channels/control: the messages are not objects"), "{error}");
}

#[test]
fn broken_references_between_messages_are_errors_with_their_places() {
    let mut document = sessions();
    document["channels"]["control"]["messages"]["client.stop"]["$ref"] = json!("#/components/messages/gone");
    let options = Options { app: Some("me/app".to_owned()), ..Options::default() };
    let source = Source { file: "app.json".to_owned(), text: document.to_string() };
    let error = Generator::new(options).module(&[source]).unwrap_err().to_string();
    assert!(
        error.starts_with(
            "app.json: /channels/control/messages/client.stop: `#/components/messages/gone` leads nowhere"
        ),
        "{error}"
    );
}

#[test]
fn an_input_that_is_a_map_has_its_values_as_parameters() {
    let mut document = document(json!({ "/": route(), "/x": { "post": {
        "requestBody": content("application/json", "Map"),
        "responses": { "200": content("application/json", "Out") },
    } } }));
    document["components"]["schemas"]["Map"] = json!({ "type": "object", "additionalProperties": { "type": "array", "items": { "type": "string" } } });
    let (text, report) = generate(&document);
    assert_eq!(entry(&report, "me/app/x").status, Status::Generated);
    assert!(text.contains("pub extra: BTreeMap<String, Vec<String>>"), "{text}");
}

#[test]
fn a_recursive_alias_is_a_type_if_an_object_is_between_its_uses() {
    let mut document = document(json!({ "/": { "post": {
        "requestBody": content("application/json", "Op"),
        "responses": { "200": content("application/json", "Expression") },
    } } }));
    let schemas = &mut document["components"]["schemas"];
    schemas["Expression"] = json!({ "anyOf": [{ "type": "number" }, { "$ref": "#/components/schemas/Op" }] });
    schemas["Op"] = json!({ "type": "object", "required": ["args"], "properties": {
        "args": { "type": "array", "items": { "$ref": "#/components/schemas/Expression" } },
    } });
    let (_, report) = generate(&document);
    assert_eq!(entry(&report, "me/app").losses(), Vec::<String>::new());
}

#[test]
fn an_alias_of_every_json_value_is_any_json_and_no_loss() {
    let mut document = document(json!({ "/": route() }));
    let schemas = &mut document["components"]["schemas"];
    schemas["Json"] = json!({ "anyOf": [
        { "type": "null" }, { "type": "boolean" }, { "type": "integer" }, { "type": "number" }, { "type": "string" },
        { "type": "array", "items": { "$ref": "#/components/schemas/Json" } },
        { "type": "object", "additionalProperties": { "$ref": "#/components/schemas/Json" } },
    ] });
    schemas["Out"]["properties"]["text"] = json!({ "$ref": "#/components/schemas/Json" });
    let (text, report) = generate(&document);
    assert_eq!(entry(&report, "me/app").losses(), Vec::<String>::new());
    assert!(text.contains("pub text: Value"), "{text}");
}

#[test]
fn keywords_that_nothing_checks_are_reported_with_their_places() {
    let mut document = document(json!({ "/": route() }));
    document["components"]["schemas"]["In"]["properties"]["prompt"] = json!({ "type": "object",
        "properties": { "a": { "type": "array", "contains": { "const": 1 } } }, "minProperties": 1,
        "patternProperties": { "^x": {} }, "readOnly": true });
    let (_, report) = generate(&document);
    let at = "/components/schemas/In/properties/prompt";
    let expected = [
        format!("{at}/properties/a: `contains` is not checked here"),
        format!("{at}: `minProperties` is not checked here"),
        format!("{at}: `patternProperties` is not checked here"),
    ];
    let mut told = entry(&report, "me/app").unenforced.clone();
    told.sort();
    assert_eq!(told, expected);
    assert!(entry(&report, "me/app").unknown_keywords.is_empty());
}

#[test]
fn a_recursive_input_of_two_routes_is_counted_once() {
    let mut document = document(json!({ "/": route(), "/x": route() }));
    document["components"]["schemas"]["In"]["properties"]["next"] =
        json!({ "$ref": "#/components/schemas/In" });
    let (_, report) = generate(&document);
    for id in ["me/app", "me/app/x"] {
        assert_eq!(entry(&report, id).properties_read, entry(&report, id).properties_emitted, "{id}");
    }
}

#[test]
fn realtime_messages_that_share_the_name_of_unions_are_reported() {
    let mut realtime = route();
    realtime["x-fal-protocol"] = json!({ "type": "realtime" });
    realtime["post"]["requestBody"] = content("application/json", "Union");
    let mut document = document(json!({ "/realtime": realtime }));
    document["components"]["schemas"]["Union"] =
        json!({ "anyOf": [{ "$ref": "#/components/schemas/In" }, { "$ref": "#/components/schemas/Out" }] });
    let (_, report) = generate(&document);
    let losses = entry(&report, "me/app/realtime").losses();
    assert_eq!(losses.len(), 1, "{losses:?}");
    assert!(losses[0].starts_with("/paths/~1realtime/post/requestBody: fal gives every union"), "{losses:?}");
}

#[test]
fn routes_without_a_usable_path_are_skipped_with_their_places() {
    let (_, report) =
        generate(&document(json!({ "/": route(), "/a b": route(), "plain": route(), "x-note": "n" })));
    let skipped = report.endpoints.iter().filter(|entry| entry.status == Status::Skipped);
    let told: Vec<&str> = skipped.map(|entry| entry.pointer.as_str()).collect();
    assert_eq!(told, ["/paths/~1a b", "/paths/plain"]);
}

#[test]
fn an_object_of_nothing_but_itself_has_code() {
    let mut app = document(json!({ "/": route() }));
    app["components"]["schemas"]["In"]["properties"]["tree"] = json!({ "$ref": "#/components/schemas/Tree" });
    app["components"]["schemas"]["In"]["required"] = json!(["tree"]);
    app["components"]["schemas"]["Tree"] = json!({ "type": "object", "properties": {
        "kids": { "type": "array", "items": { "$ref": "#/components/schemas/Tree" } }
    } });
    let (text, _) = generate(&app);
    assert!(text.contains("pub kids: Option<Vec<Tree>>"), "{text}");
}
