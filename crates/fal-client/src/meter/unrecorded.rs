//! The same functions as in `recorded.rs`, for clients without the feature `metrics`.

use http::{Method, StatusCode};

use crate::{Result, Usd};

pub(crate) struct RequestMeter;

impl RequestMeter {
    pub(crate) fn start(_: &Method, _: Option<&str>, _: u64) -> Self {
        Self
    }

    pub(crate) fn finish(self, _: Option<StatusCode>, _: Option<&str>, _: Option<u64>) {}
}

pub(crate) fn record_retry(_: Option<&str>, _: &str) {}

pub(crate) struct CallMeter;

impl CallMeter {
    pub(crate) fn start(_: &'static str) -> Self {
        Self
    }

    pub(crate) fn finish<T>(self, _: &str, _: &Result<T>) {}
}

pub(crate) fn record_units(_: &str, _: Option<f64>) {}

#[derive(Default)]
pub(crate) struct QueueMeter {}

impl QueueMeter {
    pub(crate) fn running(&mut self) {}

    pub(crate) fn completed(&mut self, _: Option<f64>) {}

    pub(crate) fn finish(self, _: &str) {}
}

pub(crate) fn record_spend(_: &str, _: Usd) {}
