//! What crosses crates: freshness, snapshots, compile-fail messages, end-to-end calls over the emulator.
