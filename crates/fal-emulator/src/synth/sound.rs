//! The sound of a video: whether it has one.

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
}
