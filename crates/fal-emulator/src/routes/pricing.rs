//! Prices of the platform API. They are invented, because calls of the emulator cost nothing.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use serde_json::{Value, json};

use super::body_error;
use super::parameters::Parameters;
use super::platform::{MAX_LIMIT, check_key, endpoint_ids, error, invalid, page};
use crate::app::App;
use crate::models::Model;
use crate::reply::Reply;
use crate::validate;

/// Handles `GET /platform/v1/models/pricing?endpoint_id=…`: returns the prices of endpoints.
pub(super) async fn prices(
    State(app): State<Arc<App>>,
    Query(parameters): Query<Parameters>,
    headers: HeaderMap,
) -> Result<Reply, Reply> {
    check_key(&app, &headers)?;
    let ids = endpoint_ids(&parameters)?;
    if ids.is_empty() {
        return Err(invalid("endpoint_id: required"));
    }
    let models = ids.iter().map(|id| find(&app, id)).collect::<Result<Vec<_>, _>>()?;
    let page = page(&parameters, &models, MAX_LIMIT)?;
    let prices = page.entries.iter().map(|model| {
        let (unit_price, unit) = price(model);
        json!({"endpoint_id": model.id, "unit_price": unit_price, "unit": unit, "currency": "USD"})
    });
    Ok(page.reply("prices", prices.collect()))
}

/// Handles `POST /platform/v1/models/pricing/estimate`: estimates the cost of calls.
pub(super) async fn estimate(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Reply, Reply> {
    check_key(&app, &headers)?;
    let body = body.map_err(|rejection| body_error(&rejection))?;
    let request = validate::parse_body(&body).map_err(|_| invalid("the body is not JSON"))?;
    let kind = request.get("estimate_type").and_then(Value::as_str).unwrap_or_default();
    let quantity = match kind {
        "historical_api_price" => "call_quantity",
        "unit_price" => "unit_quantity",
        _ => return Err(invalid("estimate_type: expected historical_api_price or unit_price")),
    };
    let endpoints = request.get("endpoints").and_then(Value::as_object);
    let endpoints =
        endpoints.ok_or_else(|| invalid("endpoints: expected an object of quantities by endpoint"))?;
    let mut total = 0.0;
    for (id, quantities) in endpoints {
        let (unit_price, _) = price(find(&app, id)?);
        let count = quantities.get(quantity).and_then(Value::as_f64).filter(|count| *count > 0.0);
        let whole = kind == "unit_price" || count.is_some_and(|count| count.fract() == 0.0);
        let count = count.filter(|_| whole);
        total += unit_price
            * count
                .ok_or_else(|| invalid(&format!("endpoints.{id}.{quantity}: expected a positive number")))?;
    }
    Ok(Reply::ok(json!({"estimate_type": kind, "total_cost": total, "currency": "USD"})))
}

/// Returns the price of a unit of the model's output, and the name of the unit.
fn price(model: &Model) -> (f64, &'static str) {
    match model.category().rsplit('-').next().unwrap_or_default() {
        "video" => (0.1, "seconds"),
        "image" => (0.01, "images"),
        "audio" | "speech" | "music" => (0.001, "seconds"),
        "text" => (0.0001, "seconds"),
        _ => (0.01, "requests"),
    }
}

fn find<'a>(app: &'a App, id: &str) -> Result<&'a Arc<Model>, Reply> {
    let missing = || error(StatusCode::NOT_FOUND, "not_found", &format!("Endpoint {id:?} not found"));
    app.models.get(id.trim_matches('/')).ok_or_else(missing)
}
