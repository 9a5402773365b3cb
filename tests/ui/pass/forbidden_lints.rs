// The macros allow no lint, because that does not compile in a crate that forbids the lint.
// An `allow` of a lint that only its group forbids is a warning, so the groups come first.
#![forbid(nonstandard_style, unused, unsafe_code, unstable_name_collisions)]
#![forbid(dead_code, unused_assignments, unused_imports, unused_mut, unused_must_use, unused_parens, unused_qualifications)]
#![forbid(non_camel_case_types, non_snake_case, non_upper_case_globals, unused_variables, unreachable_code)]

use fal_core::{File, Violations, input, try_input};
use fal_flux::{dev, dev::image_to_image};
use fal_whisper as whisper;

macro_rules! cat {
    ($($more:tt)*) => {
        input!(dev { prompt: "a cat", $($more)* })
    };
}

fn main() -> Result<(), Violations> {
    let seed = 2;
    let base = input!(dev { prompt: "a cat", seed, num_images: 2, guidance_scale: 3.5, sync_mode: true });
    let base = input!(dev { output_format: "png", image_size: { width: 512, height: 768 }, "whiskers": 12, ..base });
    let base = try_input!(dev { prompt: "a dog", seed: seed + 1, "whiskers": 13, ..base })?;
    let _ = (cat!(num_images: 1), cat!(seed: -1, ..base));
    let _ = try_input!(dev { prompt: "a cat", image_size: { width: 512 }, num_images: seed })?;
    let _ = input!(image_to_image { prompt: "a cat", image_url: File::path("cat.png") });
    let _ = try_input!(whisper { audio_url: "https://example.com/cat.mp3", "language": "de", "task": "x" })?;
    Ok(())
}
