//! The time of day, and timestamps of fal's services.

use std::time::SystemTime;

use time::{OffsetDateTime, format_description::well_known::Rfc3339};

/// Returns the current time of day.
#[cfg(not(test))]
pub(crate) fn system_now() -> SystemTime {
    SystemTime::now()
}

/// Returns a time of day that moves with tokio's clock.
#[cfg(test)]
pub(crate) fn system_now() -> SystemTime {
    use std::{sync::LazyLock, time::Instant};

    static START: LazyLock<(SystemTime, Instant)> = LazyLock::new(|| (SystemTime::now(), Instant::now()));
    let (time, start) = *START;
    time + tokio::time::Instant::now().into_std().saturating_duration_since(start)
}

/// Parses a time such as `2026-11-21T07:30:00.5+01:00`, also without its offset, which is then UTC.
pub(crate) fn parse(text: &str) -> Option<SystemTime> {
    let text = text.replacen(' ', "T", 1);
    let time = OffsetDateTime::parse(&text, &Rfc3339)
        .or_else(|_| OffsetDateTime::parse(&format!("{text}Z"), &Rfc3339));
    time.ok().map(SystemTime::from)
}

/// Prints a time in UTC, to the second below it, such as `2026-11-21T07:30:00Z`.
pub(crate) fn format(time: SystemTime) -> String {
    let time = OffsetDateTime::from(time);
    let (year, month, day) = time.to_calendar_date();
    let (hour, minute, second) = time.to_hms();
    format!("{year:04}-{:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z", u8::from(month))
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    #[test]
    fn times_are_printed_as_they_are_parsed() {
        for (text, seconds) in [("1970-01-01T00:00:00Z", 0), ("2026-11-26T16:24:57Z", 1_795_710_297)] {
            let time = UNIX_EPOCH + Duration::from_secs(seconds);
            assert_eq!((parse(text), format(time).as_str()), (Some(time), text));
            assert_eq!(format(time + Duration::from_millis(900)), text);
        }
    }
}
