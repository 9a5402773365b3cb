//! The queue: submit, follow, collect, cancel.

#[macro_use]
mod follow;
mod job;
mod listen;
mod logs;
mod news;
mod permits;
mod queued;
mod status;
mod submit;
mod subscribe;
mod ticket;
mod updates;
mod urls;
mod wait;

pub(crate) use self::{
    follow::FollowOptions, permits::Permits, queued::Queued, submit::Submission, subscribe::give_up,
    wait::wait,
};
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
