//! Connections over which messages are exchanged with a model in both directions, and calls over one WebSocket.

mod codec;
mod connect;
mod connection;
mod connection_state;
mod control;
mod inline;
mod keep_alive;
mod latest;
mod link;
mod message;
mod message_file;
mod message_value;
mod settings;
mod token;
mod websocket_runner;

pub use self::{
    connect::ConnectRequest,
    connection::{Connection, Receiver, Sender},
    message::{Format, Message, SendOutcome},
    message_file::MessageFile,
    token::{Token, TokenRequest},
    websocket_runner::{WebSocketRequest, WebSocketRunner},
};
