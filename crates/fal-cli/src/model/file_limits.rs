//! The limits of files, as documents state them.

use fal_client::core::FileLimits;
use fal_emulator::catalogue::CatalogueModel;
use serde_json::Value;

/// The nesting from which nothing is searched.
const MAX_DEPTH: usize = 4;

/// Returns the limits of the files of a parameter, `x-fal`, which its schema, its items or its alternatives have.
pub(crate) fn find<'a>(model: &'a CatalogueModel, schema: &'a Value, depth: usize) -> Option<&'a Value> {
    let resolved = model.resolve(schema);
    let own = schema.get("x-fal").or_else(|| resolved.get("x-fal")).filter(|limits| limits.is_object());
    if own.is_some() || depth > MAX_DEPTH {
        return own;
    }
    let alternatives =
        ["anyOf", "oneOf", "allOf"].into_iter().filter_map(|key| resolved.get(key)?.as_array());
    let parts = alternatives.flatten().chain(resolved.get("items"));
    parts.filter_map(|part| find(model, part, depth + 1)).next()
}

/// Reads the limits of `x-fal`. Those of a list as a whole are in its `combined`.
pub(crate) fn parse(limits: &Value) -> FileLimits {
    let decimal = |name: &str| limits.get(name).and_then(Value::as_f64).filter(|bound| *bound >= 0.0);
    let least = |name: &str| decimal(name).map(|bound| bound.ceil() as u64);
    let most = |name: &str| decimal(name).map(|bound| bound as u64);
    FileLimits {
        max_bytes: most("max_file_size"),
        min_width: least("min_width"),
        max_width: most("max_width"),
        min_height: least("min_height"),
        max_height: most("max_height"),
        min_area: least("min_area"),
        max_area: most("max_area"),
        multiple_of: most("multiple_of"),
        min_aspect_ratio: decimal("min_aspect_ratio"),
        max_aspect_ratio: decimal("max_aspect_ratio"),
        min_duration: decimal("min_duration"),
        max_duration: decimal("max_duration"),
        min_frames: least("min_frames"),
        max_frames: most("max_frames"),
        min_fps: decimal("min_fps"),
        max_fps: decimal("max_fps"),
        ..FileLimits::NONE
    }
}
