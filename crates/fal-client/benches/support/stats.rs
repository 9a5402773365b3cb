//! Statistics.

pub(crate) fn median(numbers: &[f64]) -> f64 {
    quantile(numbers, 0.5)
}

/// Returns the number below which this part of the numbers lies.
pub(crate) fn quantile(numbers: &[f64], part: f64) -> f64 {
    let mut numbers = numbers.to_vec();
    numbers.sort_unstable_by(f64::total_cmp);
    let last = numbers.len().saturating_sub(1);
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)]
    let place = (last as f64 * part).round() as usize;
    numbers.get(place).copied().unwrap_or(f64::NAN)
}

/// Returns the bounds of the middle half of the numbers.
pub(crate) fn spread(numbers: &[f64]) -> [f64; 2] {
    [0.25, 0.75].map(|part| rounded(quantile(numbers, part)))
}

/// Rounds to three decimal places.
pub(crate) fn rounded(number: f64) -> f64 {
    (number * 1000.0).round() / 1000.0
}
