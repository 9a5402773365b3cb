//! The search for models by words.

use std::collections::{BTreeMap, BTreeSet};

use fal_emulator::catalogue::Summary;

use super::first_choices::{self, Wish};
use super::words;

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

/// The number of models with every word from which those with only some of them are left out.
const ENOUGH: usize = 3;
/// The least weight of the words that such a model has, as a share of all.
const LEAST_SHARE: f64 = 0.4;
/// The number of words of a wish that are compared, and of bytes of each. The time of a search grows with both, and every word is
/// compared with every model.
const MOST_WORDS: usize = 32;
const LONGEST_WORD: usize = 100;
/// The weight of a first choice for a purpose. It is more than that of a word in the id and in the name.
const FIRST_CHOICE: f64 = 30.0;

/// Returns the models in which every word occurs, the best first. If there are few, those in which some of them occur follow.
/// First choices for the purpose that the words are about come before other models. A wish without a word, such as `?`, finds
/// nothing, and without a wish all models are found.
pub(crate) fn search(
    models: impl Iterator<Item = Found>,
    words: &[String],
    task: Option<&str>,
) -> Vec<Found> {
    let models: Vec<(Texts, Found)> = models.map(|model| (Texts::new(&model), model)).collect();
    let query = Query::parse(words, &models.iter().map(|(texts, _)| texts.category.as_str()).collect());
    if query.words.is_empty() && words.iter().any(|word| !word.trim().is_empty()) {
        return Vec::new();
    }
    let weights: Vec<f64> = query.words.iter().map(|word| rarity(word, &models)).collect();
    let all: f64 = weights.iter().sum();
    let wish = Wish {
        words: query.words.iter().map(String::as_str).zip(weights.iter().copied()).collect(),
        category: &query.category,
        category_words: &query.category_words,
    };
    let choices = first_choices::find(&wish);
    let mut ranked: Vec<(f64, f64, Found)> = models
        .into_iter()
        .filter(|(_, model)| task.is_none_or(|task| model.category == task))
        .map(|(texts, model)| {
            let fits: Vec<f64> = query.words.iter().map(|word| texts.fit(word)).collect();
            let sum: f64 = fits.iter().zip(&weights).map(|(fit, weight)| fit * weight).sum();
            let is_of_category = texts.category == query.category;
            // A model of another category has no part of the category that the user names.
            let counts = |word| is_of_category || !query.category_words.contains(word);
            let words = query.words.iter().zip(&fits).zip(&weights);
            let found = words.filter(|((word, fit), _)| **fit > 0.0 && counts(*word));
            let share: f64 = found.map(|(_, weight)| weight).sum();
            let choice = choices.get(model.id.as_str()).copied().unwrap_or_default();
            let least = if is_of_category { LEAST_SHARE } else { 0.0 };
            let share = if all > 0.0 { (share / all).max(choice.share).max(least) } else { 1.0 };
            let extra = texts.phrase(&query) + FIRST_CHOICE * choice.rank;
            ((sum + extra * all) * share * share, share, model)
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
    /// Those that say something, each once.
    words: Vec<String>,
    /// True if these are several, or one of them twice.
    is_phrase: bool,
    /// All words with hyphens between them, as ids have them.
    phrase: String,
    /// The category that the words name: `photo to video` is `image-to-video`. Without one, all words in the same form.
    category: String,
    /// The words that name the category, if there are others too.
    category_words: Vec<String>,
}

impl Query {
    /// Parses the words of a user.
    fn parse(given: &[String], categories: &BTreeSet<&str>) -> Self {
        let text = given.join(" ").to_lowercase();
        let mut all: Vec<&str> = text
            .split_whitespace()
            .map(|word| word.trim_matches(|letter: char| !letter.is_alphanumeric()))
            .collect();
        // `video to video style transfer` has a word twice.
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        all.retain(|word| {
            let count = counts.entry(word).or_default();
            *count += 1;
            *count < 3 && (1..=LONGEST_WORD).contains(&word.len())
        });
        all.truncate(MOST_WORDS);
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
            turned.iter().filter(|word| !words::is_ignored(word)).map(|word| (*word).to_owned()).collect();
        if words.is_empty() {
            words = turned.iter().map(|word| (*word).to_owned()).collect();
        }
        let is_phrase = words.len() > 1;
        let mut known = BTreeSet::new();
        words.retain(|word| known.insert(word.clone()));
        // Such as `image` and `video`.
        let media: BTreeSet<&str> = categories.iter().flat_map(|category| category.split("-to-")).collect();
        let of_category = turned.iter().filter(|word| **word == "to" || !words::is_ignored(word));
        let named: Vec<(&str, &str)> = of_category.map(|word| (*word, medium(word, &media))).collect();
        let phrase = turned.join("-");
        let category = join(&named);
        let inner = (!categories.contains(category.as_str())).then(|| find_category(&named, categories));
        let Some((category, run)) = inner.flatten() else {
            return Self { words, is_phrase, phrase, category, category_words: Vec::new() };
        };
        let category_words = run.iter().map(|(word, _)| (*word).to_owned()).collect();
        Self { words, is_phrase, phrase, category: category.to_owned(), category_words }
    }
}

/// Returns the word of categories that means the same as a word of a user: `image` for `photo`. Others stay.
fn medium<'a>(word: &'a str, media: &BTreeSet<&str>) -> &'a str {
    match words::synonyms(word) {
        [synonym] if media.contains(synonym) => synonym,
        _ => word,
    }
}

