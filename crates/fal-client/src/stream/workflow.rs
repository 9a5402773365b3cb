//! The events of workflows.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Error, ErrorKind, Result};

/// An event of a workflow, `workflows/<user>/<name>`.
///
/// ```no_run
/// # use fal_client::{Client, stream::WorkflowEvent, untyped};
/// # use serde_json::json;
/// # async fn example(client: Client) -> fal_client::Result<()> {
/// let input = untyped::workflow("workflows/acme/poster", json!({ "prompt": "a cat" }));
/// let mut events = client.stream(input).await?;
/// while let Some(event) = events.next().await {
///     match event?.into_inner() {
///         WorkflowEvent::Submit { node_id, app_id, .. } => println!("{node_id}: {app_id} …"),
///         WorkflowEvent::Completion { node_id, .. } => println!("{node_id}: done"),
///         _ => {}
///     }
/// }
/// println!("{}", *events.done().await?);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[non_exhaustive]
pub enum WorkflowEvent {
    /// A node was started.
    #[non_exhaustive]
    Submit {
        /// The id of the node.
        node_id: String,
        /// The endpoint that it calls.
        app_id: String,
        /// The id of the node's request.
        request_id: String,
    },
    /// A node has completed.
    #[non_exhaustive]
    Completion {
        /// The id of the node.
        node_id: String,
        /// The endpoint that it called.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        app_id: Option<String>,
        /// The output of the node.
        output: Value,
    },
    /// The workflow has completed.
    #[non_exhaustive]
    Output {
        /// The id of the last node.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        node_id: Option<String>,
        /// The output of the workflow.
        output: Value,
    },
    /// A node failed, and the workflow with it.
    #[non_exhaustive]
    Error {
        /// The id of the node.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        node_id: Option<String>,
        /// A description of the failure.
        #[serde(default)]
        message: String,
        /// The response of the node's endpoint.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        error: Option<NodeError>,
    },
    /// An event that this version of the crate does not know.
    #[serde(untagged)]
    Other(Value),
}

/// The response of a node's endpoint to a request that failed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct NodeError {
    /// The HTTP status.
    pub status: u16,
    /// The body, usually with a `detail`.
    #[serde(default)]
    pub body: Value,
}

/// Returns true if an endpoint is a workflow.
pub(super) fn is_workflow(endpoint: &str) -> bool {
    endpoint.starts_with("workflows/")
}

/// Parses the output of a workflow from its last event.
pub(super) fn parse_output(last: Bytes) -> Result<Bytes> {
    match serde_json::from_slice(&last) {
        Ok(WorkflowEvent::Output { output, .. }) => Ok(Bytes::from(output.to_string())),
        Ok(WorkflowEvent::Error { node_id, message, error }) => {
            Err(node_error(node_id, &message, error, last))
        }
        _ => {
            let message = "the workflow ended without its output";
            let kind = ErrorKind::Decode { path: ".".to_owned() };
            Err(Error::new(kind, message).with_response(http::StatusCode::OK, last))
        }
    }
}

fn node_error(node: Option<String>, message: &str, error: Option<NodeError>, last: Bytes) -> Error {
    let node = node.map_or_else(String::new, |node| format!("node {node}: "));
    let Some(error) = error else {
        return Error::new(ErrorKind::Api, format!("{node}{message}"))
            .with_response(http::StatusCode::OK, last);
    };
    let status = http::StatusCode::from_u16(error.status).unwrap_or(http::StatusCode::BAD_GATEWAY);
    let body = Bytes::from(error.body.to_string());
    Error::from_response(status, &http::HeaderMap::new(), body).with_context(&format!("{node}{message}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn documented_events_are_parsed() {
        let table = [
            json!({"type": "submit", "node_id": "n", "app_id": "a/b", "request_id": "r"}),
            json!({"type": "completion", "node_id": "n", "output": {"x": 1}}),
            json!({"type": "output", "output": {"x": 1}}),
            json!({"type": "error", "node_id": "n", "message": "no", "error": {"status": 422, "body": {}}}),
        ];
        for event in table {
            let read: WorkflowEvent = serde_json::from_value(event.clone()).unwrap();
            assert!(!matches!(read, WorkflowEvent::Other(_)), "{event}");
            assert_eq!(serde_json::to_value(&read).unwrap(), event);
        }
        let new: WorkflowEvent = serde_json::from_value(json!({"type": "paused"})).unwrap();
        assert_eq!(new, WorkflowEvent::Other(json!({"type": "paused"})));
    }

    #[test]
    fn the_last_event_is_the_output_or_the_error() {
        let last = |event: Value| parse_output(Bytes::from(event.to_string()));
        assert_eq!(last(json!({"type": "output", "output": [1, 2]})).unwrap().as_ref(), b"[1,2]");
        let body = json!({"detail": [{"loc": ["body", "seed"], "msg": "no", "type": "t"}]});
        let error = json!({"type": "error", "node_id": "n", "message": "failed", "error": {"status": 422, "body": body}});
        let error = last(error).unwrap_err();
        assert!(error.is_validation() && error.message().starts_with("node n: failed"), "{error}");
        assert!(last(json!({"type": "error", "message": "no"})).unwrap_err().message().contains("no"));
        assert!(last(json!({"type": "submit"})).unwrap_err().is_decode());
    }
}
