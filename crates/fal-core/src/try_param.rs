//! Values that are known only at run time, and become values of parameters or violations.

use std::{
    borrow::Cow,
    collections::BTreeMap,
    fmt,
    path::{Path, PathBuf},
};

use serde::Serialize;
use serde_json::{Map, Value};

use crate::{Draft, File, Float, Int, Integer, Nullable, Range, WideInt, integer::Number, json};

/// A value that [`try_input!`](crate::try_input!) and `try_builder()` accept for a parameter of type `T`.
///
/// | Value | Parameter |
/// |---|---|
/// | any integer or float of Rust | a number; also an enum of numbers, such as `"5"` and `"10"` |
/// | `&str`, `String`, `Cow<str>` | text; a value of an enum; an image size such as `square_hd` or `640x480`; a number in digits; the URL of a file |
/// | [`File`], `PathBuf`, `&Path`, a file that a model returned | a file |
/// | `Option` of one of these | an optional parameter; `None` leaves it out |
/// | `Vec`, array or slice of these | a list |
/// | a value of the type of the parameter | that parameter |
///
/// A value that does not fit is a [`Violation`](crate::Violation), which names the parameter, its bounds and the value.
pub trait TryParam<T> {
    /// `T`, or `Option<T>` for an `Option`, which only optional parameters accept.
    #[doc(hidden)]
    type Value: Into<Option<T>>;

    #[doc(hidden)]
    fn try_param(self) -> Draft<Self::Value>;
}

/// A type whose values are given to parameters of that type as they are.
#[doc(hidden)]
pub trait ParamValue {}

/// A type that is made from text at run time.
#[doc(hidden)]
pub trait FromText: Sized {
    fn from_text(text: Cow<'_, str>) -> Draft<Self>;
}

/// A type that is made from a number at run time.
#[doc(hidden)]
pub trait FromNumber: Sized {
    fn from_number(number: Number) -> Draft<Self>;
}

macro_rules! numbers {
    ($($primitive:ident)*) => {$(
        #[diagnostic::do_not_recommend]
        impl<T: FromNumber> TryParam<T> for $primitive {
            type Value = T;

            fn try_param(self) -> Draft<T> {
                T::from_number(self.into())
            }
        }
    )*};
}

numbers!(i8 i16 i32 i64 i128 isize u8 u16 u32 u64 usize f32 f64);

macro_rules! texts {
    ($($ty:ty)*) => {$(
        #[diagnostic::do_not_recommend]
        impl<T: FromText> TryParam<T> for $ty {
            type Value = T;

            fn try_param(self) -> Draft<T> {
                T::from_text(self.into())
            }
        }
    )*};
}

texts!(String &str &String Cow<'_, str>);

#[diagnostic::do_not_recommend]
impl<T, V: TryParam<T>> TryParam<T> for Option<V> {
    type Value = Option<T>;

    fn try_param(self) -> Draft<Option<T>> {
        match self {
            Some(value) => value.try_param().map(Into::into),
            None => Draft::new(None),
        }
    }
}

#[diagnostic::do_not_recommend]
impl<T> TryParam<T> for Draft<T> {
    type Value = T;

    fn try_param(self) -> Self {
        self
    }
}

#[diagnostic::do_not_recommend]
impl<T> TryParam<Nullable<T>> for Draft<T> {
    type Value = Nullable<T>;

    fn try_param(self) -> Draft<Nullable<T>> {
        self.map(Nullable::Value)
    }
}

#[diagnostic::do_not_recommend]
impl<T> TryParam<Box<T>> for Draft<T> {
    type Value = Box<T>;

    fn try_param(self) -> Draft<Box<T>> {
        self.map(Box::new)
    }
}

// Values of the type of the parameter.

#[diagnostic::do_not_recommend]
impl<T: ParamValue> TryParam<T> for T {
    type Value = T;

    fn try_param(self) -> Draft<T> {
        Draft::new(self)
    }
}

#[diagnostic::do_not_recommend]
impl<T: ParamValue> TryParam<Nullable<T>> for T {
    type Value = Nullable<T>;

    fn try_param(self) -> Draft<Nullable<T>> {
        Draft::new(Nullable::Value(self))
    }
}

#[diagnostic::do_not_recommend]
impl<T: ParamValue> TryParam<Box<T>> for T {
    type Value = Box<T>;

    fn try_param(self) -> Draft<Box<T>> {
        Draft::new(Box::new(self))
    }
}

impl<T: for<'de> json::ReadObject<'de>> ParamValue for T {}
impl ParamValue for bool {}
impl ParamValue for () {}
impl ParamValue for Value {}
impl ParamValue for Map<String, Value> {}
impl ParamValue for Integer {}
impl ParamValue for File {}
impl<R> ParamValue for Int<R> {}
impl<R> ParamValue for WideInt<R> {}
impl<R> ParamValue for Float<R> {}
impl<T> ParamValue for Nullable<T> {}
impl<T> ParamValue for BTreeMap<String, T> {}
impl<A> ParamValue for (A,) {}
impl<A, B> ParamValue for (A, B) {}
impl<A, B, C> ParamValue for (A, B, C) {}
impl<A, B, C, D> ParamValue for (A, B, C, D) {}

// Lists.

macro_rules! lists {
    ($([$($generics:tt)*] $ty:ty;)*) => {$(
        #[diagnostic::do_not_recommend]
        impl<T, V: TryParam<T, Value = T>, $($generics)*> TryParam<Vec<T>> for $ty {
            type Value = Vec<T>;

            fn try_param(self) -> Draft<Vec<T>> {
                Draft::list(self.into_iter().map(TryParam::try_param))
            }
        }

        #[diagnostic::do_not_recommend]
        impl<T, V: TryParam<T, Value = T>, $($generics)*> TryParam<Nullable<Vec<T>>> for $ty {
            type Value = Nullable<Vec<T>>;

            fn try_param(self) -> Draft<Nullable<Vec<T>>> {
                TryParam::<Vec<T>>::try_param(self).map(Nullable::Value)
            }
        }
    )*};
}

lists! {
    [] Vec<V>;
    [const N: usize] [V; N];
}

#[diagnostic::do_not_recommend]
impl<T, V: TryParam<T, Value = T> + Clone> TryParam<Vec<T>> for &[V] {
    type Value = Vec<T>;

    fn try_param(self) -> Draft<Vec<T>> {
        Draft::list(self.iter().cloned().map(TryParam::try_param))
    }
}

#[diagnostic::do_not_recommend]
impl<T, V: TryParam<T, Value = T> + Clone> TryParam<Vec<T>> for &Vec<V> {
    type Value = Vec<T>;

    fn try_param(self) -> Draft<Vec<T>> {
        self.as_slice().try_param()
    }
}

// Files.

macro_rules! files {
    ($([$($generics:tt)*] $ty:ty;)*) => {$(
        #[diagnostic::do_not_recommend]
        impl<$($generics)*> TryParam<File> for $ty {
            type Value = File;

            fn try_param(self) -> Draft<File> {
                Draft::new(self.into())
            }
        }

        #[diagnostic::do_not_recommend]
        impl<$($generics)*> TryParam<Nullable<File>> for $ty {
            type Value = Nullable<File>;

            fn try_param(self) -> Draft<Nullable<File>> {
                Draft::new(Nullable::Value(self.into()))
            }
        }
    )*};
}

files! {
    [] PathBuf;
    [] &Path;
    [] &PathBuf;
    [] &File;
}

/// Returns true for text that a file parameter takes as a URL.
fn is_url(text: &str) -> bool {
    let starts =
        |scheme: &str| text.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme));
    ["https://", "http://", "data:"].into_iter().any(starts)
}

