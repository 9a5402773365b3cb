//! The platform API: the catalogue of models.

use std::sync::Arc;

use axum::extract::{RawQuery, State};
use serde_json::{Value, json};

use super::query;
use crate::app::App;
use crate::models::Model;
use crate::reply::Reply;

/// `GET /platform/v1/models[?endpoint_id=…][&expand=openapi-3.0]`, on one page.
pub(super) async fn models(State(app): State<Arc<App>>, RawQuery(query): RawQuery) -> Reply {
    let query = query.unwrap_or_default();
    let wanted = list(&query, "endpoint_id");
    let with_document = list(&query, "expand").iter().any(|part| part == "openapi-3.0");
    let models: Vec<Value> = app
        .models
        .all()
        .filter(|model| wanted.is_empty() || wanted.contains(&model.id))
        .map(|model| entry(model, with_document))
        .collect();
    Reply::ok(json!({"models": models, "next_cursor": null, "has_more": false}))
}

/// A parameter that may be repeated, or hold several values between commas.
fn list(query: &str, name: &str) -> Vec<String> {
    query::values(query, name)
        .flat_map(|value| value.split(',').map(str::to_owned).collect::<Vec<_>>())
        .collect()
}

fn entry(model: &Model, with_document: bool) -> Value {
    let mut entry = json!({"endpoint_id": model.id});
    if let Some(metadata) = &model.metadata {
        entry["metadata"] = metadata.clone();
    }
    if with_document {
        entry["openapi"] = model.openapi.clone();
    }
    entry
}
