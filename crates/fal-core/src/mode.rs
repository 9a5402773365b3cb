//! The two ways to build an input: from values of the right types, and from values that are checked at run time.

use std::fmt::Debug;

use crate::{Check, Draft, Param, Parameters, Required, Violation, Violations};

/// The way in which a builder treats values: [`Strict`] or [`Checked`].
pub trait Mode: Sized + Debug {
    /// A value that a setter was given.
    #[doc(hidden)]
    type Given<T>;
    /// The result of `build`: the struct, or a `Result` with all [`Violations`].
    type Built<T: Parameters>;

    /// Returns the value of the parameter `name`, and remembers a value that was refused.
    #[doc(hidden)]
    fn keep<T>(&mut self, name: &str, given: Self::Given<T>) -> T;

    #[doc(hidden)]
    fn finish<T: Parameters>(self, value: T) -> Self::Built<T>;

    #[doc(hidden)]
    fn optional<T>(&mut self, name: &str, value: impl Param<T, Self>) -> Option<T> {
        self.keep(name, value.into_param())
    }

    #[doc(hidden)]
    fn required<T>(&mut self, name: &str, value: impl Required<T, Self>) -> T {
        self.keep(name, value.into_required())
    }
}

/// The mode of `builder()`: values have the types of their parameters.
#[derive(Debug, Clone, Copy, Default)]
pub struct Strict;

/// The mode of `try_builder()`: values that are known only at run time are converted and checked.
///
/// `build` returns all [`Violations`] at once.
#[derive(Debug, Clone, Default)]
pub struct Checked(Vec<Violation>);

/// The mode of a struct inside an input that is [`Checked`].
#[doc(hidden)]
#[derive(Debug, Clone, Default)]
pub struct CheckedPart(Vec<Violation>);

impl Mode for Strict {
    type Given<T> = T;
    type Built<T: Parameters> = T;

    fn keep<T>(&mut self, _: &str, given: T) -> T {
        given
    }

    fn finish<T: Parameters>(self, value: T) -> T {
        value
    }
}

impl Mode for Checked {
    type Given<T> = Draft<T>;
    type Built<T: Parameters> = Result<T, Violations>;

    fn keep<T>(&mut self, name: &str, given: Draft<T>) -> T {
        given.take(name, &mut self.0)
    }

    fn finish<T: Parameters>(self, value: T) -> Result<T, Violations> {
        let mut check = Check::with_violations(self.0);
        value.check(&mut check);
        check.finish().map(|()| value)
    }
}

impl Mode for CheckedPart {
    type Given<T> = Draft<T>;
    type Built<T: Parameters> = Draft<T>;

    fn keep<T>(&mut self, name: &str, given: Draft<T>) -> T {
        given.take(name, &mut self.0)
    }

    fn finish<T: Parameters>(self, value: T) -> Draft<T> {
        Draft::with_violations(value, self.0)
    }
}
