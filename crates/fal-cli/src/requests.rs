//! The requests that this program has submitted, so that each can be followed later, by its id or as `last`.

use std::collections::HashSet;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::PathBuf;

use fal_client::queue::Ticket;
use fal_client::untyped::Any;
use serde::{Deserialize, Serialize};

use crate::failure::{Failure, Result};
use crate::folders;

/// The number of lines from which the file is shortened to its last half.
const MAX_LINES: usize = 20_000;

/// A line of the file.
#[derive(Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
enum Line {
    Submitted {
        ticket: Ticket<Any>,
        /// The queue that has the request, because an emulator forgets it and fal does not.
        queue: String,
    },
    /// The output was fetched, or the request was cancelled.
    Done { request_id: String },
}

/// The file of requests for one queue.
pub(crate) struct Requests {
    path: PathBuf,
    queue: String,
}

impl Requests {
    pub(crate) fn new(queue: &str) -> Result<Self> {
        Ok(Self { path: folders::state()?.join("requests.jsonl"), queue: queue.to_owned() })
    }

    /// Records a submitted request.
    pub(crate) fn add(&self, ticket: &Ticket<Any>) -> Result<()> {
        self.append(&Line::Submitted { ticket: ticket.clone(), queue: self.queue.clone() })
    }

    /// Records that nothing is left to do for a request.
    pub(crate) fn finish(&self, request_id: &str) -> Result<()> {
        self.append(&Line::Done { request_id: request_id.to_owned() })
    }

    /// Returns the requests of the queue, the oldest first, each with whether it is done.
    pub(crate) fn read(&self) -> Result<Vec<(Ticket<Any>, bool)>> {
        let lines = self.lines()?;
        let done: HashSet<String> = lines
            .iter()
            .filter_map(|line| match line {
                Line::Done { request_id } => Some(request_id.clone()),
                Line::Submitted { .. } => None,
            })
            .collect();
        let submitted = lines.into_iter().filter_map(|line| match line {
            Line::Submitted { ticket, queue } if queue == self.queue => Some(ticket),
            _ => None,
        });
        Ok(submitted
            .map(|ticket| (done.contains(ticket.request_id()), ticket))
            .map(|(done, ticket)| (ticket, done))
            .collect())
    }

    /// Returns the request with this id, or the latest one for `last`.
    pub(crate) fn find(&self, id: &str) -> Result<Option<Ticket<Any>>> {
        let mut requests = self.read()?.into_iter().rev().map(|(ticket, _)| ticket);
        Ok(requests.find(|ticket| id == "last" || ticket.request_id() == id))
    }

    /// Reads the file. A line that another version wrote, or that was cut, is skipped.
    fn lines(&self) -> Result<Vec<Line>> {
        match std::fs::read_to_string(&self.path) {
            Ok(text) => Ok(text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(error) => Err(self.failure("read", &error)),
        }
    }

    fn append(&self, line: &Line) -> Result<()> {
        self.shorten()?;
        let mut text = serde_json::to_string(line).map_err(|error| Failure::usage(error.to_string()))?;
        text.push('\n');
        let mut options = OpenOptions::new();
        options.create(true).append(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let folder = self.path.parent().map_or(Ok(()), std::fs::create_dir_all);
        // One write, so that lines of two processes do not mix.
        let written = folder.and_then(|()| options.open(&self.path)?.write_all(text.as_bytes()));
        written.map_err(|error| self.failure("written", &error))
    }

    fn shorten(&self) -> Result<()> {
        let Ok(text) = std::fs::read_to_string(&self.path) else { return Ok(()) };
        let lines: Vec<&str> = text.lines().collect();
        match lines.len() >= MAX_LINES {
            true => folders::write_private(
                &self.path,
                format!("{}\n", lines[MAX_LINES / 2..].join("\n")).as_bytes(),
            ),
            false => Ok(()),
        }
    }

    fn failure(&self, verb: &str, error: &std::io::Error) -> Failure {
        Failure::usage(format!("{} cannot be {verb}: {error}", self.path.display()))
    }
}
