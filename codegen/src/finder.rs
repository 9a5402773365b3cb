//! The pages that list all endpoints by their purpose: of the folder of crates, and of the documentation of the client.

mod filter;
mod first_choices;

use std::{cmp::Reverse, collections::BTreeMap};

use self::filter::Filter;
use crate::{
    emit::{docs, listing},
    manifest::Manifest,
    rust::{Crate, Field, Module, Presence, Ty},
};

/// An endpoint as the pages list it.
#[derive(Debug, Clone)]
pub struct ListedEndpoint {
    /// The name of the crate.
    pub krate: String,
    /// The path of the module, such as `fal_flux::dev`.
    pub module: String,
    /// The id.
    pub id: String,
    /// The display name.
    pub title: String,
    /// The first sentence of the description.
    pub summary: String,
    /// The category, such as `text-to-image`.
    pub category: String,
    /// The day on which fal published it, such as `2025-06-04`.
    pub date: Option<String>,
    /// The names of its parameters.
    pub parameters: Vec<String>,
    /// True if it requires the id of something that an earlier request made, such as a trained model.
    pub requires_id: bool,
}

/// A part of the pages. An endpoint belongs to the first one that it fits.
struct Section {
    title: &'static str,
    filter: Filter,
}

const fn section(
    title: &'static str,
    categories: &'static [&'static str],
    words: &'static [&'static str],
) -> Section {
    Section { title, filter: Filter::new(categories, words) }
}

/// Words in the ids of endpoints that enlarge images or videos.
const UPSCALING: &[&str] = &[
    "upscale",
    "upscaler",
    "esrgan",
    "sr",
    "ccsr",
    "swin2sr",
    "pasd",
    "seedvr",
    "flashvsr",
    "enhancer",
    "increase-resolution",
    "topaz",
];

const SECTIONS: &[Section] = &[
    section("Training", &["training"], &[]),
    section("Upscaling images and videos", &["image-to-image", "video-to-video"], UPSCALING),
    section(
        "Backgrounds, masks and depth",
        &["image-to-image", "video-to-video"],
        &[
            "rembg",
            "background",
            "birefnet",
            "sam",
            "sam2",
            "segment",
            "segmentation",
            "detection",
            "depth",
            "preprocessors",
            "dwpose",
            "layered",
            "layerize",
            "florence",
        ],
    ),
    section(
        "Speaking avatars and lip sync",
        &["image-to-video", "text-to-video", "video-to-video", "audio-to-video"],
        &[
            "avatar",
            "avatars",
            "lipsync",
            "heygen",
            "omnihuman",
            "infinitalk",
            "fabric",
            "sadtalker",
            "musetalk",
            "latentsync",
            "echomimic",
            "flashhead",
            "flashtalk",
            "creatify",
            "portrait",
            "dubbing",
        ],
    ),
    section("Images from text", &["text-to-image"], &[]),
    section("Changing images", &["image-to-image"], &[]),
    section("Video from text", &["text-to-video"], &[]),
    section("Video from images", &["image-to-video"], &[]),
    section("Changing videos", &["video-to-video"], &[]),
    section("Video from sound", &["audio-to-video"], &[]),
    section(
        "Text to speech, and voices",
        &["text-to-speech", "speech-to-speech", "text-to-audio", "audio-to-audio"],
        &["tts", "speech", "voice", "kokoro", "zonos", "csm", "dia", "dubbing"],
    ),
    section("Text to speech, and voices", &["text-to-speech", "speech-to-speech", "speech"], &[]),
    section("Speech to text", &["speech-to-text", "audio-to-text"], &[]),
    section("Music and sound", &["text-to-audio", "audio-to-audio", "video-to-audio", "audio"], &[]),
    section("3D", &["image-to-3d", "text-to-3d", "3d-to-3d", "3d"], &[]),
    section("Language, vision and data", &[], &[]),
];

/// Lists the endpoints of a crate.
pub(crate) fn list(item: &Crate) -> Vec<ListedEndpoint> {
    let mut found = Vec::new();
    add(item, &item.root, &mut found);
    found
}

