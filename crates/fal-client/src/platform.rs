//! The platform API with this client's key and connections, and the cost of a call before it is made. With the
//! feature `platform`.
//!
//! Everything of the crate `fal_platform` is here; see [`Client::platform`](crate::Client::platform).

mod estimate;
mod interceptor;

#[doc(no_inline)]
pub use fal_platform::{
    Auth, BASE_URL, ByteStream, Error, InvalidKey, Paginate, Platform, ResponseValue, TryStreamExt,
    operations, types,
};

pub use self::estimate::{Basis, Estimate};