impl FromText for File {
    fn from_text(text: Cow<'_, str>) -> Draft<Self> {
        if is_url(&text) {
            return Draft::new(Self::url(text));
        }
        let message =
            "must be a URL or a data URI, if it is text; a local file is `File::path(..)` or a `PathBuf`";
        Draft::refused(Self::url("https://"), message, &text)
    }
}

// Text.

impl FromText for String {
    fn from_text(text: Cow<'_, str>) -> Draft<Self> {
        Draft::new(text.into_owned())
    }
}

impl FromText for Value {
    fn from_text(text: Cow<'_, str>) -> Draft<Self> {
        Draft::new(Self::String(text.into_owned()))
    }
}

impl FromText for bool {
    fn from_text(text: Cow<'_, str>) -> Draft<Self> {
        match text.parse() {
            Ok(flag) => Draft::new(flag),
            Err(_) => Draft::refused(false, format!("must be `true` or `false`, not `{text}`"), &text),
        }
    }
}

/// Makes types that are made from numbers also from text in digits.
macro_rules! digits {
    ($([$($generics:tt)*] $ty:ty, $rule:expr;)*) => {$(
        impl<$($generics)*> FromText for $ty {
            fn from_text(text: Cow<'_, str>) -> Draft<Self> {
                match Number::parse(&text) {
                    Some(number) => Self::from_number(number),
                    None => Self::refuse(format!("{}, not `{text}`", $rule), &text),
                }
            }
        }
    )*};
}

/// A type with a stand-in for values that are refused.
trait Refuse: Sized {
    fn refuse(message: String, given: &(impl Serialize + ?Sized)) -> Draft<Self>;
}

