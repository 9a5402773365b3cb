//! Server-sent events: the same, wherever the bytes are cut.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    #[cfg(fuzzing)]
    fal_client::fuzz::events(bytes);
    let _ = bytes;
});
