//! Amounts of money, and exact decimal numbers to calculate them.

use std::{
    fmt,
    iter::Sum,
    ops::{Add, AddAssign},
    str::FromStr,
};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// The number of decimals of an amount.
const SCALE: u32 = 18;

/// The units of an amount in a dollar.
const DOLLAR: u128 = 10_u128.pow(SCALE);

/// An amount of US dollars with 18 decimals.
///
/// Sums are exact: no float is involved. Amounts beyond 3.4 · 10²⁰ dollars saturate. Serialized as decimal text, such as
/// `"12.5"`.
///
/// ```
/// use fal_client::Usd;
///
/// let limit: Usd = "12.50".parse()?;
/// assert_eq!(limit, Usd::dollars(12) + Usd::cents(50));
/// assert_eq!(limit.to_string(), "$12.50");
/// assert_eq!("0.0035".parse::<Usd>()?.to_string(), "$0.0035");
/// # Ok::<(), fal_client::Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Usd(u128);

impl Usd {
    /// No money.
    pub const ZERO: Self = Self(0);

    /// Creates an amount of whole dollars.
    #[must_use]
    pub const fn dollars(dollars: u64) -> Self {
        // The largest product is 1.8e37, and a `u128` holds 3.4e38.
        Self(dollars as u128 * DOLLAR)
    }

    /// Creates an amount of whole cents.
    #[must_use]
    pub const fn cents(cents: u64) -> Self {
        Self(cents as u128 * (DOLLAR / 100))
    }

    /// Returns the product with a number.
    pub(crate) fn times(self, count: u64) -> Self {
        Self(self.0.saturating_mul(u128::from(count)))
    }

    /// Returns the difference, or zero if `other` is larger.
    #[must_use]
    pub fn saturating_sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }

    /// Returns the amount as the nearest float, for measurements.
    #[cfg(feature = "metrics")]
    pub(crate) fn to_f64(self) -> f64 {
        self.to_decimal().parse().unwrap_or(f64::INFINITY)
    }

    /// Returns the amount as decimal text without a sign, such as `12.5`.
    pub(crate) fn to_decimal(self) -> String {
        let (whole, rest) = (self.0 / DOLLAR, self.0 % DOLLAR);
        let rest = format!("{rest:018}");
        match rest.trim_end_matches('0') {
            "" => whole.to_string(),
            rest => format!("{whole}.{rest}"),
        }
    }
}

impl Add for Usd {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl AddAssign for Usd {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Sum for Usd {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::ZERO, Self::add)
    }
}

impl FromStr for Usd {
    type Err = crate::Error;

    /// Parses decimal text such as `12.50` or `$0.0035`. Refuses negative amounts and more than 18 decimals.
    fn from_str(text: &str) -> crate::Result<Self> {
        let digits = text.trim().strip_prefix('$').unwrap_or(text.trim());
        let exact = Decimal::parse(digits).filter(|amount| amount.scale <= SCALE);
        exact.and_then(Decimal::to_usd).ok_or_else(|| {
            let message = format!("`{}` is not an amount of US dollars such as `12.50`", text.escape_debug());
            crate::Error::new(crate::ErrorKind::Config, message)
        })
    }
}

/// Prints the amount with at least two decimals, such as `$12.50` or `$0.0035`.
impl fmt::Display for Usd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.to_decimal();
        let (whole, rest) = text.split_once('.').unwrap_or((&text, ""));
        f.pad(&format!("${whole}.{rest:0<2}"))
    }
}

impl fmt::Debug for Usd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Usd {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.to_decimal())
    }
}

impl<'de> Deserialize<'de> for Usd {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

/// An exact decimal number, not negative: `mantissa · 10^-scale`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Decimal {
    mantissa: u128,
    scale: u32,
}

impl Decimal {
    pub(crate) const ZERO: Self = Self { mantissa: 0, scale: 0 };
    pub(crate) const ONE: Self = Self { mantissa: 1, scale: 0 };

