//! The period that a caller of the platform API asks for, and its intervals.

use std::time::{Duration, SystemTime};

use time::format_description::well_known::{Iso8601, Rfc3339};
use time::{Date, Duration as TimeSpan, Month, OffsetDateTime, Time};

use super::parameters::Parameters;
use super::platform::invalid;
use crate::reply::Reply;

const DAY: Duration = Duration::from_secs(24 * 3600);

/// The names of UTC, the only time zone that the emulator knows.
const UTC: [&str; 4] = ["UTC", "Etc/UTC", "GMT", "Z"];

/// The length of intervals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Timeframe {
    Minute,
    Hour,
    Day,
    Week,
    Month,
}

/// A period.
#[derive(Clone, Copy, Debug)]
pub(super) struct Period {
    start: SystemTime,
    /// The end, which is not part of the period. `None` if it has none.
    end: Option<SystemTime>,
    timeframe: Timeframe,
}

impl Period {
    /// Parses `start`, `end`, `timezone`, `timeframe` and `bound_to_timeframe`.
    ///
    /// # Errors
    ///
    /// Returns a 400 that names the parameter.
    pub(super) fn parse(parameters: &Parameters, now: SystemTime) -> Result<Self, Reply> {
        let time = |name: &str| parameters.get(name).map(|text| parse_time(name, text)).transpose();
        let start = time("start")?.or_else(|| now.checked_sub(DAY)).unwrap_or(SystemTime::UNIX_EPOCH);
        let end = time("end")?;
        let length = end.unwrap_or(now).duration_since(start).unwrap_or_default();
        if end.is_some_and(|end| end <= start) {
            return Err(invalid("end: expected a time after start"));
        }
        if let Some(zone) = parameters.get("timezone").filter(|zone| !UTC.contains(zone)) {
            return Err(invalid(&format!("timezone: {zone:?} is not known; fal-emulator knows UTC only")));
        }
        let timeframe = match parameters.get("timeframe") {
            None => Timeframe::for_length(length),
            Some(name) => Timeframe::parse(name)
                .ok_or_else(|| invalid("timeframe: expected minute, hour, day, week or month"))?,
        };
        let is_whole = match parameters.get("bound_to_timeframe") {
            None | Some("true") => true,
            Some("false") => false,
            Some(_) => return Err(invalid("bound_to_timeframe: expected true or false")),
        };
        if !is_whole {
            return Ok(Self { start, end, timeframe });
        }
        let end = end.map(|end| match timeframe.start_of(end) {
            whole if whole == end => end,
            whole => timeframe.start_after(whole),
        });
        Ok(Self { start: timeframe.start_of(start), end, timeframe })
    }

    pub(super) fn contains(&self, time: SystemTime) -> bool {
        time >= self.start && self.end.is_none_or(|end| time < end)
    }

    /// Returns the start of the interval that a time belongs to.
    pub(super) fn bucket(&self, time: SystemTime) -> SystemTime {
        self.timeframe.start_of(time)
    }
}

impl Timeframe {
    fn parse(name: &str) -> Option<Self> {
        match name {
            "minute" => Some(Self::Minute),
            "hour" => Some(Self::Hour),
            "day" => Some(Self::Day),
            "week" => Some(Self::Week),
            "month" => Some(Self::Month),
            _ => None,
        }
    }

    fn for_length(length: Duration) -> Self {
        match length.as_secs() / 3600 {
            0..=2 => Self::Minute,
            3..=48 => Self::Hour,
            49..=1_500 => Self::Day,
            1_501..=5_000 => Self::Week,
            _ => Self::Month,
        }
    }

    fn start_of(self, time: SystemTime) -> SystemTime {
        let time = OffsetDateTime::from(time);
        let date = time.date();
        let at = |hour, minute| Time::from_hms(hour, minute, 0).unwrap_or(Time::MIDNIGHT);
        let (date, time) = match self {
            Self::Minute => (date, at(time.hour(), time.minute())),
            Self::Hour => (date, at(time.hour(), 0)),
            Self::Day => (date, Time::MIDNIGHT),
            Self::Week => {
                let days = TimeSpan::days(i64::from(date.weekday().number_days_from_monday()));
                (date.checked_sub(days).unwrap_or(date), Time::MIDNIGHT)
            }
            Self::Month => (date.replace_day(1).unwrap_or(date), Time::MIDNIGHT),
        };
        date.with_time(time).assume_utc().into()
    }

    /// Returns the start of the interval after the one that begins at `start`.
    fn start_after(self, start: SystemTime) -> SystemTime {
        let days = match self {
            Self::Minute => return start + Duration::from_secs(60),
            Self::Hour => return start + Duration::from_secs(3600),
            Self::Day => 1,
            Self::Week => 7,
            Self::Month => {
                let date = OffsetDateTime::from(start).date();
                let year = if date.month() == Month::December { date.year() + 1 } else { date.year() };
                return Date::from_calendar_date(year, date.month().next(), 1)
                    .map_or(start, |date| date.midnight().assume_utc().into());
            }
        };
        start + DAY * days
    }
}

/// Parses a date, or a date with a time and an offset.
pub(super) fn parse_time(name: &str, text: &str) -> Result<SystemTime, Reply> {
    // A query turns the plus of an offset into a space if its sender did not escape it.
    let text = text.replace(' ', "+");
    OffsetDateTime::parse(&text, &Rfc3339)
        .or_else(|_| OffsetDateTime::parse(&text, &Iso8601::DEFAULT))
        .or_else(|_| Date::parse(&text, &Iso8601::DEFAULT).map(|date| date.midnight().assume_utc()))
        .map(SystemTime::from)
        .map_err(|_| invalid(&format!("{name}: expected a date or time in ISO 8601")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(text: &str) -> SystemTime {
        parse_time("t", text).unwrap()
    }

    #[test]
    fn times_are_dates_or_have_an_offset() {
        let parse = |text: &str| parse_time("start", text).ok();
        let expected = SystemTime::UNIX_EPOCH + Duration::from_secs(1_735_689_600);
        for text in [
            "2025-01-01",
            "2025-01-01T00:00:00Z",
            "2025-01-01T00:00:00.000Z",
            "2025-01-01T01:00:00+01:00",
            "2025-01-01T01:00:00 01:00",
        ] {
            assert_eq!(parse(text), Some(expected), "{text}");
        }
        for text in ["", "yesterday", "2025-13-01", "1735689600"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn intervals_begin_where_the_calendar_has_them() {
        for (frame, start, next) in [
            (Timeframe::Minute, "2025-12-31T23:59:00Z", "2026-01-01"),
            (Timeframe::Hour, "2025-12-31T23:00:00Z", "2026-01-01"),
            (Timeframe::Day, "2025-12-31", "2026-01-01"),
            (Timeframe::Week, "2025-12-29", "2026-01-05"),
            (Timeframe::Month, "2025-12-01", "2026-01-01"),
        ] {
            assert_eq!(frame.start_of(time("2025-12-31T23:59:59Z")), time(start), "{frame:?}");
            assert_eq!(frame.start_after(time(start)), time(next), "{frame:?}");
        }
    }
}
