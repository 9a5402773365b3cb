//! The sound of an output: whether a video has one, and the format of a recording.

use serde_json::Value;

use super::call_parameters::CallParameters;
use crate::models::Model;

/// Parameters that ask for a sound, or for none.
const GENERATE: [&str; 4] = ["generate_audio", "generate_audio_switch", "enable_audio", "audio"];
/// Parameters that keep the sound of the input video.
const KEEP: [&str; 4] = ["keep_audio", "preserve_audio", "keep_original_sound", "original_sound_switch"];
/// Parts of the ids of models whose videos always have a sound.
const LOUD_MODELS: [&str; 17] = [
    "avatar",
    "dubbing",
    "foley",
    "grok-imagine-video",
    "happy-horse",
    "lipsync",
    "merge-audio-video",
    "mmaudio",
    "ovi",
    "sfx",
    "sora-2",
    "sound-effects",
    "thinksound",
    "translate",
    "wan-25-preview",
    "wan/v2.6",
    "wan/v2.7",
];

/// Returns true if the videos of a call have a sound track: if a parameter asks for one, if the sound of the input is kept, if the
/// input has a recording or a voice, and if all videos of the model have one.
pub(super) fn video_has_sound(model: &Model, parameters: &CallParameters) -> bool {
    let switch = |name: &&str| parameters.get(name).and_then(Value::as_bool);
    if let Some(is_asked_for) = GENERATE.iter().find_map(switch) {
        return is_asked_for;
    }
    if KEEP.iter().find_map(switch) == Some(true) && parameters.source_has_sound() != Some(false) {
        return true;
    }
    let is_recording = |name: &str| name.contains("audio") && name.contains("url");
    let is_voice = |name: &str| name == "voice" || name.starts_with("voice_") || name == "voice1";
    parameters.names().any(|name| is_recording(name) || is_voice(name)) || is_loud(&model.id)
}

fn is_loud(id: &str) -> bool {
    let id = format!("/{id}/");
    LOUD_MODELS.iter().any(|part| match *part {
        // A part of other words.
        "ovi" => id.contains("/ovi/"),
        part => id.contains(part),
    })
}

/// Returns true if the recordings of a call are MP3: by its parameters, else by the example of the output.
pub(super) fn wants_mp3(model: &Model, parameters: &CallParameters, example: Option<&str>) -> bool {
    const NAMES: [&str; 5] =
        ["output_format", "audio_format", "upload_audio_format", "format", "audio_setting"];
    let asked = NAMES.iter().find_map(|name| {
        let given = parameters.get(name).and_then(|value| is_mp3(format_of(value)?));
        given.or_else(|| is_mp3(&default_of(model, name)?))
    });
    asked.unwrap_or_else(|| {
        example.and_then(|url| url.split(['?', '#']).next()).is_some_and(|url| url.ends_with(".mp3"))
    })
}

/// Returns the format that a parameter names: itself, or in an object with settings.
fn format_of(value: &Value) -> Option<&str> {
    value.as_str().or_else(|| value.get("format").or_else(|| value.get("codec"))?.as_str())
}

/// Returns the format that the settings have which a parameter takes, if the call has none.
fn default_of(model: &Model, name: &str) -> Option<String> {
    let (input, _) = model.components.resolve(&model.input);
    let (schema, _) = model.components.resolve(input.get("properties")?.get(name)?);
    let alternatives = schema.get("anyOf").and_then(Value::as_array).map(Vec::as_slice);
    let alternatives = alternatives.unwrap_or(std::slice::from_ref(schema));
    alternatives.iter().find_map(|schema| {
        let (schema, _) = model.components.resolve(schema);
        let settings = schema.get("properties")?;
        let format = settings.get("format").or_else(|| settings.get("codec"))?;
        Some(format.get("default")?.as_str()?.to_owned())
    })
}

/// Returns true for MP3, which may have a rate, as `mp3_44100_128` has. `None` for what is no format of a sound, such as `url`.
fn is_mp3(format: &str) -> Option<bool> {
    const OTHERS: [&str; 11] =
        ["wav", "pcm", "flac", "ogg", "opus", "m4a", "aac", "ulaw", "alaw", "mulaw", "linear16"];
    let format = format.to_ascii_lowercase();
    let name = format.split('_').next().unwrap_or_default();
    if name == "mp3" {
        return Some(true);
    }
    OTHERS.contains(&name).then_some(false)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::models::tests::model;
    use crate::store::Store;

    fn has_sound(input: Value) -> bool {
        let model = model(json!({}), json!({}));
        video_has_sound(&model, &CallParameters::new(&model, &input, &Store::default()))
    }

    #[test]
    fn a_switch_decides_before_the_input() {
        let recording = "https://example.com/a.wav";
        assert!(!has_sound(json!({})));
        assert!(has_sound(json!({"enable_audio": true})));
        assert!(has_sound(json!({"audio_url": recording})));
        assert!(!has_sound(json!({"audio_url": null})));
        assert!(!has_sound(json!({"audio_url": recording, "generate_audio": false})));
        assert!(has_sound(json!({"keep_audio": true, "video_url": "https://example.com/a.mp4"})));
        assert!(!has_sound(json!({"keep_audio": false})));
        assert!(has_sound(json!({"voice_id": "x"})));
        // A setting of a sound is no sound.
        assert!(!has_sound(json!({"audio_strength": 1, "audio": "x"})));
        assert!(is_loud("fal-ai/ovi/image-to-video") && !is_loud("fal-ai/ovis-image"));
    }

    #[test]
    fn a_sound_is_kept_only_if_the_input_has_one() {
        use base64::Engine as _;

        let picture = crate::media::picture::Picture::new(crate::media::Size::new(16, 16), 1, "");
        for sound in [None, Some(1)] {
            let video = crate::media::clip::encode_mp4(&picture, 2, 24, sound);
            let video = base64::engine::general_purpose::STANDARD.encode(video);
            let input = json!({"keep_audio": true, "video_url": format!("data:video/mp4;base64,{video}")});
            assert_eq!(has_sound(input), sound.is_some());
        }
    }

    #[test]
    fn the_format_of_a_recording_is_read_from_every_form_of_the_parameters() {
        let setting = json!({"properties": {"format": {"type": "string", "default": "mp3"}}});
        let with_setting = model(
            json!({"properties": {"audio_setting": {"anyOf": [setting, {"type": "null"}]}}}),
            json!({}),
        );
        let plain = model(json!({"properties": {"output_format": {"default": "mp3_44100_128"}}}), json!({}));
        let none = model(json!({}), json!({}));
        for (model, input, example, expected) in [
            (&plain, json!({}), None, true),
            (&plain, json!({"output_format": "pcm_16000"}), Some("https://h/a.mp3"), false),
            (&none, json!({"audio_format": "MP3"}), None, true),
            (&none, json!({"output_format": {"codec": "mp3"}}), None, true),
            (&none, json!({"format": "wav"}), None, false),
            (&none, json!({}), Some("https://h/a.mp3?x=1"), true),
            (&none, json!({}), Some("https://h/a.wav"), false),
            (&none, json!({}), None, false),
            (&with_setting, json!({"output_format": "url"}), None, true),
            (&with_setting, json!({"audio_setting": {"format": "flac"}}), None, false),
        ] {
            let parameters = CallParameters::new(model, &input, &Store::default());
            assert_eq!(wants_mp3(model, &parameters, example), expected, "{input} {example:?}");
        }
    }
}
