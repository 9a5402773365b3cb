//! Prices of the platform API: those that the user gave, and others, which are marked as invented.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use serde_json::{Value, json};

use super::body_error;
use super::parameters::Parameters;
use super::platform::{MAX_LIMIT, check_key, endpoint_ids, error, invalid, page};
use super::usage::mark;
use crate::app::App;
use crate::endpoint_id;
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
        let price = app.billing.price(&model.id);
        let mut entry = json!({
            "endpoint_id": model.id, "unit_price": price.unit_price, "unit": price.unit, "currency": "USD",
        });
        mark(&mut entry, &price);
        entry
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
    let (mut total, mut is_invented) = (0.0, false);
    for (id, quantities) in endpoints {
        let price = app.billing.price(&find(&app, id)?.id);
        is_invented |= price.is_invented;
        let count = quantities.get(quantity).and_then(Value::as_f64).filter(|count| *count > 0.0);
        let whole = kind == "unit_price" || count.is_some_and(|count| count.fract() == 0.0);
        let count = count.filter(|_| whole);
        total += price.unit_price
            * count
                .ok_or_else(|| invalid(&format!("endpoints.{id}.{quantity}: expected a positive number")))?;
    }
    let mut body = json!({"estimate_type": kind, "total_cost": total, "currency": "USD"});
    if is_invented {
        body["is_invented"] = json!(true);
    }
    Ok(Reply::ok(body))
}

fn find(app: &App, id: &str) -> Result<Arc<Model>, Reply> {
    let missing = || error(StatusCode::NOT_FOUND, "not_found", &format!("Endpoint {id:?} not found"));
    app.models.find(&endpoint_id::canonical(id)).ok_or_else(missing)
}
