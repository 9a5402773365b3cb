//! The `input!` macro.

/// Builds an input of an endpoint from parameter names and values, and checks literals at compile time.
///
/// The macro takes the path of the endpoint's module, and then fields as in a struct expression:
///
/// | Field | Meaning |
/// |---|---|
/// | `num_images: 2`, `prompt: "a cat"` | a literal, checked by the compiler against the bounds of the parameter |
/// | `output_format: "png"` | a value of an enum, checked by the compiler; the same as `dev::OutputFormat::Png` |
/// | `prompt: text`, `prompt: format!("{x}")`, `prompt` | any expression; the last one is short for `prompt: prompt` |
/// | `seed: maybe` | an `Option` decided at run time; `None` leaves the parameter out |
/// | `image_size: { width: 512, height: 768 }` | a nested struct, whose literals are checked too |
/// | `loras: [{ path: url }, other]`, `image_urls: ["https://…"]` | a list; its items and their number are checked |
/// | `"brand_new": 7` | a parameter that the crate does not know, sent as it is; any value that converts to `serde_json::Value` |
/// | `..base` | at the end: takes all other parameters from `base`, an input of the same endpoint |
///
/// A missing required parameter does not compile. Neither does a literal that its parameter does not allow, even
/// in code that is never called.
///
/// A block in braces is a nested struct if it starts with `name:` or `name,`, or is just `{ name }`. Other blocks
/// are expressions.
///
/// Editors complete parameter names, and go from a name to the setter and its documentation, because the macro
/// turns each name into a call of the setter of that name.
///
/// # Examples
///
/// ```
/// # mod dev {
/// #     use fal_core::{Int, Param, Range};
/// #     #[derive(Clone, Copy)] pub enum R {}
/// #     impl Range<i64> for R { const MIN: i64 = 1; const MAX: i64 = 50; const MESSAGE: &'static str = "1 to 50"; }
/// #     #[allow(non_camel_case_types)] pub mod arg { pub type steps = fal_core::Int<super::R>; pub type prompt = fal_core::literal::Text; }
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
/// # How literals are checked
///
/// Each literal becomes a `const` item of the type of its parameter. The compiler evaluates `const` items even in
/// functions that are never called, which it does not do for inline `const` blocks.
#[macro_export]
macro_rules! input {
    (:: $first:ident $(:: $rest:ident)* { $($fields:tt)* }) => {
        $crate::__input!([::$first $(::$rest)*] [::$first $(::$rest)*::Input] [] [] $($fields)*)
    };
    ($first:ident $(:: $rest:ident)* { $($fields:tt)* }) => {
        $crate::__input!([$first $(::$rest)*] [$first $(::$rest)*::Input] [] [] $($fields)*)
    };
}

// Reads one field at a time. The state is the path of the struct's module, its type, the fields read so far with
// their values, and the parameters for `extra`.
#[doc(hidden)]
#[macro_export]
macro_rules! __input {
    // The end, without a base and with one.
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
    // A literal. Negative literals come first, because `$value:literal` commits to a literal at a minus sign and then
    // fails at an expression such as `-x`.
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

// A `const` item, which the compiler evaluates even in code that is never called.
#[doc(hidden)]
#[macro_export]
macro_rules! __const {
    ([$($ty:tt)*] $field:ident $checked:ident ($($value:tt)*)) => {{
        #[allow(non_upper_case_globals)]
        const $field: $($ty)* = <$($ty)*>::$checked($($value)*);
        $field
    }};
}

// A nested struct, converted to the type of the parameter, which may be a union.
#[doc(hidden)]
#[macro_export]
macro_rules! __nested {
    ([$($path:tt)*] $($fields:tt)*) => {
        ::core::convert::Into::<$($path)*::__Target>::into(
            $crate::__input!([$($path)*] [$($path)*::__Built] [] [] $($fields)*)
        )
    };
}

// Reads one item of a list at a time. The state is the path of the module of the struct that has the list, the state
// of `__input!` to return to, the items so far, their number, and the fields after the list.
#[doc(hidden)]
#[macro_export]
macro_rules! __list {
    ([$($path:tt)*] [$built:tt [$($set:tt)*] $extra:tt $field:ident] [$($done:tt)*] [$($count:tt)*] [$($more:tt)*]) => {
        $crate::__input!([$($path)*] $built [$($set)* $field(
            $crate::__const!([$($path)*::list::$field] $field with_length($($count)*)).items([$($done)*])
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

// Assigns the fields to the base. All values are evaluated before the base is moved, as in a struct expression, because
// they may use the base. Hygiene keeps the variables called `value` apart.
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
        use $crate::literal::AssignRequired as _;
        let mut input: $($built)* = $base;
        $($crate::literal::Field(&mut input.$field).assign($value);)*
        $(input.extra.insert(::std::string::String::from($name), ::core::convert::Into::into($extra));)*
        input
    }};
}