fn add(item: &Crate, module: &Module, found: &mut Vec<ListedEndpoint>) {
    if let Some(endpoint) = &module.endpoint {
        let path: String = module.path.iter().map(|part| format!("::{part}")).collect();
        let fields = endpoint.input.as_ref().map_or(&[][..], |input| &input.fields);
        let first = endpoint.description.split_inclusive(". ").next().unwrap_or_default();
        found.push(ListedEndpoint {
            krate: item.name.clone(),
            module: format!("{}{path}", item.lib_name()),
            id: endpoint.id.clone(),
            title: endpoint.title.clone(),
            summary: first.trim().to_owned(),
            category: endpoint.category.clone().unwrap_or_default(),
            date: endpoint.date.clone(),
            parameters: fields.iter().map(|field| field.json_name.clone()).collect(),
            requires_id: fields.iter().any(is_required_id),
        });
    }
    module.children.iter().for_each(|child| add(item, child, found));
}

/// Returns true for a required parameter that takes any id. The ids of things that everybody has are values of an enum.
fn is_required_id(field: &Field) -> bool {
    let is_id = |name: &str| name.rsplit('_').next().is_some_and(|word| word == "id" || word == "ids");
    let is_text = |ty: &Ty| match ty {
        Ty::Text => true,
        Ty::List(item) => **item == Ty::Text,
        _ => false,
    };
    field.presence == Presence::Required && is_id(&field.json_name) && is_text(&field.ty)
}

/// Returns the page of the folder of crates.
pub(crate) fn readme(
    head: &str,
    manifest: &Manifest,
    endpoints: &[ListedEndpoint],
    tasks: &BTreeMap<&'static str, Vec<String>>,
) -> String {
    let ranked = ranked(endpoints, manifest);
    let sections = sections(&ranked);
    let mut page = format!(
        "<!-- {head} -->\n# The model crates\n\n\
         {} endpoints in {} crates, by purpose. In each part, the family that fal published last comes first, and its highest version. The \
         documentation of a crate lists its modules, and `cargo add <crate>` adds it to an app. fal's facts have no \
         prices: the page behind the name of a model has the price and its unit, and `fal_client::prices` reads both.\n\n\
         - [First choices](#first-choices): a few models for each common purpose\n",
        endpoints.len(),
        manifest.crates.len(),
    );
    for (title, endpoints) in &sections {
        page.push_str(&format!("- [{title}](#{}): {}\n", anchor(title), endpoints.len()));
    }
    page.push_str(&format!("- [Tasks](#tasks): {} that many models do alike\n", tasks.len()));
    let link = |endpoint: &ListedEndpoint| format!("[`{}`]({})", endpoint.module, endpoint.krate);
    page.push_str("\n## First choices\n\n");
    choices_table(&ranked, manifest, link).iter().for_each(|line| page.push_str(&format!("{line}\n")));
    for (title, endpoints) in &sections {
        page.push_str(&format!("\n## {title}\n\n"));
        table(endpoints, manifest, link).iter().for_each(|line| page.push_str(&format!("{line}\n")));
    }
    page.push_str(&task_table(tasks));
    page
}

/// Returns the page of the client's documentation.
pub(crate) fn guide(head: &str, manifest: &Manifest, endpoints: &[ListedEndpoint]) -> String {
    let ranked = ranked(endpoints, manifest);
    let mut page = format!(
        "// {head}\n//! All models that have a crate: {} endpoints in {} crates.\n//!\n\
         //! In each part, the family that fal published last comes first. `cargo add <crate>` adds a crate to an app; its\n\
         //! name is the first part of a module's path, with `-` for `_`. fal's facts have no prices: the page behind the name\n\
         //! of a model has the price and its unit, and `fal_client::prices` reads both.\n",
        endpoints.len(),
        manifest.crates.len(),
    );
    let link =
        |endpoint: &ListedEndpoint| format!("[`{}`](https://docs.rs/{})", endpoint.module, endpoint.krate);
    let mut part = |title: &str, lines: Vec<String>| {
        page.push_str(&format!("//!\n//! # {title}\n//!\n"));
        lines.iter().for_each(|line| page.push_str(&format!("//! {line}\n")));
    };
    part("First choices", choices_table(&ranked, manifest, link));
    for (title, endpoints) in sections(&ranked) {
        part(title, table(&endpoints, manifest, link));
    }
    page
}

