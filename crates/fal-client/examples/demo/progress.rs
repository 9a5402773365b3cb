//! A progress bar fed by queue updates.

use std::{sync::Arc, time::Duration};

use fal_client::queue::Update;
use indicatif::{ProgressBar, ProgressStyle};

/// A progress bar that the waiting task and the callback for updates share.
#[derive(Clone)]
pub(crate) struct Progress(Arc<ProgressBar>);

impl Progress {
    pub(crate) fn start() -> Self {
        let bar = ProgressBar::new_spinner();
        if let Ok(style) = ProgressStyle::with_template("  {spinner} {elapsed:>4}  {msg}") {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(100));
        bar.set_message("sending");
        Self(Arc::new(bar))
    }

    pub(crate) fn update(&self, update: &Update) {
        match update {
            Update::Queued { position: 0, .. } => self.0.set_message("next in the queue"),
            Update::Queued { position, .. } => self.0.set_message(format!("in the queue, {position} ahead")),
            Update::Running { logs, .. } => {
                let last = logs.last().map_or("", |log| log.message.as_str());
                self.0.set_message(format!("running  {last}"));
            }
            _ => self.0.set_message("done"),
        }
    }

    pub(crate) fn finish(&self) {
        self.0.finish_and_clear();
    }
}