    /// Parses `12`, `1.50000000` or `1e-05`. Returns `None` for anything else, negative numbers too.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (number, exponent) = match text.split_once(['e', 'E']) {
            Some((number, exponent)) => (number, exponent.parse::<i32>().ok()?),
            None => (text, 0),
        };
        let (whole, rest) = number.split_once('.').unwrap_or((number, ""));
        let is_number = |digits: &str| digits.bytes().all(|byte| byte.is_ascii_digit());
        if whole.len() + rest.len() == 0 || !is_number(whole) || !is_number(rest) {
            return None;
        }
        let rest = rest.trim_end_matches('0');
        let mut mantissa = format!("{whole}{rest}").parse::<u128>().ok()?;
        let scale = i64::try_from(rest.len()).ok()?.checked_sub(i64::from(exponent))?;
        if scale < 0 && mantissa > 0 {
            mantissa = mantissa.checked_mul(power(u32::try_from(-scale).ok()?)?)?;
        }
        Some(Self { mantissa, scale: u32::try_from(scale.max(0)).ok()? }.normalize())
    }

    /// Removes zeros from the end, so that equal numbers are equal.
    fn normalize(mut self) -> Self {
        while self.scale > 0 && self.mantissa.is_multiple_of(10) {
            self.mantissa /= 10;
            self.scale -= 1;
        }
        self
    }

    /// Returns the product, or `None` if it has too many digits.
    pub(crate) fn checked_mul(self, other: Self) -> Option<Self> {
        let mantissa = self.mantissa.checked_mul(other.mantissa)?;
        Some(Self { mantissa, scale: self.scale.checked_add(other.scale)? }.normalize())
    }

    /// Returns the sum, or `None` if it has too many digits.
    pub(crate) fn checked_add(self, other: Self) -> Option<Self> {
        let scale = self.scale.max(other.scale);
        let digits = |number: Self| number.mantissa.checked_mul(power(scale - number.scale)?);
        let mantissa = digits(self)?.checked_add(digits(other)?)?;
        Some(Self { mantissa, scale }.normalize())
    }

    /// Returns the number as an amount of dollars. What is below 10^-18 counts as that.
    pub(crate) fn to_usd(self) -> Option<Usd> {
        if self.scale <= SCALE {
            return self.mantissa.checked_mul(power(SCALE - self.scale)?).map(Usd);
        }
        Some(Usd(power(self.scale - SCALE).map_or(1, |divisor| self.mantissa.div_ceil(divisor))))
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scale = usize::try_from(self.scale).unwrap_or(usize::MAX);
        let digits = format!("{:0>width$}", self.mantissa, width = scale.saturating_add(1));
        match digits.split_at_checked(digits.len() - scale) {
            Some((whole, rest)) if !rest.is_empty() => f.pad(&format!("{whole}.{rest}")),
            _ => f.pad(&digits),
        }
    }
}

impl Serialize for Decimal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Decimal {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| D::Error::custom("expected a decimal number that is not negative"))
    }
}

fn power(exponent: u32) -> Option<u128> {
    10_u128.checked_pow(exponent)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_parsed_and_printed_exactly() {
        let table = [
            ("0", "$0.00"),
            ("12.50", "$12.50"),
            ("$3", "$3.00"),
            ("0.0035", "$0.0035"),
            (".5", "$0.50"),
            ("1e-5", "$0.00001"),
            ("0.000000000000000001", "$0.000000000000000001"),
            ("340282366920938463463.374607431768211455", "$340282366920938463463.374607431768211455"),
        ];
        for (text, printed) in table {
            let amount: Usd = text.parse().unwrap();
            assert_eq!(amount.to_string(), printed);
            let json = serde_json::to_string(&amount).unwrap();
            assert_eq!(serde_json::from_str::<Usd>(&json).unwrap(), amount, "{json}");
        }
        for bad in ["", "-1", "1,5", "NaN", "inf", "1.0000000000000000001", "1e99", "1e", "1 2", "0x1", "."] {
            assert!(bad.parse::<Usd>().unwrap_err().to_string().contains("US dollars"), "{bad}");
        }
    }

    #[test]
    fn ten_thousand_amounts_add_up_without_drift() {
        let tenth: Usd = "0.1".parse().unwrap();
        assert_eq!(std::iter::repeat_n(tenth, 10_000).sum::<Usd>(), Usd::dollars(1000));
    }

    #[test]
    fn prices_times_units_are_exact_and_rounded_up_below_the_last_decimal() {
        let product = |price: &str, units: &str| {
            Decimal::parse(price)
                .unwrap()
                .checked_mul(Decimal::parse(units).unwrap())
                .unwrap()
                .to_usd()
                .unwrap()
        };
        assert_eq!(product("0.025", "1.50000000").to_decimal(), "0.0375");
        assert_eq!(product("0.0000123456789", "0.00000001").to_decimal(), "0.000000000000123457");
        assert_eq!(product("1e-30", "1"), "0.000000000000000001".parse().unwrap());
        assert_eq!(product("1234.5", "1000000000000.25").to_decimal(), "1234500000000308.625");
        let huge = Decimal::parse("1e38").unwrap();
        assert!(huge.checked_mul(huge).is_none() && huge.to_usd().is_none());
    }

    #[test]
    fn decimals_are_printed_as_they_are_parsed() {
        for text in ["0", "1", "1.5", "0.00000001", "120", "10.25"] {
            assert_eq!(Decimal::parse(text).unwrap().to_string(), text);
        }
        assert_eq!(Decimal::parse("1.50000000").unwrap().to_string(), "1.5");
        let sum = Decimal::parse("0.1").unwrap().checked_add(Decimal::parse("0.20").unwrap()).unwrap();
        assert_eq!(sum.to_string(), "0.3");
    }
}
