//! Snapshots of whole modules as `fal-codegen --module` generates them: an image model, a video model and a speech model.
//!
//! The modules are generated here, from the documents in `schemas/`. The golden files of `codegen/tests/golden` show one
//! construct each; these show how constructs look together.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::fs;

use fal_codegen::{Generator, Options, Source};

/// Generates the module of one endpoint.
fn module(id: &str) -> String {
    let file = format!("schemas/{id}.json");
    let text = fs::read_to_string(fal_tests::root().join(&file)).unwrap();
    let generator = Generator::new(Options::default());
    generator.module(&[Source { file, text }]).unwrap_or_else(|errors| panic!("{errors}")).text
}

#[test]
fn flux_dev() {
    insta::assert_snapshot!(module("fal-ai/flux/dev"));
}

#[test]
fn kling_image_to_video() {
    insta::assert_snapshot!(module("fal-ai/kling-video/v3/pro/image-to-video"));
}

#[test]
fn whisper() {
    insta::assert_snapshot!(module("fal-ai/whisper"));
}
