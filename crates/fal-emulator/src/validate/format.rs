//! Texts in a format, such as dates and URLs, as pydantic reads them.
//!
//! The parsers are those of pydantic itself, so that the reasons have its words.

use serde_json::{Value, json};
use speedate::{
    Date, DateTime, DateTimeConfig, Duration, MicrosecondsPrecisionOverflowBehavior, ParseError, Time,
    TimeConfig,
};
use strum::EnumMessage as _;
use url::Url;
use uuid::Uuid;

use super::error_detail::{ErrorDetail, context_fault, type_fault};

/// The longest URL of a type that takes web addresses only, which is how such a type is recognized.
const MAX_WEB_URL: u64 = 2083;

/// The days of the longest duration of Python.
const MAX_DAYS: f64 = 999_999_999.0;

/// A format of texts that pydantic parses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    DateTime,
    Date,
    Time,
    Duration,
    /// With the version that is required, if one is.
    Uuid(Option<usize>),
    Url,
    /// A URL of a web page or file: http or https.
    WebUrl,
}

/// A text or number that is not in its format.
struct FormatFault {
    kind: &'static str,
    message: String,
    context: Option<Value>,
}

impl Format {
    /// The name of the keyword's value for web addresses, which schemas do not have.
    pub(crate) const WEB_URL: &str = "fal-emulator-web-url";

    /// Returns the format that a schema of texts asks for.
    pub(crate) fn of_schema(schema: &Value) -> Option<Self> {
        let found = Self::from_name(schema.get("format")?.as_str()?)?;
        let is_web =
            found == Self::Url && schema.get("maxLength").and_then(Value::as_u64) == Some(MAX_WEB_URL);
        Some(if is_web { Self::WebUrl } else { found })
    }

    /// Returns the format with this name in schemas.
    fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "date-time" => Self::DateTime,
            "date" => Self::Date,
            "time" => Self::Time,
            "duration" => Self::Duration,
            "uuid" => Self::Uuid(None),
            "uri" => Self::Url,
            Self::WEB_URL => Self::WebUrl,
            _ => Self::Uuid(Some(name.strip_prefix("uuid")?.parse().ok().filter(|version| *version <= 8)?)),
        })
    }

    /// Returns the name that pydantic gives an alternative of this type.
    pub(super) fn label(self) -> &'static str {
        match self {
            Self::DateTime => "datetime",
            Self::Date => "date",
            Self::Time => "time",
            Self::Duration => "timedelta",
            Self::Uuid(_) => "uuid",
            Self::Url | Self::WebUrl => "url",
        }
    }

    /// Returns the checks of texts by the names of formats, for a JSON Schema validator. Formats that pydantic does not parse
    /// accept every text.
    pub(crate) fn checks() -> impl Iterator<Item = (&'static str, fn(&str) -> bool)> {
        const UNCHECKED: [&str; 13] = [
            "email",
            "hostname",
            "idn-email",
            "idn-hostname",
            "ipv4",
            "ipv6",
            "iri",
            "iri-reference",
            "json-pointer",
            "regex",
            "relative-json-pointer",
            "uri-reference",
            "uri-template",
        ];
        macro_rules! check {
            ($name:literal) => {
                ($name, (|text: &str| is_in_format($name, text)) as fn(&str) -> bool)
            };
        }
        let checked = [
            check!("date-time"),
            check!("date"),
            check!("time"),
            check!("duration"),
            check!("uuid"),
            check!("uuid1"),
            check!("uuid3"),
            check!("uuid4"),
            check!("uuid5"),
            check!("uuid6"),
            check!("uuid7"),
            check!("uuid8"),
            check!("uri"),
            (Self::WEB_URL, (|text: &str| is_in_format(Self::WEB_URL, text)) as fn(&str) -> bool),
        ];
        checked.into_iter().chain(UNCHECKED.map(|name| (name, (|_| true) as fn(&str) -> bool)))
    }

    /// Converts a value to a text in this format. Texts that are in the format stay as they are.
    ///
    /// # Errors
    ///
    /// Returns the violation if pydantic refuses the value.
    pub(super) fn convert(self, value: &Value, loc: &[Value]) -> Result<Value, Vec<ErrorDetail>> {
        let made = match self {
            Self::DateTime => read_datetime(value).map(|datetime| datetime.to_string()),
            Self::Date => read_date(value).map(|date| date.to_string()),
            Self::Time => read_time(value).map(|time| time.to_string()),
            Self::Duration => read_duration(value).map(|duration| duration.to_string()),
            Self::Uuid(version) => read_uuid(value, version).map(|uuid| uuid.to_string()),
            Self::Url => read_url(value, false).map(String::from),
            Self::WebUrl => read_url(value, true).map(String::from),
        };
        match (made, value) {
            (Ok(_), Value::String(text)) => Ok(json!(text)),
            (Ok(text), _) => Ok(json!(text)),
            (Err(FormatFault { kind, message, context }), _) => Err(vec![match context {
                Some(context) => context_fault(kind, message, context, loc, value),
                None => type_fault(kind, &message, loc, value),
            }]),
        }
    }
}

