//! An MCP server that offers every model to agents, over stdio or streamable HTTP.

mod budget;
mod http;
mod server;
mod tools;

use std::path::PathBuf;
use std::sync::Arc;

use fal_emulator::catalogue::CatalogueModel;
use rmcp::ServiceExt as _;
use rmcp::transport::stdio;

use crate::arguments::McpArguments;
use crate::failure::{Failure, FailureKind, Result};
use crate::model::lookup;
use crate::session::Session;
use budget::Budget;
use server::Server;

/// The state that all connections of a server share.
struct Shared {
    session: Session,
    budget: Budget,
    /// The folder whose files may be uploaded, and into which files are saved.
    files: Option<PathBuf>,
    /// The models that are tools of their own, by the names of the tools.
    models: Vec<(String, CatalogueModel)>,
}

/// Serves until the client closes stdin, or until Ctrl-C for HTTP.
pub(crate) async fn serve(session: Session, arguments: &McpArguments) -> Result<()> {
    let McpArguments { http, models, budget, max_cost, files } = arguments;
    let mut own = Vec::new();
    for id in models {
        let model = lookup::find(&session, id.trim()).await?;
        own.push((tools::name(model.id()), model));
    }
    let files = files.as_ref().map(|folder| {
        let unreadable = |error| Failure::usage(format!("--files {}: {error}", folder.display()));
        std::fs::canonicalize(folder).map_err(unreadable)
    });
    let per_call = match (*max_cost, session.max_cost()) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    };
    let budget = Budget::new(*budget, per_call);
    let server = Server::new(Arc::new(Shared { session, budget, files: files.transpose()?, models: own }));
    let failed = |error: &dyn std::fmt::Display| {
        Failure::new(FailureKind::Failed, format!("the connection failed: {error}"))
    };
    match http {
        Some(address) => http::serve(server, *address).await,
        None => {
            let running = server.serve(stdio()).await.map_err(|error| failed(&error))?;
            running.waiting().await.map(drop).map_err(|error| failed(&error))
        }
    }
}
