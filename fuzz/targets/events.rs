//! Parses server-sent events. The result must not depend on the boundaries of chunks.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    #[cfg(fuzzing)]
    fal_client::fuzz::events(bytes);
    let _ = bytes;
});
