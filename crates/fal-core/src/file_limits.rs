//! The limits that an endpoint states for its files.

use std::fmt::{self, Write as _};

use crate::{File, Parameters};

/// The limits of a file that an endpoint states in its document.
///
/// fal checks files only once a request runs, when they have been uploaded. Every limit includes its bound, and `None`
/// is no limit. New limits may become new fields, so write the rest of a literal as `..FileLimits::NONE`.
///
/// # Examples
///
/// ```
/// use fal_core::FileLimits;
///
/// const LIMITS: FileLimits = FileLimits { max_bytes: Some(10 << 20), min_width: Some(300), ..FileLimits::NONE };
/// assert_eq!(LIMITS.max_height, None);
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FileLimits {
    /// The largest size, in bytes.
    pub max_bytes: Option<u64>,
    /// The smallest width, in pixels.
    pub min_width: Option<u64>,
    /// The largest width, in pixels.
    pub max_width: Option<u64>,
    /// The smallest height, in pixels.
    pub min_height: Option<u64>,
    /// The largest height, in pixels.
    pub max_height: Option<u64>,
    /// The smallest area of an image or a frame, in pixels.
    pub min_area: Option<u64>,
    /// The largest area of an image or a frame, in pixels.
    pub max_area: Option<u64>,
    /// The number of pixels that the width and the height have to be a multiple of.
    pub multiple_of: Option<u64>,
    /// The smallest ratio of width to height.
    pub min_aspect_ratio: Option<f64>,
    /// The largest ratio of width to height.
    pub max_aspect_ratio: Option<f64>,
    /// The shortest duration, in seconds.
    pub min_duration: Option<f64>,
    /// The longest duration, in seconds.
    pub max_duration: Option<f64>,
    /// The smallest number of frames of a video.
    pub min_frames: Option<u64>,
    /// The largest number of frames of a video.
    pub max_frames: Option<u64>,
    /// The lowest number of frames per second.
    pub min_fps: Option<f64>,
    /// The highest number of frames per second.
    pub max_fps: Option<f64>,
    /// The limits of all files of a list together, such as their total size. Only sizes, durations and numbers of
    /// frames add up.
    pub combined: Option<&'static Self>,
}

impl FileLimits {
    /// No limits.
    pub const NONE: Self = Self {
        max_bytes: None,
        min_width: None,
        max_width: None,
        min_height: None,
        max_height: None,
        min_area: None,
        max_area: None,
        multiple_of: None,
        min_aspect_ratio: None,
        max_aspect_ratio: None,
        min_duration: None,
        max_duration: None,
        min_frames: None,
        max_frames: None,
        min_fps: None,
        max_fps: None,
        combined: None,
    };
}

impl Default for FileLimits {
    fn default() -> Self {
        Self::NONE
    }
}

/// Files of an input, and the limits that its endpoint states for them.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct LimitedFiles<'a> {
    /// The path of the file in the notation of fal, such as `body.image_urls.0`, or of the list of files.
    pub path: String,
    /// The file; or all files of a list, if the limits are about their total.
    pub files: Vec<&'a File>,
    /// The limits. [`FileLimits::combined`] is `None`, because it is an item of its own.
    pub limits: FileLimits,
}

/// Collects the files that [`Parameters::visit_file_limits`] visits.
#[derive(Debug)]
pub struct FileLimitsVisitor<'a> {
    /// The path of the current value below `body`.
    path: String,
    /// The limits of files in the current value.
    limits: &'static FileLimits,
    found: Vec<LimitedFiles<'a>>,
}

impl<'a> FileLimitsVisitor<'a> {
    /// Visits a field with limits of its own, or without any.
    pub fn field<P: Parameters>(
        &mut self,
        name: impl fmt::Display,
        limits: &'static FileLimits,
        value: &'a P,
    ) {
        let outer = std::mem::replace(&mut self.limits, limits);
        let first = self.found.len();
        self.item(&name, value);
        self.limits = outer;
        if let Some(combined) = limits.combined {
            let files = self.found.iter().skip(first).flat_map(|found| found.files.iter().copied()).collect();
            let path = format!("body{}.{name}", self.path);
            self.found.push(LimitedFiles { path, files, limits: *combined });
        }
    }

