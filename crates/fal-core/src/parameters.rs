//! Parameters of a call: visiting their files and checking their values.

use std::collections::BTreeMap;

use crate::{Check, File, FileLimitsVisitor, Violations};

/// Parameters whose files can be visited and whose values can be checked.
///
/// The client uploads the files, and checks the values before it sends a request. Generated code implements this
/// trait for every input. For a hand-written input without files and checks, an empty impl is enough:
///
/// ```
/// # struct Input { prompt: String }
/// impl fal_core::Parameters for Input {}
/// ```
pub trait Parameters {
    /// Calls `visit` with every file, including those in nested structs and lists. Visits none by default.
    fn visit_files(&mut self, visit: &mut dyn FnMut(&mut File)) {
        let _ = visit;
    }

    /// Visits the files that the endpoint states limits for. Visits none by default.
    fn visit_file_limits<'a>(&'a self, visitor: &mut FileLimitsVisitor<'a>) {
        let _ = visitor;
    }

    /// Reports every broken rule that the types do not already enforce. Reports none by default.
    fn check(&self, check: &mut Check) {
        let _ = check;
    }
}

impl<T: Parameters> Parameters for Option<T> {
    fn visit_files(&mut self, visit: &mut dyn FnMut(&mut File)) {
        if let Some(value) = self {
            value.visit_files(visit);
        }
    }

    fn visit_file_limits<'a>(&'a self, visitor: &mut FileLimitsVisitor<'a>) {
        if let Some(value) = self {
            value.visit_file_limits(visitor);
        }
    }

    fn check(&self, check: &mut Check) {
        if let Some(value) = self {
            value.check(check);
        }
    }
}

impl<T: Parameters> Parameters for Vec<T> {
    fn visit_files(&mut self, visit: &mut dyn FnMut(&mut File)) {
        for value in self {
            value.visit_files(visit);
        }
    }

    fn visit_file_limits<'a>(&'a self, visitor: &mut FileLimitsVisitor<'a>) {
        for (index, value) in self.iter().enumerate() {
            visitor.item(index, value);
        }
    }

    fn check(&self, check: &mut Check) {
        check.each(self.iter().enumerate(), |check, value| value.check(check));
    }
}

impl<T: Parameters> Parameters for BTreeMap<String, T> {
    fn visit_files(&mut self, visit: &mut dyn FnMut(&mut File)) {
        for value in self.values_mut() {
            value.visit_files(visit);
        }
    }

    fn visit_file_limits<'a>(&'a self, visitor: &mut FileLimitsVisitor<'a>) {
        for (key, value) in self {
            visitor.item(key, value);
        }
    }

    fn check(&self, check: &mut Check) {
        check.each(self, |check, value| value.check(check));
    }
}

impl<T: Parameters + ?Sized> Parameters for Box<T> {
    fn visit_files(&mut self, visit: &mut dyn FnMut(&mut File)) {
        (**self).visit_files(visit);
    }

    fn visit_file_limits<'a>(&'a self, visitor: &mut FileLimitsVisitor<'a>) {
        (**self).visit_file_limits(visitor);
    }

    fn check(&self, check: &mut Check) {
        (**self).check(check);
    }
}

impl Parameters for File {
    fn visit_files(&mut self, visit: &mut dyn FnMut(&mut File)) {
        visit(self);
    }

    fn visit_file_limits<'a>(&'a self, visitor: &mut FileLimitsVisitor<'a>) {
        visitor.file(self);
    }
}

impl Parameters for serde_json::Value {}

/// Checks every rule that the types of `parameters` do not enforce.
///
/// # Errors
///
/// Returns all violations at once, each with the path that the service would name.
pub fn validate<P: Parameters + ?Sized>(parameters: &P) -> Result<(), Violations> {
    let mut check = Check::new();
    parameters.check(&mut check);
    check.finish()
}
