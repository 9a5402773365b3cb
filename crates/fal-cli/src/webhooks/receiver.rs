//! The server of `fal-cli listen`: it receives deliveries of the service and shows the keys by which programs verify them.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{get, post};
use axum::{Json, Router};
use fal_client::webhook::{Verifier, response_status};
use serde_json::Value;
use tokio::net::TcpListener;

use super::{Deliverer, Delivery};
use crate::failure::{Failure, Result};

/// The path of the key set.
pub(crate) const KEY_SET_PATH: &str = "/.well-known/jwks.json";

/// The largest body of a delivery, in bytes. Outputs can contain pictures as `data:` URLs.
const MAX_BODY: usize = 64 << 20;

struct Receiver {
    deliverer: Arc<Deliverer>,
    verifier: Verifier,
    forward_to: String,
}

/// Binds an address of this machine, and no other: whoever reaches it can send deliveries to local programs.
pub(crate) async fn bind(address: SocketAddr) -> Result<TcpListener> {
    if !address.ip().is_loopback() {
        return Err(Failure::usage(format!("--at {address}: only this machine may connect; use 127.0.0.1")));
    }
    let bound = TcpListener::bind(address).await;
    bound.map_err(|error| {
        Failure::usage(format!("--at {address}: {error}; --at 127.0.0.1:0 takes a free port"))
    })
}

/// Serves the key set, and passes deliveries with a valid signature on if a program was named.
pub(crate) async fn serve(
    listener: TcpListener,
    deliverer: Arc<Deliverer>,
    service_keys: Value,
    forward_to: Option<(String, Verifier)>,
) -> Result<()> {
    let mut keys = deliverer.sender.key_set();
    if let (Some(own), Value::Array(more)) = (keys["keys"].as_array_mut(), &service_keys["keys"]) {
        own.extend(more.iter().cloned());
    }
    let mut router = Router::new().route(KEY_SET_PATH, get(async move || Json(keys)));
    if let Some((forward_to, verifier)) = forward_to {
        let receiver = Arc::new(Receiver { deliverer, verifier: verifier.max_body(MAX_BODY), forward_to });
        router = router.fallback_service(post(receive).with_state(receiver));
    }
    let router = router.layer(axum::extract::DefaultBodyLimit::max(MAX_BODY));
    axum::serve(listener, router).await.map_err(|error| Failure::usage(error.to_string()))
}

/// Passes a delivery on, and answers as the program does.
async fn receive(State(receiver): State<Arc<Receiver>>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let Receiver { deliverer, verifier, forward_to } = &*receiver;
    let delivery = match verifier.verify(&headers, body.clone()).await {
        Ok(delivery) => delivery,
        Err(error) => {
            eprintln!("a delivery was refused: {error}");
            return response_status(&error);
        }
    };
    let passed = headers
        .iter()
        .filter(|(name, _)| name.as_str() == "content-type" || name.as_str().starts_with("x-fal-webhook-"));
    let passed = passed.filter_map(|(name, value)| Some((name.to_string(), value.to_str().ok()?.to_owned())));
    let headers: Vec<(String, String)> = passed.collect();
    let delivery = Delivery {
        url: forward_to.clone(),
        request_id: delivery.request_id().to_owned(),
        body: String::from_utf8_lossy(&body).into_owned(),
    };
    match deliverer.forward(delivery, &headers).await {
        Ok(answer) => answer
            .status()
            .and_then(|status| StatusCode::from_u16(status).ok())
            .unwrap_or(StatusCode::BAD_GATEWAY),
        Err(failure) => {
            failure.print(false);
            StatusCode::INTERNAL_SERVER_ERROR
        }
    }
}
