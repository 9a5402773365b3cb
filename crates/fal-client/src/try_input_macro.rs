//! `try_input!` with the errors of this crate.

/// Builds an input from values known at run time, like [`input!`](crate::input!).
///
/// Returns `Result<Input, Error>`. Every parameter takes the values that `input!` takes for it, and any value of
/// [`TryParam`](crate::TryParam): all integers and floats of Rust, text for enums, image sizes and URLs of files, paths for
/// files, and an `Option` of these for an optional parameter. Literals are checked by the compiler here too, and a missing
/// required parameter does not compile.
///
/// # Errors
///
/// `InvalidInput` with all violations at once, each with the parameter, its bounds and the value;
/// [`Error::field_errors`](crate::Error::field_errors) lists them. The rules that `validate` checks, such as lengths of text
/// and lists, are checked as well.
///
/// # Examples
///
/// ```
/// use fal_client::try_input;
/// use fal_flux::dev;
///
/// let (steps, images): (u32, Option<u8>) = (28, Some(2));
/// let input = try_input!(dev { prompt: "a cat", num_inference_steps: steps, num_images: images })?;
/// assert_eq!(input.prompt, "a cat");
///
/// let error = try_input!(dev { prompt: "a cat", num_inference_steps: 500_u32 + steps }).unwrap_err();
/// assert_eq!(error.field_errors()[0].path, "body.num_inference_steps");
/// # Ok::<(), fal_client::Error>(())
/// ```
#[macro_export]
macro_rules! try_input {
    ($($input:tt)*) => {
        $crate::core::try_input!($($input)*).map_err($crate::Error::from)
    };
}
