//! The golden modules as programs use them: every construct accepts what its document allows, refuses what it forbids,
//! and writes values as they were read.

#![allow(clippy::unwrap_used, clippy::panic)]

use fal_core::{Endpoint, File, Int, Parameters, Realtime, Streams, input};
use serde::{Serialize, de::DeserializeOwned};

#[rustfmt::skip]
#[allow(dead_code, unreachable_pub, unused_imports, reason = "each module is generated for a crate of its own")]
#[allow(clippy::module_inception, reason = "the app `realtime` has a route of that name")]
mod golden {
    pub(crate) mod bounded_numbers;
    pub(crate) mod closed_input;
    pub(crate) mod closed_object;
    pub(crate) mod component_enums;
    pub(crate) mod constant;
    pub(crate) mod default_tags;
    pub(crate) mod deprecated;
    pub(crate) mod deprecated_route;
    pub(crate) mod descriptions;
    pub(crate) mod enums_of_other_types;
    pub(crate) mod extra;
    pub(crate) mod file_input;
    pub(crate) mod file_limits;
    pub(crate) mod file_list;
    pub(crate) mod integer_enum;
    pub(crate) mod map;
    pub(crate) mod media;
    pub(crate) mod media_types;
    pub(crate) mod mixed_union;
    pub(crate) mod named_unions;
    pub(crate) mod names_of_generated_code;
    pub(crate) mod no_schema;
    pub(crate) mod null_values;
    pub(crate) mod nullable_items;
    pub(crate) mod nullable_reply;
    pub(crate) mod one_name_two_meanings;
    pub(crate) mod open_enum;
    pub(crate) mod other_fields;
    pub(crate) mod pattern;
    pub(crate) mod pattern_dialects;
    pub(crate) mod preset_or_object;
    pub(crate) mod realtime;
    pub(crate) mod recursion;
    pub(crate) mod requirements;
    pub(crate) mod root_unions;
    pub(crate) mod routes;
    pub(crate) mod rules_of_unions;
    pub(crate) mod schema_forms;
    pub(crate) mod secrets;
    pub(crate) mod session;
    pub(crate) mod shared_unions;
    pub(crate) mod similar_objects;
    pub(crate) mod stream_event;
    pub(crate) mod tagged_union;
    pub(crate) mod tags;
    pub(crate) mod text_enum;
    pub(crate) mod text_lengths;
    pub(crate) mod tri_state;
    pub(crate) mod tuple;
    pub(crate) mod tuple_shapes;
    pub(crate) mod union_of_objects;
    pub(crate) mod unique_list;
    pub(crate) mod wide_integers;
}

#[path = "golden_behaviour/schema_forms.rs"]
mod forms_of_schemas;
#[path = "golden_behaviour/file_limits.rs"]
mod limits_of_files;
#[path = "golden_behaviour/requirements.rs"]
mod rules_between_parameters;
#[path = "golden_behaviour/named_unions.rs"]
mod unions_with_names;
#[path = "golden_behaviour/values.rs"]
mod values;

use golden::*;

/// Reads an input, checks it as a call does, and writes it as a call sends it.
fn sent<E: Endpoint<Input: DeserializeOwned>>(text: &str) -> Result<String, String> {
    let input: E::Input = serde_json::from_str(text).map_err(|error| error.to_string())?;
    fal_core::validate(&input).map_err(|violations| violations.to_string())?;
    Ok(serde_json::to_string(&input).unwrap())
}

/// Reads an output and writes it again.
fn received<E: Endpoint<Output: Serialize>>(text: &str) -> Result<String, String> {
    let output: E::Output = serde_json::from_str(text).map_err(|error| error.to_string())?;
    Ok(serde_json::to_string(&output).unwrap())
}

/// Asserts that inputs are sent exactly as they were read.
#[track_caller]
fn sends_unchanged<E: Endpoint<Input: DeserializeOwned>>(inputs: &[&str]) {
    for input in inputs {
        assert_eq!(sent::<E>(input).as_deref(), Ok(*input), "{}", E::ID);
    }
}

/// Asserts that outputs are written exactly as they were read.
#[track_caller]
fn keeps_unchanged<E: Endpoint<Output: Serialize>>(outputs: &[&str]) {
    for output in outputs {
        assert_eq!(received::<E>(output).as_deref(), Ok(*output), "{}", E::ID);
    }
}

/// Asserts that inputs are refused with a message that contains the given reason.
#[track_caller]
fn refuses<E: Endpoint<Input: DeserializeOwned>>(inputs: &[(&str, &str)]) {
    for (input, reason) in inputs {
        let Err(message) = sent::<E>(input) else { panic!("{input} is accepted") };
        assert!(message.contains(reason), "{input}: {message:?} does not contain {reason:?}");
    }
}

/// Collects the files of an input, in the order in which they are uploaded.
fn files<E: Endpoint<Input: DeserializeOwned>>(text: &str) -> Vec<String> {
    let mut input: E::Input = serde_json::from_str(text).unwrap();
    let mut found = Vec::new();
    input.visit_files(&mut |file| found.push(file.as_url().unwrap().to_owned()));
    found
}