    /// Visits an item of a list or a map, which has the limits of the whole.
    pub fn item<P: Parameters>(&mut self, key: impl fmt::Display, value: &'a P) {
        let parent = self.path.len();
        // Writing into a string cannot fail.
        let _ = write!(self.path, ".{key}");
        value.visit_file_limits(self);
        self.path.truncate(parent);
    }

    /// Visits the value of a union, whose alternatives have limits of their own.
    pub fn alternative<P: Parameters>(&mut self, limits: &'static FileLimits, value: &'a P) {
        let outer = std::mem::replace(&mut self.limits, limits);
        value.visit_file_limits(self);
        self.limits = outer;
    }

    /// Adds a file with the current limits.
    pub(crate) fn file(&mut self, file: &'a File) {
        let limits = FileLimits { combined: None, ..*self.limits };
        self.found.push(LimitedFiles { path: format!("body{}", self.path), files: vec![file], limits });
    }
}

/// Returns the files of `parameters` that the endpoint states limits for, in the order of the parameters.
pub fn limited_files<P: Parameters + ?Sized>(parameters: &P) -> Vec<LimitedFiles<'_>> {
    let mut visitor = FileLimitsVisitor { path: String::new(), limits: &FileLimits::NONE, found: Vec::new() };
    parameters.visit_file_limits(&mut visitor);
    visitor.found.retain(|found| found.limits != FileLimits::NONE && !found.files.is_empty());
    visitor.found
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::Nullable;

    const SMALL: FileLimits = FileLimits { max_bytes: Some(1), ..FileLimits::NONE };
    const SHORT: FileLimits = FileLimits { max_duration: Some(30.0), ..FileLimits::NONE };
    const TOTAL: FileLimits = FileLimits { combined: Some(&SHORT), ..SMALL };
    const ONLY_TOTAL: FileLimits = FileLimits { combined: Some(&SHORT), ..FileLimits::NONE };

    struct Element {
        image: Option<Nullable<File>>,
        unlimited: File,
    }

    impl Parameters for Element {
        fn visit_file_limits<'a>(&'a self, visitor: &mut FileLimitsVisitor<'a>) {
            visitor.field("image", &SMALL, &self.image);
            visitor.field("unlimited", &FileLimits::NONE, &self.unlimited);
        }
    }

    struct Input {
        videos: Vec<File>,
        clips: BTreeMap<String, File>,
        elements: Vec<Element>,
    }

    impl Parameters for Input {
        fn visit_file_limits<'a>(&'a self, visitor: &mut FileLimitsVisitor<'a>) {
            visitor.field("videos", &TOTAL, &self.videos);
            visitor.field("clips", &ONLY_TOTAL, &self.clips);
            visitor.field("elements", &FileLimits::NONE, &self.elements);
        }
    }

    fn summary(input: &Input) -> Vec<(String, usize, FileLimits)> {
        limited_files(input).into_iter().map(|found| (found.path, found.files.len(), found.limits)).collect()
    }

    #[test]
    fn every_limited_file_is_found_with_its_path() {
        let file = || File::path("a");
        let input = Input {
            videos: vec![file(), file()],
            clips: BTreeMap::from([("b".to_owned(), file())]),
            elements: vec![
                Element { image: Some(Nullable::Null), unlimited: file() },
                Element { image: Some(Nullable::Value(file())), unlimited: file() },
            ],
        };
        let expected = [
            ("body.videos.0", 1, SMALL),
            ("body.videos.1", 1, SMALL),
            ("body.videos", 2, SHORT),
            ("body.clips", 1, SHORT),
            ("body.elements.1.image", 1, SMALL),
        ];
        assert_eq!(summary(&input), expected.map(|(path, files, limits)| (path.to_owned(), files, limits)));
    }

    #[test]
    fn an_empty_list_has_no_total() {
        let input = Input { videos: Vec::new(), clips: BTreeMap::new(), elements: Vec::new() };
        assert_eq!(summary(&input), []);
    }
}
