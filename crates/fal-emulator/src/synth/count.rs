//! How many items a list gets.

use serde_json::Value;

use super::request::Request;

/// The number of items of the list `field` whose schema is `schema`.
pub(super) fn items(request: &Request, field: &str, schema: &Value, holds_files: bool) -> usize {
    let is_per_result = holds_files || field.contains("nsfw") || field == "seeds";
    let wanted = if is_per_result { request.count() } else { 1 };
    let bound =
        |name: &str| schema.get(name).and_then(Value::as_u64).and_then(|bound| usize::try_from(bound).ok());
    wanted.min(bound("maxItems").unwrap_or(usize::MAX)).max(bound("minItems").unwrap_or(0))
}
