//! Everything that `input!` takes.

#[path = "../fixture/poster.rs"]
#[allow(dead_code)]
mod poster;

/// A crate that offers the models under names of its own.
mod models {
    pub use fal_core as core;
    pub use fal_flux as flux;
}

use fal_core::{File, IntoInput, input};
use fal_flux::{dev, types::CustomImageSize};
use serde_json::{Value, json};

fn written(input: impl IntoInput) -> Value {
    serde_json::to_value(input.into_input()).unwrap()
}

fn main() {
    let rough = input!(poster {
        title: "Gold",
        width: 64,
        layers: [{ text: "sky", opacity: 0.5 }, poster::types::Layer::builder().text("sea").build()],
        background: { text: { let name = "mist"; name.to_uppercase() } },
        tags: ["art", poster::Tags::Ad],
        dpi: 300,
        image_urls: ["https://example.com/cat.png", File::url("https://example.com/dog.png")],
        "brand_new": json!([1, 2]),
        "newer": 7,
    });
    let all = json!({
        "title": "Gold", "width": 64, "layers": [{ "text": "sky", "opacity": 0.5 }, { "text": "sea" }],
        "background": { "text": "MIST" }, "tags": ["art", "ad"], "dpi": 300,
        "image_urls": ["https://example.com/cat.png", "https://example.com/dog.png"],
        "brand_new": [1, 2], "newer": 7,
    });
    assert_eq!(written(rough.clone()), all);

    let mut fine = all;
    fine["width"] = json!(2048);
    assert_eq!(written(input!(poster { width: 2048, ..rough })), fine);

    let some = dev::Input::builder().seed(7).num_images(None);
    assert_eq!(written(input!(dev { prompt: "a cat", ..some })), json!({ "prompt": "a cat", "seed": 7 }));

    let (width, seed) = (dev::GuidanceScale::try_from(2.0).ok(), None::<i64>);
    let sized = input!(dev { prompt: "a cat", guidance_scale: width, seed, image_size: { width: 512, height: 768 } });
    assert_eq!(
        written(sized),
        json!({ "prompt": "a cat", "guidance_scale": 2.0, "image_size": { "width": 512, "height": 768 } })
    );
    let square = CustomImageSize::builder().build();
    let _ = input!(dev { prompt: "a cat", image_size: dev::ImageSize::from(square) });

    let named = models::core::input!(models::flux::dev { prompt: "a cat", image_size: "square_hd", output_format: "png" });
    assert_eq!(written(named), json!({ "prompt": "a cat", "image_size": "square_hd", "output_format": "png" }));
    let _ = models::core::input!(::fal_flux::dev { prompt: "a cat", image_size: {} });
}
