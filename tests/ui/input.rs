//! Every form of `input!`, and the JSON that it produces.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[rustfmt::skip]
#[path = "fixture/poster.rs"]
#[allow(dead_code, unreachable_pub, reason = "generated modules are made for other crates")]
mod poster;

use std::collections::BTreeMap;

use fal_core::{File, IntoInput, input};
use fal_flux::{dev, types::CustomImageSize};
use fal_kling_video::v3::pro::image_to_video;
use serde_json::{Value, json};

/// A crate that re-exports the models under other names.
#[allow(unreachable_pub, reason = "the module stands for another crate")]
mod models {
    pub use fal_core as core;
    pub use fal_flux as flux;
}

/// Serializes an input as a call does.
fn to_json(input: impl IntoInput) -> Value {
    serde_json::to_value(input.into_input()).unwrap()
}

#[test]
fn literals_of_all_types_are_accepted() {
    let input = input!(poster { title: "Gold", strength: 0.5, width: 512, tags: ["art"], dpi: 300 });
    assert_eq!(
        to_json(input),
        json!({ "title": "Gold", "strength": 0.5, "width": 512, "tags": ["art"], "dpi": 300 })
    );
    let input =
        input!(dev { prompt: "a cat", image_size: "square_hd", output_format: "png", sync_mode: false });
    assert_eq!(
        to_json(input),
        json!({ "prompt": "a cat", "image_size": "square_hd", "output_format": "png", "sync_mode": false })
    );
}

#[test]
fn literals_on_their_bounds_are_accepted() {
    let low = input!(poster { title: "abc", width: 64, strength: 1.0 });
    assert_eq!(to_json(low), json!({ "title": "abc", "width": 64, "strength": 1.0 }));
    let high = input!(poster { title: "exactly twenty chars", width: 2048 });
    assert_eq!(high.title.len(), 20);
}

#[test]
fn negative_literals_and_arithmetic_are_accepted() {
    let seed = 7;
    let seeds = [
        input!(dev { prompt: "a cat", seed: -7 }),
        input!(dev { prompt: "a cat", seed: -seed }),
        input!(dev { prompt: "a cat", seed: -(seed + 1), num_images: 2 }),
        input!(dev { prompt: "a cat", seed: -2 * seed }),
        input!(dev { prompt: "a cat", seed: 2 * seed }),
        input!(dev { prompt: "a cat", seed: -9_223_372_036_854_775_808 }),
        input!(dev { prompt: "a cat", seed: 9_223_372_036_854_775_807 }),
    ]
    .map(|input| input.seed.unwrap());
    assert_eq!(seeds, [-7, -7, -8, -14, 14, i64::MIN, i64::MAX]);
}

#[test]
fn expressions_options_and_shorthand_fields_are_accepted() {
    let title = format!("{} title", "a");
    let strength: Option<poster::Strength> = None;
    let width = poster::Width::try_from(640);
    let input = input!(poster { title, strength, width: width.unwrap() });
    assert_eq!(to_json(input), json!({ "title": "a title", "width": 640 }));
}

#[test]
fn a_block_is_taken_as_an_expression_and_not_as_a_struct() {
    let input = input!(poster {
        title: {
            let mut text = "a".to_owned();
            text.push_str(" block");
            text
        }
    });
    assert_eq!(input.title, "a block");
}

#[test]
fn braces_build_structs_and_unions_of_structs() {
    let text = "sky";
    let input = input!(poster { title: "Gold", background: { text, opacity: 0.5 }, width: 64 });
    assert_eq!(
        to_json(input),
        json!({ "title": "Gold", "background": { "text": "sky", "opacity": 0.5 }, "width": 64 })
    );

    let sized = input!(dev { prompt: "a cat", image_size: { width: 512, height: 768 } });
    assert_eq!(to_json(sized)["image_size"], json!({ "width": 512, "height": 768 }));
    let empty = input!(dev { prompt: "a cat", image_size: {} });
    assert_eq!(to_json(empty)["image_size"], json!({}));
    let size = CustomImageSize::builder().width(64.try_into().ok()).build();
    let given = input!(dev { prompt: "a cat", image_size: dev::ImageSize::from(size) });
    assert_eq!(to_json(given)["image_size"], json!({ "width": 64 }));
}

