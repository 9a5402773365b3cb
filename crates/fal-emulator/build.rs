//! Rebuilds the crate when a schema is added or removed; the compiler itself sees edits only.

fn main() {
    println!("cargo:rerun-if-changed=schemas");
    println!("cargo:rerun-if-changed=build.rs");
}
