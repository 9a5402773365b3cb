//! The properties of a file that limits are about.

/// The properties of a file. `None` is not known, and then never a reason to refuse it.
#[derive(Debug, Default, PartialEq)]
pub(super) struct FileFacts {
    pub(super) bytes: Option<u64>,
    /// The width and the height in pixels, as they are stored.
    pub(super) size: Option<(u64, u64)>,
    /// `true` if the file says that it is shown rotated, which not every model does.
    pub(super) may_be_rotated: bool,
    /// The duration in seconds.
    pub(super) duration: Option<f64>,
    pub(super) frames: Option<u64>,
    /// The number of frames per second.
    pub(super) fps: Option<f64>,
}

/// Returns a size or a count as a float.
#[expect(clippy::cast_precision_loss, reason = "sizes of files and pictures are below 2^53")]
pub(super) fn number(value: u64) -> f64 {
    value as f64
}