#[test]
fn an_input_can_be_one_of_several_objects() {
    use golden::root_unions::{
        Input, Output, realtime,
        types::{Move, MoveStep, Portrait, Scene, Stop},
    };

    fn sent<R: Realtime>(message: &R::Send) -> String {
        serde_json::to_string(message).unwrap()
    }

    let input = Input::from(Portrait::builder().image_url(File::url("https://a/b.png")).build());
    assert_eq!(serde_json::to_string(&input).unwrap(), r#"{"image_url":"https://a/b.png"}"#);
    let long = Input::Scene(Scene::builder().place("a place with a very long name").build());
    assert_eq!(long.validate().unwrap_err().as_slice()[0].path, "body.place");
    let input: Input = serde_json::from_str(r#"{"place":"sea"}"#).unwrap();
    assert!(matches!(input, Input::Scene(_)));

    let message = realtime::Input::Move(Move::builder().step(MoveStep::try_from(3).unwrap()).build());
    assert_eq!(sent::<realtime::Model>(&message), r#"{"type":"move","step":3}"#);
    assert_eq!(sent::<realtime::Model>(&Stop::builder().build().into()), r#"{"type":"stop"}"#);
    let event: Output = serde_json::from_str(r#"{"type":"failure","reason":"dark"}"#).unwrap();
    assert!(matches!(event, Output::Failure(_)));
}

#[test]
fn a_closed_input_refuses_other_parameters() {
    use golden::closed_input::Input;

    let input: Input = serde_json::from_str(r#"{"bell":"Emmanuel"}"#).unwrap();
    assert_eq!(input.bell, "Emmanuel");
    assert!(serde_json::from_str::<Input>(r#"{"bell":"Emmanuel","loud":true}"#).is_err());
}

#[test]
fn an_enum_of_the_document_is_one_type_wherever_it_is_used() {
    use golden::component_enums::{
        Input, Output, preview,
        types::{Mood, SampleRate, VoiceName, VoiceNameOutput},
    };

    let input = Input::builder()
        .narrator(VoiceName::Adam)
        .hero(VoiceName::Bella)
        .extras([VoiceName::Adam])
        .villain(VoiceName::Bella)
        .rate(SampleRate::N22050)
        .mono_rate(SampleRate::N44100)
        .opening(Mood::Calm)
        .ending(Mood::Tense)
        .build();
    let preview = preview::Input::builder().voice(input.narrator).build();
    assert_eq!(preview.voice, VoiceName::Adam);
    assert_eq!(Input::DEFAULT_HERO, VoiceName::Bella);
    assert_eq!(Input::DEFAULT_RATE, SampleRate::N44100);
    let literals = input!(golden::component_enums { narrator: "adam", extras: ["bella"], rate: 22050 });
    assert_eq!(literals.rate, Some(SampleRate::N22050));
    let output: Output = serde_json::from_str(r#"{"voice":"carl","rate":48000}"#).unwrap();
    assert_eq!(output.voice, VoiceNameOutput::Other("carl".to_owned()));
}

#[test]
fn bounds_of_numbers_are_checked_in_fields_lists_and_maps() {
    use bounded_numbers::Model;
    sends_unchanged::<Model>(&[
        r#"{"hue":0,"opacity":1.0,"width":64,"step":0.75,"weights":[0.0,1.0]}"#,
        r#"{"hue":359,"mix":{"parts":1,"temperatures":{"a":-10,"b":40}}}"#,
    ]);
    refuses::<Model>(&[
        (r#"{"hue":360}"#, "`hue` of acme/bounded-numbers must be between 0 and 359, not 360"),
        (r#"{"hue":1.5}"#, "floating point `1.5`, expected an integer"),
        (r#"{"hue":0,"opacity":0}"#, "must be above 0.0 and at most 1.0, not 0"),
        (r#"{"hue":0,"width":100}"#, "must be between 64 and 2048 and a multiple of 8, not 100"),
        (r#"{"hue":0,"step":0.1}"#, "must be a multiple of 0.25, not 0.1"),
        (r#"{"hue":0,"weights":[0.5,1.5]}"#, "must be between 0.0 and 1.0, not 1.5"),
        (
            r#"{"hue":0,"weights":[]}"#,
            "body.weights: `weights` of acme/bounded-numbers must have at least 1 item",
        ),
        (
            r#"{"hue":0,"mix":{"parts":0}}"#,
            "`parts` of Mix in acme/bounded-numbers must be at least 1, not 0",
        ),
        (r#"{"hue":0,"mix":{"parts":1,"temperatures":{"a":41}}}"#, "must be between -10 and 40, not 41"),
    ]);
    keeps_unchanged::<Model>(&[r#"{"hue":1000}"#]);
}

#[test]
fn closed_objects_refuse_unknown_fields() {
    use closed_object::Model;
    sends_unchanged::<Model>(&[r#"{"crop":{"left":1,"top":2},"margin":{"pixels":3}}"#]);
    refuses::<Model>(&[(r#"{"crop":{"left":1,"right":2}}"#, "unknown field `right`")]);
    refuses::<Model>(&[(r#"{"crop":{"left":1},"rotate":90}"#, "unknown field `rotate`")]);
    // Objects whose schema does not mention other fields drop them.
    let newer = r#"{"crop":{"left":1},"margin":{"pixels":3,"colour":"red"}}"#;
    assert_eq!(sent::<Model>(newer).unwrap(), r#"{"crop":{"left":1},"margin":{"pixels":3}}"#);
    // A caller who sets a parameter by name means to send it.
    let newer = input!(closed_object { crop: { left: 1 }, "rotate": 90 });
    assert_eq!(serde_json::to_string(&newer).unwrap(), r#"{"crop":{"left":1},"rotate":90}"#);
    assert_eq!(received::<Model>(r#"{"kept":1,"lost":2}"#).unwrap(), r#"{"kept":1}"#);
}

#[test]
fn constants_are_enums_of_one_value() {
    use constant::Model;
    sends_unchanged::<Model>(&[r#"{"version":"v2","format":"zip","level":9}"#]);
    refuses::<Model>(&[
        (r#"{"version":"v3"}"#, "`v3` is not allowed here; allowed: `v2`"),
        (r#"{"version":"v2","level":8}"#, "`8` is not allowed here; allowed: `9`"),
        ("{}", "missing field `version`"),
    ]);
    keeps_unchanged::<Model>(&[r#"{"object":"archive"}"#, r#"{"object":"newer"}"#]);
}

#[test]
#[allow(deprecated)]
fn deprecated_parameters_are_still_sent_and_checked() {
    use deprecated::Model;
    sends_unchanged::<Model>(&[r#"{"strength":2.0,"amount":0.5,"mode":"soft"}"#]);
    refuses::<Model>(&[(r#"{"strength":1,"amount":2}"#, "must be between 0.0 and 1.0, not 2")]);
    keeps_unchanged::<Model>(&[r#"{"strength":2.0,"amount":3.0}"#]);
}

#[test]
fn extra_parameters_are_sent_and_win_over_fields() {
    use extra::{Input, Model};
    sends_unchanged::<Model>(&["{}", r#"{"ratio":0.5,"seed":[1,null]}"#]);
    let input = Input::builder().ratio(0.5).extra("ratio", "half").extra("seed", 7).build();
    assert_eq!(serde_json::to_string(&input).unwrap(), r#"{"ratio":"half","seed":7}"#);
    let nested = input!(extra { ratio: 1.0, options: { gamma: 2.2 }, "seed": 7 });
    assert_eq!(serde_json::to_string(&nested).unwrap(), r#"{"ratio":1.0,"options":{"gamma":2.2},"seed":7}"#);
}

#[test]
fn files_are_found_in_lists_structs_and_maps_and_lengths_are_checked() {
    use file_list::{Input, Model};
    let whole = r#"{"image_urls":["https://x/1","https://x/2"],"cover_image_url":"https://x/3","short_url":"https://x/4","chapters":[{"title":"One","audio_url":"https://x/5"},{"title":"Two"}],"extras":{"b":[{"title":"Three","audio_url":"https://x/6"}]}}"#;
    sends_unchanged::<Model>(&[whole]);
    assert_eq!(
        files::<Model>(whole),
        ["https://x/1", "https://x/2", "https://x/3", "https://x/4", "https://x/5", "https://x/6"]
    );
    refuses::<Model>(&[
        (r#"{"image_urls":[]}"#, "body.image_urls: `image_urls` of acme/file-list must have 1 to 3 items"),
        (r#"{"image_urls":["a","b","c","d"]}"#, "must have 1 to 3 items, not 4"),
        (
            r#"{"image_urls":["a"],"short_url":"https://example.com/a/link/that/is/too/long"}"#,
            "body.short_url: `short_url` of acme/file-list must have at most 40 characters",
        ),
    ]);
    let local =
        Input::builder().image_urls(vec![File::path("page.png")]).cover_image_url(File::path("cover.png"));
    let mut count = 0;
    local.build().visit_files(&mut |_| count += 1);
    assert_eq!(count, 2);
    keeps_unchanged::<Model>(&[r#"{"pdf_url":"https://x/book.pdf"}"#]);
}

#[test]
fn integer_enums_are_closed_in_inputs_and_integers_in_outputs() {
    use integer_enum::{Fps, Input, Model, Offset};
    sends_unchanged::<Model>(&[r#"{"fps":60,"offset":-1,"bitrates":[128,256]}"#]);
    refuses::<Model>(&[
        (r#"{"offset":2}"#, "`2` is not allowed here; allowed: `-1`, `0`, `1`"),
        (r#"{"offset":0,"fps":"24"}"#, "string \"24\", expected an integer"),
        (r#"{"offset":0,"bitrates":[1]}"#, "`1` is not allowed here; allowed: `128`, `256`"),
    ]);
    assert_eq!(Input::DEFAULT_FPS, Fps::N24);
    assert_eq!(Offset::ALL.iter().map(Offset::get).collect::<Vec<_>>(), [-1, 0, 1]);
    keeps_unchanged::<Model>(&[r#"{"fps":25}"#]);
}

#[test]
fn maps_keep_their_keys_and_check_their_values() {
    use map::Model;
    sends_unchanged::<Model>(&[
        r#"{"weights":{"a":1.5},"rules":{"cs":{"stop_words":["a"]},"en":{}},"context":{"any":[1]}}"#,
        r#"{"rules":{}}"#,
        r#"{"rules":{},"limits":{"day":2,"hour":1},"aliases":{"colour":"color"}}"#,
    ]);
    refuses::<Model>(&[
        (r#"{"rules":{},"limits":{}}"#, "`limits` of acme/map must have 1 to 2 entries, not 0"),
        (
            r#"{"rules":{},"limits":{"week":1}}"#,
            "body.limits.week: `limits key` of acme/map must be `hour` or `day`",
        ),
        (
            r#"{"rules":{},"aliases":{"a":"b"}}"#,
            "body.aliases.a: `aliases key` of acme/map must have at least 2 characters",
        ),
        (r#"{"rules":{},"aliases":{"AB":"b"}}"#, "must match `^[a-z]+$`"),
        (r#"{"rules":{},"aliases":{"ab":""}}"#, "body.aliases.ab: "),
        (r#"{"weights":{"a":"much"},"rules":{}}"#, "invalid type: string \"much\""),
        (r#"{"rules":{"cs":{"stop_words":["a",""]}}}"#, "body.rules.cs.stop_words.1: "),
    ]);
    keeps_unchanged::<Model>(&[r#"{"counts":{"a":1,"b":2}}"#]);
}

#[test]
fn types_that_all_apps_share_come_from_fal_core() {
    use media::{Input, Model, types};
    let size: fal_core::media::ImageSize = Input::DEFAULT_IMAGE_SIZE;
    assert_eq!(size.dimensions(), (1024, 1024));
    sends_unchanged::<Model>(&[r#"{"image_size":"square"}"#, r#"{"image_size":{"width":64,"height":48}}"#]);
    let output = r#"{"images":[{"url":"u","width":1,"height":2}],"recording":{"url":"u","seconds":1.5}}"#;
    keeps_unchanged::<Model>(&[output]);
    let output: media::Output = serde_json::from_str(output).unwrap();
    let _: (&fal_core::media::Image, Option<&types::Recording>) =
        (&output.images[0], output.recording.as_ref());
}

#[test]
fn a_union_of_kinds_takes_the_first_kind_that_fits() {
    use mixed_union::{Channel, Input, Model, Pause, Times};
    sends_unchanged::<Model>(&[
        r#"{"times":3,"pause":0.5,"channel":"left"}"#,
        r#"{"times":"twice","pause":[0.5,1.0],"channel":"4"}"#,
        r#"{"times":3,"pause":false}"#,
    ]);
    refuses::<Model>(&[
        (r#"{"times":[]}"#, "matches no form of Times"),
        (r#"{"times":1,"pause":-1}"#, "matches no form of Pause"),
        (r#"{"times":1,"channel":"fifth"}"#, "body.channel: "),
    ]);
    let read: Input = serde_json::from_str(r#"{"times":3,"pause":true,"channel":"right"}"#).unwrap();
    assert_eq!(read.times, Times::from(3));
    assert_eq!(read.pause, Some(Pause::Flag(true)));
    assert_eq!(read.channel, Some(Channel::Right));
    keeps_unchanged::<Model>(&[r#"{"length":1.5}"#, r#"{"length":"long"}"#, r#"{"length":{"newer":1}}"#]);
}

#[test]
fn without_a_schema_any_object_goes_in_and_any_json_comes_out() {
    sends_unchanged::<no_schema::Model>(&["{}", r#"{"anything":[1,{"at":null}]}"#]);
    refuses::<no_schema::Model>(&[("[]", "expected an object (Input)")]);
    keeps_unchanged::<no_schema::Model>(&["null", "[1]", r#"{"any":"thing"}"#]);
    keeps_unchanged::<no_schema::list::Model>(&[r#"["a","b"]"#]);
    assert!(received::<no_schema::list::Model>("[1]").is_err());
}

#[test]
fn an_object_that_most_endpoints_share_keeps_its_name_and_another_gets_a_number() {
    use one_name_two_meanings::{colour, light, sound, types};
    let mix = types::Mix::builder().red(0.5).build();
    assert_eq!(light::Input::builder().mix(mix.clone()).build().mix, Some(mix.clone()));
    assert_eq!(colour::Input::builder().mix(mix.clone()).build().mix, Some(mix));
    let other = types::Mix2::builder().left(0.5).build();
    assert_eq!(sound::Input::builder().mix(other.clone()).build().mix, Some(other));
    sends_unchanged::<light::Model>(&[r#"{"mix":{"red":0.5,"image_url":"https://x/1"}}"#]);
    sends_unchanged::<sound::Model>(&[r#"{"mix":{"left":0.5}}"#]);
}

#[test]
fn enums_of_outputs_keep_values_that_are_newer() {
    use open_enum::{Model, Mood, Output};
    let output = r#"{"mood":"other","topics":["sport","weather"],"verdict":"maybe"}"#;
    keeps_unchanged::<Model>(&[output, r#"{"mood":"calm","topics":[]}"#]);
    let output: Output = serde_json::from_str(output).unwrap();
    // `other` is a value of this schema, so the variant for newer values is not taken for it.
    assert_eq!(output.mood, Mood::Other2);
    assert_eq!(output.topics[1], open_enum::Topics::Other("weather".to_owned()));
    assert!(received::<Model>(r#"{"mood":1,"topics":[]}"#).is_err());
}

#[test]
fn patterns_are_checked_in_fields_and_lists() {
    use pattern::Model;
    sends_unchanged::<Model>(&[r##"{"colour":"#00ff7f","accents":["#000000"],"code":"AB"}"##]);
    refuses::<Model>(&[
        (r#"{"colour":"red"}"#, "body.colour: `colour` of acme/pattern must match `^#[0-9a-f]{6}$`"),
        (r##"{"colour":"#00ff7f","accents":["#000000","#FFF"]}"##, "body.accents.1: "),
        (r##"{"colour":"#00ff7f","code":"ABCDE"}"##, "must have 2 to 4 characters"),
        (r##"{"colour":"#00ff7f","code":"ab"}"##, "must match `^[A-Z]+$`"),
    ]);
    keeps_unchanged::<Model>(&[r#"{"colour":"red"}"#]);
}

#[test]
fn a_preset_or_an_object_is_one_enum() {
    use preset_or_object::{Input, Model, Sheet};
    sends_unchanged::<Model>(&[r#"{"sheet":"letter","backing":{"width":100,"height":50}}"#]);
    refuses::<Model>(&[
        (r#"{"sheet":"A3"}"#, "matches no form of Sheet"),
        (r#"{"sheet":{"width":9,"height":50}}"#, "matches no form of Sheet"),
        (r#"{"sheet":{"width":100}}"#, "matches no form of Sheet"),
    ]);
    assert_eq!(Input::DEFAULT_SHEET, Sheet::A4);
    let preset = input!(preset_or_object { sheet: "A5" });
    assert_eq!(preset.sheet, Some(Sheet::A5));
    let custom = input!(preset_or_object { sheet: { width: 100, height: 50 } });
    assert!(matches!(custom.sheet, Some(Sheet::Custom(sheet)) if sheet.width.get() == 100));
}

#[test]
fn messages_of_a_session_are_written_with_their_types_and_read_by_them() {
    use golden::session::{control, types};
    let stop: control::Input = types::WorldClientStop::builder().build().into();
    assert_eq!(serde_json::to_string(&stop).unwrap(), r#"{"type":"stop"}"#);
    sends_unchanged::<control::Model>(&[r#"{"type":"move","dx":0.5}"#]);
    let reply: control::Output = serde_json::from_str(r#"{"type":"error","message":"full"}"#).unwrap();
    assert!(matches!(reply, control::Output::Error(error) if error.message == "full"));
}

#[test]
fn a_realtime_route_exchanges_its_input_and_output() {
    fn message_types<E: Realtime<Send = S, Receive = R>, S, R>() {}
    message_types::<realtime::realtime::Model, realtime::realtime::Input, realtime::realtime::Output>();
    assert_eq!(realtime::realtime::Model::ID, "acme/realtime/realtime");
    sends_unchanged::<realtime::realtime::Model>(&[r#"{"points":[1.0,2.0],"seed":7}"#]);
    keeps_unchanged::<realtime::realtime::Model>(&[r#"{"url":"u","progress":0.5}"#]);
}

#[test]
fn objects_can_contain_themselves() {
    use recursion::{Model, Node};
    sends_unchanged::<Model>(&[
        r#"{"root":{"label":"a","next":{"label":"b","next":{"label":"c"}},"children":[{"label":"d"},{"label":"e"}]}}"#,
    ]);
    refuses::<Model>(&[
        (r#"{"root":{"label":"a","next":{}}}"#, "missing field `label`"),
        (
            r#"{"root":{"label":"a","children":[{"label":"b","next":{"label":"much too long"}}]}}"#,
            "body.root.children.0.next.label: ",
        ),
    ]);
    // A component other than an object that contains itself inside of an object without a name.
    sends_unchanged::<Model>(&[
        r#"{"root":{"label":"a"},"space":{"terms":[1.0,{"terms":[2.0],"minus":{"terms":[0.5]}}],"minus":3.0}}"#,
    ]);
    refuses::<Model>(&[(r#"{"root":{"label":"a"},"space":{"terms":[{"terms":[-1.0]}]}}"#, "")]);
    let leaf = Node::builder().label("leaf").build();
    let root = Node::builder().label("root").next(leaf.clone()).children(vec![leaf]).build();
    let input = recursion::Input::builder().root(root).build();
    assert_eq!(input.root.next.as_ref().unwrap().label, "leaf");
    keeps_unchanged::<Model>(&[
        r#"{"placed":{"x":1.0,"below":{"x":2.0}}}"#,
        r#"{"placed":{"x":1.0},"undo":{"before":{"placed":{"x":2.0},"undo":{}}}}"#,
    ]);
}

#[test]
fn every_post_route_is_an_endpoint_and_a_stream_belongs_to_its_parent() {
    fn event_type<E: Streams<Event = V>, V>() {}
    assert_eq!(routes::Model::ID, "acme/routes");
    assert_eq!(routes::enlarge::Model::ID, "acme/routes/enlarge");
    assert_eq!(routes::enlarge::_2x::Model::ID, "acme/routes/enlarge/2x");
    event_type::<routes::Model, serde_json::Value>();
    let bath = routes::types::Bath::builder().minutes(fal_core::Float::try_from(1.5).unwrap()).build();
    let input =
        routes::enlarge::Input::builder().image_url(File::url("https://x/1")).bath(bath.clone()).build();
    assert_eq!(input.bath, Some(bath));
    sends_unchanged::<routes::Model>(&[r#"{"film":"7","bath":{"minutes":1.5}}"#]);
    keeps_unchanged::<routes::enlarge::Model>(&[r#"{"photo":{"url":"u"}}"#]);
}

#[test]
fn an_event_may_lack_what_the_output_always_has() {
    use stream_event::{Event, Model, Output};
    fn event_type<E: Streams<Event = V>, V>() {}
    event_type::<Model, Event>();
    let event: Event = serde_json::from_str(r#"{"text":"Once upon"}"#).unwrap();
    assert_eq!((event.text.as_deref(), event.mood, event.usage), (Some("Once upon"), None, None));
    let error = serde_json::from_str::<Output>(r#"{"text":"Once upon"}"#).unwrap_err().to_string();
    assert!(error.contains("missing field `mood`"), "{error}");
    keeps_unchanged::<Model>(&[r#"{"text":"t","mood":"merry","usage":{"words":1}}"#]);
}

#[test]
fn a_tag_chooses_the_member_of_a_union() {
    use tagged_union::{Model, Output, types};
    sends_unchanged::<Model>(&[
        r#"{"shape":{"kind":"circle","radius":1.0}}"#,
        r#"{"shape":{"kind":"rectangle","width":1,"height":2}}"#,
    ]);
    refuses::<Model>(&[
        (r#"{"shape":{"kind":"circle","radius":0.5}}"#, "must be between 1.0 and 100.0, not 0.5"),
        (r#"{"shape":{"kind":"circle"}}"#, "missing field `radius`"),
        (r#"{"shape":{"kind":"triangle"}}"#, "matches no form of Shape"),
        (r#"{"shape":{"radius":1}}"#, "matches no form of Shape"),
    ]);
    let newer = r#"{"drawn":{"type":"hatching","lines":3}}"#;
    keeps_unchanged::<Model>(&[r#"{"drawn":{"type":"fill","area":2.0}}"#, newer]);
    let fill: Output = serde_json::from_str(r#"{"drawn":{"type":"fill","area":2.0}}"#).unwrap();
    assert!(matches!(fill.drawn, tagged_union::Drawn::Fill(types::Fill { area, .. }) if area == 2.0));
}

#[test]
fn enums_of_inputs_are_closed() {
    use text_enum::{Input, Languages, Model, Voice};
    sends_unchanged::<Model>(&[r#"{"voice":"16:9","languages":["en","cs"]}"#]);
    refuses::<Model>(&[
        (r#"{"voice":"ALTO","languages":[]}"#, "`ALTO` is not allowed here; allowed: `alto`, `bass`, `16:9`"),
        (r#"{"languages":["de"]}"#, "`de` is not allowed here; allowed: `cs`, `en`"),
    ]);
    assert_eq!(Input::DEFAULT_VOICE, Voice::Alto);
    for voice in Voice::ALL {
        assert_eq!(voice.as_str().parse().as_ref(), Ok(voice));
    }
    let input = input!(text_enum { voice: "none", languages: ["cs", Languages::En] });
    assert_eq!(input.voice, Some(Voice::None));
}

#[test]
fn lengths_of_texts_are_counted_in_characters() {
    use text_lengths::Model;
    sends_unchanged::<Model>(&[
        r#"{"greeting":"abc","body":"","initials":"žš","lines":["one","two"],"sender":"x"}"#,
        r#"{"greeting":"exactly twenty chars"}"#,
    ]);
    refuses::<Model>(&[
        (
            r#"{"greeting":"ab"}"#,
            "body.greeting: `greeting` of acme/text-lengths must have 3 to 20 characters, not 2",
        ),
        (r#"{"greeting":"abc","initials":"x"}"#, "must have exactly 2 characters, not 1"),
        (r#"{"greeting":"abc","lines":["one"]}"#, "must have at least 2 items, not 1"),
        (r#"{"greeting":"abc","lines":["one","longer"]}"#, "body.lines.1: "),
        (r#"{"greeting":"abc","sender":""}"#, "must have at least 1 character, not 0"),
    ]);
}

#[test]
fn tuples_have_a_type_for_every_position() {
    use tuple::Model;
    sends_unchanged::<Model>(&[r#"{"point":[1,2],"span":[0.5,null]}"#]);
    refuses::<Model>(&[
        (r#"{"point":[1]}"#, "invalid length 1"),
        (r#"{"point":[1,2,3]}"#, "trailing characters"),
        (r#"{"point":[1,"two"]}"#, "invalid type: string \"two\""),
        (r#"{"point":[1,null]}"#, "invalid type: null"),
    ]);
    let input = input!(tuple { point: (1, 2), span: (0.5, None) });
    assert_eq!(input.span, Some((0.5, None)));
    keeps_unchanged::<Model>(&[r#"{"marks":[["a",1.0],["b",null]]}"#]);
}

#[test]
fn objects_of_a_union_are_told_apart_by_their_fields() {
    use union_of_objects::{Model, Output};
    sends_unchanged::<Model>(&[
        r#"{"light":{"watts":60,"image_url":"https://x/1"}}"#,
        r#"{"light":{"hour":12.0}}"#,
    ]);
    assert_eq!(files::<Model>(r#"{"light":{"watts":60,"image_url":"https://x/1"}}"#), ["https://x/1"]);
    refuses::<Model>(&[
        (r#"{"light":{}}"#, "matches no form of Light"),
        (r#"{"light":{"hour":25}}"#, "matches no form of Light"),
        (r#"{"light":"bright"}"#, "matches no form of Light"),
    ]);
    keeps_unchanged::<Model>(&[r#"{"light":{"from_lux":1.0,"to_lux":2.0}}"#, r#"{"light":{"newer":true}}"#]);
    let output: Output = serde_json::from_str(r#"{"light":{"lux":1}}"#).unwrap();
    assert!(matches!(output.light, union_of_objects::LightOutput::Measured(light) if light.lux == 1.0));
}

#[test]
fn duplicates_in_unique_lists_are_refused() {
    use unique_list::Model;
    sends_unchanged::<Model>(&[r#"{"labels":["a","b"],"moods":["calm","loud"],"groups":[[1,2],[1]]}"#]);
    refuses::<Model>(&[
        (r#"{"labels":["a","a"]}"#, "`labels` of acme/unique-list must not hold an item twice"),
        (
            r#"{"labels":[],"moods":["calm","calm"]}"#,
            "`moods` of acme/unique-list must not hold an item twice",
        ),
        (r#"{"labels":[],"groups":[[1],[2,2]]}"#, "body.groups.1"),
    ]);
    keeps_unchanged::<Model>(&[r#"{"labels":["a","a"]}"#]);
}

#[test]
fn tags_are_written_and_choose_the_member() {
    use tags::{
        Model, Part, Pet, Vehicle,
        types::{Boat, Car, Cat, Dog, DogKind, Fish, TextPart},
    };
    sends_unchanged::<Model>(&[
        r#"{"pet":{"kind":"cat","lives":9}}"#,
        r#"{"pet":{"kind":"puppy","good":true}}"#,
        r#"{"pet":{"fins":2,"kind":"Fish"}}"#,
        r#"{"pet":{"kind":"cat"},"others":[{"kind":"dog","good":true}],"part":{"type":"image","value":"v"}}"#,
        r#"{"pet":{"kind":"cat"},"vehicle":{"fuel":"petrol","type":"car","doors":3}}"#,
        r#"{"pet":{"kind":"cat"},"vehicle":{"type":"car","doors":3}}"#,
        r#"{"pet":{"kind":"cat"},"vehicle":{"sails":1,"type":"boat"}}"#,
    ]);
    // A member that does not list the values of its tag may lack it.
    let input = sent::<Model>(r#"{"pet":{"fins":2},"vehicle":{"sails":1}}"#);
    assert_eq!(
        input.as_deref(),
        Ok(r#"{"pet":{"fins":2,"kind":"Fish"},"vehicle":{"sails":1,"type":"boat"}}"#)
    );
    refuses::<Model>(&[
        (r#"{"pet":{"lives":9}}"#, "matches no form of Pet"),
        (r#"{"pet":{"kind":"cow"}}"#, "matches no form of Pet"),
        (r#"{"pet":{"kind":"cat"},"part":{"type":"sound","value":"v"}}"#, "matches no form of Part"),
        (r#"{"pet":{"kind":"cat"},"part":{"value":"v"}}"#, "matches no form of Part"),
    ]);
    let written = |pet: Pet| serde_json::to_string(&pet).unwrap();
    assert_eq!(written(Pet::Cat(Cat::builder().build())), r#"{"kind":"cat"}"#);
    let dog = Dog::builder().kind(DogKind::Puppy).good(true).build();
    assert_eq!(written(Pet::Dog(dog)), r#"{"kind":"puppy","good":true}"#);
    assert_eq!(written(Pet::Fish(Fish::builder().fins(2).build())), r#"{"fins":2,"kind":"Fish"}"#);
    let vehicle = |vehicle: Vehicle| serde_json::to_string(&vehicle).unwrap();
    assert_eq!(vehicle(Vehicle::Boat(Boat::builder().sails(1).build())), r#"{"sails":1,"type":"boat"}"#);
    let car = Vehicle::Car(Car::builder().r#type("car").doors(3).build());
    assert_eq!(vehicle(car), r#"{"fuel":"petrol","type":"car","doors":3}"#);
    let part = Part::TextPart(TextPart::builder().value("v").build());
    assert_eq!(serde_json::to_string(&part).unwrap(), r#"{"type":"text","value":"v"}"#);

    keeps_unchanged::<Model>(&[
        r#"{"shown":{"t":"b","v":1}}"#,
        r#"{"shown":{"t":"b","y":"s","new":1},"told":{"t":"b","y":"s"}}"#,
        r#"{"shown":{"t":"c"},"told":{"t":"c","z":1}}"#,
    ]);
    let output: tags::Output =
        serde_json::from_str(r#"{"shown":{"t":"b"},"told":{"t":"b","y":"s"}}"#).unwrap();
    assert!(matches!(output.shown, Some(tags::Shown::B(_))), "{output:?}");
    assert!(matches!(output.told, Some(tags::Told::B(_))), "{output:?}");
    let output: tags::Output = serde_json::from_str(r#"{"shown":{"t":"c"}}"#).unwrap();
    assert!(matches!(output.shown, Some(tags::Shown::Other(_))), "{output:?}");
}

#[test]
fn the_most_specific_object_is_chosen() {
    use similar_objects::{Lists, Model, Named, OptionOutput, Output, Thing, ThingOutput};
    sends_unchanged::<Model>(&[r#"{"thing":{"a":1,"b":"x"}}"#, r#"{"thing":{"a":1}}"#]);
    // A value may belong to several members, so the chosen one keeps what the others describe.
    sends_unchanged::<Model>(&[
        r#"{"thing":{"a":1,"b":2}}"#,
        r#"{"option":{"a":1,"b":"x"}}"#,
        r#"{"option":{"b":"x","a":"text"}}"#,
        r#"{"inner":{"e":{"c":1,"d":2}}}"#,
    ]);
    keeps_unchanged::<Model>(&[
        r#"{"thing":{"a":1,"b":"x"},"option":{"b":"x"},"lists":[{"a":1,"b":"x"}],"named":{"a":1,"c":2}}"#,
        r#"{"thing":{"a":1,"z":[1]}}"#,
        r#"{"step":{"kind":"run","speed":1}}"#,
    ]);
    let output: Output = serde_json::from_str(
        r#"{"thing":{"a":1,"b":"x"},"option":{"b":"x"},"lists":[{"a":1,"b":"x"}],"named":{"c":2}}"#,
    )
    .unwrap();
    assert!(matches!(output.thing, Some(ThingOutput::Large(_))), "{output:?}");
    assert!(matches!(output.option, Some(OptionOutput::OnlyB(_))), "{output:?}");
    assert!(matches!(output.lists, Some(Lists::LargeList(_))), "{output:?}");
    assert!(matches!(output.named, Some(Named::Map(_))), "{output:?}");
    let thing: Thing = serde_json::from_str(r#"{"a":1}"#).unwrap();
    assert!(matches!(thing, Thing::Small(_)), "{thing:?}");
}

#[test]
fn fields_beside_the_described_ones_are_kept_where_the_schema_mentions_them() {
    use other_fields::{Clips, Free, Input, Model, types::Clip};
    sends_unchanged::<Model>(&[
        r#"{"free":{"a":1,"extra":"e","b":[1]},"typed":{"a":1,"b":1.5},"closed":{"a":1}}"#,
        r#"{"free":{},"other":9}"#,
        r#"{"counts":{"all":3,"b":[1,2]},"notes":{"first":"long enough","b":"abc","c":null}}"#,
    ]);
    assert_eq!(sent::<Model>(r#"{"counts":{"b":[2.0]},"c":1.0}"#).unwrap(), r#"{"counts":{"b":[2]},"c":1}"#);
    refuses::<Model>(&[
        (r#"{"closed":{"b":1}}"#, "unknown field `b`"),
        (r#"{"typed":{"a":1,"b":"1.5"}}"#, "expected f64"),
        (r#"{"other":10}"#, "`extra` of acme/other-fields must be between 0 and 9, not 10"),
        (r#"{"counts":{"b":[1.5]}}"#, "expected an integer"),
        (r#"{"clips":{"b":{}}}"#, "missing field `audio_url`"),
        (r#"{"notes":{"b":"abcd"}}"#, "body.notes.b: "),
    ]);
    let clips = r#"{"clips":{"title":"t","b":{"audio_url":"https://x/1"},"c":{"audio_url":"https://x/2"}}}"#;
    sends_unchanged::<Model>(&[clips]);
    assert_eq!(files::<Model>(clips), ["https://x/1", "https://x/2"]);
    // A reply stays readable.
    keeps_unchanged::<Model>(&[r#"{"free":{"a":1,"b":{"c":null}},"closed":{"a":1},"b":"text"}"#]);
    let free = Free::builder().a(1).extra("b", 2).build();
    assert_eq!(serde_json::to_string(&free).unwrap(), r#"{"a":1,"b":2}"#);
    let clips =
        Clips::builder().extra("b", Clip::builder().audio_url(File::url("https://x/1")).build()).build();
    let input = Input::builder().clips(clips).extra("c", Int::try_from(4).unwrap()).build();
    assert_eq!(
        serde_json::to_string(&input).unwrap(),
        r#"{"clips":{"b":{"audio_url":"https://x/1"}},"c":4}"#
    );
}

#[test]
fn enums_have_values_of_every_type() {
    use enums_of_other_types::Model;
    sends_unchanged::<Model>(&[
        r#"{"scale":0.5,"ratio":1.0,"agreed":true,"declined":false,"size":"auto","either":"on","untyped":"b"}"#,
        r#"{"agreed":true,"size":1024,"either":true,"twice":"b","steps":2,"overlap":"c","maybe":"a"}"#,
        r#"{"agreed":true,"listed":[0.5,1.5],"mixed":false}"#,
        r#"{"agreed":true,"mixed":"text"}"#,
    ]);
    assert_eq!(
        sent::<Model>(r#"{"agreed":true,"steps":2.0,"scale":1}"#).unwrap(),
        r#"{"scale":1.0,"agreed":true,"steps":2}"#
    );
    refuses::<Model>(&[
        (r#"{"agreed":false}"#, "`agreed` of acme/enums-of-other-types must be `true`"),
        (r#"{"agreed":true,"declined":true}"#, "must be `false`"),
        (r#"{"agreed":true,"scale":0.75}"#, "must be `0.5`, `1.0` or `2.0`"),
        (r#"{"agreed":true,"size":256}"#, "matches no form of Size"),
        (r#"{"agreed":true,"either":false}"#, "must be `true`"),
        (r#"{"agreed":true,"overlap":"d"}"#, "`d` is not allowed here"),
        (r#"{"agreed":true,"listed":[0.5,1]}"#, "must be `0.5` or `1.5`"),
        (r#"{"agreed":true,"mixed":true}"#, "must be `false`"),
    ]);
    keeps_unchanged::<Model>(&[
        r#"{"scale":0.75,"done":true,"either":"on"}"#,
        r#"{"done":true,"either":true}"#,
        r#"{"either":"new"}"#,
    ]);
}

#[test]
fn rules_beside_and_inside_a_union_apply_together() {
    use rules_of_unions::Model;
    sends_unchanged::<Model>(&[
        r#"{"text":"abc","both":"abcde","outer":"abcd","loose":"ab"}"#,
        r#"{"text":"abcde","outer":9,"loose":3}"#,
    ]);
    refuses::<Model>(&[
        (r#"{"text":"abcd"}"#, "characters"),
        (r#"{"both":"abcdef"}"#, "must have 2 to 5 characters, not 6"),
        (r#"{"both":"a"}"#, "must have 2 to 5 characters, not 1"),
        (r#"{"outer":"abcde"}"#, "at most 4 characters"),
        (r#"{"outer":10}"#, "matches no form of Outer"),
        (r#"{"loose":"a"}"#, "at least 2 characters"),
        (r#"{"loose":2}"#, "matches no form of Loose"),
    ]);
}

#[test]
fn a_union_is_shared_by_the_endpoints_that_agree_on_its_objects() {
    use shared_unions::{one, three, two, types::ImageSize};
    let large = r#"{"image_size":{"width":2000,"height":2000}}"#;
    sends_unchanged::<one::Model>(&[large, r#"{"image_size":"small"}"#]);
    refuses::<one::Model>(&[(r#"{"image_size":{"width":5000,"height":1}}"#, "matches no form of")]);
    refuses::<two::Model>(&[(large, "matches no form of ImageSize")]);
    refuses::<three::Model>(&[(large, "matches no form of ImageSize")]);
    let size: ImageSize = serde_json::from_str(r#""large""#).unwrap();
    assert_eq!(two::Input::builder().image_size(size.clone()).build().image_size, Some(size.clone()));
    assert_eq!(three::Input::builder().image_size(size.clone()).build().image_size, Some(size));
}

#[test]
fn the_marker_of_a_file_input_takes_precedence_over_its_name() {
    let mut input = input!(file_input {
        reel: "https://example.com/reel.mp4",
        stills: ["https://example.com/1.png", "https://example.com/2.png"],
        webhook_url: "https://example.com/hook",
    });
    let mut files = 0;
    input.visit_files(&mut |_| files += 1);
    assert_eq!(files, 3);
    let _: &Option<String> = &input.webhook_url;
    let _: &Option<File> = &input.poster;
}

#[test]
fn every_json_media_type_is_read_and_written() {
    assert_eq!(sent::<media_types::Model>(r#"{"flour":"rye"}"#).unwrap(), r#"{"flour":"rye"}"#);
    assert_eq!(sent::<media_types::slow::Model>(r#"{"flour":"rye"}"#).unwrap(), r#"{"flour":"rye"}"#);
    assert!(received::<media_types::Model>("{}").is_err());
    assert!(received::<media_types::slow::Model>("{}").is_err());
}
