//! The search for models by words.

use fal_emulator::catalogue::Summary;

/// The facts about a model, from any source.
#[derive(Clone, serde::Serialize, serde::Deserialize)]
pub(crate) struct Found {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) category: String,
    pub(crate) description: String,
}

impl From<Summary<'_>> for Found {
    fn from(summary: Summary<'_>) -> Self {
        let Summary { id, name, category, description, .. } = summary;
        let [id, name, category, description] = [id, name, category, description].map(str::to_owned);
        Self { id, name, category, description }
    }
}

/// Returns the models in which every word occurs, the best first.
pub(crate) fn search(
    models: impl Iterator<Item = Found>,
    words: &[String],
    task: Option<&str>,
) -> Vec<Found> {
    let words: Vec<String> =
        words.iter().flat_map(|words| words.split_whitespace()).map(str::to_lowercase).collect();
    let of_task = models.filter(|model| task.is_none_or(|task| model.category == task));
    let mut found: Vec<(u32, Found)> =
        of_task.filter_map(|model| Some((rank(&model, &words)?, model))).collect();
    found.sort_by(|(one, model), (other, other_model)| {
        let by_length = model.id.len().cmp(&other_model.id.len());
        other.cmp(one).then(by_length).then_with(|| model.id.cmp(&other_model.id))
    });
    found.into_iter().map(|(_, model)| model).collect()
}

/// Returns how well a model fits, or `None` if a word does not occur.
fn rank(model: &Found, words: &[String]) -> Option<u32> {
    let id = model.id.to_lowercase();
    let texts = [(&model.name, 6), (&model.category, 4), (&model.description, 2)];
    let texts = texts.map(|(text, weight)| (text.to_lowercase(), weight));
    words.iter().try_fold(0, |sum, word| {
        let of_id = match () {
            () if id == *word => 100,
            // A segment of the id is what people remember of a model.
            () if id.split('/').any(|segment| segment == word) => 20,
            () if id.contains(word.as_str()) => 8,
            () => 0,
        };
        let of_texts =
            texts.iter().filter(|(text, _)| text.contains(word.as_str())).map(|(_, weight)| weight);
        let rank = of_id + of_texts.sum::<u32>();
        (rank > 0).then_some(sum + rank)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model(id: &str, category: &str, description: &str) -> Found {
        let [id, category, description] = [id, category, description].map(str::to_owned);
        Found { name: id.clone(), id, category, description }
    }

    #[test]
    fn segments_of_ids_come_before_other_matches() {
        let models = [
            model("fal-ai/other", "text-to-image", "better than flux"),
            model("fal-ai/flux-pro", "text-to-image", ""),
            model("fal-ai/flux/dev", "text-to-image", ""),
            model("fal-ai/flux/dev/image-to-image", "image-to-image", ""),
        ];
        let ids = |words: &[&str], task| {
            let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
            let found = search(models.iter().cloned(), &words, task);
            found.into_iter().map(|model| model.id).collect::<Vec<_>>()
        };
        let all = ["fal-ai/flux/dev", "fal-ai/flux/dev/image-to-image", "fal-ai/flux-pro", "fal-ai/other"];
        assert_eq!(ids(&["FLUX"], None), all);
        assert_eq!(ids(&["flux", "image-to-image"], None), ["fal-ai/flux/dev/image-to-image"]);
        assert_eq!(ids(&["flux better"], None), ["fal-ai/other"]);
        assert_eq!(ids(&[], Some("image-to-image")), ["fal-ai/flux/dev/image-to-image"]);
        assert_eq!(ids(&["nothing"], None), [""; 0]);
    }
}
