//! `input!`: an input from parameter names and literals that the compiler checks.

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
/// | `..base` | at the end: what is not given is taken from `base`, an input of the same endpoint |
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
/// #     #[derive(Clone, Copy)] pub enum R {}
/// #     impl Range<i64> for R { const MIN: i64 = 1; const MAX: i64 = 50; const MESSAGE: &'static str = "1 to 50"; }
/// #     #[allow(non_camel_case_types)] pub mod arg { pub type steps = fal_core::Int<super::R>; pub type prompt = fal_core::arg::Text; }
/// #     #[derive(Default)] pub struct Input { pub prompt: String, pub steps: Option<Int<R>> }
/// #     impl Input { pub fn builder() -> Self { Self::default() }
/// #         pub fn prompt(mut self, v: impl Into<String>) -> Self { self.prompt = v.into(); self }
/// #         pub fn steps(mut self, v: impl Param<Int<R>>) -> Self { self.steps = v.into_param(); self }
/// #         pub fn build(self) -> Self { self } }
/// # }
/// use fal_core::input;
///
/// let subject = "a cat";
/// let input = input!(dev { prompt: format!("{subject} reading a map"), steps: 28 });
/// # assert_eq!(input.steps.unwrap(), 28);
///
/// let rough = input!(dev { steps: 4, ..input });
/// assert_eq!(rough.prompt, "a cat reading a map");
/// # assert_eq!(rough.steps.unwrap(), 4);
/// ```
///
/// A literal becomes a `const` item of its parameter's own type: rustc evaluates those in code that is
/// never called too, unlike an inline `const` block.
#[macro_export]
macro_rules! input {
    (:: $first:ident $(:: $rest:ident)* { $($fields:tt)* }) => {
        $crate::__input!([::$first $(::$rest)*] [::$first $(::$rest)*::Input] [] [] $($fields)*)
    };
    ($first:ident $(:: $rest:ident)* { $($fields:tt)* }) => {
        $crate::__input!([$first $(::$rest)*] [$first $(::$rest)*::Input] [] [] $($fields)*)
    };
}

// Reads one field at a time. Carried along are the path of the struct's modules, its type, the fields read so far
// with their values, and what goes to `extra`.
#[doc(hidden)]
#[macro_export]
macro_rules! __input {
    // The end, without and with a base.
    ($path:tt [$($built:tt)*] [$($field:ident $value:tt)*] [$($extra:tt)*]) => {
        <$($built)*>::builder() $(.$field $value)* $(.extra $extra)* .build()
    };
    ($path:tt $built:tt $set:tt $extra:tt .. $base:expr $(,)?) => {
        $crate::__resume!($built [$base] [] $extra $set)
    };
    // A parameter that the crate does not know.
    ($path:tt $built:tt $set:tt [$($extra:tt)*] $name:literal : $value:expr $(, $($more:tt)*)?) => {
        $crate::__input!($path $built $set [$($extra)* ($name, $value)] $($($more)*)?)
    };
    // A struct.
    ([$($path:tt)*] $built:tt [$($set:tt)*] $extra:tt $field:ident : {} $(, $($more:tt)*)?) => {
        $crate::__input!([$($path)*] $built [$($set)* $field(
            $crate::__nested!([$($path)*::nested::$field])
        )] $extra $($($more)*)?)
    };
    ([$($path:tt)*] $built:tt [$($set:tt)*] $extra:tt
        $field:ident : { $inner:ident : $($inside:tt)* } $(, $($more:tt)*)?) => {
        $crate::__input!([$($path)*] $built [$($set)* $field(
            $crate::__nested!([$($path)*::nested::$field] $inner : $($inside)*)
        )] $extra $($($more)*)?)
    };
    ([$($path:tt)*] $built:tt [$($set:tt)*] $extra:tt
        $field:ident : { $inner:ident $(, $($inside:tt)*)? } $(, $($more:tt)*)?) => {
        $crate::__input!([$($path)*] $built [$($set)* $field(
            $crate::__nested!([$($path)*::nested::$field] $inner $(, $($inside)*)?)
        )] $extra $($($more)*)?)
    };
    // A list.
    ($path:tt $built:tt $set:tt $extra:tt $field:ident : [ $($items:tt)* ] $(, $($more:tt)*)?) => {
        $crate::__list!($path [$built $set $extra $field] [] [0] [$($($more)*)?] $($items)*)
    };
    // A literal. `$value:literal` fails for good at a minus before anything else, so a minus is read first.
    ([$($path:tt)*] $built:tt [$($set:tt)*] $extra:tt $field:ident : - $value:literal $(, $($more:tt)*)?) => {
        $crate::__input!([$($path)*] $built [$($set)* $field(
            $crate::__const!([$($path)*::arg::$field] $field literal(-$value))
        )] $extra $($($more)*)?)
    };
    ($path:tt $built:tt $set:tt $extra:tt $field:ident : - $($more:tt)*) => {
        $crate::__input!(@expression $path $built $set $extra $field : - $($more)*)
    };
    ([$($path:tt)*] $built:tt [$($set:tt)*] $extra:tt $field:ident : $value:literal $(, $($more:tt)*)?) => {
        $crate::__input!([$($path)*] $built [$($set)* $field(
            $crate::__const!([$($path)*::arg::$field] $field literal($value))
        )] $extra $($($more)*)?)
    };
    // An expression.
    ($path:tt $built:tt $set:tt $extra:tt $field:ident : $($more:tt)*) => {
        $crate::__input!(@expression $path $built $set $extra $field : $($more)*)
    };
    (@expression $path:tt $built:tt [$($set:tt)*] $extra:tt $field:ident : $value:expr $(, $($more:tt)*)?) => {
        $crate::__input!($path $built [$($set)* $field($value)] $extra $($($more)*)?)
    };
    ($path:tt $built:tt [$($set:tt)*] $extra:tt $field:ident $(, $($more:tt)*)?) => {
        $crate::__input!($path $built [$($set)* $field($field)] $extra $($($more)*)?)
    };
}

