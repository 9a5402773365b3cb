//! Fleets on a real PostgreSQL, against the emulator.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[macro_use]
mod support;

mod batches;
#[cfg(any(feature = "s3", feature = "gcs", feature = "azure"))]
mod buckets;
#[expect(dead_code, reason = "only the chaos crashes it")]
#[path = "../support/cluster.rs"]
mod cluster;
mod doubts;
mod engines;
mod enqueue;
mod files;
#[cfg(feature = "media")]
mod media;
mod money;
mod readme;
mod reuse;
mod tls;
mod transfer;
mod uploads;
mod webhooks;
mod work;
