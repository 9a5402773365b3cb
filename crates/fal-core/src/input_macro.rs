//! `input!`: an input from field names and literals that the compiler checks.

/// Builds an input from parameter names; every literal is checked by `cargo check`.
///
/// The first tokens are the path of the endpoint's module. What follows reads like a struct expression:
///
/// | written | means |
/// |---|---|
/// | `num_images: 2`, `prompt: "a cat"` | a literal, checked by the compiler against the bounds of the parameter |
/// | `output_format: "png"` | a value of an enum, checked by the compiler; `dev::OutputFormat::Png` is the same |
/// | `prompt: text`, `prompt: format!("{x}")`, `prompt` | any expression; the last is short for `prompt: prompt` |
/// | `seed: maybe` | an `Option` decided at run time; `None` leaves the parameter out |
/// | `image_size: { width: 512, height: 768 }` | a nested struct, whose literals are checked too |
/// | `loras: [{ path: url }, other]`, `image_urls: ["https://…"]` | a list; its items and their number are checked |
/// | `"brand_new": 7` | a parameter that the crate does not know, sent as it is: anything that turns into a `serde_json::Value` |
/// | `..base` | at the end: what is not given is taken from `base`, an input of the same endpoint or its builder |
///
/// Forgetting a required parameter does not compile, nor does any literal outside its bounds, whether the
/// code is ever called or not. A block in braces that starts with `name:`, `name,` or is just `{ name }`
/// is a nested struct; other blocks are expressions.
///
/// Editors complete parameter names: each name becomes a call of the setter of that name, with the place
/// that you typed it at. So going to its definition and its documentation lead to the setter.
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
/// #     impl fal_core::arg::Base<Input> for Input { type Builder = Self; fn into_builder(self) -> Self { self } }
/// # }
/// use fal_core::input;
///
/// let subject = "a cat";
/// let input = input!(dev { prompt: format!("{subject} reading a map"), steps: 28 });
/// # assert_eq!(input.steps.unwrap(), 28);
///
/// let rough = input!(dev { steps: 4, ..input });
/// assert_eq!(rough.prompt.unwrap(), "a cat reading a map");
/// # assert_eq!(rough.steps.unwrap(), 4);
/// ```
///
/// A literal becomes a `const` item of its parameter's own type: rustc evaluates those in code that is
/// never called too, unlike an inline `const` block.
#[macro_export]
macro_rules! input {
    (:: $first:ident $(:: $rest:ident)* { $($fields:tt)* }) => {
        $crate::__input!([::$first $(::$rest)*] [::$first $(::$rest)*::Input] [] $($fields)*)
    };
    ($first:ident $(:: $rest:ident)* { $($fields:tt)* }) => {
        $crate::__input!([$first $(::$rest)*] [$first $(::$rest)*::Input] [] $($fields)*)
    };
}

// The state of a struct: the path of its modules, its type, the calls of setters so far. Then its fields.
#[doc(hidden)]
#[macro_export]
macro_rules! __input {
    ([$($path:tt)*] [$($built:tt)*] [$($calls:tt)*]) => {
        <$($built)*>::builder() $($calls)* .build()
    };
    ([$($path:tt)*] [$($built:tt)*] [$($calls:tt)*] .. $base:expr $(,)?) => {
        $crate::arg::resume::<$($built)*, _>($base) $($calls)* .build()
    };
    ([$($path:tt)*] [$($built:tt)*] [$($calls:tt)*] $name:literal : $value:expr $(, $($more:tt)*)?) => {
        $crate::__input!([$($path)*] [$($built)*] [$($calls)* .extra($name, $value)] $($($more)*)?)
    };
    ([$($path:tt)*] [$($built:tt)*] [$($calls:tt)*] $field:ident : {} $(, $($more:tt)*)?) => {
        $crate::__input!([$($path)*] [$($built)*] [$($calls)* .$field(
            $crate::__nested!([$($path)*::nested::$field])
        )] $($($more)*)?)
    };
    ([$($path:tt)*] [$($built:tt)*] [$($calls:tt)*]
        $field:ident : { $inner:ident : $($inside:tt)* } $(, $($more:tt)*)?) => {
        $crate::__input!([$($path)*] [$($built)*] [$($calls)* .$field(
            $crate::__nested!([$($path)*::nested::$field] $inner : $($inside)*)
        )] $($($more)*)?)
    };
    ([$($path:tt)*] [$($built:tt)*] [$($calls:tt)*]
        $field:ident : { $inner:ident $(, $($inside:tt)*)? } $(, $($more:tt)*)?) => {
        $crate::__input!([$($path)*] [$($built)*] [$($calls)* .$field(
            $crate::__nested!([$($path)*::nested::$field] $inner $(, $($inside)*)?)
        )] $($($more)*)?)
    };
    ([$($path:tt)*] [$($built:tt)*] [$($calls:tt)*]
        $field:ident : [ $($items:tt)* ] $(, $($more:tt)*)?) => {
        $crate::__list!([$($path)*] [$($built)*] [$($calls)*] $field [] [0] [$($($more)*)?] $($items)*)
    };
    ([$($path:tt)*] [$($built:tt)*] [$($calls:tt)*] $field:ident : $value:literal $(, $($more:tt)*)?) => {
        $crate::__input!([$($path)*] [$($built)*] [$($calls)* .$field({
            #[allow(non_upper_case_globals)]
            const $field: $($path)*::arg::$field = <$($path)*::arg::$field>::literal($value);
            $field
        })] $($($more)*)?)
    };
    ([$($path:tt)*] [$($built:tt)*] [$($calls:tt)*] $field:ident : $value:expr $(, $($more:tt)*)?) => {
        $crate::__input!([$($path)*] [$($built)*] [$($calls)* .$field($value)] $($($more)*)?)
    };
    ([$($path:tt)*] [$($built:tt)*] [$($calls:tt)*] $field:ident $(, $($more:tt)*)?) => {
        $crate::__input!([$($path)*] [$($built)*] [$($calls)* .$field($field)] $($($more)*)?)
    };
}

