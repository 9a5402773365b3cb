//! The pages that list all endpoints by their purpose: of the folder of crates, and of the documentation of the client.

use std::{cmp::Reverse, collections::BTreeMap};

use crate::{
    emit::docs,
    manifest::Manifest,
    rust::{Crate, Module},
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
}

/// A part of the pages. An endpoint belongs to the first one that it fits.
struct Section {
    title: &'static str,
    /// Categories, any of which the endpoint has. Any category fits if there are none.
    categories: &'static [&'static str],
    /// Words, one of which is in the id. Any id fits if there are none.
    words: &'static [&'static str],
}

const SECTIONS: &[Section] = &[
    Section { title: "Training", categories: &["training"], words: &[] },
    Section {
        title: "Upscaling images and videos",
        categories: &["image-to-image", "video-to-video"],
        words: &[
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
        ],
    },
    Section {
        title: "Backgrounds, masks and depth",
        categories: &["image-to-image", "video-to-video"],
        words: &[
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
    },
    Section {
        title: "Speaking avatars and lip sync",
        categories: &["image-to-video", "text-to-video", "video-to-video", "audio-to-video"],
        words: &[
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
    },
    Section { title: "Images from text", categories: &["text-to-image"], words: &[] },
    Section { title: "Changing images", categories: &["image-to-image"], words: &[] },
    Section { title: "Video from text", categories: &["text-to-video"], words: &[] },
    Section { title: "Video from images", categories: &["image-to-video"], words: &[] },
    Section { title: "Changing videos", categories: &["video-to-video"], words: &[] },
    Section { title: "Video from sound", categories: &["audio-to-video"], words: &[] },
    Section {
        title: "Text to speech, and voices",
        categories: &["text-to-speech", "speech-to-speech", "text-to-audio", "audio-to-audio"],
        words: &["tts", "speech", "voice", "kokoro", "zonos", "csm", "dia", "dubbing"],
    },
    Section {
        title: "Text to speech, and voices",
        categories: &["text-to-speech", "speech-to-speech", "speech"],
        words: &[],
    },
    Section { title: "Speech to text", categories: &["speech-to-text", "audio-to-text"], words: &[] },
    Section {
        title: "Music and sound",
        categories: &["text-to-audio", "audio-to-audio", "video-to-audio", "audio"],
        words: &[],
    },
    Section { title: "3D", categories: &["image-to-3d", "text-to-3d", "3d-to-3d", "3d"], words: &[] },
    Section { title: "Language, vision and data", categories: &[], words: &[] },
];

impl Section {
    fn has(&self, endpoint: &ListedEndpoint) -> bool {
        let is_in_id = |word: &&str| {
            let part = |id: &str| id.split(['/', '-', '_']).any(|part| part == *word);
            part(&endpoint.id) || word.contains('-') && endpoint.id.contains(*word)
        };
        (self.categories.is_empty() || self.categories.contains(&endpoint.category.as_str()))
            && (self.words.is_empty() || self.words.iter().any(is_in_id))
    }
}

/// Lists the endpoints of a crate.
pub(crate) fn list(item: &Crate) -> Vec<ListedEndpoint> {
    let mut found = Vec::new();
    add(item, &item.root, &mut found);
    found
}

fn add(item: &Crate, module: &Module, found: &mut Vec<ListedEndpoint>) {
    if let Some(endpoint) = &module.endpoint {
        let path: String = module.path.iter().map(|part| format!("::{part}")).collect();
        let first = endpoint.description.split_inclusive(". ").next().unwrap_or_default();
        found.push(ListedEndpoint {
            krate: item.name.clone(),
            module: format!("{}{path}", item.lib_name()),
            id: endpoint.id.clone(),
            title: endpoint.title.clone(),
            summary: first.trim().to_owned(),
            category: endpoint.category.clone().unwrap_or_default(),
            date: endpoint.date.clone(),
        });
    }
    module.children.iter().for_each(|child| add(item, child, found));
}

/// Returns the page of the folder of crates.
pub(crate) fn readme(
    head: &str,
    manifest: &Manifest,
    endpoints: &[ListedEndpoint],
    tasks: &BTreeMap<&'static str, Vec<String>>,
) -> String {
    let sections = sections(endpoints, manifest);
    let mut page = format!(
        "<!-- {head} -->\n# The model crates\n\n\
         {} endpoints in {} crates, by purpose. In each part, the family that fal published last comes first. The \
         documentation of a crate lists its modules, and `cargo add <crate>` adds it to an app. Prices are on the pages of \
         fal, and `Client::platform` reads them.\n\n",
        endpoints.len(),
        manifest.crates.len(),
    );
    for (title, families) in &sections {
        let count: usize = families.iter().map(|(_, endpoints)| endpoints.len()).sum();
        page.push_str(&format!("- [{title}](#{}): {count}\n", anchor(title)));
    }
    page.push_str(&format!("- [Tasks](#tasks): {} that many models do alike\n", tasks.len()));
    for (title, families) in &sections {
        page.push_str(&format!("\n## {title}\n\n| module | model | purpose |\n|---|---|---|\n"));
        for (krate, endpoints) in families {
            for endpoint in endpoints {
                page.push_str(&format!(
                    "| [`{}`]({krate}) | [{}](https://fal.ai/models/{}) | {} |\n",
                    endpoint.module,
                    docs::escape(&endpoint.title),
                    endpoint.id,
                    purpose(endpoint, manifest),
                ));
            }
        }
    }
    page.push_str(&task_table(tasks));
    page
}

/// Returns the page of the client's documentation.
pub(crate) fn guide(head: &str, manifest: &Manifest, endpoints: &[ListedEndpoint]) -> String {
    let mut page = format!(
        "// {head}\n//! All models that have a crate: {} endpoints in {} crates.\n//!\n\
         //! In each part, the family that fal published last comes first. `cargo add <crate>` adds a crate to an app; its\n\
         //! name is the first part of a module's path, with `-` for `_`. Prices are on the pages of fal.\n",
        endpoints.len(),
        manifest.crates.len(),
    );
    for (title, families) in sections(endpoints, manifest) {
        page.push_str(&format!(
            "//!\n//! # {title}\n//!\n//! | module | model | purpose |\n//! |---|---|---|\n"
        ));
        for endpoint in families.iter().flat_map(|(_, endpoints)| endpoints) {
            page.push_str(&format!(
                "//! | [`{module}`](https://docs.rs/{krate}) | [{title}](https://fal.ai/models/{id}) | {purpose} |\n",
                module = endpoint.module,
                krate = endpoint.krate,
                title = docs::escape(&endpoint.title),
                id = endpoint.id,
                purpose = purpose(endpoint, manifest),
            ));
        }
    }
    page
}

/// Returns the last column of a row: the description, and the family that supersedes the endpoint's.
fn purpose(endpoint: &ListedEndpoint, manifest: &Manifest) -> String {
    let newer = manifest.crates.get(&endpoint.krate).and_then(|family| family.superseded_by.as_ref());
    let newer = newer.map(|name| format!(" Superseded by `{name}`.")).unwrap_or_default();
    format!("{}{newer}", docs::escape(&endpoint.summary))
}

type Families<'a> = Vec<(&'a str, Vec<&'a ListedEndpoint>)>;

/// Puts the endpoints into sections and families: superseded ones last, then the newest first.
fn sections<'a>(endpoints: &'a [ListedEndpoint], manifest: &Manifest) -> Vec<(&'static str, Families<'a>)> {
    let mut newest: BTreeMap<&str, Option<&str>> = BTreeMap::new();
    for endpoint in endpoints {
        let date = newest.entry(&endpoint.krate).or_default();
        *date = (*date).max(endpoint.date.as_deref());
    }
    let mut sections: Vec<(&str, BTreeMap<&str, Vec<&ListedEndpoint>>)> = Vec::new();
    for section in SECTIONS {
        if !sections.iter().any(|(title, _)| *title == section.title) {
            sections.push((section.title, BTreeMap::new()));
        }
    }
    for endpoint in endpoints {
        let title = SECTIONS.iter().find(|section| section.has(endpoint)).map(|section| section.title);
        let section = sections.iter_mut().find(|(other, _)| Some(*other) == title);
        if let Some((_, families)) = section {
            families.entry(&endpoint.krate).or_default().push(endpoint);
        }
    }
    let is_superseded =
        |krate: &str| manifest.crates.get(krate).is_some_and(|family| family.superseded_by.is_some());
    let sorted =
        sections.into_iter().filter(|(_, families)| !families.is_empty()).map(|(title, families)| {
            let mut families: Families<'_> = families.into_iter().collect();
            families.sort_by_key(|(krate, _)| (is_superseded(krate), Reverse(newest.get(krate)), *krate));
            (title, families)
        });
    let mut sorted: Vec<_> = sorted.collect();
    // Training is for few readers.
    sorted.sort_by_key(|(title, _)| *title == "Training");
    sorted
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
    fn an_anchor_has_the_words_of_its_title() {
        assert_eq!(anchor("Text to speech, and voices"), "text-to-speech-and-voices");
    }
}
