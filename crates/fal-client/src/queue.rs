//! The queue: submit, follow, collect, cancel.

#[macro_use]
mod follow;
mod job;
mod listen;
mod logs;
mod news;
mod permits;
mod status;
mod submit;
mod subscribe;
mod ticket;
mod updates;
mod urls;
mod wait;

pub use self::{
    job::{Cancelled, Job},
    logs::Log,
    status::{Metrics, Update},
    submit::Submit,
    subscribe::Subscribe,
    ticket::Ticket,
    updates::Updates,
    wait::Wait,
};
pub(crate) use self::{permits::Permits, subscribe::give_up};