/// Returns the common purposes for the search of `fal-cli`, one a line: the title, the category if its name means the same, and
/// the ids of the first choices, with tabs between them.
pub(crate) fn choices_list(head: &str, manifest: &Manifest, endpoints: &[ListedEndpoint]) -> String {
    let mut list = format!("# {head}\n");
    for first_choices::Choices { title, category, endpoints } in
        choices(&ranked(endpoints, manifest), manifest)
    {
        let ids = endpoints.iter().map(|endpoint| endpoint.id.as_str());
        let fields: Vec<&str> = [title, category.unwrap_or_default()].into_iter().chain(ids).collect();
        list.push_str(&fields.join("\t"));
        list.push('\n');
    }
    list
}

/// Returns the lines of a table of endpoints. `link` is a module with a link to its documentation.
fn table(
    endpoints: &[&ListedEndpoint],
    manifest: &Manifest,
    link: impl Fn(&ListedEndpoint) -> String,
) -> Vec<String> {
    let row = |endpoint: &&ListedEndpoint| {
        format!(
            "| {} | [{}](https://fal.ai/models/{}) | {} |",
            link(endpoint),
            docs::escape(&endpoint.title),
            endpoint.id,
            purpose(endpoint, manifest),
        )
    };
    let head = ["| module | model | purpose |", "|---|---|---|"].map(str::to_owned);
    head.into_iter().chain(endpoints.iter().map(row)).collect()
}

/// Returns the lines of the table of common purposes.
fn choices_table(
    ranked: &[&ListedEndpoint],
    manifest: &Manifest,
    link: impl Fn(&ListedEndpoint) -> String,
) -> Vec<String> {
    let row = |choices: first_choices::Choices<'_>| {
        let links: Vec<String> = choices.endpoints.into_iter().map(&link).collect();
        format!("| {} | {} |", choices.title, links.join(", "))
    };
    let head = ["| purpose | newest models |", "|---|---|"].map(str::to_owned);
    head.into_iter().chain(choices(ranked, manifest).into_iter().map(row)).collect()
}

/// Returns the common purposes, for each the endpoints that were published last. Superseded families, endpoints that nobody
/// has described yet and those that need something of the account first are no first choice.
fn choices<'a>(ranked: &[&'a ListedEndpoint], manifest: &Manifest) -> Vec<first_choices::Choices<'a>> {
    let is_choice = |endpoint: &&ListedEndpoint| {
        newer(endpoint, manifest).is_none() && !endpoint.summary.is_empty() && !endpoint.requires_id
    };
    let mut current: Vec<&ListedEndpoint> = ranked.iter().copied().filter(is_choice).collect();
    let dates: BTreeMap<&str, Option<&str>> =
        current.iter().map(|endpoint| (endpoint.id.as_str(), estimate_date(endpoint, ranked))).collect();
    current.sort_by_key(|endpoint| Reverse(dates.get(endpoint.id.as_str()).copied().flatten()));
    first_choices::list(&current)
}

