//! Streams: `POST /run/{id}/stream`, answered with server-sent events, or with lines of JSON where the document says so.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse as _, Response};
use futures_util::{StreamExt as _, stream};
use serde_json::{Value, json};

use crate::app::App;
use crate::endpoint_id::EndpointId;
use crate::hosts::BaseUrls;
use crate::model_call::ModelCall;
use crate::models::{Model, StreamFormat};
use crate::recent_calls::CallRecord;
use crate::reply::Reply;

/// Returns the model that a path streams, if it is the path of a stream.
pub(super) fn find_model(app: &App, id: &EndpointId) -> Option<Arc<Model>> {
    let itself = app.models.get(&id.full).filter(|model| model.is_stream());
    let of_parent = || {
        let parent = id.full.strip_suffix("/stream")?;
        app.models.get(parent).filter(|model| model.streams())
    };
    let unknown = || app.models.find(&id.full).filter(|model| model.is_stream());
    itself.or_else(of_parent).cloned().or_else(unknown)
}

/// A run whose events are streamed. Its input was accepted.
///
/// The run has one step for each log line of the pace, and a last one. Each step before the last sends a preview.
pub(super) struct StreamRun {
    app: Arc<App>,
    model: Arc<Model>,
    call: ModelCall,
    urls: BaseUrls,
    record: Arc<CallRecord>,
    step_time: Duration,
    /// The time of the last step, on the emulator's clock.
    now: Duration,
    /// The number of steps that are done.
    step: u32,
    step_count: u32,
    /// The last event of a workflow, after the one that completes its node.
    last_event: Option<Value>,
}

impl StreamRun {
    pub(super) fn new(
        app: Arc<App>,
        model: Arc<Model>,
        call: ModelCall,
        urls: BaseUrls,
        now: Duration,
        record: Arc<CallRecord>,
    ) -> Self {
        let pace = app.scheduler.pace(&model.id);
        let step_count = pace.log_line_count().saturating_add(1);
        let step_time = pace.run_time() / step_count;
        Self { app, model, call, urls, record, step_time, now, step: 0, step_count, last_event: None }
    }

    /// Creates the response. The run ends if the connection is dropped.
    pub(super) fn into_response(self) -> Response {
        let format = self.model.stream_format();
        let events = stream::unfold(self, async |mut run| {
            let event = run.next_event().await?;
            Some((event, run))
        });
        if format == StreamFormat::JsonLines {
            let lines = events.map(|event| Ok::<_, Infallible>(format!("{event}\n")));
            return ([(CONTENT_TYPE, "application/jsonl")], Body::from_stream(lines)).into_response();
        }
        let events = events.map(move |event| {
            let text = match event {
                Value::String(text) if format == StreamFormat::TextEvents => text,
                event => event.to_string(),
            };
            // A carriage return would end a line of an event early.
            Ok::<_, Infallible>(Event::default().data(text.replace('\r', "")))
        });
        Sse::new(events).into_response()
    }

    /// Waits for the next event. Returns `None` after the result.
    async fn next_event(&mut self) -> Option<Value> {
        if self.model.id.starts_with("workflows/") {
            return self.next_workflow_event().await;
        }
        if self.step == self.step_count {
            return None;
        }
        self.advance(1).await;
        if self.step < self.step_count {
            let (store, urls) = (Arc::clone(&self.app.store), self.urls.clone());
            let preview = self.call.preview(store, urls, self.step, self.step_count).await;
            if preview.is_some() {
                return preview;
            }
            // Nothing of the output can be shown early, so the result is the only event.
            self.advance(self.step_count - self.step).await;
        }
        Some(self.answer().await.body)
    }

    /// Waits for the next event of a workflow with one node: the submission and the completion of the node, and then
    /// the output of the workflow, which is that of the node.
    async fn next_workflow_event(&mut self) -> Option<Value> {
        const NODE: &str = "node-1";
        if self.step == self.step_count {
            return self.last_event.take();
        }
        if self.step == 0 {
            self.advance(1).await;
            let id = uuid::Uuid::new_v4().to_string();
            return Some(json!({
                "type": "submit", "node_id": NODE, "app_id": self.model.id, "request_id": id,
            }));
        }
        self.advance(self.step_count - self.step).await;
        let answer = self.answer().await;
        if !answer.status.is_success() {
            let message = format!("Node {NODE} failed with status {}", answer.status.as_u16());
            let error = json!({"status": answer.status.as_u16(), "body": answer.body});
            return Some(json!({"type": "error", "node_id": NODE, "message": message, "error": error}));
        }
        self.last_event = Some(json!({"type": "output", "output": answer.body}));
        Some(json!({
            "type": "completion", "node_id": NODE, "app_id": self.model.id, "output": answer.body,
        }))
    }

    async fn answer(&self) -> Reply {
        let answer = self.call.clone().answer(Arc::clone(&self.app.store), self.urls.clone()).await;
        self.record.finish(&answer);
        answer
    }

    /// Waits until the given number of steps is done.
    async fn advance(&mut self, steps: u32) {
        self.now = self.now.saturating_add(self.step_time.saturating_mul(steps));
        self.app.clock.sleep_until(self.now).await;
        self.step += steps;
    }
}
