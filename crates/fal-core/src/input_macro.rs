//! The macros `input!` and `try_input!`.

/// Builds an input of an endpoint from parameter names and values, and checks literals at compile time.
///
/// The macro takes the path of the endpoint's module, and then fields as in a struct expression:
///
/// | Field | Meaning |
/// |---|---|
/// | `num_images: 2`, `prompt: "a cat"` | a literal, checked by the compiler against the bounds of the parameter; an integer may stand for a float |
/// | `output_format: "png"` | a value of an enum, checked by the compiler; the same as `dev::OutputFormat::Png`; `duration: 5` is the same as `duration: "5"` |
/// | `prompt: text`, `prompt: format!("{x}")`, `prompt` | any expression; the last one is short for `prompt: prompt` |
/// | `seed: maybe` | an `Option` decided at run time; `None` leaves the parameter out |
/// | `image_size: { width: 512, height: 768 }` | a nested struct, whose literals are checked too |
/// | `loras: [{ path: url }, other]`, `image_urls: ["https://…"]` | a list; its items and their number are checked |
/// | `"brand_new": 7` | a parameter that the crate does not know, sent as it is; any value that converts to `serde_json::Value` |
/// | `..base` | at the end: takes all other parameters from `base`, an input of the same endpoint |
///
/// A missing required parameter does not compile. Neither does a parameter that is given twice, nor a literal that its
/// parameter does not allow, even in code that is never called.
///
/// A number or text that is known only at run time goes into [`try_input!`](crate::try_input!), which has the same form.
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
    ($($endpoint_and_fields:tt)*) => {
        $crate::__endpoint!(strict $($endpoint_and_fields)*)
    };
}

/// Builds an input like [`input!`], from values that are known only at run time.
///
/// Returns `Result<Input, Violations>`. Every parameter takes the values that `input!` takes for it, and any value of
/// [`TryParam`](crate::TryParam): all integers and floats of Rust, text for enums, image sizes and URLs of files, paths for
/// files, and an `Option` of these for an optional parameter. Literals are checked by the compiler here too, and a missing
/// required parameter does not compile.
///
/// # Errors
///
/// Returns all violations at once, each with the parameter, its bounds and the value. The rules that `validate` checks, such
/// as lengths of text and lists, are checked as well. `?` converts them into an error of the client.
///
/// # Examples
///
/// ```
/// # mod dev {
/// #     use fal_core::{Checked, Int, Mode, Param, Parameters, Range, Required, Strict};
/// #     #[derive(Clone, Copy)] pub enum R {}
/// #     impl Range<i64> for R { const MIN: i64 = 1; const MAX: i64 = 50; const MESSAGE: &'static str = "`steps` of acme/dev must be between 1 and 50"; }
/// #     #[allow(non_camel_case_types)] pub mod arg { pub type steps = fal_core::Int<super::R>; pub type prompt = fal_core::literal::Text; }
/// #     #[derive(Debug, Default)] pub struct Input { pub prompt: String, pub steps: Option<Int<R>> }
/// #     impl Parameters for Input {}
/// #     pub struct Builder<M>(Input, M);
/// #     impl Input { pub fn try_builder() -> Builder<Checked> { Builder(Self::default(), Checked::default()) } }
/// #     impl<M: Mode> Builder<M> {
/// #         pub fn prompt(mut self, v: impl Required<String, M>) -> Self { self.0.prompt = self.1.required("prompt", v); self }
/// #         pub fn steps(mut self, v: impl Param<Int<R>, M>) -> Self { self.0.steps = self.1.optional("steps", v); self }
/// #         pub fn build(self) -> M::Built<Input> { self.1.finish(self.0) } }
/// # }
/// use fal_core::try_input;
///
/// struct Args {
///     prompt: String,
///     steps: Option<u8>,
/// }
///
/// let args = Args { prompt: "a cat".to_owned(), steps: Some(28) };
/// let input = try_input!(dev { prompt: &args.prompt, steps: args.steps })?;
/// assert_eq!(input.prompt, "a cat");
///
/// let steps: u32 = 500;
/// let violations = try_input!(dev { prompt: args.prompt, steps }).unwrap_err();
/// assert_eq!(violations.to_string(), "body.steps: `steps` of acme/dev must be between 1 and 50, not 500");
/// # Ok::<(), fal_core::Violations>(())
/// ```
#[macro_export]
macro_rules! try_input {
    ($($endpoint_and_fields:tt)*) => {
        $crate::__endpoint!(checked $($endpoint_and_fields)*)
    };
}