/// Returns the date of an endpoint, or else the median date of those of its family whose ids have most parts in common
/// with its own. The newest date of the family would put an old model first when the family gets a new one.
fn estimate_date<'a>(endpoint: &'a ListedEndpoint, all: &[&'a ListedEndpoint]) -> Option<&'a str> {
    if let Some(date) = &endpoint.date {
        return Some(date);
    }
    let common = |other: &ListedEndpoint| {
        let parts = endpoint.id.split('/').zip(other.id.split('/'));
        parts.take_while(|(part, other)| part == other).count()
    };
    let family = all.iter().filter(|other| other.krate == endpoint.krate);
    let dated: Vec<(usize, &str)> =
        family.filter_map(|other| Some((common(other), other.date.as_deref()?))).collect();
    let closest = dated.iter().map(|(common, _)| *common).max()?;
    let mut dates: Vec<&str> =
        dated.into_iter().filter(|(common, _)| *common == closest).map(|(_, date)| date).collect();
    dates.sort_unstable();
    dates.get((dates.len() - 1) / 2).copied()
}

/// Returns the last column of a row: the description, and the family that supersedes the endpoint's.
fn purpose(endpoint: &ListedEndpoint, manifest: &Manifest) -> String {
    let newer = newer(endpoint, manifest).map(|name| format!(" Superseded by `{name}`.")).unwrap_or_default();
    format!("{}{newer}", docs::escape(&endpoint.summary))
}

/// Returns the crate that supersedes the endpoint's.
fn newer<'a>(endpoint: &ListedEndpoint, manifest: &'a Manifest) -> Option<&'a str> {
    manifest.crates.get(&endpoint.krate)?.superseded_by.as_deref()
}

/// Sorts the endpoints: families that are superseded last, then the newest family first, and the highest version of it.
fn ranked<'a>(endpoints: &'a [ListedEndpoint], manifest: &Manifest) -> Vec<&'a ListedEndpoint> {
    let mut newest: BTreeMap<&str, Option<&str>> = BTreeMap::new();
    for endpoint in endpoints {
        let date = newest.entry(&endpoint.krate).or_default();
        *date = (*date).max(endpoint.date.as_deref());
    }
    let mut ranked: Vec<&ListedEndpoint> = endpoints.iter().collect();
    ranked.sort_by_key(|endpoint| {
        let krate = endpoint.krate.as_str();
        let version = listing::version(&endpoint.id);
        (newer(endpoint, manifest).is_some(), Reverse(newest.get(krate)), krate, Reverse(version))
    });
    ranked
}

/// Returns the title of the section of an endpoint.
fn section_of(endpoint: &ListedEndpoint) -> Option<&'static str> {
    SECTIONS.iter().find(|section| section.filter.has(endpoint)).map(|section| section.title)
}

/// Returns true for an endpoint in a section that goes by the words of ids, such as that of speaking avatars. It does more
/// than its category says.
fn is_special(endpoint: &ListedEndpoint) -> bool {
    let of_category =
        SECTIONS.iter().find(|section| section.filter.words.is_empty() && section.filter.has(endpoint));
    section_of(endpoint) != of_category.map(|section| section.title)
}

/// Puts the endpoints into sections, without a change of their order.
fn sections<'a>(ranked: &[&'a ListedEndpoint]) -> Vec<(&'static str, Vec<&'a ListedEndpoint>)> {
    let mut sections: Vec<(&str, Vec<&ListedEndpoint>)> = Vec::new();
    for section in SECTIONS {
        if !sections.iter().any(|(title, _)| *title == section.title) {
            sections.push((section.title, Vec::new()));
        }
    }
    for endpoint in ranked {
        let title = section_of(endpoint);
        if let Some((_, endpoints)) = sections.iter_mut().find(|(other, _)| Some(*other) == title) {
            endpoints.push(endpoint);
        }
    }
    sections.retain(|(_, endpoints)| !endpoints.is_empty());
    // Training is for few readers.
    sections.sort_by_key(|(title, _)| *title == "Training");
    sections
}

/// Returns the table of the endpoints that do a task of `fal_client::task`.
fn task_table(tasks: &BTreeMap<&'static str, Vec<String>>) -> String {
    let mut modules: Vec<&String> = tasks.values().flatten().collect();
    modules.sort();
    modules.dedup();
    let mut page = format!(
        "\n## Tasks\n\n\
         {} endpoints implement a trait of `fal_client::task`, so that another model does the same task when one path is \
         changed.\n\n\
         | task | endpoints | modules |\n|---|---|---|\n",
        modules.len(),
    );
    for (task, modules) in tasks {
        let listed: Vec<String> = modules.iter().map(|module| format!("`{module}`")).collect();
        page.push_str(&format!("| {task} | {} | {} |\n", modules.len(), listed.join(", ")));
    }
    page
}

