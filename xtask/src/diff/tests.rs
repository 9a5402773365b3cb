#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{collections::BTreeMap, fs, path::Path, process::Command};

use fal_codegen::{Manifest, TypeNames};
use serde_json::{Map, Value, json};

use super::{
    changelog,
    compare::{CrateDiff, Snapshot, compare},
    finding::{
        Finding, Kind,
        Level::{self, Breaking, Minor, Patch},
    },
    json, markdown, text,
};

/// Runs git in a folder.
pub(crate) fn git(folder: &Path, arguments: &[&str]) {
    let identity =
        ["-c", "user.name=Test", "-c", "user.email=test@example.com", "-c", "commit.gpgsign=false"];
    let output = Command::new("git").args(identity).args(arguments).current_dir(folder).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Writes a file and the folders above it.
pub(crate) fn write_file(folder: &Path, path: &str, text: &str) {
    let path = folder.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

/// Makes a folder a repository, and commits its files.
pub(crate) fn commit_all(folder: &Path) {
    git(folder, &["init", "--quiet"]);
    git(folder, &["add", "."]);
    git(folder, &["commit", "--quiet", "--message", "Old"]);
}

/// Returns the record of a model: its input, its output, and the components that these refer to.
pub(crate) fn record(id: &str, input: Value, output: Value, components: Value) -> String {
    let mut schemas: Map<String, Value> = components.as_object().unwrap().clone();
    schemas.insert("Input".to_owned(), input);
    schemas.insert("Output".to_owned(), output);
    let reference = |name: &str| json!({ "application/json": { "schema": { "$ref": format!("#/components/schemas/{name}") } } });
    json!({
        "endpoint_id": id,
        "metadata": { "display_name": id, "description": "Draws.", "category": "text-to-image" },
        "openapi": {
            "openapi": "3.0.4",
            "info": { "title": id, "version": "1.0.0" },
            "components": { "schemas": schemas },
            "paths": {
                format!("/{id}"): { "post": {
                    "requestBody": { "content": reference("Input") },
                    "responses": { "200": { "description": "Accepted" } }
                } },
                format!("/{id}/requests/{{request_id}}"): { "get": {
                    "responses": { "200": { "description": "Done", "content": reference("Output") } }
                } }
            }
        }
    })
    .to_string()
}

/// Returns a catalogue with one crate per app. The first two parts of the id of a record are its app.
fn snapshot(label: &str, records: &[(&str, String)]) -> Snapshot {
    let mut apps: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (id, _) in records {
        let app = id.match_indices('/').nth(1).map_or(*id, |(end, _)| &id[..end]);
        apps.entry(app).or_default().push(id);
    }
    let tables: Vec<String> = apps
        .into_iter()
        .map(|(app, ids)| {
            let name = app.replace('/', "-");
            format!(
                "[crates.{name}]\napp = \"{app}\"\ntitle = \"Drawings\"\nversion = \"0.3.1\"\nendpoints = {ids:?}\n"
            )
        })
        .collect();
    let tables = if tables.is_empty() { "[crates]\n".to_owned() } else { tables.join("\n") };
    let mut snapshot = Snapshot {
        // Generated files name their documents, without a label.
        label: String::new(),
        manifest: Manifest::parse("manifest.toml", &tables).unwrap(),
        documents: records.iter().map(|(id, text)| ((*id).to_owned(), text.clone())).collect(),
        overlays: BTreeMap::new(),
        code: BTreeMap::new(),
        type_names: TypeNames::default(),
        fal_core: "0.3.1".parse().unwrap(),
    };
    // Documents that cannot be read have no code.
    snapshot.code = snapshot.generate(&snapshot.manifest.crates.keys().collect()).unwrap_or_default();
    snapshot.label = label.to_owned();
    snapshot
}

/// Returns the changes of the property `x` of the input or the output.
fn property_changes(input: bool, before: &Value, after: &Value) -> Vec<Finding> {
    let object = |schema: &Value| {
        let mut schema = schema.clone();
        let required = schema.as_object_mut().unwrap().remove("required").is_some();
        let required = if required { json!(["x"]) } else { json!([]) };
        json!({ "type": "object", "required": required, "properties": { "x": schema } })
    };
    let empty = json!({ "type": "object", "properties": { "y": { "type": "string" } } });
    let side = |schema: &Value| match input {
        true => record("a/b", object(schema), empty.clone(), json!({})),
        false => record("a/b", empty.clone(), object(schema), json!({})),
    };
    let (before, after) = (snapshot("", &[("a/b", side(before))]), snapshot("", &[("a/b", side(after))]));
    let crates = compare(&before, &after).unwrap();
    crates.into_iter().flat_map(|item| item.changes).map(|change| change.finding).collect()
}

#[track_caller]
fn assert_changes(input: bool, before: Value, after: Value, expected: &[(Level, Kind)]) {
    let found = property_changes(input, &before, &after);
    let levels: Vec<_> = found.iter().map(|finding| (finding.level, finding.kind)).collect();
    assert_eq!(levels, expected, "{before} to {after}: {found:#?}");
}

#[test]
fn a_rule_about_several_parameters_breaks_and_its_end_does_not() {
    let input = |rules: Value| json!({ "type": "object", "properties": { "a": { "type": "string" }, "b": { "type": "string" } }, "allOf": rules });
    let output = json!({ "type": "object", "properties": { "y": { "type": "string" } } });
    let before = snapshot("", &[("a/b", record("a/b", input(json!([{}])), output.clone(), json!({})))]);
    let rule = json!([{ "anyOf": [{ "required": ["a"] }, { "required": ["b"] }] }]);
    let after = snapshot("", &[("a/b", record("a/b", input(rule), output, json!({})))]);
    let level = |before: &Snapshot, after: &Snapshot| {
        let crates = compare(before, after).unwrap();
        let mut changes = crates.into_iter().flat_map(|item| item.changes);
        changes
            .find(|change| change.finding.message.contains("At least one of `a` and `b`"))
            .unwrap()
            .finding
            .level
    };
    assert_eq!((level(&before, &after), level(&after, &before)), (Breaking, Minor));
}

#[test]
fn a_narrower_parameter_breaks_and_a_wider_one_does_not() {
    let steps = |max: u64| json!({ "type": "integer", "minimum": 1, "maximum": max });
    assert_changes(true, steps(50), steps(28), &[(Breaking, Kind::Narrowed)]);
    assert_changes(true, steps(28), steps(50), &[(Minor, Kind::Widened)]);
    assert_changes(true, steps(28), json!({ "type": "integer" }), &[(Breaking, Kind::Widened)]);
    assert_changes(true, json!({ "type": "integer" }), steps(28), &[(Breaking, Kind::Narrowed)]);

    let text = |max: u64| json!({ "type": "string", "maxLength": max });
    assert_changes(true, text(9), text(8), &[(Breaking, Kind::Narrowed)]);
    assert_changes(true, text(8), json!({ "type": "string" }), &[(Minor, Kind::Widened)]);
    let pattern = json!({ "type": "string", "pattern": "^a" });
    assert_changes(true, json!({ "type": "string" }), pattern.clone(), &[(Breaking, Kind::Narrowed)]);
    assert_changes(true, pattern, json!({ "type": "string" }), &[(Minor, Kind::Widened)]);

    let list = |max: u64| json!({ "type": "array", "items": { "type": "string" }, "maxItems": max });
    assert_changes(true, list(4), list(2), &[(Breaking, Kind::Narrowed)]);
    assert_changes(true, list(2), list(4), &[(Minor, Kind::Widened)]);

    let size = |values: &[&str]| json!({ "type": "string", "enum": values });
    assert_changes(true, size(&["s", "m"]), size(&["s", "m", "l"]), &[(Minor, Kind::ValueAdded)]);
    assert_changes(
        true,
        size(&["s", "m"]),
        size(&["m", "l"]),
        &[(Breaking, Kind::ValueRemoved), (Minor, Kind::ValueAdded)],
    );
    assert_changes(true, size(&["s"]), json!({ "type": "string" }), &[(Breaking, Kind::TypeChanged)]);
}

#[test]
fn bounds_of_outputs_do_not_break() {
    let steps = |max: u64| json!({ "type": "integer", "minimum": 1, "maximum": max });
    assert_changes(false, steps(50), steps(28), &[(Patch, Kind::Narrowed)]);
    assert_changes(
        false,
        steps(50),
        json!({ "type": "integer", "enum": [1, 2] }),
        &[(Patch, Kind::TypeChanged)],
    );
    let state = |values: &[&str]| json!({ "type": "string", "enum": values });
    assert_changes(false, state(&["on"]), state(&["on", "off"]), &[(Minor, Kind::ValueAdded)]);
    assert_changes(false, state(&["on", "off"]), state(&["on"]), &[(Breaking, Kind::ValueRemoved)]);
    assert_changes(
        false,
        json!({ "type": "string" }),
        json!({ "type": "number" }),
        &[(Breaking, Kind::TypeChanged)],
    );
}

#[test]
fn a_changed_presence_breaks_if_the_rust_type_changes() {
    let (optional, required) = (json!({ "type": "string" }), json!({ "type": "string", "required": true }));
    let null = json!({ "anyOf": [{ "type": "string" }, { "type": "null" }] });
    for input in [true, false] {
        assert_changes(input, optional.clone(), required.clone(), &[(Breaking, Kind::BecameRequired)]);
        assert_changes(input, required.clone(), optional.clone(), &[(Breaking, Kind::BecameOptional)]);
        // An `Option` before and after.
        assert_changes(input, optional.clone(), null.clone(), &[(Minor, Kind::NullAllowed)]);
        assert_changes(input, null.clone(), optional.clone(), &[(Patch, Kind::NullRefused)]);
    }
}

#[test]
fn a_changed_default_is_a_patch_unless_null_gets_another_meaning() {
    let default = |value: &str| json!({ "type": "string", "default": value });
    assert_changes(true, default("a"), default("b"), &[(Patch, Kind::DefaultChanged)]);
    let null = json!({ "anyOf": [{ "type": "string" }, { "type": "null" }] });
    let tri_state = json!({ "anyOf": [{ "type": "string" }, { "type": "null" }], "default": "a" });
    assert_changes(true, null, tri_state, &[(Breaking, Kind::TypeChanged), (Patch, Kind::DefaultChanged)]);
}

#[test]
fn deprecation_is_minor_and_a_new_description_is_a_patch() {
    let text = |description: &str, deprecated: bool| json!({ "type": "string", "description": description, "deprecated": deprecated });
    assert_changes(true, text("A.", false), text("A.", true), &[(Minor, Kind::Deprecated)]);
    assert_changes(true, text("A.", true), text("A.", false), &[(Patch, Kind::Restored)]);
    assert_changes(true, text("A.", false), text("B.", false), &[(Patch, Kind::DescriptionChanged)]);
    let message = |before: Value, after: Value| property_changes(true, &before, &after)[0].message.clone();
    let none = json!({ "type": "string" });
    assert_eq!(message(text("A.", false), none.clone()), "`x` lost its description");
    assert_eq!(message(none, text("A.", false)), "`x` has a description now");
    let example = json!({ "type": "string", "description": "A.", "examples": ["b"] });
    assert_changes(true, text("A.", false), example, &[(Patch, Kind::DescriptionChanged)]);
}

#[test]
fn added_members_of_a_union_are_minor_and_removed_ones_break() {
    let union = |kinds: &[Value]| json!({ "anyOf": kinds });
    let (text, number, flag) =
        (json!({ "type": "string" }), json!({ "type": "number" }), json!({ "type": "boolean" }));
    let two = union(&[text.clone(), number.clone()]);
    assert_changes(
        true,
        two.clone(),
        union(&[text.clone(), number.clone(), flag]),
        &[(Minor, Kind::ValueAdded)],
    );
    let bounded = union(&[text.clone(), json!({ "type": "number", "maximum": 2 })]);
    assert_changes(true, two.clone(), bounded, &[(Breaking, Kind::Narrowed)]);
    assert_changes(true, two, text, &[(Breaking, Kind::TypeChanged)]);
}

/// Returns an endpoint whose input and output have an object named `image`.
fn with_object(id: &str, image: &str, properties: Value) -> (String, String) {
    let reference = json!({ "$ref": format!("#/components/schemas/{image}") });
    let input = json!({ "type": "object", "properties": { "size": reference } });
    let output =
        json!({ "type": "object", "properties": { "images": { "type": "array", "items": reference } } });
    let components = json!({ image: { "type": "object", "properties": properties } });
    (id.to_owned(), record(id, input, output, components))
}

fn between(before: &[(String, String)], after: &[(String, String)]) -> Vec<CrateDiff> {
    fn named(records: &[(String, String)]) -> Vec<(&str, String)> {
        records.iter().map(|(id, text)| (id.as_str(), text.clone())).collect()
    }
    compare(&snapshot("v0.3.1:", &named(before)), &snapshot("", &named(after))).unwrap()
}

#[test]
fn a_renamed_object_breaks() {
    let properties = json!({ "width": { "type": "integer" } });
    let crates = between(
        &[with_object("a/b/c", "Size", properties.clone())],
        &[with_object("a/b/c", "ImageSize", properties)],
    );
    insta::assert_snapshot!(text::write(&crates, "v0.3.1"));
}

#[test]
fn a_change_of_a_shared_object_is_listed_once() {
    let all = |properties: Value| ["a/b/c", "a/b/d"].map(|id| with_object(id, "Image", properties.clone()));
    let before = all(json!({ "width": { "type": "integer" }, "height": { "type": "integer" } }));
    let after = all(json!({ "width": { "type": "number" }, "depth": { "type": "integer" } }));
    insta::assert_snapshot!(text::write(&between(&before, &after), "v0.3.1"));
}

#[test]
fn added_streams_and_realtime_are_minor_and_removed_ones_break() {
    let image = || with_object("a/b/c", "Image", json!({ "width": { "type": "integer" } }));
    let streams = |(id, text): (String, String)| {
        (id, text.replace("\"category\"", "\"stream_url\":\"https://fal.run\",\"category\""))
    };
    let connects = |(id, text): (String, String)| {
        (id, text.replace("{\"post\"", "{\"x-fal-protocol\":{\"type\":\"realtime\"},\"post\""))
    };
    let kinds = |before, after| -> Vec<_> {
        let crates = between(&[before], &[after]);
        crates
            .iter()
            .flat_map(|item| &item.changes)
            .map(|change| (change.finding.level, change.finding.kind))
            .collect()
    };
    assert_eq!(kinds(image(), streams(image())), [(Minor, Kind::StreamAdded)]);
    assert_eq!(kinds(streams(image()), image()), [(Breaking, Kind::StreamRemoved)]);
    assert_eq!(kinds(image(), connects(image())), [(Minor, Kind::RealtimeAdded)]);
    assert_eq!(kinds(connects(image()), image()), [(Breaking, Kind::RealtimeRemoved)]);
    // An event is a partial output, so a change of both is listed once.
    let deeper = with_object(
        "a/b/c",
        "Image",
        json!({ "width": { "type": "integer" }, "depth": { "type": "integer" } }),
    );
    assert_eq!(kinds(streams(image()), streams(deeper)), [(Minor, Kind::Added), (Minor, Kind::Added)]);
}

/// Returns changes of every level, in two crates.
fn everything() -> Vec<CrateDiff> {
    let output =
        json!({ "type": "object", "required": ["url"], "properties": { "url": { "type": "string" } } });
    let steps =
        |min: u64, max: u64| json!({ "type": "integer", "minimum": min, "maximum": max, "default": 28 });
    let input = |steps: Value, speed: &[&str], third: Value| {
        json!({ "type": "object", "required": ["prompt"], "properties": {
            "prompt": { "type": "string" },
            "num_inference_steps": steps,
            "acceleration": { "type": "string", "enum": speed, "default": speed[0] },
            "third": third,
        } })
    };
    let before = [
        (
            "draw/fast".to_owned(),
            record(
                "draw/fast",
                input(steps(1, 50), &["none", "high"], json!({ "type": "string" })),
                output.clone(),
                json!({}),
            ),
        ),
        (
            "draw/fast/edit".to_owned(),
            record(
                "draw/fast/edit",
                input(steps(1, 50), &["none"], json!({ "type": "string" })),
                output.clone(),
                json!({}),
            ),
        ),
        ("draw/gone".to_owned(), record("draw/gone", output.clone(), output.clone(), json!({}))),
        (
            "write/old".to_owned(),
            record(
                "write/old",
                input(steps(1, 4), &["none"], json!({ "type": "string" })),
                output.clone(),
                json!({}),
            ),
        ),
        ("write/old/more".to_owned(), record("write/old/more", output.clone(), output.clone(), json!({}))),
    ];
    let more = json!({ "type": "object", "required": ["url"], "properties": {
        "url": { "type": "string" }, "seed": { "type": "integer" },
    } });
    let deprecated = json!({ "type": "string", "deprecated": true });
    let after = [
        (
            "draw/fast".to_owned(),
            record(
                "draw/fast",
                input(steps(1, 28), &["none", "high", "ultra"], deprecated),
                more.clone(),
                json!({}),
            ),
        ),
        (
            "draw/fast/edit".to_owned(),
            record(
                "draw/fast/edit",
                input(steps(1, 28), &["high"], json!({ "type": "string" })),
                output.clone(),
                json!({}),
            ),
        ),
        (
            "draw/fast/upscale".to_owned(),
            record("draw/fast/upscale", output.clone(), output.clone(), json!({})),
        ),
        ("draw/new".to_owned(), record("draw/new", output.clone(), output.clone(), json!({}))),
        (
            "write/old".to_owned(),
            record(
                "write/old",
                input(steps(1, 8), &["none"], json!({ "type": "string" })),
                output.clone(),
                json!({}),
            ),
        ),
        ("write/old/more".to_owned(), record("write/old/more", output.clone(), output, json!({}))),
    ];
    between(&before, &after)
}

#[test]
fn text_lists_every_change_with_its_reason() {
    insta::assert_snapshot!(text::write(&everything(), "v0.3.1"));
}

#[test]
fn markdown_starts_with_a_table_of_crates() {
    insta::assert_snapshot!(markdown::write(&everything(), "v0.3.1"));
}

#[test]
fn a_changelog_has_its_usual_headings() {
    insta::assert_snapshot!(changelog::write(&everything()));
}

#[test]
fn json_holds_values() {
    let all: Value = serde_json::from_str(&json::write(&everything(), "v0.3.1")).unwrap();
    let fast = &all["crates"][0];
    assert_eq!(
        (&fast["name"], &fast["bump"], &fast["next"]),
        (&json!("draw-fast"), &json!("breaking"), &json!("0.4.0"))
    );
    let changes = fast["changes"].as_array().unwrap();
    let narrowed = changes.iter().find(|change| change["kind"] == "narrowed").unwrap();
    assert_eq!(
        (&narrowed["path"], &narrowed["part"], &narrowed["from"], &narrowed["to"], &narrowed["endpoints"]),
        (
            &json!("num_inference_steps"),
            &json!("input"),
            &json!("between 1 and 50"),
            &json!("between 1 and 28"),
            &json!(["draw/fast", "draw/fast/edit"])
        )
    );
}

#[test]
fn unchanged_crates_are_left_out() {
    let same = [with_object("a/b/c", "Image", json!({ "width": { "type": "integer" } }))];
    let crates = between(&same, &same);
    assert!(crates.is_empty());
    assert_eq!(text::write(&crates, "HEAD"), "Nothing has changed for users since HEAD.\n");
    assert_eq!(changelog::write(&crates), "");
}

/// Returns records of one crate as `between` takes them.
fn endpoint(steps: Value) -> [(String, String); 1] {
    let input = json!({ "type": "object", "properties": { "num_inference_steps": steps } });
    let output = json!({ "type": "object", "properties": { "url": { "type": "string" } } });
    [("a/b".to_owned(), record("a/b", input, output, json!({})))]
}

/// Returns the levels and messages of all changes.
fn messages(crates: &[CrateDiff]) -> Vec<(Level, String)> {
    let changes = crates.iter().flat_map(|item| &item.changes);
    changes.map(|change| (change.finding.level, change.finding.message.clone())).collect()
}

#[test]
fn a_default_whose_constant_is_gone_breaks() {
    let steps = |more: Value| {
        let mut schema = json!({ "type": "integer", "minimum": 1, "maximum": 50 });
        schema.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        endpoint(schema)
    };
    let with = steps(json!({ "default": 28 }));
    for without in [json!({}), json!({ "default": 80 }), json!({ "default": null })] {
        let found = between(&with, &steps(without.clone()));
        let found = messages(&found);
        assert!(
            found.iter().any(|(level, text)| *level == Breaking && text.contains("default")),
            "{without}: {found:?}"
        );
    }
    let moved = between(&with, &steps(json!({ "default": 30 })));
    assert_eq!(moved[0].level, Patch, "{:?}", messages(&moved));
    // The constant that the default gets is new.
    assert_eq!(between(&steps(json!({})), &with)[0].level, Patch);
}

#[test]
fn contradictions_of_a_new_schema_are_listed() {
    let steps = |min: u64, max: u64, default: u64| {
        endpoint(json!({ "type": "integer", "minimum": min, "maximum": max, "default": default }))
    };
    let odd = |after: &[(String, String)]| -> Vec<String> {
        let crates = between(&steps(1, 50, 28), after);
        // They are for maintainers, and not among the changes for users.
        assert!(messages(&crates).iter().all(|(_, text)| !text.contains("num_inference_steps:")));
        assert!(!changelog::write(&crates).contains("/components"));
        let odd = crates.iter().flat_map(|item| &item.oddities);
        let odd: Vec<String> = odd.map(|change| change.finding.message.clone()).collect();
        let text = markdown::write(&crates, "HEAD");
        let (changes, section) = text.split_once("\n## Documents to check").unwrap_or((&text, ""));
        assert!(!changes.contains("/components") && section.is_empty() == odd.is_empty(), "{text}");
        odd
    };
    let empty = odd(&steps(100, 50, 28));
    assert!(empty[0].ends_with("its bounds exclude every value"), "{empty:?}");
    assert!(empty[1].contains("the default 28 is not a value of its type; left out"), "{empty:?}");
    assert_eq!(odd(&steps(1, 50, 80)).len(), 1);
    assert_eq!(odd(&steps(1, 60, 50)).len(), 0);
}

#[test]
fn required_parameter_is_the_reason_of_a_lost_task_and_has_a_row_for_users() {
    let image =
        json!({ "type": "object", "required": ["url"], "properties": { "url": { "type": "string" } } });
    let output = json!({ "type": "object", "required": ["images"], "properties": {
        "images": { "type": "array", "items": { "$ref": "#/components/schemas/Image" } },
    } });
    let endpoint = |tier: Option<bool>| {
        let mut input = json!({
            "type": "object", "required": ["prompt"], "properties": { "prompt": { "type": "string" } },
        });
        if let Some(required) = tier {
            input["properties"]["tier"] = json!({ "type": "string", "enum": ["draft", "final"] });
            if required {
                input["required"] = json!(["prompt", "tier"]);
            }
        }
        [("a/b".to_owned(), record("a/b", input, output.clone(), json!({ "Image": image })))]
    };
    for before in [endpoint(None), endpoint(Some(false))] {
        let crates = between(&before, &endpoint(Some(true)));
        let found = messages(&crates);
        let lost = "`Model` no longer takes part in `task::text_to_image`, because `tier` is required";
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found.contains(&(Breaking, lost.to_owned())), "{found:?}");
        let row = "| `Input.tier` | is required: add `tier: Tier::Draft`, or `Tier::Final` |\n";
        let text = markdown::write(&crates, "HEAD");
        assert!(text.ends_with(&format!("|---|---|\n{row}")), "{text}");
    }
}

#[test]
fn a_change_of_the_generator_is_found_in_its_code() {
    let records = endpoint(json!({ "type": "integer", "minimum": 1, "maximum": 50, "default": 28 }));
    let records: Vec<(&str, String)> = records.iter().map(|(id, text)| (id.as_str(), text.clone())).collect();
    let changed = |from: &str, to: &str| {
        let (mut before, after) = (snapshot("v0.3.1:", &records), snapshot("", &records));
        let code = before.code.get_mut("a-b").unwrap().get_mut("lib.rs").unwrap();
        assert!(code.contains(from), "{code}");
        *code = code.replace(from, to);
        messages(&compare(&before, &after).unwrap())
    };
    assert_eq!(
        changed("NumInferenceSteps", "Steps")[0],
        (Breaking, "`Steps` was removed or renamed".to_owned())
    );
    let body = "nothing that users name";
    assert!(changed("pub struct Input {", "/// Text.\npub struct Input {")[0].1.contains(body));
    let found = changed("pub fn validate", "fn validate");
    assert_eq!(found, [(Minor, "`Input::validate` is new".to_owned())]);
    // Code with a conflict of a merge.
    let found = changed("pub struct Input {", "<<<<<<< ours\npub struct Input {");
    assert!(
        found.iter().any(|(_, text)| text.starts_with("the old code cannot be read: lib.rs")),
        "{found:?}"
    );
}

#[test]
fn an_old_document_that_cannot_be_read_stops_nothing() {
    let good = endpoint(json!({ "type": "integer", "minimum": 1, "maximum": 50, "default": 28 }));
    let other = ("c/d".to_owned(), good[0].1.replace("a/b", "c/d"));
    let narrower = ("c/d".to_owned(), other.1.replace("50", "40"));
    let named = |records: &[(String, String)]| {
        let records: Vec<(&str, String)> =
            records.iter().map(|(id, text)| (id.as_str(), text.clone())).collect();
        (snapshot("v0.3.1:", &records), snapshot("", &records))
    };
    let (mut before, _) = named(&[good[0].clone(), other]);
    let document = before.documents.get_mut("a/b").unwrap();
    *document = document.replace("\"maximum\":50", "\"maximum\":[50]");
    let (_, after) = named(&[good[0].clone(), narrower]);
    let crates = compare(&before, &after).unwrap();
    let found = messages(&crates);
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(
        found[0].1.starts_with("the old document cannot be compared: v0.3.1:schemas/a/b.json"),
        "{found:?}"
    );
    assert_eq!(crates[1].level, Breaking);
}

#[test]
fn fixup_or_overlay_that_comes_or_goes_stops_nothing() {
    let with = |id: &str, steps: Value| endpoint(steps)[0].1.replace("a/b", id);
    let good = || json!({ "type": "integer", "maximum": 50 });
    // A fixup of the generator adds the input that this document refers to, and applies to no other.
    let id = "perceptron/isaac-01/openai/v1/chat/completions";
    let other = |maximum: u64| ("c/d", with("c/d", json!({ "type": "integer", "maximum": maximum })));
    let without_input = |text: &str| {
        let mut record: Value = serde_json::from_str(text).unwrap();
        record["openapi"]["components"]["schemas"].as_object_mut().unwrap().remove("Input").unwrap();
        record.to_string()
    };
    let defective = [other(50), (id, without_input(&with(id, good())))];
    let corrected = [other(40), (id, with(id, good()))];
    let came = compare(&snapshot("v0.3.1:", &corrected), &snapshot("", &defective)).unwrap();
    let text = text::write(&came, "v0.3.1");
    assert!(text.contains("the fixup `free-form-passthrough` no longer applies"), "{text}");
    assert!(text.contains("is at most 50, was at most 40"), "{text}");

    let quoted = json!({ "type": "integer", "maximum": ["50"] });
    let overlay = json!({ "overlay": "1.0.0", "info": { "title": "Bounds", "version": "1" }, "actions": [{
        "target": "$.components.schemas.Input.properties.num_inference_steps",
        "update": { "maximum": 50 }, "description": "The bound is text.",
    }] });
    let records = [other(50), ("e/f", with("e/f", quoted))];
    let mut before = snapshot("v0.3.1:", &records);
    before.overlays.insert("e/f".to_owned(), overlay.to_string());
    let went = compare(&before, &snapshot("", &[other(40), ("e/f", with("e/f", good()))])).unwrap();
    let text = text::write(&went, "v0.3.1");
    assert!(text.contains("is at most 40, was at most 50"), "{text}");
}

#[test]
fn an_invalid_document_of_the_work_tree_is_reported() {
    let good = [with_object("a/b/c", "Image", json!({ "width": { "type": "integer" } }))];
    let records: Vec<(&str, String)> = good.iter().map(|(id, text)| (id.as_str(), text.clone())).collect();
    let bad = [("a/b/c", good[0].1.replace("#/components/schemas/Image", "#/components/schemas/None"))];
    let Err(error) = compare(&snapshot("v0.3.1:", &records), &snapshot("", &bad)) else { unreachable!() };
    assert!(error.starts_with("schemas/a/b/c.json: "), "{error}");
}

#[test]
fn another_version_of_fal_core_is_a_change_of_every_crate() {
    let records =
        [("a/b", record("a/b", json!({ "type": "object" }), json!({ "type": "object" }), json!({})))];
    let before = snapshot("", &records);
    for (version, level, next) in [("0.3.2", Patch, "0.3.2"), ("0.4.0", Breaking, "0.4.0")] {
        let mut after = snapshot("", &records);
        after.fal_core = version.parse().unwrap();
        let crates = compare(&before, &after).unwrap();
        assert_eq!((crates[0].level, crates[0].next.clone()), (level, Some(next.parse().unwrap())));
        let change = &crates[0].changes[0].finding;
        assert_eq!(change.message, format!("depends on fal-core {version}, was 0.3.1"));
    }
}

#[test]
fn each_crate_has_the_version_that_its_own_changes_need() {
    let crate_of = |id, maximum: u64| {
        let steps = json!({ "type": "integer", "minimum": 1, "maximum": maximum });
        let input = json!({ "type": "object", "properties": { "steps": steps } });
        (id, record(id, input.clone(), input, json!({})))
    };
    let before = snapshot("", &[crate_of("a/narrow", 50), crate_of("a/same", 50), crate_of("a/wide", 50)]);
    let after =
        [crate_of("a/narrow", 28), crate_of("a/new", 1), crate_of("a/same", 50), crate_of("a/wide", 80)];
    let crates = compare(&before, &snapshot("", &after)).unwrap();
    let versions: Vec<(&str, String)> =
        crates.iter().map(|item| (item.name.as_str(), item.next.as_ref().unwrap().to_string())).collect();
    let expected = [("a-narrow", "0.4.0"), ("a-new", "0.3.1"), ("a-wide", "0.3.2")];
    assert_eq!(versions, expected.map(|(name, version)| (name, version.to_owned())));
}

#[test]
fn endpoint_that_becomes_deprecated_is_a_minor_change() {
    let of_status = |status: &str| {
        let text = record("a/b", json!({ "type": "object" }), json!({ "type": "object" }), json!({}));
        let mut record: Value = serde_json::from_str(&text).unwrap();
        record["metadata"]["status"] = status.into();
        snapshot("", &[("a/b", record.to_string())])
    };
    let (active, old) = (of_status("active"), of_status("deprecated"));
    let found = |before: &Snapshot, after: &Snapshot| {
        let crates = compare(before, after).unwrap();
        let finding = &crates[0].changes[0].finding;
        (crates[0].level, finding.kind, finding.message.clone())
    };
    assert_eq!(found(&active, &old), (Minor, Kind::Deprecated, "is deprecated now".to_owned()));
    assert_eq!(found(&old, &active), (Patch, Kind::Restored, "is no longer deprecated".to_owned()));
}
