//! Streams: `POST /run/{id}/stream`, answered with server-sent events.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse as _, Response};
use futures_util::stream;
use serde_json::{Value, json};

use super::endpoint::EndpointId;
use crate::app::App;
use crate::engine::Call;
use crate::hosts::Base;
use crate::journal::Entry;
use crate::models::Model;
use crate::reply::Reply;

/// The model that a path streams, if it is the path of a stream.
pub(super) fn find(app: &App, id: &EndpointId) -> Option<Arc<Model>> {
    let itself = app.models.get(&id.full).filter(|model| model.is_stream());
    let of_model = || {
        let model = id.full.strip_suffix("/stream")?;
        app.models.get(model).filter(|model| model.streams())
    };
    itself.or_else(of_model).cloned()
}

/// A run whose input was accepted.
pub(super) struct Begun {
    pub(super) app: Arc<App>,
    pub(super) model: Arc<Model>,
    pub(super) call: Call,
    pub(super) base: Base,
    /// When it began, on the emulator's clock.
    pub(super) now: Duration,
    pub(super) entry: Arc<Entry>,
}

/// The events of a run. Dropping the connection ends it.
pub(super) fn reply(begun: Begun) -> Response {
    let Begun { app, model, call, base, now, entry } = begun;
    let pace = app.pace_of(&model.id);
    let of = pace.lines().saturating_add(1);
    let time = pace.run_time() / of;
    let run = Run { app, model, call, base, entry, time, now, step: 0, of, waiting: Vec::new() };
    let events = stream::unfold(run, async |mut run| {
        let event = run.next().await?;
        Some((Ok::<_, Infallible>(Event::default().data(event.to_string())), run))
    });
    Sse::new(events).into_response()
}

struct Run {
    app: Arc<App>,
    model: Arc<Model>,
    call: Call,
    base: Base,
    entry: Arc<Entry>,
    /// How long a step takes.
    time: Duration,
    /// When the last step was done, on the emulator's clock.
    now: Duration,
    step: u32,
    of: u32,
    /// Events that are due, the next one last.
    waiting: Vec<Value>,
}

impl Run {
    /// The next event; none after the result.
    async fn next(&mut self) -> Option<Value> {
        if let Some(event) = self.waiting.pop() {
            return Some(event);
        }
        if self.model.id.starts_with("workflows/") {
            return self.next_of_workflow().await;
        }
        if self.step == self.of {
            return None;
        }
        self.advance(1).await;
        if self.step < self.of {
            let (app, base) = (Arc::clone(&self.app), self.base.clone());
            let preview = self.call.preview(app, base, self.step, self.of).await;
            if preview.is_some() {
                return preview;
            }
            // Nothing of the output can be shown early: the result is the only event.
            self.advance(self.of - self.step).await;
        }
        Some(self.answer().await.body)
    }

    /// A workflow of one node: it is submitted, completes, and its output is the workflow's.
    async fn next_of_workflow(&mut self) -> Option<Value> {
        const NODE: &str = "node-1";
        if self.step == self.of {
            return None;
        }
        if self.step == 0 {
            self.advance(1).await;
            let id = uuid::Uuid::new_v4().to_string();
            return Some(json!({
                "type": "submit", "node_id": NODE, "app_id": self.model.id, "request_id": id,
            }));
        }
        self.advance(self.of - self.step).await;
        let answer = self.answer().await;
        if !answer.status.is_success() {
            let message = format!("Node {NODE} failed with status {}", answer.status.as_u16());
            let error = json!({"status": answer.status.as_u16(), "body": answer.body});
            return Some(json!({"type": "error", "node_id": NODE, "message": message, "error": error}));
        }
        self.waiting.push(json!({"type": "output", "output": answer.body}));
        Some(json!({
            "type": "completion", "node_id": NODE, "app_id": self.model.id, "output": answer.body,
        }))
    }

    async fn answer(&self) -> Reply {
        let answer = self.call.clone().answer(Arc::clone(&self.app), self.base.clone()).await;
        self.entry.end(&answer);
        answer
    }

    /// Waits until `steps` more are done.
    async fn advance(&mut self, steps: u32) {
        self.now = self.now.saturating_add(self.time.saturating_mul(steps));
        self.app.clock.sleep_until(self.now).await;
        self.step += steps;
    }
}
