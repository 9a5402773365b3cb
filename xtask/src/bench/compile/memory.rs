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

/// How often it is looked at. Linux keeps the peak of each process, so only the growth just before its end is missed.
const PAUSE: Duration = Duration::from_millis(100);

/// Looks at the children of a process until it is told to end.
pub(super) struct Watch {
    ended: Arc<AtomicBool>,
    most: Arc<AtomicU64>,
    thread: JoinHandle<()>,
}

impl Watch {
    pub(super) fn start(parent: u32) -> Self {
        let (ended, most) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let (stop, peak) = (ended.clone(), most.clone());
        let thread = thread::spawn(move || {
            while !stop.load(Ordering::Relaxed) {
                peak.fetch_max(largest_child(parent), Ordering::Relaxed);
                thread::park_timeout(PAUSE);
            }
        });
        Self { ended, most, thread }
    }

    /// The peak of the largest child in MiB, where Linux said it.
    pub(super) fn end(self) -> Option<f64> {
        self.ended.store(true, Ordering::Relaxed);
        self.thread.thread().unpark();
        self.thread.join().ok()?;
        let kib = self.most.load(Ordering::Relaxed);
        (kib > 0).then(|| kib as f64 / 1024.0)
    }
}

/// KiB, or 0 where there is no child, or no Linux to ask.
fn largest_child(parent: u32) -> u64 {
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let processes = processes.filter(|entry| entry.file_name().to_string_lossy().parse::<u32>().is_ok());
    let texts = processes.filter_map(|entry| fs::read_to_string(entry.path().join("status")).ok());
    texts.filter_map(|status| peak(&status, parent)).max().unwrap_or(0)
}

/// The peak that a process's status tells, if it is a child of `parent`.
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
    fn only_children_count() {
        let status = "Name:\trustc\nPid:\t12\nPPid:\t7\nVmPeak:\t  900 kB\nVmHWM:\t  512 kB\n";
        assert_eq!(peak(status, 7), Some(512));
        assert_eq!(peak(status, 12), None);
        // A process that has ended and was not waited for has no memory.
        assert_eq!(peak("Name:\trustc\nPPid:\t7\n", 7), None);
    }

    #[test]
    fn a_watch_ends_also_where_there_was_no_child() {
        assert_eq!(Watch::start(u32::MAX).end(), None);
    }
}