#[test]
fn a_nested_struct_can_have_a_base() {
    let layer =
        input!(poster { title: "Gold", background: { text: "sky", opacity: 0.5 } }).background.unwrap();
    let input = input!(poster { title: "Gold", background: { text: "sea", ..layer } });
    assert_eq!(to_json(input)["background"], json!({ "text": "sea", "opacity": 0.5 }));
}

#[test]
fn lists_can_mix_literals_values_and_structs() {
    let sea = poster::types::Layer::builder().text("sea").build();
    let input = input!(poster {
        title: "Gold",
        image_urls: ["https://example.com/cat.png", File::url("https://example.com/dog.png")],
        layers: [{ text: "sky", opacity: 0.5 }, sea],
        tags: ["art", poster::Tags::Ad],
    });
    let expected = json!({
        "title": "Gold",
        "image_urls": ["https://example.com/cat.png", "https://example.com/dog.png"],
        "layers": [{ "text": "sky", "opacity": 0.5 }, { "text": "sea" }],
        "tags": ["art", "ad"],
    });
    assert_eq!(to_json(input), expected);

    let list = vec![File::url("https://example.com/cat.png")];
    let input = input!(poster { title: "Gold", image_urls: list });
    assert_eq!(input.image_urls.unwrap().len(), 1);

    let shots = input!(image_to_video {
        start_image_url: "https://example.com/a.png",
        multi_prompt: [{ prompt: "first" }, { prompt: "second" }],
    });
    assert_eq!(to_json(shots)["multi_prompt"][1]["prompt"], "second");
}

#[test]
fn values_without_literals_are_written_as_the_compiler_advises() {
    let input = input!(poster {
        title: "Gold",
        center: (0.5, 0.25),
        grid: (3.into(), 4.into()),
        colours: BTreeMap::from([("sky".to_owned(), "blue".to_owned())]),
        frame: poster::Frame::Integer(3.into()),
    });
    let expected = json!({
        "title": "Gold",
        "center": [0.5, 0.25],
        "grid": [3, 4],
        "colours": { "sky": "blue" },
        "frame": 3,
    });
    assert_eq!(to_json(input), expected);
}

/// The macro defines a module in the same scope, and variables of the same names.
#[test]
fn values_may_name_any_item_of_the_caller() {
    mod _once {
        pub(super) const TITLE: &str = "Once";
    }
    #[allow(non_upper_case_globals, reason = "a constant with the name of a parameter")]
    const width: i64 = 64;
    let input =
        input!(poster { title: _once::TITLE, width: poster::Width::new(width), dpi: 72, "width_unit": "px" });
    assert_eq!(to_json(input), json!({ "title": "Once", "width": 64, "dpi": 72, "width_unit": "px" }));
}

#[test]
fn quoted_names_set_parameters_that_the_crate_does_not_know() {
    let input = input!(poster { title: "Gold", "turbo": true, "layers": json!([]), "passes": 2 });
    assert_eq!(to_json(input), json!({ "title": "Gold", "turbo": true, "layers": [], "passes": 2 }));
}

#[test]
fn a_base_sets_the_parameters_that_are_left_out() {
    let base = input!(poster { title: "Base", width: 64, tags: ["art"], "turbo": true });
    let input = input!(poster {
        title: "New",
        width: 128,
        background: { text: "sea" },
        dpi: 72,
        "turbo": false,
        ..base.clone()
    });
    let expected = json!({
        "title": "New",
        "width": 128,
        "background": { "text": "sea" },
        "tags": ["art"],
        "dpi": 72,
        "turbo": false,
    });
    assert_eq!(to_json(input), expected);

    let without = input!(poster { width: None, ..base.clone() });
    assert_eq!(without.width, None, "`None` overrides the base");
    let longer = input!(poster { title: base.title.to_uppercase(), tags: ["ad"], ..base });
    assert_eq!(
        to_json(longer),
        json!({ "title": "BASE", "width": 64, "tags": ["ad"], "turbo": true }),
        "a value may be computed from the base"
    );
    assert_eq!(to_json(input!(poster { ..input!(poster { title: "All" }) })), json!({ "title": "All" }));
}

#[test]
fn crates_can_be_named_by_other_paths() {
    let named = models::core::input!(models::flux::dev { prompt: "a cat", image_size: "square" });
    assert_eq!(to_json(named), json!({ "prompt": "a cat", "image_size": "square" }));
    let absolute = fal_core::input!(::fal_flux::dev { prompt: "a cat", image_size: {} });
    assert_eq!(absolute.prompt, "a cat");
}
