//! The memory of this process, from Linux; 0 on other systems.

use std::fs;

/// Returns the memory in use, in KiB.
pub(crate) fn now() -> u64 {
    status("VmRSS")
}

/// Returns the largest memory in use since [`forget_peak`], in KiB.
pub(crate) fn peak() -> u64 {
    status("VmHWM")
}

/// Resets the peak to the memory in use.
pub(crate) fn forget_peak() {
    fs::write("/proc/self/clear_refs", "5").ok();
}

fn status(name: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}