/// Returns the words of categories with hyphens between them.
fn join(named: &[(&str, &str)]) -> String {
    named.iter().map(|(_, name)| *name).collect::<Vec<_>>().join("-")
}

/// Returns the longest category that some of the words name, with these words: `text-to-speech` in `text to speech in german`.
/// A category of one word, such as `audio`, may mean anything among others.
fn find_category<'a, 'b>(
    named: &'b [(&'b str, &'b str)],
    categories: &BTreeSet<&'a str>,
) -> Option<(&'a str, &'b [(&'b str, &'b str)])> {
    let length = |category: &str| category.split('-').count();
    let longest = categories.iter().map(|category| length(category)).max().unwrap_or_default();
    let runs = (1..=longest).flat_map(|count| named.windows(count));
    let found = runs.filter_map(|run| {
        let category = categories.get(join(run).as_str())?;
        category.contains("-to-").then_some((*category, run))
    });
    found.reduce(|best, other| if length(other.0) > length(best.0) { other } else { best })
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
        let Found { id, name, category, description } = model;
        let fields = [(id, 6.0), (name, 5.0), (category, 4.0), (description, 2.0)];
        let fields = fields.map(|(text, weight)| (words::split(text), weight));
        Self { id: id.to_lowercase(), category: category.to_lowercase(), fields }
    }

    /// Returns the words of the description, which begins with what the model does.
    fn description(&self) -> &[String] {
        &self.fields[3].0
    }

    /// Returns how well a word fits, or 0 if neither it nor a synonym occurs. A name with a version also fits as two words:
    /// `wan2.7` is `wan` and `2.7`.
    fn fit(&self, word: &str) -> f64 {
        let synonyms = words::synonyms(word).iter().map(|synonym| 0.6 * self.fit_exactly(synonym));
        let split = words::split_version(word).map(|(name, version)| {
            let [name, version] = [name, version].map(|word| self.fit_exactly(word));
            name.min(version)
        });
        synonyms.chain(split).fold(self.fit_exactly(word), f64::max)
    }

    fn fit_exactly(&self, word: &str) -> f64 {
        // A segment of the id is what people remember of a model.
        let is_segment = self.id.split('/').any(|segment| segment == word);
        let of_id = match () {
            () if self.id == *word => 50.0,
            () if is_segment => 10.0,
            () if word.len() > 2 && self.begins_in_id(&word.replace('-', "")) => 3.0,
            () => 0.0,
        };
        let of_fields = self.fields.iter().map(|(words, weight)| {
            weight * words.iter().map(|known| words::likeness(known, word)).fold(0.0, f64::max)
        });
        let verb = self.description().first().map_or(0.0, |verb| 4.0 * words::likeness(verb, word));
        of_fields.sum::<f64>() + of_id + verb
    }

    /// Returns true if a word of the id, with those after it, begins with a word without hyphens: `try-on` with `tryon`.
    fn begins_in_id(&self, word: &str) -> bool {
        let starts = self.id.match_indices(|letter: char| !letter.is_alphanumeric()).map(|(at, _)| at + 1);
        // Separators are ASCII, so each place after one is the start of a letter.
        let mut rests = std::iter::once(0).chain(starts).filter_map(|start| self.id.get(start..));
        rests.any(|rest| rest.replace('-', "").starts_with(word))
    }

    /// Returns true if the description begins with the words: `Describes an image` for `describe image`.
    fn is_begun_by(&self, given: &[String]) -> bool {
        let mut known = self.description().iter().filter(|word| !words::is_ignored(word));
        given.iter().all(|word| known.next().is_some_and(|known| words::likeness(known, word) > 0.0))
    }

    /// Returns how well all words together fit, as an id or a category has them.
    fn phrase(&self, query: &Query) -> f64 {
        let Query { words, phrase, category, .. } = query;
        if !query.is_phrase {
            return 0.0;
        }
        // `text to image` is another thing than `image to text`.
        let is_turnable = !phrase.contains("-to-");
        let backwards = words.iter().rev().cloned().collect::<Vec<_>>().join("-");
        let segment = |text: &str| self.id.split('/').any(|segment| segment == text);
        let of_category = if self.category == *category { 12.0 } else { 0.0 };
        let of_description = if self.is_begun_by(words) { 6.0 } else { 0.0 };
        of_category
            + of_description
            + match () {
                () if segment(phrase) || segment(&words.join("-")) => 12.0,
                () if self.id.contains(phrase.as_str()) || is_turnable && self.id.contains(&backwards) => 6.0,
                () => 0.0,
            }
    }
}

