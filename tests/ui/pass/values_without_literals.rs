// The forms that the messages of the compiler advise for parameters that have no literals.
#[path = "../fixture/poster.rs"]
#[allow(dead_code)]
mod poster;

use std::collections::BTreeMap;

use fal_core::input;
use fal_flux::{dev, types::CustomImageSize};
use serde_json::json;

fn main() {
    let (a, b) = (0.5, 0.25);
    let _ = input!(poster { title: "Gold", background: { text: "sky" }, layers: [{ text: "sky" }, { text: "sea" }] });
    let _ = input!(poster { title: "Gold", center: (a, b), grid: (7.into(), 8.into()), "seeds": json!([1, 2]) });
    let _ = input!(poster { title: "Gold", colours: BTreeMap::from([("sky".to_owned(), "blue".to_owned())]) });
    let _ = input!(poster { title: "Gold", frame: poster::Frame::Integer(7.into()) });
    let size = CustomImageSize::builder().width(512.try_into().ok()).build();
    let _ = input!(dev { prompt: "a cat", image_size: dev::ImageSize::Custom(size) });
}
