//! Turns the OpenAPI documents of fal models into Rust crates.
