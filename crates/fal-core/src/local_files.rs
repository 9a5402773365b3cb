//! Local files inside values of any type that serde can write.

use std::{
    cell::RefCell,
    hash::{BuildHasher, RandomState},
};

use crate::File;

thread_local! {
    static COLLECTOR: RefCell<Option<Collector>> = const { RefCell::new(None) };
}

/// The local files that were written so far.
struct Collector {
    /// Text that nothing else contains.
    mark: String,
    files: Vec<(String, File)>,
}

/// Ends the collection, also if writing panics.
struct Guard(Option<Collector>);

impl Drop for Guard {
    fn drop(&mut self) {
        COLLECTOR.with(|collector| *collector.borrow_mut() = self.0.take());
    }
}

/// Calls `write`, which may write local files: each becomes a text that occurs nowhere else. Returns what it returns, and the
/// files with their texts.
#[doc(hidden)]
pub fn collect_local_files<T>(write: impl FnOnce() -> T) -> (T, Vec<(String, File)>) {
    // The state is new in every call, so that no input of somebody else can contain the text.
    let mark = format!("fal-local-file-{:016x}", RandomState::new().hash_one(0_u8));
    let outer =
        COLLECTOR.with(|collector| collector.borrow_mut().replace(Collector { mark, files: Vec::new() }));
    let guard = Guard(outer);
    let written = write();
    let collected = COLLECTOR.with(|collector| collector.borrow_mut().take());
    drop(guard);
    (written, collected.map(|collected| collected.files).unwrap_or_default())
}

/// Returns the text for a local file, if local files are collected.
pub(crate) fn collect(file: &File) -> Option<String> {
    COLLECTOR.with(|collector| {
        let mut collector = collector.borrow_mut();
        let Collector { mark, files } = collector.as_mut()?;
        let text = format!("{mark}-{}", files.len());
        files.push((text.clone(), file.clone()));
        Some(text)
    })
}
