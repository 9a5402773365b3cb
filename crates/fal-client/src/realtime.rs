//! Connections over which messages are exchanged with a model in both directions, and calls over one WebSocket.

mod codec;
mod connect;
mod connection;
mod connection_state;
mod control;
mod inline;
mod keep_alive;
mod link;
mod message;
mod settings;
mod token;
mod websocket_runner;

pub use self::{
    connect::ConnectRequest,
    connection::{Connection, Receiver, Sender},
    message::{Format, Message, SendOutcome},
    token::{Token, TokenRequest},
    websocket_runner::{WebSocketRequest, WebSocketRunner},
};
