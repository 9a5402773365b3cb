//! `realtime`: messages in both directions over one connection.

mod codec;
mod connect;
mod connection;
mod control;
mod inline;
mod link;
mod message;
mod token;
mod wire;

pub use self::{
    connect::Connect,
    connection::{Connection, Receiver, Sender, Sent},
    message::{Format, Received},
    token::{RealtimeToken, TokenRequest},
};
