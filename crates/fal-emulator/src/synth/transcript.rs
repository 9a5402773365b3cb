//! Synthesized transcripts, which fit the length of the recording.

use serde_json::{Value, json};

/// Seconds of a recording that one sentence covers.
const SENTENCE_SECONDS: f64 = 5.0;
/// The assumed length of recordings that the emulator cannot read, in seconds.
const ASSUMED_SECONDS: f64 = 10.0;
/// The most sentences of one transcript.
const MAX_SENTENCES: usize = 200;

/// A segment of a recording with its text.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Segment {
    pub(super) start: f64,
    pub(super) end: f64,
    pub(super) text: String,
}

/// Splits a recording into sentences that cover it from start to end.
pub(super) fn split_into_sentences(seconds: Option<f64>) -> Vec<Segment> {
    const TEXTS: [&str; 3] = [
        "This transcript was made by fal-emulator.",
        "It has not listened to the recording.",
        "Only the times follow the recording's length.",
    ];
    let seconds = seconds.filter(|seconds| *seconds > 0.0).unwrap_or(ASSUMED_SECONDS);
    let count = ((seconds / SENTENCE_SECONDS).ceil() as usize).clamp(1, MAX_SENTENCES);
    (0..count)
        .map(|index| Segment {
            start: rounded(seconds * index as f64 / count as f64),
            end: rounded(seconds * (index + 1) as f64 / count as f64),
            text: TEXTS[index % TEXTS.len()].to_owned(),
        })
        .collect()
}

/// Splits sentences into words, each with an equal share of its sentence's time.
pub(super) fn split_into_words(sentences: &[Segment]) -> Vec<Segment> {
    let mut words = Vec::new();
    for sentence in sentences {
        let parts: Vec<&str> = sentence.text.split(' ').collect();
        let share = (sentence.end - sentence.start) / parts.len().max(1) as f64;
        words.extend(parts.iter().enumerate().map(|(index, part)| Segment {
            start: rounded(sentence.start + share * index as f64),
            end: rounded(sentence.start + share * (index + 1) as f64),
            text: (*part).to_owned(),
        }));
    }
    words
}

/// Merges all sentences into one segment.
pub(super) fn merge(sentences: &[Segment]) -> Option<Segment> {
    let (first, last) = (sentences.first()?, sentences.last()?);
    Some(Segment { start: first.start, end: last.end, text: join_text(sentences) })
}

/// Joins the texts of all sentences.
pub(super) fn join_text(sentences: &[Segment]) -> String {
    sentences.iter().map(|segment| segment.text.as_str()).collect::<Vec<_>>().join(" ")
}

impl Segment {
    /// Returns the value for a property of the object that represents this segment.
    pub(super) fn property(&self, name: &str) -> Option<Value> {
        match name {
            "timestamp" | "timestamps" => Some(json!([self.start, self.end])),
            "start" | "start_time" => Some(json!(self.start)),
            "end" | "end_time" => Some(json!(self.end)),
            "text" | "word" | "transcript" => Some(json!(self.text)),
            _ => None,
        }
    }
}

fn rounded(seconds: f64) -> f64 {
    (seconds * 100.0).round() / 100.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_and_words_cover_the_recording_in_order() {
        let sentences = split_into_sentences(Some(12.0));
        for segments in [sentences.clone(), split_into_words(&sentences)] {
            assert_eq!(segments[0].start, 0.0);
            assert_eq!(segments.last().unwrap().end, 12.0);
            assert!(segments.iter().all(|segment| segment.start < segment.end));
            assert!(segments.windows(2).all(|pair| pair[0].end <= pair[1].start));
        }
        assert_eq!(sentences.len(), 3);
        assert!(join_text(&sentences).contains("fal-emulator"));
    }
}