macro_rules! stand_ins {
    ($([$($generics:tt)*] $ty:ty, $stand_in:expr;)*) => {$(
        impl<$($generics)*> Refuse for $ty {
            fn refuse(message: String, given: &(impl Serialize + ?Sized)) -> Draft<Self> {
                Draft::refused($stand_in, message, given)
            }
        }
    )*};
}

stand_ins! {
    [] Integer, Self::default();
    [] f64, 0.0;
    [R: Range<i64>] Int<R>, Self::stand_in();
    [R: Range<i128>] WideInt<R>, Self::stand_in();
    [R: Range<f64>] Float<R>, Self::stand_in();
}

const INTEGER: &str = "must be an integer";
const NUMBER: &str = "must be a number";

digits! {
    [] Integer, INTEGER;
    [] f64, NUMBER;
    [R: Range<i64>] Int<R>, R::MESSAGE;
    [R: Range<i128>] WideInt<R>, R::MESSAGE;
    [R: Range<f64>] Float<R>, R::MESSAGE;
}

impl FromNumber for Integer {
    fn from_number(number: Number) -> Draft<Self> {
        match number.as_integer() {
            Some(integer) => Draft::new(integer),
            None => Self::refuse(format!("{INTEGER}, not {number}"), &number),
        }
    }
}

impl FromNumber for f64 {
    fn from_number(number: Number) -> Draft<Self> {
        match number.as_f64().filter(|value| value.is_finite()) {
            Some(value) => Draft::new(value),
            None => Self::refuse(format!("{NUMBER}, not {number}"), &number),
        }
    }
}

impl FromNumber for Value {
    fn from_number(number: Number) -> Draft<Self> {
        Draft::new(serde_json::to_value(number).unwrap_or_default())
    }
}

impl<R: Range<i64>> FromNumber for Int<R> {
    fn from_number(number: Number) -> Draft<Self> {
        match Self::allowed(number) {
            Some(value) => Draft::new(value),
            None => Self::refuse(format!("{}, not {number}", R::MESSAGE), &number),
        }
    }
}

impl<R: Range<i128>> FromNumber for WideInt<R> {
    fn from_number(number: Number) -> Draft<Self> {
        match Self::allowed(number) {
            Some(value) => Draft::new(value),
            None => Self::refuse(format!("{}, not {number}", R::MESSAGE), &number),
        }
    }
}

impl<R: Range<f64>> FromNumber for Float<R> {
    fn from_number(number: Number) -> Draft<Self> {
        match Self::allowed(number) {
            Some(value) => Draft::new(value),
            None => Self::refuse(format!("{}, not {number}", R::MESSAGE), &number),
        }
    }
}

impl<T: FromNumber> FromNumber for Nullable<T> {
    fn from_number(number: Number) -> Draft<Self> {
        T::from_number(number).map(Self::Value)
    }
}

impl<T: FromText> FromText for Nullable<T> {
    fn from_text(text: Cow<'_, str>) -> Draft<Self> {
        T::from_text(text).map(Self::Value)
    }
}

impl<T: FromNumber> FromNumber for Box<T> {
    fn from_number(number: Number) -> Draft<Self> {
        T::from_number(number).map(Self::new)
    }
}

impl<T: FromText> FromText for Box<T> {
    fn from_text(text: Cow<'_, str>) -> Draft<Self> {
        T::from_text(text).map(Self::new)
    }
}

/// Returns the value of an enum that was made from text or digits, or the violation of its rule.
///
/// A function and not part of the macros, so that it is compiled once and not for every enum.
#[doc(hidden)]
pub fn enum_draft<T: Copy, G: Serialize + fmt::Display>(
    all: &[T],
    rule: &str,
    given: &G,
    is_given: impl Fn(&T) -> bool,
    stand_in: T,
) -> Draft<T> {
    match all.iter().copied().find(|value| is_given(value)) {
        Some(value) => Draft::new(value),
        None => Draft::refused(stand_in, format!("{rule}, not `{given}`"), given),
    }
}

/// Returns the value of an enum whose text is given, or the violation of its rule.
#[doc(hidden)]
pub fn text_enum_draft<T: Copy + fmt::Display, G: Serialize + fmt::Display>(
    all: &[T],
    rule: &str,
    given: &G,
    stand_in: T,
) -> Draft<T> {
    let text = given.to_string();
    enum_draft(all, rule, given, |value| value.to_string() == text, stand_in)
}

/// Returns the preset of a union whose text is given, or the violation of its rule.
#[doc(hidden)]
pub fn preset_draft<T: serde::de::DeserializeOwned>(text: Cow<'_, str>, rule: &str, stand_in: T) -> Draft<T> {
    match T::deserialize(serde::de::value::StrDeserializer::<serde::de::value::Error>::new(&text)) {
        Ok(value) => Draft::new(value),
        Err(_) => Draft::refused(stand_in, format!("{rule}, not `{text}`"), &text),
    }
}
