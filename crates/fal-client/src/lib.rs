//! A client for fal: run, queue and subscribe, typed by the model crates.
