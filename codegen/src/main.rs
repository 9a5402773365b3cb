//! The command `fal-codegen`, which generates crates or a module from OpenAPI documents.

use std::process::ExitCode;

fn main() -> ExitCode {
    fal_codegen::cli::run(&["fal-codegen"], std::env::args_os().skip(1))
}
