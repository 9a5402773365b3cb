//! The queue: submit, follow, collect, cancel.

#[macro_use]
mod follow;
mod job;
mod listen;
mod logs;
mod news;
mod permits;
mod priority;
mod request_handle;
mod status;
mod submit;
mod subscribe;
mod ticket;
mod updates;
mod urls;
mod wait;

pub(crate) use self::{
    follow::FollowOptions, permits::Permits, request_handle::RequestHandle, submit::Submission,
    subscribe::give_up, wait::wait,
};
pub use self::{
    job::{CancelRequest, Cancelled, Job, ResultRequest, StatusRequest},
    logs::Log,
    priority::Priority,
    status::{Metrics, Update},
    submit::SubmitRequest,
    subscribe::SubscribeRequest,
    ticket::Ticket,
    updates::Updates,
    wait::WaitRequest,
};
