//! The clocks of workers, which are wrong and step.

use std::{
    fs,
    path::{Path, PathBuf},
};

use tokio::process::Command;

/// The differences between the clock of a worker and the right one, in seconds.
const STEPS: [i64; 6] = [0, 3600, -3600, 40, -40, 86_400];

/// The clock of one worker, by the library of `faketime`, if that is installed.
pub(crate) struct Clock {
    library: Option<PathBuf>,
    /// The difference from the right time, which the library reads every second.
    file: PathBuf,
}

impl Clock {
    pub(crate) fn new(folder: &Path, worker: usize) -> Self {
        let libraries = fs::read_dir("/usr/lib").into_iter().flatten().flatten();
        let library = libraries
            .map(|entry| entry.path().join("faketime/libfaketime.so.1"))
            .find(|library| library.exists());
        let clock = Self { library, file: folder.join(format!("clock-{worker}")) };
        clock.step(worker);
        clock
    }

    pub(crate) fn is_installed(&self) -> bool {
        self.library.is_some()
    }

    /// Moves the clock to another wrong time.
    pub(crate) fn step(&self, nth: usize) {
        fs::write(&self.file, format!("{:+}\n", STEPS[nth % STEPS.len()])).unwrap();
    }

    /// Lets a process have this clock.
    pub(crate) fn set(&self, command: &mut Command) {
        if let Some(library) = &self.library {
            command
                .env("LD_PRELOAD", library)
                .env("FAKETIME_TIMESTAMP_FILE", &self.file)
                .env("FAKETIME_CACHE_DURATION", "1")
                .env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
        }
    }
}