// The compiler evaluates a `const` item, also in code that is never called.
#[doc(hidden)]
#[macro_export]
macro_rules! __const {
    ([$($ty:tt)*] $field:ident $checked:ident ($($value:tt)*)) => {{
        #[allow(non_upper_case_globals)]
        const $field: $($ty)* = <$($ty)*>::$checked($($value)*);
        $field
    }};
}

// A struct inside of another, as the parameter or the union around it wants it.
#[doc(hidden)]
#[macro_export]
macro_rules! __nested {
    ([$($path:tt)*] $($fields:tt)*) => {
        ::core::convert::Into::<$($path)*::__Target>::into(
            $crate::__input!([$($path)*] [$($path)*::__Built] [] [] $($fields)*)
        )
    };
}

// Carried along are the path of the modules of the struct around the list, the state to go on with, the items so
// far, their number, and the fields after the list. Then the items.
#[doc(hidden)]
#[macro_export]
macro_rules! __list {
    ([$($path:tt)*] [$built:tt [$($set:tt)*] $extra:tt $field:ident] [$($done:tt)*] [$($count:tt)*] [$($more:tt)*]) => {
        $crate::__input!([$($path)*] $built [$($set)* $field(
            $crate::__const!([$($path)*::list::$field] $field of($($count)*)).items([$($done)*])
        )] $extra $($more)*)
    };
    ([$($path:tt)*] [$built:tt $set:tt $extra:tt $field:ident] [$($done:tt)*] [$($count:tt)*] $more:tt
        { $inner:ident : $($inside:tt)* } $(, $($items:tt)*)?) => {
        $crate::__list!([$($path)*] [$built $set $extra $field] [$($done)*
            ::core::convert::Into::into($crate::__nested!([$($path)*::nested::$field] $inner : $($inside)*)),
        ] [$($count)* + 1] $more $($($items)*)?)
    };
    ([$($path:tt)*] [$built:tt $set:tt $extra:tt $field:ident] [$($done:tt)*] [$($count:tt)*] $more:tt
        { $inner:ident $(, $($inside:tt)*)? } $(, $($items:tt)*)?) => {
        $crate::__list!([$($path)*] [$built $set $extra $field] [$($done)*
            ::core::convert::Into::into($crate::__nested!([$($path)*::nested::$field] $inner $(, $($inside)*)?)),
        ] [$($count)* + 1] $more $($($items)*)?)
    };
    ([$($path:tt)*] [$built:tt $set:tt $extra:tt $field:ident] [$($done:tt)*] [$($count:tt)*] $more:tt
        - $value:literal $(, $($items:tt)*)?) => {
        $crate::__list!([$($path)*] [$built $set $extra $field] [$($done)*
            ::core::convert::Into::into($crate::__const!([$($path)*::arg::$field] $field literal(-$value))),
        ] [$($count)* + 1] $more $($($items)*)?)
    };
    ($path:tt $state:tt $done:tt $count:tt $more:tt - $($items:tt)*) => {
        $crate::__list!(@expression $path $state $done $count $more - $($items)*)
    };
    ([$($path:tt)*] [$built:tt $set:tt $extra:tt $field:ident] [$($done:tt)*] [$($count:tt)*] $more:tt
        $value:literal $(, $($items:tt)*)?) => {
        $crate::__list!([$($path)*] [$built $set $extra $field] [$($done)*
            ::core::convert::Into::into($crate::__const!([$($path)*::arg::$field] $field literal($value))),
        ] [$($count)* + 1] $more $($($items)*)?)
    };
    (@expression $path:tt $state:tt [$($done:tt)*] [$($count:tt)*] $more:tt $value:expr $(, $($items:tt)*)?) => {
        $crate::__list!($path $state
            [$($done)* ::core::convert::Into::into($value),] [$($count)* + 1] $more $($($items)*)?)
    };
    ($path:tt $state:tt $done:tt $count:tt $more:tt $($items:tt)*) => {
        $crate::__list!(@expression $path $state $done $count $more $($items)*)
    };
}

// What is given is evaluated before the base is moved, as in a struct expression: it may be made from the base. Every
// expansion has a `value` of its own.
#[doc(hidden)]
#[macro_export]
macro_rules! __resume {
    ($built:tt $base:tt [$($done:tt)*] $extra:tt [$field:ident ($($value:tt)*) $($set:tt)*]) => {
        match $($value)* {
            value => $crate::__resume!($built $base [$($done)* $field value] $extra [$($set)*])
        }
    };
    ([$($built:tt)*] [$base:expr] [$($field:ident $value:ident)*] [$(($name:literal, $extra:expr))*] []) => {{
        #[allow(unused_imports)]
        use $crate::arg::AssignRequired as _;
        let mut input: $($built)* = $base;
        $($crate::arg::Field(&mut input.$field).assign($value);)*
        $(input.extra.insert(::std::string::String::from($name), ::core::convert::Into::into($extra));)*
        input
    }};
}