fn is_in_format(name: &str, text: &str) -> bool {
    Format::from_name(name).is_none_or(|format| format.convert(&json!(text), &[]).is_ok())
}

/// Returns the fault of a value of the wrong type.
fn wrong_type(kind: &'static str, message: &str) -> FormatFault {
    FormatFault { kind, message: message.to_owned(), context: None }
}

/// Returns the fault of a value that cannot be parsed.
fn unreadable(kind: &'static str, start: &str, reason: &str) -> FormatFault {
    FormatFault { kind, message: format!("{start}, {reason}"), context: Some(json!({"error": reason})) }
}

fn reason(error: &ParseError) -> &'static str {
    error.get_documentation().unwrap_or_default()
}

fn config() -> DateTimeConfig {
    DateTimeConfig { time_config: time_config(), ..DateTimeConfig::default() }
}

fn time_config() -> TimeConfig {
    TimeConfig {
        microseconds_precision_overflow_behavior: MicrosecondsPrecisionOverflowBehavior::Truncate,
        unix_timestamp_offset: Some(0),
    }
}

/// Parses a date with a time, or seconds since 1970. `None` means that the value has a type that is neither.
fn parse_datetime(value: &Value) -> Option<Result<DateTime, ParseError>> {
    match value {
        Value::String(text) => Some(DateTime::parse_bytes_with_config(text.as_bytes(), &config())),
        Value::Number(number) => Some(match number.as_i64() {
            Some(seconds) => DateTime::from_timestamp_with_config(seconds, 0, &config()),
            None => DateTime::from_float_with_config(number.as_f64()?, &config()),
        }),
        _ => None,
    }
}

fn read_datetime(value: &Value) -> Result<DateTime, FormatFault> {
    let parsed = parse_datetime(value)
        .ok_or_else(|| wrong_type("datetime_type", "Input should be a valid datetime"))?;
    let error = match (parsed, value) {
        (Ok(datetime), _) => return Ok(datetime),
        // A date alone is its midnight, and its error is the one that is reported.
        (Err(_), Value::String(text)) => match Date::parse_bytes(text.as_bytes()) {
            Ok(date) => {
                let midnight = Time { hour: 0, minute: 0, second: 0, microsecond: 0, tz_offset: None };
                return Ok(DateTime { date, time: midnight });
            }
            Err(error) => {
                let start = "Input should be a valid datetime or date";
                return Err(unreadable("datetime_from_date_parsing", start, reason(&error)));
            }
        },
        (Err(error), _) => error,
    };
    Err(unreadable("datetime_parsing", "Input should be a valid datetime", reason(&error)))
}

fn read_date(value: &Value) -> Result<Date, FormatFault> {
    if let Value::String(text) = value
        && let Ok(date) = Date::parse_bytes(text.as_bytes())
    {
        return Ok(date);
    }
    let parsed =
        parse_datetime(value).ok_or_else(|| wrong_type("date_type", "Input should be a valid date"))?;
    let datetime = parsed.map_err(|error| {
        unreadable("date_from_datetime_parsing", "Input should be a valid date or datetime", reason(&error))
    })?;
    let time = &datetime.time;
    if (time.hour, time.minute, time.second, time.microsecond) != (0, 0, 0, 0) {
        let message = "Datetimes provided to dates should have zero time - e.g. be exact dates";
        return Err(wrong_type("date_from_datetime_inexact", message));
    }
    Ok(datetime.date)
}

fn read_time(value: &Value) -> Result<Time, FormatFault> {
    let fault = |reason: &str| unreadable("time_parsing", "Input should be in a valid time format", reason);
    let parsed = match value {
        Value::String(text) => Time::parse_bytes_with_config(text.as_bytes(), &time_config()),
        Value::Number(number) => {
            let seconds = number.as_f64().unwrap_or_default();
            if seconds < 0.0 {
                return Err(fault("time in seconds should be positive"));
            }
            // Larger numbers are refused as too large, whatever the fraction.
            let microseconds = (seconds.fract() * 1e6).round() as u32;
            Time::from_timestamp_with_config(seconds as u32, microseconds, &time_config())
        }
        _ => return Err(wrong_type("time_type", "Input should be a valid time")),
    };
    parsed.map_err(|error| fault(reason(&error)))
}

