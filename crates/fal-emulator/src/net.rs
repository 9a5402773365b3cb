//! Connections: accepting them, TLS, and faults in replies.

mod faulty_body;
mod faulty_stream;
mod http_server;
mod tls;
mod traffic;
mod tunnel;
mod upstream_proxy;

pub(crate) use faulty_body::{CutBody, CutPoint, RepeatedBody};
pub(crate) use faulty_stream::{ConnectionControl, ConnectionEnd, ReplyFaults};
pub(crate) use http_server::{Gate, HttpServer, RequestHandler};
pub(crate) use tls::Tls;
pub(crate) use traffic::Traffic;
pub(crate) use upstream_proxy::UpstreamProxies;
