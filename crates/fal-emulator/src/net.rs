//! Connections, below HTTP.

mod body;
mod serve;
mod tls;
mod tunnel;
mod wire;

pub(crate) use body::{Cut, Spot, Twice};
pub(crate) use serve::{Gate, Serving};
pub(crate) use tls::Tls;
pub(crate) use wire::{Control, End, Orders};
