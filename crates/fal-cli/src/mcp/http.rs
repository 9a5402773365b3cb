//! The server over streamable HTTP.

use std::net::SocketAddr;
use std::sync::Arc;

use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::transport::{StreamableHttpServerConfig, StreamableHttpService};
use serde_json::json;
use tokio::net::TcpListener;

use super::server::Server;
use crate::failure::{Failure, Result};
use crate::output::print;

/// Serves `/mcp` until Ctrl-C. The first line on stdout is `{"url": …}`.
///
/// Only this machine may connect, because everyone who can spends money: other addresses are refused, and so are requests for
/// other names and those of web pages.
pub(super) async fn serve(server: Server, address: SocketAddr) -> Result<()> {
    if !address.ip().is_loopback() {
        let message =
            format!("--http {address}: everyone who can reach it could spend your money; use 127.0.0.1");
        return Err(Failure::usage(message));
    }
    let failed = |error: std::io::Error| Failure::usage(format!("--http {address}: {error}"));
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let url = format!("http://{}/mcp", listener.local_addr().map_err(failed)?);
    let config = StreamableHttpServerConfig::default().enforce_origin_validation();
    let stop = config.cancellation_token.clone();
    let service = StreamableHttpService::new(
        move || Ok(server.clone()),
        Arc::new(LocalSessionManager::default()),
        config,
    );
    let router = axum::Router::new().nest_service("/mcp", service);
    print(&json!({"url": url}).to_string());
    let stopped = async move {
        tokio::signal::ctrl_c().await.ok();
        // Streams of events would otherwise keep the server.
        stop.cancel();
    };
    axum::serve(listener, router).with_graceful_shutdown(stopped).await.map_err(failed)
}
