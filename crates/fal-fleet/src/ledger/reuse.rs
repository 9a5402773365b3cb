//! Outputs of earlier requests that are taken in place of a request.

use std::collections::{HashMap, HashSet};

use ring::digest::{SHA256, digest};
use serde_json::Value;

use super::{claim::Candidate, hex};

/// The requests of a batch that take the output of an earlier one, for [`Batch::reuse`](crate::Batch::reuse).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reuse {
    /// None.
    Off,
    /// Those with a number as `seed` in their input.
    Seeded,
    /// All, also those whose output would be another one each time.
    All,
}

impl Reuse {
    /// Returns the name in the database.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Seeded => "seeded",
            Self::All => "all",
        }
    }

    /// Returns the setting of a batch, by its name in the database.
    pub(super) fn parse(name: &str) -> Self {
        [Self::Seeded, Self::All].into_iter().find(|reuse| reuse.name() == name).unwrap_or(Self::Off)
    }

    /// Returns the [address](content_address) of a request, or `None` if it takes no output of another one.
    pub(super) fn content(self, endpoint: &str, input: &str) -> Option<String> {
        if self == Self::Off {
            return None;
        }
        let input: Value = serde_json::from_str(input).ok()?;
        if self == Self::Seeded && !input.get("seed").is_some_and(Value::is_number) {
            return None;
        }
        Some(content_address(endpoint, input))
    }
}

/// Returns the address of a request by its content: the SHA-256 of the endpoint and the input as 64 hexadecimal digits, whatever the
/// order of the members is.
///
/// Requests of batches with [`Reuse`] have it in the column `content` of `fal.request`. As a key, it makes a row of a table known when the
/// table is read again in another order.
///
/// ```
/// use fal_fleet::content_address;
/// use serde_json::json;
///
/// let address = content_address("fal-ai/flux/dev", json!({ "prompt": "a cat", "seed": 7 }));
/// assert_eq!(address, content_address("fal-ai/flux/dev", json!({ "seed": 7, "prompt": "a cat" })));
/// ```
#[must_use]
pub fn content_address(endpoint: &str, mut input: Value) -> String {
    input.sort_all_objects();
    hex(digest(&SHA256, format!("{endpoint} {input}").as_bytes()).as_ref())
}

/// The number of requests of one look for outputs that are there, and of such looks in one claim.
pub(super) const PAGE: i64 = 200;
pub(super) const PAGES: usize = 10;

/// A request that has an output, or is under way.
#[derive(Debug)]
pub(super) struct Earlier {
    pub(super) id: i64,
    pub(super) content: String,
    pub(super) is_done: bool,
}

/// Candidates, divided by the ways in which they get their output.
#[derive(Debug, Default)]
pub(super) struct Divided {
    pub(super) to_send: Vec<Candidate>,
    /// Requests that are answered, each with the request whose output it takes.
    pub(super) answered: Vec<(i64, i64)>,
    /// Requests that wait for one with the same content.
    pub(super) postponed: Vec<i64>,
}

impl Divided {
    /// Divides candidates. `earlier` are the requests with the same contents.
    pub(super) fn new(candidates: Vec<Candidate>, earlier: &[Earlier]) -> Self {
        let done: HashMap<&str, i64> = earlier
            .iter()
            .filter(|earlier| earlier.is_done)
            .map(|earlier| (&*earlier.content, earlier.id))
            .collect();
        let mut taken: HashSet<String> = earlier.iter().map(|earlier| earlier.content.clone()).collect();
        let mut divided = Self::default();
        for candidate in candidates {
            match &candidate.content {
                Some(content) if done.contains_key(&**content) => {
                    divided.answered.push((candidate.id, done[&**content]));
                }
                Some(content) if !taken.insert(content.clone()) => divided.postponed.push(candidate.id),
                _ => divided.to_send.push(candidate),
            }
        }
        divided
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content(reuse: Reuse, input: &str) -> Option<String> {
        reuse.content("acme/app", input)
    }

    #[test]
    fn the_address_depends_on_the_content_alone() {
        let address = content(Reuse::Seeded, r#"{"seed":1,"a":{"b":[2],"c":"x"}}"#);
        assert!(address.is_some());
        assert_eq!(address, content(Reuse::Seeded, r#"{ "a": {"c":"x", "b":[2]}, "seed":1 }"#));
        assert_ne!(address, content(Reuse::Seeded, r#"{"seed":2,"a":{"b":[2],"c":"x"}}"#));
        assert_eq!(address, content(Reuse::All, r#"{"seed":1,"a":{"b":[2],"c":"x"}}"#));
    }

    #[test]
    fn inputs_without_a_seed_have_one_on_request_only() {
        for input in [r#"{"a":1}"#, r#"{"a":1,"seed":null}"#] {
            assert_eq!((content(Reuse::Off, input), content(Reuse::Seeded, input)), (None, None));
            assert!(content(Reuse::All, input).is_some());
        }
    }
}