/// Returns the weight of a word: one that few models have says more. One that none has counts as much as one that some have,
/// so that `podcast` in `transcribe a podcast` does no harm, and `summarize a video` does not find every video.
fn rarity(word: &str, models: &[(Texts, Found)]) -> f64 {
    let count = match models.iter().filter(|(texts, _)| texts.fit(word) > 0.0).count() {
        0 => (models.len() / 20).max(1),
        count => count,
    };
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
            ("inpainting", "inpaint"),
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

    #[test]
    fn wishes_in_plain_words_find_what_they_are_about_among_the_first_five() {
        let catalogue = Catalogue::embedded().unwrap();
        // What the description of three of the first five, or the category, has.
        let wishes = [
            ("describe an image", "describes"),
            ("Describe this picture for me!", "describes"),
            ("caption a photo", "describes"),
            ("ask a question about an image", "question"),
            ("answer questions about a video", "question"),
            ("read the text of an image", "reads the text"),
            ("remove the background of a photo", "background out of an image"),
            ("remove background from video", "background out of"),
            ("upscale", "enlarges"),
            ("make an image bigger", "enlarges an"),
            ("enlarge a picture", "enlarges an"),
            ("upscale a video", "enlarges a video"),
            ("generate an image", "text-to-image"),
            ("I want to make a picture", "text-to-image"),
            ("text to image", "text-to-image"),
            ("edit an image", "changes images"),
            ("image editing", "changes images"),
            ("editing photos", "changes images"),
            ("generate a video", "text-to-video"),
            ("video with sound", "with sound"),
            ("image to video", "image-to-video"),
            ("photo to video", "image-to-video"),
            ("make a video from photos", "image-to-video"),
            ("animate a photo", "animates an image"),
            ("extend a video", "video-to-video"),
            ("lip sync", "lips"),
            ("make a portrait speak", "speak"),
            ("text to speech", "text-to-speech"),
            ("tts", "text-to-speech"),
            ("speak a text", "text-to-speech"),
            ("transcribe", "speech-to-text"),
            ("transcribe a podcast", "speech-to-text"),
            ("write down speech", "speech-to-text"),
            ("make a song with lyrics", "text-to-audio"),
            ("sound effects", "sound"),
            ("clone a voice", "voice"),
            ("try on clothes", "dresses"),
            ("virtual try on", "dresses"),
            ("3d model of a photo", "image-to-3d"),
            ("train a lora", "training"),
            ("depth map of an image", "depth"),
        ];
        let missed = wishes.into_iter().filter_map(|(wish, part)| {
            let found = search(catalogue.summaries().map(Found::from), &[wish.to_owned()], None);
            let texts = found
                .into_iter()
                .take(5)
                .map(|model| format!("{} {} {}", model.id, model.category, model.description.to_lowercase()));
            let texts: Vec<String> = texts.collect();
            let fitting = texts.iter().filter(|text| text.contains(part)).count();
            (fitting < 3).then(|| format!("{wish}: {fitting} of {texts:#?}"))
        });
        let missed: Vec<String> = missed.collect();
        assert!(missed.is_empty(), "{}", missed.join("\n"));
        // Better nothing than every video.
        let others = ["summarize a video".to_owned()];
        assert!(search(catalogue.summaries().map(Found::from), &others, None).is_empty());
    }

    #[test]
    fn punctuation_at_the_ends_of_words_says_nothing() {
        let models = [model("a/clip", "text-to-video", ""), model("a/try-on", "image-to-image", "")];
        let ids = |words: &[&str]| {
            let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
            let found = search(models.iter().cloned(), &words, None);
            found.into_iter().map(|model| model.id).collect::<Vec<_>>()
        };
        for wish in ["(clip)", "clip:", "'clip'", "<clip>", "*clip*;", "\u{201c}clip\u{201d}", "? clip"] {
            assert_eq!(ids(&[wish]), ["a/clip"], "{wish}");
        }
        assert_eq!(ids(&["`try-on`"]), ["a/try-on"]);
        for wish in [&["?"][..], &["..."], &["\""], &["-", "/"], &["( )"], &["the"]] {
            assert_eq!(ids(wish), [""; 0], "{wish:?}");
        }
        for wish in [&[][..], &[""], &[" "]] {
            assert_eq!(ids(wish).len(), models.len(), "{wish:?}");
        }
    }

    #[test]
    fn few_words_of_a_long_wish_are_compared() {
        let parse = |wish: &str| Query::parse(&[wish.to_owned()], &BTreeSet::from(["video-to-video"]));
        let query = parse(&"long ".repeat(100_000));
        assert_eq!((query.words, query.phrase.as_str()), (vec!["long".to_owned()], "long-long"));
        let many: String = (0..100_000).map(|number| format!("word{number} ")).collect();
        assert_eq!(parse(&many).words.len(), MOST_WORDS);
        assert_eq!(parse(&"x".repeat(100_000)).words, [""; 0]);
        let query = parse("video to video");
        assert_eq!((query.words, query.is_phrase), (vec!["video".to_owned()], true));
        assert_eq!(query.category, "video-to-video");
    }

    #[test]
    fn category_among_other_words_is_that_of_the_first_models() {
        let catalogue = Catalogue::embedded().unwrap();
        for (query, category) in [
            ("text to speech in german", "text-to-speech"),
            ("text to speech with emotion", "text-to-speech"),
            ("cheap text to speech", "text-to-speech"),
            ("speech to text with speakers", "speech-to-text"),
            ("photo to video with audio", "image-to-video"),
            ("kling image-to-video", "image-to-video"),
        ] {
            let found = search(catalogue.summaries().map(Found::from), &[query.to_owned()], None);
            let first: Vec<&str> = found.iter().take(5).map(|model| model.category.as_str()).collect();
            assert_eq!(first, [category; 5], "{query}");
        }
        // The id of a model may have another category than the model.
        let models =
            [model("fal-ai/fast-image-to-video", "video-to-video", ""), model("a/b", "image-to-video", "")];
        let found = search(models.into_iter(), &["fal-ai/fast-image-to-video".to_owned()], None);
        assert_eq!(
            found.into_iter().map(|model| model.id).collect::<Vec<_>>(),
            ["fal-ai/fast-image-to-video"]
        );
    }

    #[test]
    fn models_of_a_version_come_before_others() {
        let catalogue = Catalogue::embedded().unwrap();
        for (query, part) in [
            ("wan 2.7", "wan/v2.7"),
            ("wan v2.7", "wan/v2.7"),
            ("wan 2.5", "wan-25"),
            ("wan2.7", "wan/v2.7"),
            ("kling video 3", "kling-video/v3"),
            ("veo 3.1", "veo3.1"),
            ("veo3.1", "veo3.1"),
            ("kling 2.1", "kling-video/v2.1"),
            ("flux 1.1", "flux-pro/v1.1"),
            ("recraft 4.1", "recraft/v4.1"),
            ("hunyuan 3.1", "hunyuan-3d/v3.1"),
        ] {
            let wanted = catalogue.summaries().filter(|model| model.id.contains(part)).count();
            let found = search(catalogue.summaries().map(Found::from), &[query.to_owned()], None);
            let first: Vec<&str> = found.iter().take(wanted).map(|model| model.id.as_str()).collect();
            assert!(wanted > 0 && first.len() == wanted, "{query}: {first:?}");
            assert!(first.iter().all(|id| id.contains(part)), "{query}: {first:?}");
        }
    }

    #[test]
    fn part_of_a_word_in_an_id_is_no_match_and_words_without_their_hyphens_are() {
        let models = [
            model("fal-ai/luma-photon", "text-to-image", ""),
            model("a/lu-map-hoton", "text-to-image", ""),
            model("fal-ai/virtual-try-on", "image-to-image", ""),
        ];
        let ids = |word: &str| {
            let found = search(models.iter().cloned(), &[word.to_owned()], None);
            found.into_iter().map(|model| model.id).collect::<Vec<_>>()
        };
        assert_eq!(ids("map"), ["a/lu-map-hoton"]);
        assert_eq!(ids("tryon"), ["fal-ai/virtual-try-on"]);
        // A word that no model has leaves those that the others find.
        assert_eq!(ids("photon qwertyuiop"), ["fal-ai/luma-photon"]);
    }
}
