//! Literals of any type, and what the compiler does with them.

/// A literal, before its type is known to fit its parameter.
#[derive(Debug)]
pub struct Literal<T>(pub T);

/// The value of a literal.
#[derive(Debug, Clone, Copy)]
pub enum Token {
    /// `28`
    Integer(i128),
    /// `3.5`
    Float(f64),
    /// `"a cat"`
    Text(&'static str),
    /// `true`
    Flag(bool),
}

// One type for all integers, and one for all floats: with two, the compiler could not choose.
macro_rules! tokens {
    ($($variant:ident($ty:ty))*) => {$(
        impl Literal<$ty> {
            /// Returns the value.
            #[must_use]
            pub const fn token(self) -> Token {
                Token::$variant(self.0)
            }
        }
    )*};
}

tokens!(Integer(i128) Float(f64) Text(&'static str) Flag(bool));

impl Token {
    /// Returns an integer that fits.
    #[allow(clippy::cast_possible_truncation, reason = "the bounds are checked first")]
    pub(crate) const fn as_i64(self) -> Option<i64> {
        match self {
            // One outside of the range of `i64` is outside of every range in it, but for the one without bounds.
            Self::Integer(value) if value < i64::MIN as i128 || value > i64::MAX as i128 => None,
            Self::Integer(value) => Some(value as i64),
            _ => None,
        }
    }

    pub(crate) const fn as_i128(self) -> Option<i128> {
        match self {
            Self::Integer(value) => Some(value),
            _ => None,
        }
    }

    /// Returns a number of either kind.
    #[allow(
        clippy::cast_precision_loss,
        reason = "a literal of more than 53 bits for a float is rounded like a float"
    )]
    pub(crate) const fn as_f64(self) -> Option<f64> {
        match self {
            Self::Integer(value) => Some(value as f64),
            Self::Float(value) => Some(value),
            _ => None,
        }
    }

    /// Returns the bytes of text, and none of other literals.
    #[must_use]
    pub const fn as_bytes(self) -> &'static [u8] {
        match self {
            Self::Text(text) => text.as_bytes(),
            _ => &[],
        }
    }

    /// Returns true if the literal is this text, or the integer that the text has the digits of.
    #[must_use]
    pub const fn is_text(self, text: &str) -> bool {
        match self {
            Self::Text(literal) => is_equal(literal, text),
            Self::Integer(value) => is_decimal(text, value),
            _ => false,
        }
    }

    /// Returns true if the literal is this integer.
    #[must_use]
    pub const fn is_integer(self, value: i64) -> bool {
        matches!(self, Self::Integer(literal) if literal == value as i128)
    }
}

/// Returns true if `text` has the digits of `value`.
const fn is_decimal(text: &str, value: i128) -> bool {
    let bytes = text.as_bytes();
    if value < 0 || bytes.is_empty() || bytes.len() > 30 || (bytes[0] == b'0' && bytes.len() > 1) {
        return false;
    }
    let (mut index, mut read) = (0, 0_i128);
    while index < bytes.len() {
        if !bytes[index].is_ascii_digit() {
            return false;
        }
        read = read * 10 + (bytes[index] - b'0') as i128;
        index += 1;
    }
    read == value
}

/// Fails the compilation at a literal of another kind than `kind`.
#[track_caller]
#[allow(clippy::panic, reason = "evaluated by the compiler, for literals of `input!` only")]
pub const fn reject_kind(rule: &'static str, kind: &'static str) -> ! {
    let (message, length) = append(append(append(([0; 512], 0), rule), "; this literal is not "), kind);
    match str::from_utf8(message.split_at(length).0) {
        Ok(message) => panic!("{}", message),
        Err(_) => panic!("{}", rule),
    }
}

/// Fails the compilation at a literal that breaks `rule`.
#[doc(hidden)]
#[track_caller]
#[allow(clippy::panic, reason = "evaluated by the compiler, for literals of `input!` only")]
pub const fn reject(rule: &'static str) -> ! {
    panic!("{}", rule)
}

/// Returns the index of a literal among the texts that it may be. The compilation fails if it is not among them.
///
/// A function and not part of the macros, so that it is compiled once and not for every enum.
#[doc(hidden)]
#[must_use]
#[track_caller]
pub const fn position(token: Token, texts: &[&str], rule: &'static str) -> usize {
    let mut index = 0;
    while index < texts.len() {
        if token.is_text(texts[index]) {
            return index;
        }
        index += 1;
    }
    reject(rule)
}

/// Appends `text` to the message that a literal is refused with, as far as it fits. `format!` is not const.
pub(crate) const fn append<const N: usize>(
    (mut bytes, mut length): ([u8; N], usize),
    text: &str,
) -> ([u8; N], usize) {
    let (text, mut index) = (text.as_bytes(), 0);
    while index < text.len() && length < N {
        bytes[length] = text[index];
        (length, index) = (length + 1, index + 1);
    }
    (bytes, length)
}

/// Returns true if the two strings are equal; `==` does not work in a `const fn`.
#[doc(hidden)]
#[must_use]
pub const fn is_equal(left: &str, right: &str) -> bool {
    left.len() == right.len() && starts_with(left, right)
}

pub(crate) const fn starts_with(text: &str, prefix: &str) -> bool {
    let (text, prefix) = (text.as_bytes(), prefix.as_bytes());
    if text.len() < prefix.len() {
        return false;
    }
    let mut index = 0;
    while index < prefix.len() {
        if text[index] != prefix[index] {
            return false;
        }
        index += 1;
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_equal_to_the_integer_that_they_name() {
        for (text, value, expected) in [
            ("5", 5, true),
            ("10", 10, true),
            ("0", 0, true),
            ("05", 5, false),
            ("5s", 5, false),
            ("", 0, false),
            ("-5", -5, false),
            ("99999999999999999999999999999999999999999", 9, false),
        ] {
            assert_eq!(Literal(value).token().is_text(text), expected, "{text}");
        }
    }

    #[test]
    fn a_prefix_is_not_equal() {
        assert!(is_equal("png", "png"));
        assert!(!is_equal("png", "pn") && !is_equal("pn", "png") && !is_equal("jpg", "png"));
    }
}
