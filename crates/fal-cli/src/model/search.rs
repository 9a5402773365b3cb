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

/// Words that say nothing about a model.
const IGNORED: [&str; 18] = [
    "a",
    "an",
    "and",
    "create",
    "for",
    "from",
    "generate",
    "generator",
    "in",
    "make",
    "model",
    "models",
    "my",
    "of",
    "the",
    "to",
    "using",
    "with",
];

/// Words of users, and the words of models that mean the same.
const SYNONYMS: [(&str, &[&str]); 16] = [
    ("asr", &["speech-to-text"]),
    ("cheap", &["lite", "mini", "nano", "small", "turbo", "schnell", "lightning"]),
    ("clip", &["video"]),
    ("fast", &["turbo", "lightning", "schnell", "quick", "flash"]),
    ("head", &["avatar"]),
    ("movie", &["video"]),
    ("photo", &["image"]),
    ("picture", &["image"]),
    ("quick", &["turbo", "lightning", "schnell", "fast"]),
    ("song", &["music"]),
    ("sound", &["audio"]),
    ("swap", &["replace", "vton"]),
    ("talking", &["avatar", "speaking", "lipsync"]),
    ("transcribe", &["speech-to-text"]),
    ("tts", &["text-to-speech"]),
    ("voice", &["speech"]),
];

/// The number of models with every word from which those with only some of them are left out.
const ENOUGH: usize = 3;
/// The least weight of the words that such a model has, as a share of all.
const LEAST_SHARE: f64 = 0.5;

/// Returns the models in which every word occurs, the best first. If there are few, those in which most of them occur follow.
pub(crate) fn search(
    models: impl Iterator<Item = Found>,
    words: &[String],
    task: Option<&str>,
) -> Vec<Found> {
    let query = Query::parse(words);
    let models: Vec<(Texts, Found)> = models.map(|model| (Texts::new(&model), model)).collect();
    let weights: Vec<f64> = query.words.iter().map(|word| rarity(word, &models)).collect();
    let all: f64 = weights.iter().sum();
    let mut ranked: Vec<(f64, f64, Found)> = models
        .into_iter()
        .filter(|(_, model)| task.is_none_or(|task| model.category == task))
        .map(|(texts, model)| {
            let fits: Vec<f64> = query.words.iter().map(|word| texts.fit(word)).collect();
            let words = || fits.iter().zip(&weights);
            let share: f64 = words().filter(|(fit, _)| **fit > 0.0).map(|(_, weight)| weight).sum();
            let sum: f64 = words().map(|(fit, weight)| fit * weight).sum();
            let share = if all > 0.0 { share / all } else { 1.0 };
            ((sum + texts.phrase(&query) * all) * share * share, share, model)
        })
        .filter(|(_, share, _)| *share >= LEAST_SHARE)
        .collect();
    let is_whole = |share: f64| share > 0.999;
    if ranked.iter().filter(|(_, share, _)| is_whole(*share)).count() >= ENOUGH {
        ranked.retain(|(_, share, _)| is_whole(*share));
    }
    ranked.sort_by(|(one, _, model), (other, _, other_model)| {
        let by_length = model.id.len().cmp(&other_model.id.len());
        other.total_cmp(one).then(by_length).then_with(|| model.id.cmp(&other_model.id))
    });
    ranked.into_iter().map(|(.., model)| model).collect()
}

/// The words of a user.
struct Query {
    words: Vec<String>,
    /// All words with hyphens between them, as ids have them.
    phrase: String,
}

impl Query {
    fn parse(given: &[String]) -> Self {
        let text = given.join(" ").to_lowercase();
        let mut all: Vec<&str> = text.split_whitespace().collect();
        // "Video from image" is what ids call image-to-video.
        let turned = match all.iter().position(|word| *word == "from") {
            Some(at) if at > 0 && at + 1 < all.len() => {
                let rest = all.split_off(at + 1);
                all.pop();
                [rest, vec!["to"], all].concat()
            }
            _ => all,
        };
        let turned: Vec<&str> =
            turned.into_iter().filter(|word| !["a", "an", "the"].contains(word)).collect();
        let mut words: Vec<String> =
            turned.iter().filter(|word| !IGNORED.contains(word)).map(|word| (*word).to_owned()).collect();
        if words.is_empty() {
            words = turned.iter().map(|word| (*word).to_owned()).collect();
        }
        Self { words, phrase: turned.join("-") }
    }
}

/// The texts about a model in lower case.
struct Texts {
    id: String,
    category: String,
    /// The words of the id, the name, the category and the description, each with its weight.
    fields: [(Vec<String>, f64); 4],
}

