//! The `Range` header.

/// The part of a file that a request asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Range {
    Whole,
    /// The bytes `from` to `to`, both included.
    Part {
        from: u64,
        to: u64,
    },
    /// The range starts after the end of the file.
    Beyond,
}

/// Parses a range of a file of `length` bytes.
///
/// Several ranges, other units and invalid values mean the whole file, as RFC 9110 allows.
pub(super) fn parse(header: Option<&str>, length: u64) -> Range {
    let Some((from, to)) =
        header.and_then(|text| text.trim().strip_prefix("bytes=")).and_then(|ends| ends.split_once('-'))
    else {
        return Range::Whole;
    };
    match (parse_number(from), parse_number(to)) {
        (Ok(None), Ok(Some(last))) => match length.checked_sub(1) {
            Some(end) if last > 0 => Range::Part { from: length.saturating_sub(last), to: end },
            _ => Range::Beyond,
        },
        (Ok(Some(from)), Ok(to)) if to.is_none_or(|to| to >= from) => {
            if from >= length {
                return Range::Beyond;
            }
            Range::Part { from, to: to.unwrap_or(u64::MAX).min(length - 1) }
        }
        _ => Range::Whole,
    }
}

/// Parses a number, which may be absent.
fn parse_number(text: &str) -> Result<Option<u64>, ()> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(());
    }
    // A number that does not fit is larger than any file.
    Ok(Some(text.parse().unwrap_or(u64::MAX)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_clamped_and_invalid_ones_mean_the_whole_file() {
        let part = |from, to| Range::Part { from, to };
        let cases = [
            (None, Range::Whole),
            (Some("bytes=0-3"), part(0, 3)),
            (Some("bytes=4-"), part(4, 9)),
            (Some("bytes=-3"), part(7, 9)),
            (Some("bytes=-99"), part(0, 9)),
            (Some("bytes=5-999999999999999999999999"), part(5, 9)),
            (Some("bytes=10-"), Range::Beyond),
            (Some("bytes=-0"), Range::Beyond),
            (Some("bytes=5-4"), Range::Whole),
            (Some("bytes=-"), Range::Whole),
            (Some("bytes=0-1,3-4"), Range::Whole),
            (Some("items=0-1"), Range::Whole),
            (Some("bytes=+1-2"), Range::Whole),
        ];
        for (header, expected) in cases {
            assert_eq!(parse(header, 10), expected, "{header:?}");
        }
        assert_eq!(parse(Some("bytes=-1"), 0), Range::Beyond);
    }
}
