//! Literals of any type, and what the compiler does with them.

/// A literal, before its type is known to fit its parameter.
#[derive(Debug)]
pub struct Literal<T>(pub T);

/// A literal whose type does not matter any more, and the parameter that it is given to.
#[derive(Debug, Clone, Copy)]
pub struct Token {
    value: TokenValue,
    parameter: &'static str,
}

/// The value of a literal.
#[derive(Debug, Clone, Copy)]
pub(crate) enum TokenValue {
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
            /// Returns the value, without the name of a parameter.
            #[must_use]
            pub const fn token(self) -> Token {
                Token { value: TokenValue::$variant(self.0), parameter: "" }
            }
        }
    )*};
}

tokens!(Integer(i128) Float(f64) Text(&'static str) Flag(bool));

impl Token {
    /// Sets the parameter, which messages name. `field` is its name in Rust.
    #[must_use]
    pub const fn given_to(self, field: &'static str) -> Self {
        Self { parameter: json_name(field), ..self }
    }

    /// Returns the name of the parameter, or an empty text.
    pub(crate) const fn parameter(self) -> &'static str {
        self.parameter
    }

    /// Returns the text, if the literal is one.
    pub(crate) const fn as_text(self) -> Option<&'static str> {
        match self.value {
            TokenValue::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(crate) const fn as_flag(self) -> Option<bool> {
        match self.value {
            TokenValue::Flag(value) => Some(value),
            _ => None,
        }
    }

    /// Fails the compilation, because the literal is not what the parameter `must` be.
    #[track_caller]
    pub(crate) const fn reject(self, must: &'static str) -> ! {
        let subject = if self.parameter.is_empty() {
            Message::new("the value of this parameter")
        } else {
            Message::new("`").append(self.parameter).append("`")
        };
        subject.append(" must be ").append(must).fail()
    }

    /// Fails the compilation, because the literal breaks a rule. Names the parameter, unless the rule begins with its name.
    #[track_caller]
    pub const fn reject_by(self, rule: &'static str) -> ! {
        if self.parameter.is_empty() || is_about(rule, self.parameter) {
            reject(rule)
        }
        Message::new("`").append(self.parameter).append("`: ").append(rule).fail()
    }

    /// Returns an integer that fits.
    #[allow(clippy::cast_possible_truncation, reason = "the bounds are checked first")]
    pub(crate) const fn as_i64(self) -> Option<i64> {
        match self.value {
            // One outside of the range of `i64` is outside of every range in it, but for the one without bounds.
            TokenValue::Integer(value) if value < i64::MIN as i128 || value > i64::MAX as i128 => None,
            TokenValue::Integer(value) => Some(value as i64),
            _ => None,
        }
    }

    pub(crate) const fn as_i128(self) -> Option<i128> {
        match self.value {
            TokenValue::Integer(value) => Some(value),
            _ => None,
        }
    }

    /// Returns a number of either kind.
    #[allow(
        clippy::cast_precision_loss,
        reason = "a literal of more than 53 bits for a float is rounded like a float"
    )]
    pub(crate) const fn as_f64(self) -> Option<f64> {
        match self.value {
            TokenValue::Integer(value) => Some(value as f64),
            TokenValue::Float(value) => Some(value),
            _ => None,
        }
    }

    /// Returns true if the literal is a number.
    #[must_use]
    pub const fn is_number(self) -> bool {
        matches!(self.value, TokenValue::Integer(_) | TokenValue::Float(_))
    }

    /// Returns the bytes of text, and none of other literals.
    #[must_use]
    pub const fn as_bytes(self) -> &'static [u8] {
        match self.value {
            TokenValue::Text(text) => text.as_bytes(),
            _ => &[],
        }
    }

    /// Returns true if the literal is this text, or the integer that the text has the digits of.
    #[must_use]
    pub const fn is_text(self, text: &str) -> bool {
        match self.value {
            TokenValue::Text(literal) => is_equal(literal, text),
            TokenValue::Integer(value) => is_decimal(text, value),
            _ => false,
        }
    }

    /// Returns true if the literal is this integer.
    #[must_use]
    pub const fn is_integer(self, value: i64) -> bool {
        matches!(self.value, TokenValue::Integer(literal) if literal == value as i128)
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
pub(crate) const fn reject_kind(rule: &'static str, kind: &'static str) -> ! {
    const NOT: &str = "; this literal is not ";
    Message::new("").append_beside(rule, NOT.len() + kind.len()).append(NOT).append(kind).fail()
}

/// Fails the compilation at a literal that breaks `rule`.
#[track_caller]
#[allow(clippy::panic, reason = "evaluated by the compiler, for literals of `input!` only")]
const fn reject(rule: &'static str) -> ! {
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
    token.reject_by(rule)
}

/// A message of the compiler that is put together while it evaluates constants, where `format!` does not work.
pub(crate) struct Message {
    bytes: [u8; 512],
    length: usize,
}

impl Message {
    pub(crate) const fn new(text: &str) -> Self {
        Self { bytes: [0; 512], length: 0 }.append(text)
    }

    /// Returns true if there is room for `length` more bytes.
    pub(crate) const fn has_room_for(&self, length: usize) -> bool {
        length <= self.bytes.len() - self.length
    }

    /// Appends `text`, or as many characters of it as fit.
    pub(crate) const fn append(self, text: &str) -> Self {
        self.append_beside(text, 0)
    }

    /// Appends `text`, or as many characters of it as fit if `room` bytes are left free after it.
    const fn append_beside(mut self, text: &str, room: usize) -> Self {
        let free = (self.bytes.len() - self.length).saturating_sub(room);
        let mut end = if text.len() < free { text.len() } else { free };
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        let (text, mut index) = (text.as_bytes(), 0);
        while index < end {
            self.bytes[self.length + index] = text[index];
            index += 1;
        }
        self.length += end;
        self
    }

    /// Returns the text so far.
    pub(crate) const fn as_str(&self) -> &str {
        match str::from_utf8(self.bytes.split_at(self.length).0) {
            Ok(text) => text,
            Err(_) => "",
        }
    }

    /// Fails the compilation with this message.
    #[track_caller]
    #[allow(clippy::panic, reason = "evaluated by the compiler, for literals of `input!` only")]
    pub(crate) const fn fail(self) -> ! {
        panic!("{}", self.as_str())
    }
}

/// Returns the name of a parameter whose field is `field`.
#[doc(hidden)]
#[must_use]
pub const fn json_name(field: &str) -> &str {
    if starts_with(field, "r#") { field.split_at(2).1 } else { field }
}

/// Returns a value for the variable of each field of an `input!`.
#[doc(hidden)]
#[must_use]
pub const fn units<const N: usize>() -> [(); N] {
    [(); N]
}

/// Fails the compilation at a quoted name that is given twice, or is also a field of an `input!`.
///
/// The arguments are no references, because the compiler would make one more constant of each.
#[doc(hidden)]
#[track_caller]
pub const fn check_names<const N: usize, const Q: usize>(fields: [&str; N], quoted: [Token; Q]) {
    let mut index = 0;
    while index < Q {
        if let Some(name) = quoted[index].as_text() {
            let mut other = 0;
            while other < N {
                if is_equal(name, json_name(fields[other])) {
                    reject_twice(name);
                }
                other += 1;
            }
            other = 0;
            while other < index {
                if quoted[other].is_text(name) {
                    reject_twice(name);
                }
                other += 1;
            }
        }
        index += 1;
    }
}

#[track_caller]
const fn reject_twice(name: &str) -> ! {
    Message::new("`").append(name).append("` is given twice").fail()
}

/// Returns true if a rule begins with the name of the parameter, in backticks.
const fn is_about(rule: &str, parameter: &str) -> bool {
    let (rule, parameter) = (rule.as_bytes(), parameter.as_bytes());
    if rule.len() < parameter.len() + 2 || rule[0] != b'`' || rule[parameter.len() + 1] != b'`' {
        return false;
    }
    let mut index = 0;
    while index < parameter.len() {
        if rule[index + 1] != parameter[index] {
            return false;
        }
        index += 1;
    }
    true
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
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

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
    fn a_message_is_cut_between_characters() {
        let long = "é".repeat(300);
        assert_eq!(Message::new(&long).append("abc").as_str(), "é".repeat(256));
        assert_eq!(Message::new("a").append(&long).append("bc").as_str(), format!("a{}b", "é".repeat(255)));
        assert_eq!(Message::new("").append_beside("abc", 600).as_str(), "");
    }

    #[test]
    fn a_long_rule_is_cut_before_the_kind_of_the_literal() {
        let rule = "é".repeat(300).leak();
        let message = std::panic::catch_unwind(|| reject_kind(rule, "an integer")).unwrap_err();
        let message = message.downcast_ref::<String>().unwrap();
        assert_eq!(*message, format!("{}; this literal is not an integer", "é".repeat(240)));
    }

    #[test]
    fn a_literal_of_another_kind_is_refused_with_the_name_of_its_parameter() {
        let refused = |token: Token| {
            let message = std::panic::catch_unwind(|| token.reject("a number")).unwrap_err();
            message.downcast_ref::<String>().unwrap().clone()
        };
        let token = Literal("two").token();
        assert_eq!(refused(token), "the value of this parameter must be a number");
        assert_eq!(refused(token.given_to("r#type")), "`type` must be a number");
    }

    fn accepts<const N: usize, const Q: usize>(fields: [&'static str; N], quoted: [&'static str; Q]) -> bool {
        let quoted = quoted.map(|name| Literal(name).token());
        std::panic::catch_unwind(|| check_names(fields, quoted)).is_ok()
    }

    #[test]
    fn a_quoted_name_is_refused_if_it_is_given_before() {
        assert!(accepts([], ["a"]) && accepts(["a", "r#type"], ["ab", "r#type", "b"]));
        assert!(
            !accepts(["b", "r#type"], ["type"]) && !accepts(["a"], ["a"]) && !accepts([], ["a", "b", "a"])
        );
    }

    #[test]
    fn a_prefix_is_not_equal() {
        assert!(is_equal("png", "png"));
        assert!(!is_equal("png", "pn") && !is_equal("pn", "png") && !is_equal("jpg", "png"));
    }
}