fn read_duration(value: &Value) -> Result<Duration, FormatFault> {
    let parsed = match value {
        Value::String(text) => Duration::parse_bytes_with_config(text.as_bytes(), &time_config()),
        Value::Bool(bit) => Duration::new(true, 0, u32::from(*bit), 0),
        Value::Number(number) => {
            let seconds = number.as_f64().unwrap_or_default();
            let days = (seconds.abs() / 86_400.0).floor();
            if days > MAX_DAYS {
                Err(ParseError::DurationDaysTooLarge)
            } else {
                let rest = seconds.abs() - days * 86_400.0;
                let microseconds = (rest.fract() * 1e6).round() as u32;
                Duration::new(seconds >= 0.0, days as u32, rest as u32, microseconds)
            }
        }
        _ => return Err(wrong_type("time_delta_type", "Input should be a valid timedelta")),
    };
    parsed.map_err(|error| {
        unreadable("time_delta_parsing", "Input should be a valid timedelta", reason(&error))
    })
}

fn read_uuid(value: &Value, version: Option<usize>) -> Result<Uuid, FormatFault> {
    let Value::String(text) = value else {
        return Err(wrong_type("uuid_type", "UUID input should be a string, bytes or UUID object"));
    };
    let uuid = Uuid::parse_str(text)
        .map_err(|error| unreadable("uuid_parsing", "Input should be a valid UUID", &error.to_string()))?;
    match version.filter(|version| uuid.get_version_num() != *version) {
        Some(version) => Err(FormatFault {
            kind: "uuid_version",
            message: format!("UUID version {version} expected"),
            context: Some(json!({"expected_version": version})),
        }),
        None => Ok(uuid),
    }
}

fn read_url(value: &Value, is_web: bool) -> Result<Url, FormatFault> {
    let Value::String(text) = value else {
        return Err(wrong_type("url_type", "URL input should be a string or URL"));
    };
    if is_web && text.chars().count() as u64 > MAX_WEB_URL {
        return Err(FormatFault {
            kind: "url_too_long",
            message: format!("URL should have at most {MAX_WEB_URL} characters"),
            context: Some(json!({"max_length": MAX_WEB_URL})),
        });
    }
    let fault = |reason: &str| unreadable("url_parsing", "Input should be a valid URL", reason);
    if text.is_empty() {
        return Err(fault("input is empty"));
    }
    let url = Url::parse(text).map_err(|error| fault(&error.to_string()))?;
    if is_web && !["http", "https"].contains(&url.scheme()) {
        let schemes = "'http' or 'https'";
        return Err(FormatFault {
            kind: "url_scheme",
            message: format!("URL scheme should be {schemes}"),
            context: Some(json!({"expected_schemes": schemes})),
        });
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_values_are_refused_or_converted() {
        let nines = "9".repeat(400);
        let texts = [
            "",
            "-",
            "+",
            "P",
            "-P",
            "é",
            "水2020-01-01",
            "2020-01-01T10:20:30\u{2212}02:00",
            "2020-01-01T10:20:30\u{2212}",
            "2020-01-01T10:20:30.",
            "-9223372036854775808",
            "9223372036854775807.9",
            "-1e400",
            "P4294967296D",
            "P4294967295W",
            "P999999999DT999999999H999999999M",
            "4294967295 days, 4294967295:59:59",
            "99999999999:00",
            "http://[::1]:99999999999999999999",
            &nines,
        ];
        let numbers =
            [json!(i64::MIN), json!(i64::MAX), json!(u64::MAX), json!(1e308), json!(-1e308), json!(-0.0)];
        let values: Vec<Value> = texts
            .iter()
            .map(|text| json!(text))
            .chain(numbers)
            .chain([json!(null), json!([]), json!({})])
            .collect();
        for (name, _) in Format::checks() {
            let Some(format) = Format::from_name(name) else { continue };
            for value in &values {
                if let Ok(converted) = format.convert(value, &[]) {
                    let again = format.convert(&converted, &[]);
                    assert!(again.is_ok_and(|again| again == converted), "{name} {value}: {converted}");
                }
            }
        }
    }
}
