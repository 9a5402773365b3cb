//! The progress bar.

use std::io::{IsTerminal, stderr};

use crate::Step;
use indicatif::{ProgressBar, ProgressStyle};

/// A progress bar over documents, and then over crates. Hidden if standard error is not a terminal.
pub(crate) struct Progress(ProgressBar);

impl Progress {
    pub(crate) fn new(documents: usize) -> Self {
        let bar =
            if stderr().is_terminal() { ProgressBar::new(documents as u64) } else { ProgressBar::hidden() };
        if let Ok(style) = ProgressStyle::with_template("{msg:9} [{bar:40}] {pos}/{len}") {
            bar.set_style(style.progress_chars("=> "));
        }
        bar.set_message("reading");
        Self(bar)
    }

    pub(crate) fn step(&self, step: Step) {
        match step {
            Step::Read | Step::Written => self.0.inc(1),
            Step::Planned(crates) => {
                self.0.set_length(crates as u64);
                self.0.set_position(0);
                self.0.set_message("writing");
            }
        }
    }

    pub(crate) fn done(self) {
        self.0.finish_and_clear();
    }
}