impl Texts {
    fn new(model: &Found) -> Self {
        let texts =
            [&model.id, &model.name, &model.category, &model.description].map(|text| text.to_lowercase());
        let words = |text: &String| {
            text.split(|letter: char| !letter.is_alphanumeric())
                .filter(|word| !word.is_empty())
                .map(str::to_owned)
                .collect()
        };
        let [id, name, category, description] = &texts;
        let fields =
            [(words(id), 6.0), (words(name), 5.0), (words(category), 4.0), (words(description), 2.0)];
        let [id, _, category, _] = texts;
        Self { id, category, fields }
    }

    /// Returns how well a word fits, or 0 if neither it nor a synonym occurs.
    fn fit(&self, word: &str) -> f64 {
        let synonyms = SYNONYMS.iter().find(|(known, _)| *known == word).map(|(_, synonyms)| *synonyms);
        let synonyms = synonyms.unwrap_or_default().iter().map(|synonym| 0.6 * self.fit_exactly(synonym));
        synonyms.fold(self.fit_exactly(word), f64::max)
    }

    fn fit_exactly(&self, word: &str) -> f64 {
        // A segment of the id is what people remember of a model.
        let is_segment = self.id.split('/').any(|segment| segment == word);
        let of_id = match () {
            () if self.id == *word => 50.0,
            () if is_segment => 10.0,
            () if word.len() > 2 && self.id.replace('-', "").contains(&word.replace('-', "")) => 3.0,
            () => 0.0,
        };
        let of_fields = self.fields.iter().map(|(words, weight)| {
            weight * words.iter().map(|known| likeness(known, word)).fold(0.0, f64::max)
        });
        of_fields.sum::<f64>() + of_id
    }

    /// Returns how well all words together fit, as an id or a category has them.
    fn phrase(&self, query: &Query) -> f64 {
        let Query { words, phrase } = query;
        if words.len() < 2 {
            return 0.0;
        }
        let backwards = words.iter().rev().cloned().collect::<Vec<_>>().join("-");
        let segment = |text: &str| self.id.split('/').any(|segment| segment == text);
        let of_category = if self.category == *phrase { 12.0 } else { 0.0 };
        of_category
            + match () {
                () if segment(phrase) || segment(&words.join("-")) => 12.0,
                () if self.id.contains(phrase.as_str()) || self.id.contains(&backwards) => 6.0,
                () => 0.0,
            }
    }
}

/// Returns how much two words are the same, from 0 to 1: `upscaler` is nearly `upscale`.
fn likeness(known: &str, word: &str) -> f64 {
    if known == word {
        return 1.0;
    }
    let common = known.chars().zip(word.chars()).take_while(|(one, other)| one == other).count();
    let (shorter, longer) = (known.len().min(word.len()), known.len().max(word.len()));
    match common {
        _ if common >= 3 && common == word.len() => 0.8,
        _ if common >= 5 && common + 1 >= shorter && longer - common <= 4 => 0.7,
        _ => 0.0,
    }
}

/// Returns the weight of a word: one that few models have says more.
fn rarity(word: &str, models: &[(Texts, Found)]) -> f64 {
    let count = models.iter().filter(|(texts, _)| texts.fit(word) > 0.0).count();
    (1.0 + models.len() as f64 / (1 + count) as f64).ln()
}

#[cfg(test)]
mod tests {
    use fal_emulator::catalogue::Catalogue;

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

    #[test]
    fn the_words_of_people_find_models() {
        let catalogue = Catalogue::embedded().unwrap();
        let best = |query: &str| {
            let found = search(catalogue.summaries().map(Found::from), &[query.to_owned()], None);
            found.into_iter().take(3).collect::<Vec<_>>()
        };
        let queries = [
            ("remove background", "background"),
            ("background removal", "background"),
            ("lipsync", "lipsync"),
            ("lip sync", "lip"),
            ("speech to text", "speech-to-text"),
            ("transcribe audio", "speech-to-text"),
            ("flux lora", "flux"),
            ("video from image", "image-to-video"),
            ("cheap fast image", "text-to-image"),
            ("upscaler", "upscale"),
            ("image upscale", "upscale"),
            ("talking head", "avatar"),
            ("voice clone", "clone"),
            ("3d model from a photo", "image-to-3d"),
            ("song with lyrics", "audio"),
            ("sound effects", "sound-effects"),
            ("inpainting", "inpaint"),
            ("virtual try on", "try"),
        ];
        let missed = queries.into_iter().filter_map(|(query, part)| {
            let texts = best(query).into_iter().map(|model| format!("{} {}", model.id, model.category));
            let texts: Vec<String> = texts.collect();
            let is_found = !texts.is_empty() && texts.iter().all(|text| text.contains(part));
            (!is_found).then(|| format!("{query}: {texts:?}"))
        });
        assert_eq!(missed.collect::<Vec<_>>(), [""; 0]);
        assert_eq!(best("flux lora")[0].id, "fal-ai/flux-lora");
        assert_eq!(best("face swap")[0].id, "fal-ai/pixverse/swap");
    }
}
