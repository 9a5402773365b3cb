//! What this process takes, as Linux tells it; 0 where there is no Linux to ask.

use std::fs;

/// Memory in use, in KiB.
pub(crate) fn now() -> u64 {
    status("VmRSS")
}

/// The most that was in use since [`forget_peak`], in KiB.
pub(crate) fn peak() -> u64 {
    status("VmHWM")
}

/// Sets the peak back to what is in use.
pub(crate) fn forget_peak() {
    fs::write("/proc/self/clear_refs", "5").ok();
}

fn status(name: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}
