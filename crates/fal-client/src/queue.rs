//! The queue: submit requests, follow them, fetch their results, cancel them.
//!
//! [`Client::submit`](crate::Client::submit) returns a [`Job`], and [`Job::ticket`] a [`Ticket`] that another
//! process can [resume](crate::Client::resume). [`Client::subscribe`](crate::Client::subscribe) does everything in
//! one call.

#[macro_use]
mod follow;
mod cancel;
mod job;
mod permits;
mod poll_schedule;
mod priority;
mod request_handle;
mod server_retries;
#[cfg(feature = "axum")]
mod sse_response;
mod status_stream;
mod submit;
mod subscribe;
mod ticket;
#[cfg(test)]
mod timeout_tests;
mod update;
mod update_filter;
mod updates;
mod urls;
mod wait;

pub(crate) use self::{
    cancel::cancel_timed_out, follow::FollowOptions, permits::Permits, poll_schedule::PollSchedule,
    request_handle::RequestHandle, wait::wait,
};
pub use self::{
    job::{CancelRequest, Job, ResultRequest, StatusRequest},
    priority::Priority,
    request_handle::Cancelled,
    server_retries::ServerRetries,
    submit::SubmitRequest,
    subscribe::SubscribeRequest,
    ticket::Ticket,
    update::{Log, Metrics, Update},
    updates::Updates,
    wait::WaitRequest,
};
