//! Connections: accepting them, TLS, and faults in replies.

mod faulty_body;
mod faulty_stream;
mod http_server;
mod tls;
mod tunnel;

pub(crate) use faulty_body::{CutBody, CutPoint, RepeatedBody};
pub(crate) use faulty_stream::{ConnectionControl, ConnectionEnd, ReplyFaults};
pub(crate) use http_server::{Gate, HttpServer};
pub(crate) use tls::Tls;
