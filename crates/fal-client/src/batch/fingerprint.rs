//! Fingerprints of inputs.

use bytes::Bytes;
use fal_core::{File, Parameters};
use serde::Serialize;

use crate::{Result, input, reconcile::Fnv};

/// Returns a fingerprint of an endpoint and the JSON of an input.
pub(super) fn fingerprint(endpoint: &str, json: &[u8]) -> String {
    let mut hash = Fnv::new();
    hash.add(endpoint.as_bytes());
    hash.add(&[0]);
    hash.add(json);
    format!("{:016x}", hash.finish())
}

/// Returns the JSON of an input that may have local files. These count by their path or size, not by their content.
pub(super) fn json_of<P: Parameters + Serialize>(input: &mut P) -> Result<Bytes> {
    let (mut local, mut nth) = (Vec::new(), 0_usize);
    input.visit_files(&mut |file| {
        if file.as_url().is_none() {
            let placeholder = File::url(format!("{file:?}"));
            local.push((nth, std::mem::replace(file, placeholder)));
        }
        nth += 1;
    });
    let json = input::to_json(input);
    let (mut local, mut nth) = (local.into_iter().peekable(), 0_usize);
    input.visit_files(&mut |file| {
        if let Some((_, original)) = local.next_if(|(place, _)| *place == nth) {
            *file = original;
        }
        nth += 1;
    });
    json
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Serialize)]
    struct Input(Vec<File>);

    impl Parameters for Input {
        fn visit_files(&mut self, visit: &mut dyn FnMut(&mut File)) {
            self.0.visit_files(visit);
        }
    }

    #[test]
    fn a_fingerprint_leaves_local_files_in_the_input() {
        let files = || Input(vec![File::path("a"), File::url("https://x/y"), File::path("b")]);
        let of = |endpoint: &str, input: &mut Input| fingerprint(endpoint, &json_of(input).unwrap());
        let mut input = files();
        let first = of("acme/app", &mut input);
        assert_eq!(input, files());
        assert_eq!(of("acme/app", &mut input), first);
        assert_ne!(of("acme/other", &mut input), first);
        input.0.swap(0, 2);
        assert_ne!(of("acme/app", &mut input), first);
    }
}
