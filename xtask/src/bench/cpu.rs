//! Processor time, which other processes influence less than elapsed time.

use std::fs;

/// Returns the processor time of this process and the children that it waited for, in seconds. `None` except on Linux.
pub(super) fn seconds() -> Option<f64> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    // The second field is a name in brackets, which may contain spaces.
    let (_, fields) = stat.rsplit_once(')')?;
    let ticks: Vec<f64> =
        fields.split_whitespace().skip(11).take(4).filter_map(|field| field.parse().ok()).collect();
    // The kernel counts in hundredths of a second.
    (ticks.len() == 4).then(|| ticks.iter().sum::<f64>() / 100.0)
}
