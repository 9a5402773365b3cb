//! The memory of the processes that another process starts.

use std::{
    fs,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

/// Interval between samples. Linux keeps the peak of each process, so only growth right before its end is missed.
const PAUSE: Duration = Duration::from_millis(100);

/// Samples the memory of the children of a process until it is stopped.
pub(super) struct Watch {
    stopped: Arc<AtomicBool>,
    most: Arc<AtomicU64>,
    thread: JoinHandle<()>,
}

impl Watch {
    pub(super) fn start(parent: u32) -> Self {
        let (stopped, most) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let (stop, peak) = (stopped.clone(), most.clone());
        let thread = thread::spawn(move || {
            while !stop.load(Ordering::Relaxed) {
                peak.fetch_max(largest_child(parent), Ordering::Relaxed);
                thread::park_timeout(PAUSE);
            }
        });
        Self { stopped, most, thread }
    }

    /// Stops sampling, and returns the peak of the largest child in MiB. `None` except on Linux.
    pub(super) fn stop(self) -> Option<f64> {
        self.stopped.store(true, Ordering::Relaxed);
        self.thread.thread().unpark();
        self.thread.join().ok()?;
        let kib = self.most.load(Ordering::Relaxed);
        (kib > 0).then(|| kib as f64 / 1024.0)
    }
}

/// Returns the peak of the largest child in KiB, or 0 without a child and on other systems than Linux.
fn largest_child(parent: u32) -> u64 {
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let processes = processes.filter(|entry| entry.file_name().to_string_lossy().parse::<u32>().is_ok());
    let texts = processes.filter_map(|entry| fs::read_to_string(entry.path().join("status")).ok());
    texts.filter_map(|status| peak(&status, parent)).max().unwrap_or(0)
}

/// Parses the peak memory from the status of a process that is a child of `parent`.
fn peak(status: &str, parent: u32) -> Option<u64> {
    let value = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        line?.split_whitespace().next()?.parse::<u64>().ok()
    };
    (value("PPid")? == u64::from(parent)).then(|| value("VmHWM")).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_processes_than_children_are_ignored() {
        let status = "Name:\trustc\nPid:\t12\nPPid:\t7\nVmPeak:\t  900 kB\nVmHWM:\t  512 kB\n";
        assert_eq!(peak(status, 7), Some(512));
        assert_eq!(peak(status, 12), None);
        // A process that has stopped but was not waited for has no memory.
        assert_eq!(peak("Name:\trustc\nPPid:\t7\n", 7), None);
    }

    #[test]
    fn a_watch_without_a_child_stops() {
        assert_eq!(Watch::start(u32::MAX).stop(), None);
    }
}
