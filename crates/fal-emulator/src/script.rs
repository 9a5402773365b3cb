//! What a test tells the emulator to do, and what it is told in return.

mod answer;
mod behaviour;
mod capture;
mod effect;
mod endpoint;
mod record;
mod rule;
mod turns;
mod verb;

pub use answer::Answer;
pub use effect::{At, Frame};
pub use endpoint::Script;
pub use record::Request;
pub use rule::Rule;
pub use verb::Verb;

pub(crate) use behaviour::{Behaviours, Outcome, Steps};
pub(crate) use capture::Capture;
pub(crate) use effect::{Interrupted, Interruption};
pub(crate) use record::Record;
pub(crate) use rule::{Pattern, Rules};
pub(crate) use verb::{Asked, Target};
