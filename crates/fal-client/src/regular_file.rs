//! Files that are not devices, pipes, sockets or folders.

use std::{fs::Metadata, io};

/// Returns an error for anything but a regular file, which reading and replacing are for.
pub(crate) fn check_is_regular(metadata: &Metadata) -> io::Result<()> {
    if metadata.is_file() { Ok(()) } else { Err(io::Error::other("it is not a regular file")) }
}