// Reads the path of an endpoint. The first arms are for the natural mistake to name its struct, which is `Input`.
#[doc(hidden)]
#[macro_export]
macro_rules! __endpoint {
    ($mode:ident Input $fields:tt) => { $crate::__not_a_module!("dev") };
    ($mode:ident $a:ident::Input $fields:tt) => { $crate::__not_a_module!(::core::stringify!($a)) };
    ($mode:ident $a:ident::$b:ident::Input $fields:tt) => {
        $crate::__not_a_module!(::core::stringify!($a), "::", ::core::stringify!($b))
    };
    ($mode:ident $a:ident::$b:ident::$c:ident::Input $fields:tt) => {
        $crate::__not_a_module!(
            ::core::stringify!($a), "::", ::core::stringify!($b), "::", ::core::stringify!($c)
        )
    };
    ($mode:ident $a:ident::$b:ident::$c:ident::$d:ident::Input $fields:tt) => {
        $crate::__not_a_module!(
            ::core::stringify!($a), "::", ::core::stringify!($b), "::", ::core::stringify!($c),
            "::", ::core::stringify!($d)
        )
    };
    ($mode:ident :: $first:ident $(:: $rest:ident)* { $($fields:tt)* }) => {
        $crate::__input!([::$first $(::$rest)*] [$mode ::$first $(::$rest)*::Input] [] [] $($fields)*)
    };
    ($mode:ident $first:ident $(:: $rest:ident)* { $($fields:tt)* }) => {
        $crate::__input!([$first $(::$rest)*] [$mode $first $(::$rest)*::Input] [] [] $($fields)*)
    };
    ($mode:ident $($other:tt)*) => {
        ::core::compile_error!(
            "expected the module of an endpoint and its parameters, such as `dev { prompt: \"a cat\" }`"
        )
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __not_a_module {
    ($($module:expr),*) => {
        ::core::compile_error!(::core::concat!(
            "name the module of the endpoint in place of its struct: `", $($module,)* " { .. }`"
        ))
    };
}

// Reads one field at a time. The state is the path of the struct's module, the mode and type of the struct, the fields
// read so far with their values, and the parameters for `extra`. Behind each value is a call of `known` with a type that
// was looked up by the name of the field: if there is none, the compiler says so once, and not again for the setter.
#[doc(hidden)]
#[macro_export]
macro_rules! __input {
    // The end, without a base and with one. `__once!` comes after the setters, because an editor completes a name as what
    // it is at its first place.
    ($path:tt $built:tt [$($field:ident $value:tt [$($known:tt)*])*] [$(($name:literal, $extra:expr))*]) => {{
        use $crate::literal::Known as _;
        let input = $crate::__builder!($built) $($($known)* .$field $value)* $(.extra($name, $extra))* .build();
        $crate::__once!([$($field)*] [$($name)*]);
        input
    }};
    ($path:tt [strict $($built:tt)*] $set:tt $extra:tt .. $base:expr $(,)?) => {
        $crate::__resume!([$($built)*] [$base] [] $extra $set)
    };
    ($path:tt $built:tt $set:tt $extra:tt .. $base:expr $(,)?) => {
        $crate::__try_resume!($built [$base] [] $extra $set)
    };
    // A parameter that the crate does not know.
    ($path:tt $built:tt $set:tt [$($extra:tt)*] $name:literal : $value:expr $(, $($more:tt)*)?) => {
        $crate::__input!($path $built $set [$($extra)* ($name, $value)] $($($more)*)?)
    };
    // A struct.
    ([$($path:tt)*] $built:tt [$($set:tt)*] $extra:tt $field:ident : {} $(, $($more:tt)*)?) => {
        $crate::__input!([$($path)*] $built [$($set)* $field(
            $crate::__nested!($built [$($path)*::nested::$field])
        ) [.known::<$($path)*::nested::$field::__Target>()]] $extra $($($more)*)?)
    };
    ([$($path:tt)*] $built:tt [$($set:tt)*] $extra:tt
        $field:ident : { $inner:ident : $($inside:tt)* } $(, $($more:tt)*)?) => {
        $crate::__input!([$($path)*] $built [$($set)* $field(
            $crate::__nested!($built [$($path)*::nested::$field] $inner : $($inside)*)
        ) [.known::<$($path)*::nested::$field::__Target>()]] $extra $($($more)*)?)
    };
    ([$($path:tt)*] $built:tt [$($set:tt)*] $extra:tt
        $field:ident : { $inner:ident $(, $($inside:tt)*)? } $(, $($more:tt)*)?) => {
        $crate::__input!([$($path)*] $built [$($set)* $field(
            $crate::__nested!($built [$($path)*::nested::$field] $inner $(, $($inside)*)?)
        ) [.known::<$($path)*::nested::$field::__Target>()]] $extra $($($more)*)?)
    };
    // A list.
    ($path:tt $built:tt $set:tt $extra:tt $field:ident : [ $($items:tt)* ] $(, $($more:tt)*)?) => {
        $crate::__list!($path [$built $set $extra $field] [] [0] [$($($more)*)?] $($items)*)
    };
    // A literal. Negative literals come first, because `$value:literal` commits to a literal at a minus sign and then
    // fails at an expression such as `-x`.
    ([$($path:tt)*] $built:tt [$($set:tt)*] $extra:tt $field:ident : - $value:literal $(, $($more:tt)*)?) => {
        $crate::__input!([$($path)*] $built [$($set)* $field(
            $crate::__literal!([$($path)*::arg::$field] $field -$value)
        ) [.known::<$($path)*::arg::$field>()]] $extra $($($more)*)?)
    };
    ($path:tt $built:tt $set:tt $extra:tt $field:ident : - $($more:tt)*) => {
        $crate::__input!(@expression $path $built $set $extra $field : - $($more)*)
    };
    ([$($path:tt)*] $built:tt [$($set:tt)*] $extra:tt $field:ident : $value:literal $(, $($more:tt)*)?) => {
        $crate::__input!([$($path)*] $built [$($set)* $field(
            $crate::__literal!([$($path)*::arg::$field] $field $value)
        ) [.known::<$($path)*::arg::$field>()]] $extra $($($more)*)?)
    };
    // An expression.
    ($path:tt $built:tt $set:tt $extra:tt $field:ident : $($more:tt)*) => {
        $crate::__input!(@expression $path $built $set $extra $field : $($more)*)
    };
    (@expression $path:tt $built:tt [$($set:tt)*] $extra:tt $field:ident : $value:expr $(, $($more:tt)*)?) => {
        $crate::__input!($path $built [$($set)* $field($value) []] $extra $($($more)*)?)
    };
    ($path:tt $built:tt [$($set:tt)*] $extra:tt $field:ident $(, $($more:tt)*)?) => {
        $crate::__input!($path $built [$($set)* $field($field) []] $extra $($($more)*)?)
    };
}

// Refuses a parameter that is given twice. Two variables of a pattern with one name are an error of the compiler, which points at
// the second. The pattern is in a module, where no constant of the caller turns a name into a pattern of its own. Items of these
// names would do as well, but rustc shows the whole macro for them. Quoted names are texts, so they are compared, if there are any.
#[doc(hidden)]
#[macro_export]
macro_rules! __once {
    ([] []) => {};
    ([$field:ident] []) => {};
    ([$($field:ident)*] []) => {{
        mod _once {
            const _: () = {
                let [$($field),*] = $crate::literal::units();
                let _ = [$($field),*];
            };
        }
    }};
    ([$($field:ident)*] [$($quoted:literal)*]) => {{
        mod _once {
            const _: () = {
                let [$($field),*] = $crate::literal::units();
                let _ = [$($field),*];
                $crate::literal::check_names(
                    [$(::core::stringify!($field)),*],
                    [$($crate::literal::Literal($quoted).token()),*],
                );
            };
        }
    }};
}

// The builder of a struct, by the mode.
#[doc(hidden)]
#[macro_export]
macro_rules! __builder {
    ([strict $($built:tt)*]) => { <$($built)*>::builder() };
    ([checked $($built:tt)*]) => { <$($built)*>::try_builder() };
    ([part $($built:tt)*]) => {
        <$($built)*>::builder_with(<$crate::CheckedPart as ::core::default::Default>::default())
    };
}

// A `const` item, which the compiler evaluates even in code that is never called.
#[doc(hidden)]
#[macro_export]
macro_rules! __literal {
    ([$($ty:tt)*] $field:ident $($value:tt)*) => {{
        const LITERAL: $($ty)* = <$($ty)*>::from_token(
            $crate::literal::Literal($($value)*).token().given_to(::core::stringify!($field))
        );
        LITERAL
    }};
}

// The same for the number of items of a list.
#[doc(hidden)]
#[macro_export]
macro_rules! __list_of_length {
    ([$($ty:tt)*] $field:ident ($($count:tt)*)) => {{
        const LIST: $($ty)* = <$($ty)*>::with_length($($count)*);
        LIST
    }};
}

// A nested struct, converted to the type of the parameter, which may be a union.
#[doc(hidden)]
#[macro_export]
macro_rules! __nested {
    ([strict $($built:tt)*] [$($path:tt)*] $($fields:tt)*) => {
        ::core::convert::Into::<$($path)*::__Target>::into(
            $crate::__input!([$($path)*] [strict $($path)*::__Built] [] [] $($fields)*)
        )
    };
    ($built:tt [$($path:tt)*] $($fields:tt)*) => {
        $crate::__input!([$($path)*] [part $($path)*::__Built] [] [] $($fields)*)
            .map(::core::convert::Into::<$($path)*::__Target>::into)
    };
}

// Reads one item of a list at a time. The state is the path of the module of the struct that has the list, the state
// of `__input!` to return to, the items so far, their number, and the fields after the list.
#[doc(hidden)]
#[macro_export]
macro_rules! __list {
    ([$($path:tt)*] [[strict $($built:tt)*] [$($set:tt)*] $extra:tt $field:ident] [$($done:tt)*] [$($count:tt)*] [$($more:tt)*]) => {
        $crate::__input!([$($path)*] [strict $($built)*] [$($set)* $field(
            $crate::__list_of_length!([$($path)*::list::$field] $field ($($count)*)).items([$($done)*])
        ) [.known::<$($path)*::list::$field>()]] $extra $($more)*)
    };
    ([$($path:tt)*] [$built:tt [$($set:tt)*] $extra:tt $field:ident] [$($done:tt)*] [$($count:tt)*] [$($more:tt)*]) => {
        $crate::__input!([$($path)*] $built [$($set)* $field(
            $crate::__list_of_length!([$($path)*::list::$field] $field ($($count)*)).try_items([$($done)*])
        ) [.known::<$($path)*::list::$field>()]] $extra $($more)*)
    };
    ([$($path:tt)*] [$built:tt $set:tt $extra:tt $field:ident] [$($done:tt)*] [$($count:tt)*] $more:tt
        { $inner:ident : $($inside:tt)* } $(, $($items:tt)*)?) => {
        $crate::__list!([$($path)*] [$built $set $extra $field] [$($done)*
            $crate::__item!($built $crate::__nested!($built [$($path)*::nested::$field] $inner : $($inside)*)),
        ] [$($count)* + 1] $more $($($items)*)?)
    };
    ([$($path:tt)*] [$built:tt $set:tt $extra:tt $field:ident] [$($done:tt)*] [$($count:tt)*] $more:tt
        { $inner:ident $(, $($inside:tt)*)? } $(, $($items:tt)*)?) => {
        $crate::__list!([$($path)*] [$built $set $extra $field] [$($done)*
            $crate::__item!($built $crate::__nested!($built [$($path)*::nested::$field] $inner $(, $($inside)*)?)),
        ] [$($count)* + 1] $more $($($items)*)?)
    };
    ([$($path:tt)*] [$built:tt $set:tt $extra:tt $field:ident] [$($done:tt)*] [$($count:tt)*] $more:tt
        - $value:literal $(, $($items:tt)*)?) => {
        $crate::__list!([$($path)*] [$built $set $extra $field] [$($done)*
            $crate::__item!($built $crate::__literal!([$($path)*::arg::$field] $field -$value)),
        ] [$($count)* + 1] $more $($($items)*)?)
    };
    ($path:tt $state:tt $done:tt $count:tt $more:tt - $($items:tt)*) => {
        $crate::__list!(@expression $path $state $done $count $more - $($items)*)
    };
    ([$($path:tt)*] [$built:tt $set:tt $extra:tt $field:ident] [$($done:tt)*] [$($count:tt)*] $more:tt
        $value:literal $(, $($items:tt)*)?) => {
        $crate::__list!([$($path)*] [$built $set $extra $field] [$($done)*
            $crate::__item!($built $crate::__literal!([$($path)*::arg::$field] $field $value)),
        ] [$($count)* + 1] $more $($($items)*)?)
    };
    (@expression $path:tt [$built:tt $set:tt $extra:tt $field:ident] [$($done:tt)*] [$($count:tt)*] $more:tt
        $value:expr $(, $($items:tt)*)?) => {
        $crate::__list!($path [$built $set $extra $field]
            [$($done)* $crate::__item!($built $value),] [$($count)* + 1] $more $($($items)*)?)
    };
    ($path:tt $state:tt $done:tt $count:tt $more:tt $($items:tt)*) => {
        $crate::__list!(@expression $path $state $done $count $more $($items)*)
    };
}

// An item of a list, by the mode.
#[doc(hidden)]
#[macro_export]
macro_rules! __item {
    ([strict $($built:tt)*] $value:expr) => {
        ::core::convert::Into::into($value)
    };
    ($built:tt $value:expr) => {
        $crate::literal::try_item($value)
    };
}

// Assigns the fields to the base. All values are evaluated before the base is moved, as in a struct expression, because
// they may use the base. Hygiene keeps the variables called `value` apart.
#[doc(hidden)]
#[macro_export]
macro_rules! __resume {
    ($built:tt $base:tt [$($done:tt)*] $extra:tt [$field:ident ($($value:tt)*) $known:tt $($set:tt)*]) => {
        match $($value)* {
            value => $crate::__resume!($built $base [$($done)* $field value $known] $extra [$($set)*])
        }
    };
    ([$($built:tt)*] [$base:expr] [$($field:ident $value:ident [$($known:tt)*])*] [$(($name:literal, $extra:expr))*] []) => {{
        use $crate::literal::{AssignRequired as _, Known as _};
        let mut input: $($built)* = $base;
        $($crate::literal::Field(&mut (&mut input) $($known)* .$field).assign($value);)*
        $(input.extra.insert(::std::string::String::from($name), ::core::convert::Into::into($extra));)*
        $crate::__once!([$($field)*] [$($name)*]);
        input
    }};
}

// The same for values that are checked at run time.
#[doc(hidden)]
#[macro_export]
macro_rules! __try_resume {
    ($built:tt $base:tt [$($done:tt)*] $extra:tt [$field:ident ($($value:tt)*) $known:tt $($set:tt)*]) => {
        match $($value)* {
            value => $crate::__try_resume!($built $base [$($done)* $field value $known] $extra [$($set)*])
        }
    };
    ([$mode:ident $($built:tt)*] [$base:expr] [$($field:ident $value:ident [$($known:tt)*])*] [$(($name:literal, $extra:expr))*] []) => {{
        use $crate::literal::{AssignRequired as _, Known as _};
        let (mut input, mut mode): ($($built)*, $crate::__mode!($mode)) =
            ($base, ::core::default::Default::default());
        $(
            let name = $crate::literal::json_name(::core::stringify!($field));
            $crate::literal::Field(&mut (&mut input) $($known)* .$field).try_assign(&mut mode, name, $value);
        )*
        $(input.extra.insert(::std::string::String::from($name), ::core::convert::Into::into($extra));)*
        $crate::__once!([$($field)*] [$($name)*]);
        $crate::Mode::finish(mode, input)
    }};
}

#[doc(hidden)]
#[macro_export]
macro_rules! __mode {
    (checked) => {
        $crate::Checked
    };
    (part) => {
        $crate::CheckedPart
    };
}
