//! The macro that declares an endpoint with types of the caller.

/// Declares an endpoint with types of your own, for an app that has no crate: its name, its id, its input and its output.
///
/// The input is any `Serialize`, the output any `Deserialize`. Fields of the input that are local [`File`](crate::File)s, or
/// options or lists of them, are named in braces, and are uploaded by the calls that send it.
///
/// ```
/// use fal_client::{Client, File, endpoint};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Serialize)]
/// pub struct Request {
///     image_url: File,
///     scale: u32,
/// }
///
/// #[derive(Deserialize)]
/// pub struct Answer {
///     area: f64,
/// }
///
/// endpoint! {
///     /// Measures cats.
///     pub MyApp = "my-user/my-app": Request { image_url } => Answer
/// }
///
/// # async fn example(client: Client) -> fal_client::Result<()> {
/// let request = Request { image_url: File::path("cat.png"), scale: 4 };
/// println!("{}", client.subscribe(request).await?.area);
/// let job = client.endpoint::<MyApp>().job("764cabcf");
/// # Ok(())
/// # }
/// ```
#[macro_export]
macro_rules! endpoint {
    ($(#[$attribute:meta])* $visibility:vis $name:ident = $id:literal : $input:ty $({ $($file:ident),* $(,)? })? => $output:ty) => {
        $(#[$attribute])*
        #[derive(Debug)]
        $visibility enum $name {}

        impl $crate::Endpoint for $name {
            const ID: &'static str = $id;
            type Input = $input;
            type Output = $output;
        }

        impl $crate::core::Parameters for $input {
            fn visit_files(&mut self, visit: &mut dyn FnMut(&mut $crate::File)) {
                let _ = &visit;
                $($($crate::core::Parameters::visit_files(&mut self.$file, visit);)*)?
            }
        }

        impl $crate::IntoInput for $input {
            type Endpoint = $name;

            fn into_input(self) -> Self {
                self
            }
        }
    };
}
