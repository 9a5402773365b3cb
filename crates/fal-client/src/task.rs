//! Tasks that many models do: swap the model, try one after the other, or compare them.
//!
//! The model is one path, and the rest of the program stays as it is:
//!
//! ```no_run
//! use fal_client::{Client, task};
//!
//! # async fn example(client: Client) -> fal_client::Result<()> {
//! let made = client.task(task::text_to_image("a cat reading a map")).on::<fal_flux::dev::Model>().await?;
//! println!("{} by {}", made.output[0].url, made.endpoint);
//! # Ok(())
//! # }
//! ```
//!
//! A parameter that only one model has is set on that model's own input, with [`on_with`](NewTask::on_with). The traits say
//! which endpoint does what, and [`Performs::input`] makes an ordinary input, for every other call of the client.

mod compare;
mod request;

pub use fal_core::task::*;

pub use self::{
    compare::{CompareRequest, Compared, Cost},
    request::{BillPolicy, Made, NewTask, TaskRequest},
};
