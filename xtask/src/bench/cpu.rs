//! Processor time, which other work on the machine changes less than the clock on the wall.

use std::fs;

/// Seconds that this process and the children it waited for have computed, where Linux says so.
pub(super) fn seconds() -> Option<f64> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    // The second field is a name in brackets, which may hold spaces.
    let (_, fields) = stat.rsplit_once(')')?;
    let ticks: Vec<f64> =
        fields.split_whitespace().skip(11).take(4).filter_map(|field| field.parse().ok()).collect();
    // The kernel counts in hundredths for every program.
    (ticks.len() == 4).then(|| ticks.iter().sum::<f64>() / 100.0)
}
