//! `input!`: an input from field names and literals that the compiler checks.

/// Builds an input from parameter names; every literal is checked by `cargo check`.
///
/// The first token is the module of the endpoint. A literal must lie inside the bounds of its
/// parameter, or the code does not compile, whether it is ever called or not. Any other expression
/// goes to the builder's setter of that name. Forgetting a required parameter does not compile either.
///
/// ```
/// # mod dev {
/// #     use fal_core::{Int, Param, Range};
/// #     pub enum R {}
/// #     impl Range<i64> for R { const MIN: i64 = 1; const MAX: i64 = 50; const MESSAGE: &'static str = "1 to 50"; }
/// #     #[allow(non_camel_case_types)] pub mod arg { pub type steps = fal_core::Int<super::R>; pub type prompt = fal_core::arg::Text; }
/// #     #[derive(Default)] pub struct Input { pub prompt: Option<String>, pub steps: Option<Int<R>> }
/// #     impl Input { pub fn builder() -> Self { Self::default() }
/// #         pub fn prompt(mut self, v: impl Into<String>) -> Self { self.prompt = Some(v.into()); self }
/// #         pub fn steps(mut self, v: impl Param<Int<R>>) -> Self { self.steps = v.into_param(); self }
/// #         pub fn build(self) -> Self { self } }
/// # }
/// use fal_core::input;
///
/// let subject = "a cat";
/// let input = input!(dev { prompt: format!("{subject} reading a map"), steps: 28 });
/// # assert_eq!(input.steps.unwrap(), 28);
/// ```
///
/// A literal becomes a `const` item of its parameter's own type: rustc evaluates those in code that is
/// never called too, unlike an inline `const` block.
#[macro_export]
macro_rules! input {
    ($endpoint:ident $(:: $rest:ident)* { $($fields:tt)* }) => {
        $crate::__input!([$endpoint $(:: $rest)*] [$endpoint $(:: $rest)* ::Input::builder()] $($fields)*)
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __input {
    ([$($endpoint:tt)*] [$($built:tt)*] $field:ident : $value:literal $(, $($more:tt)*)?) => {
        $crate::__input!([$($endpoint)*] [$($built)* .$field({
            #[allow(non_upper_case_globals)]
            const $field: $($endpoint)*::arg::$field = <$($endpoint)*::arg::$field>::literal($value);
            $field
        })] $($($more)*)?)
    };
    ([$($endpoint:tt)*] [$($built:tt)*] $field:ident : $value:expr $(, $($more:tt)*)?) => {
        $crate::__input!([$($endpoint)*] [$($built)* .$field($value)] $($($more)*)?)
    };
    ([$($endpoint:tt)*] [$($built:tt)*] $field:ident $(, $($more:tt)*)?) => {
        $crate::__input!([$($endpoint)*] [$($built)* .$field($field)] $($($more)*)?)
    };
    ([$($endpoint:tt)*] [$($built:tt)*]) => { $($built)* .build() };
}