/// Returns the anchor that GitHub gives to a title.
fn anchor(title: &str) -> String {
    let plain = title.to_lowercase();
    plain
        .chars()
        .filter(|c| c.is_alphanumeric() || *c == ' ')
        .map(|c| if c == ' ' { '-' } else { c })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(krate: &str, id: &str, category: &str, date: &str) -> ListedEndpoint {
        ListedEndpoint {
            krate: krate.to_owned(),
            module: krate.replace('-', "_"),
            id: id.to_owned(),
            title: "A | B".to_owned(),
            summary: "Draws.".to_owned(),
            category: category.to_owned(),
            date: (!date.is_empty()).then(|| date.to_owned()),
            parameters: vec!["prompt".to_owned()],
            requires_id: false,
        }
    }

    #[test]
    fn families_are_listed_by_purpose_with_the_newest_first_and_superseded_ones_last() {
        let text = "[crates.fal-old]\napp = \"a/old\"\ntitle = \"Old\"\nendpoints = [\"a/old\"]\n\
                    superseded_by = \"fal-new\"\n\
                    [crates.fal-new]\napp = \"a/new\"\ntitle = \"New\"\nendpoints = [\"a/new\", \"a/new/upscale\"]\n\
                    [crates.fal-undated]\napp = \"a/undated\"\ntitle = \"U\"\nendpoints = [\"a/undated\"]\n";
        let manifest = Manifest::parse("manifest.toml", text).unwrap_or_else(|error| panic!("{error}"));
        let endpoints = [
            endpoint("fal-old", "a/old", "text-to-image", "2026-01-01"),
            endpoint("fal-new", "a/new", "text-to-image", "2025-01-01"),
            endpoint("fal-new", "a/new/upscale", "image-to-image", "2025-01-01"),
            endpoint("fal-undated", "a/undated", "text-to-image", ""),
        ];
        let page = readme("generated", &manifest, &endpoints, &BTreeMap::new());
        let at = |text: &str| page.find(text).unwrap_or_else(|| panic!("no {text:?} in {page}"));
        assert!(at("## Upscaling") < at("/a/new/upscale"));
        assert!(at("/a/new/upscale") < at("## Images from text"));
        assert!(at("models/a/new)") < at("a/undated") && at("a/undated") < at("models/a/old)"));
        assert!(page.contains("| Draws. Superseded by `fal-new`. |"), "{page}");
        assert!(page.contains("[A \\| B]"), "{page}");
        assert_eq!(guide("generated", &manifest, &endpoints).matches("\n//! | [`fal_").count(), 4);
    }

    #[test]
    fn a_purpose_lists_two_endpoints_of_a_crate_and_none_that_is_superseded() {
        let text = "[crates.fal-old]\napp = \"a/old\"\ntitle = \"Old\"\nendpoints = [\"a/old\"]\n\
                    superseded_by = \"fal-new\"\n\
                    [crates.fal-new]\napp = \"a/new\"\ntitle = \"New\"\nendpoints = [\"a/new\"]\n";
        let manifest = Manifest::parse("manifest.toml", text).unwrap_or_else(|error| panic!("{error}"));
        let endpoints = [
            endpoint("fal-old", "a/old/ocr", "vision", "2026-01-01"),
            endpoint("fal-new", "a/new/ocr", "vision", "2025-01-01"),
            endpoint("fal-new", "a/new/ocr/v2", "vision", "2025-01-02"),
            endpoint("fal-new", "a/new/ocr/v10", "vision", "2025-01-03"),
        ];
        let ranked = ranked(&endpoints, &manifest);
        let table = choices_table(&ranked, &manifest, |endpoint| endpoint.id.clone());
        assert!(
            table.contains(&"| Read the text of a page (OCR) | a/new/ocr/v10, a/new/ocr/v2 |".to_owned()),
            "{table:#?}"
        );
        let page = readme("generated", &manifest, &endpoints, &BTreeMap::new());
        assert!(page.contains("## First choices") && !page.contains("| Upscale a video |"), "{page}");
    }

    #[test]
    fn new_endpoint_of_an_old_family_does_not_move_the_others_to_the_first_choices() {
        let text = "[crates.fal-old]\napp = \"a/old\"\ntitle = \"Old\"\nendpoints = [\"a/old\"]\n\
                    [crates.fal-new]\napp = \"a/new\"\ntitle = \"New\"\nendpoints = [\"a/new\"]\n";
        let manifest = Manifest::parse("manifest.toml", text).unwrap_or_else(|error| panic!("{error}"));
        let mut endpoints = vec![
            endpoint("fal-old", "a/old", "text-to-image", "2024-01-01"),
            endpoint("fal-old", "a/old/edit", "image-to-image", ""),
            endpoint("fal-old", "a/old/understand", "vision", "2024-01-01"),
            endpoint("fal-old", "a/old/inpaint", "image-to-image", "2026-01-01"),
            endpoint("fal-new", "a/new", "text-to-image", "2025-01-01"),
            endpoint("fal-new", "a/new/edit", "image-to-image", "2025-01-01"),
            endpoint("fal-new", "a/new/later", "text-to-image", "2026-02-01"),
        ];
        if let Some(endpoint) = endpoints.last_mut() {
            endpoint.summary.clear();
        }
        let table = choices_table(&ranked(&endpoints, &manifest), &manifest, |endpoint| endpoint.id.clone());
        for row in [
            "| Generate an image | a/new, a/old |",
            "| Change an image by a prompt | a/new/edit, a/old/edit |",
        ] {
            assert!(table.contains(&row.to_owned()), "{row}: {table:#?}");
        }
    }

    #[test]
    fn speaking_avatars_and_endpoints_that_need_something_of_the_account_are_no_first_choices() {
        let text = "[crates.fal-a]\napp = \"a/b\"\ntitle = \"A\"\nendpoints = [\"a/b\"]\n";
        let manifest = Manifest::parse("manifest.toml", text).unwrap_or_else(|error| panic!("{error}"));
        let mut finetuned = endpoint("fal-d", "d/custom-models/generate", "text-to-image", "2026-03-01");
        finetuned.requires_id = true;
        let endpoints = [
            finetuned,
            endpoint("fal-a", "a/b", "text-to-image", "2025-01-01"),
            endpoint("fal-b", "a/heygen/avatar5/digital-twin", "text-to-video", "2026-03-01"),
            endpoint("fal-c", "a/c", "text-to-video", "2025-01-01"),
            endpoint("fal-c", "a/c/tts", "text-to-speech", "2025-01-01"),
        ];
        let table = choices_table(&ranked(&endpoints, &manifest), &manifest, |endpoint| endpoint.id.clone());
        for row in ["| Generate an image | a/b |", "| Generate a video | a/c |", "| Speak a text | a/c/tts |"]
        {
            assert!(table.contains(&row.to_owned()), "{row}: {table:#?}");
        }
        let list = choices_list("generated", &manifest, &endpoints);
        let expected = "# generated\nGenerate an image\ttext-to-image\ta/b\nGenerate a video\ttext-to-video\ta/c\n\
                        Speak a text\ttext-to-speech\ta/c/tts\n";
        assert_eq!(list, expected);
    }

    #[test]
    fn a_date_that_is_not_known_is_that_of_the_closest_endpoints() {
        let dated = |id: &str, date: &str| endpoint("fal-a", id, "text-to-image", date);
        let all = [
            dated("a/b/v4/text", "2025-01-01"),
            dated("a/b/v5/text", "2026-01-01"),
            dated("a/b/v6/text", "2026-05-01"),
            dated("a/b/v5/edit", ""),
            dated("a/b/edit", ""),
            endpoint("fal-c", "c/d", "vision", ""),
        ];
        let ranked: Vec<&ListedEndpoint> = all.iter().collect();
        let dates: Vec<Option<&str>> =
            all[3..].iter().map(|endpoint| estimate_date(endpoint, &ranked)).collect();
        assert_eq!(dates, [Some("2026-01-01"), Some("2026-01-01"), None]);
    }

    #[test]
    fn an_anchor_has_the_words_of_its_title() {
        assert_eq!(anchor("Text to speech, and voices"), "text-to-speech-and-voices");
    }
}
