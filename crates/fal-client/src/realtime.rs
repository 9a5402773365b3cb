//! `realtime`: messages in both directions over one connection.

mod codec;
mod connect;
mod connection;
mod control;
mod inline;
mod link;
mod message;
mod token;
mod websocket_run;
mod wire;

pub use self::{
    connect::ConnectRequest,
    connection::{Connection, Receiver, SendOutcome, Sender},
    message::{Format, Message},
    token::{Token, TokenRequest},
    websocket_run::{WebSocketRequest, WebSocketRunner},
};
