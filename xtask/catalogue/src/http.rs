//! The HTTP client, and the messages of its failures.

use std::time::Duration;

use reqwest::{Client, redirect};

/// Creates a client that follows no redirect, so that no header reaches another host.
pub(crate) fn client() -> Result<Client, String> {
    // An error means that a provider is installed already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = Client::builder().redirect(redirect::Policy::none()).timeout(Duration::from_secs(60));
    client.build().map_err(|error| error.to_string())
}

/// Creates the runtime of a command.
pub(crate) fn runtime() -> Result<tokio::runtime::Runtime, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| error.to_string())
}

/// Returns the message of an error and of its causes.
pub(crate) fn with_causes(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
