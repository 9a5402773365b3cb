//! The command `fal-emulator`.

use std::process::ExitCode;

use tokio::runtime::Builder;

fn main() -> ExitCode {
    // Images are drawn by as many threads as there are cores, and each thread has memory of its own.
    let blocking = std::thread::available_parallelism().map_or(2, usize::from) + 2;
    match Builder::new_multi_thread().enable_all().max_blocking_threads(blocking).build() {
        Ok(runtime) => {
            let arguments = std::env::args_os().skip(1);
            runtime.block_on(fal_emulator::command::run(&["fal-emulator"], arguments))
        }
        Err(error) => {
            eprintln!("fal-emulator: cannot start threads: {error}");
            ExitCode::FAILURE
        }
    }
}
