//! Progress on stderr: a bar on a terminal, plain lines in a pipe, nothing with `--quiet`.

use std::io::IsTerminal as _;
use std::time::Duration;

use fal_client::queue::Update;
use indicatif::{ProgressBar, ProgressStyle};

/// The way in which progress is shown.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Progress {
    None,
    Lines,
    Bar,
}

impl Progress {
    /// Chooses the way by the options and by where stderr goes. JSON is for programs, which read no progress.
    pub(crate) fn new(is_quiet: bool, is_json: bool) -> Self {
        match (is_quiet || is_json, std::io::stderr().is_terminal()) {
            (true, _) => Self::None,
            (false, true) => Self::Bar,
            (false, false) => Self::Lines,
        }
    }

    /// Starts a bar that counts bytes.
    pub(crate) fn bytes(self, message: &str, total: Option<u64>) -> Bar {
        if self == Self::Lines {
            eprintln!("{message}");
        }
        let template = "{msg} {wide_bar} {bytes}/{total_bytes}";
        Bar::new(self, message, total.map(|total| (total, template)))
    }

    /// Starts a bar that shows the state of a request.
    pub(crate) fn request(self, message: &str) -> Bar {
        Bar::new(self, message, None)
    }

    /// Prints a line, unless nothing is shown.
    pub(crate) fn line(self, text: &str) {
        if self != Self::None {
            eprintln!("{text}");
        }
    }
}

/// A bar, which disappears when it is dropped.
pub(crate) struct Bar {
    bar: ProgressBar,
    progress: Progress,
    /// The latest line, so that none is printed twice.
    last: String,
}

impl Bar {
    fn new(progress: Progress, message: &str, total: Option<(u64, &str)>) -> Self {
        let bar = match (progress, total) {
            (Progress::Bar, Some((total, _))) => ProgressBar::new(total),
            (Progress::Bar, None) => ProgressBar::new_spinner(),
            _ => ProgressBar::hidden(),
        };
        // A template that cannot be parsed leaves the default one.
        if let Some(style) = total.and_then(|(_, template)| ProgressStyle::with_template(template).ok()) {
            bar.set_style(style);
        }
        if progress == Progress::Bar {
            bar.enable_steady_tick(Duration::from_millis(100));
        }
        bar.set_message(message.to_owned());
        Self { bar, progress, last: String::new() }
    }

    /// Sets the position.
    pub(crate) fn set(&self, position: u64) {
        self.bar.set_position(position);
    }

    /// Shows the state of a request, and its log lines if `logs` is set.
    pub(crate) fn update(&mut self, update: &Update, logs: bool) {
        let state = match update {
            Update::Running { .. } => "runs".to_owned(),
            other => other.to_string(),
        };
        if logs {
            update.logs().iter().for_each(|log| self.line(&log.message));
        }
        self.bar.set_message(state.clone());
        if self.progress == Progress::Lines && self.last != state {
            eprintln!("{state}");
            self.last = state;
        }
    }

    /// Shows a state on a terminal. In a pipe, states that change often would be too many lines.
    pub(crate) fn state(&self, text: &str) {
        self.bar.set_message(text.to_owned());
    }

    /// Prints something while the bar is away.
    pub(crate) fn suspended(&self, print: impl FnOnce()) {
        self.bar.suspend(print);
    }

    /// Prints a line above the bar.
    pub(crate) fn line(&self, text: &str) {
        match self.progress {
            Progress::None => {}
            Progress::Lines => eprintln!("{text}"),
            Progress::Bar => self.bar.println(text),
        }
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
