//! The traits whose methods programs call, and the names that every program needs.
//!
//! ```
//! use fal_client::prelude::*;
//! ```

#[cfg(feature = "blocking")]
pub use crate::blocking::{Blocking, BlockingStream};
pub use crate::{
    Client, Endpoint, File, IntoInput, Realtime, Streams, input,
    storage::{FileExt, MediaExt},
    try_input,
};