// A struct inside of another, as the parameter or the union around it wants it.
#[doc(hidden)]
#[macro_export]
macro_rules! __nested {
    ([$($path:tt)*] $($fields:tt)*) => {
        ::core::convert::Into::<$($path)*::__Target>::into(
            $crate::__input!([$($path)*] [$($path)*::__Built] [] $($fields)*)
        )
    };
}

// The state of a list: that of the struct around it, the parameter, the items so far, their number, the
// fields after it. Then the items.
#[doc(hidden)]
#[macro_export]
macro_rules! __list {
    ([$($path:tt)*] [$($built:tt)*] [$($calls:tt)*] $field:ident [$($done:tt)*] [$($count:tt)*] [$($more:tt)*]) => {
        $crate::__input!([$($path)*] [$($built)*] [$($calls)* .$field({
            #[allow(non_upper_case_globals)]
            const $field: $($path)*::list::$field = <$($path)*::list::$field>::of($($count)*);
            $field
        }.items([$($done)*]))] $($more)*)
    };
    ([$($path:tt)*] [$($built:tt)*] [$($calls:tt)*] $field:ident [$($done:tt)*] [$($count:tt)*] [$($more:tt)*]
        { $inner:ident : $($inside:tt)* } $(, $($items:tt)*)?) => {
        $crate::__list!([$($path)*] [$($built)*] [$($calls)*] $field [$($done)*
            ::core::convert::Into::into($crate::__nested!([$($path)*::nested::$field] $inner : $($inside)*)),
        ] [$($count)* + 1] [$($more)*] $($($items)*)?)
    };
    ([$($path:tt)*] [$($built:tt)*] [$($calls:tt)*] $field:ident [$($done:tt)*] [$($count:tt)*] [$($more:tt)*]
        { $inner:ident $(, $($inside:tt)*)? } $(, $($items:tt)*)?) => {
        $crate::__list!([$($path)*] [$($built)*] [$($calls)*] $field [$($done)*
            ::core::convert::Into::into($crate::__nested!([$($path)*::nested::$field] $inner $(, $($inside)*)?)),
        ] [$($count)* + 1] [$($more)*] $($($items)*)?)
    };
    ([$($path:tt)*] [$($built:tt)*] [$($calls:tt)*] $field:ident [$($done:tt)*] [$($count:tt)*] [$($more:tt)*]
        $value:literal $(, $($items:tt)*)?) => {
        $crate::__list!([$($path)*] [$($built)*] [$($calls)*] $field [$($done)* {
            #[allow(non_upper_case_globals)]
            const $field: $($path)*::arg::$field = <$($path)*::arg::$field>::literal($value);
            ::core::convert::Into::into($field)
        },] [$($count)* + 1] [$($more)*] $($($items)*)?)
    };
    ([$($path:tt)*] [$($built:tt)*] [$($calls:tt)*] $field:ident [$($done:tt)*] [$($count:tt)*] [$($more:tt)*]
        $value:expr $(, $($items:tt)*)?) => {
        $crate::__list!([$($path)*] [$($built)*] [$($calls)*] $field
            [$($done)* ::core::convert::Into::into($value),] [$($count)* + 1] [$($more)*] $($($items)*)?)
    };
}
