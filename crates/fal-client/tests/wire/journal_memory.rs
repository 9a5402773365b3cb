//! The memory that a long journal takes.

use std::{fmt::Write, fs};

use fal_client::batch::{JournalEntry, JournalReader};

/// The environment variable `FAL_TEST_ENTRIES` sets another number of entries.
const ENTRIES: usize = 100_000;

#[test]
fn reading_a_long_journal_takes_the_memory_of_one_entry() {
    let count = std::env::var("FAL_TEST_ENTRIES").map_or(ENTRIES, |count| count.parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal");
    let mut text = String::new();
    for key in 0..count {
        let output = r#"{"text":"{\"images\":[{\"url\":\"https://v3.fal.media/files/cat.png\"}]}"}"#;
        writeln!(text, r#"{{"state":"collected","key":"{key}","units":"1","output":{output}}}"#).unwrap();
    }
    fs::write(&path, &text).unwrap();
    drop(text);
    let memory = allocation_counter::measure(|| {
        let mut read = 0;
        for entry in JournalReader::open(&path).unwrap() {
            assert!(matches!(entry.unwrap(), JournalEntry::Collected { .. }));
            read += 1;
        }
        assert_eq!(read, count);
    });
    println!("{count} entries: at most {} bytes at a time", memory.bytes_max);
    assert!(memory.bytes_max < 64_000, "{memory:?}");
}
