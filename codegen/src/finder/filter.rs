//! The endpoints that a part of the pages lists.

use super::ListedEndpoint;

/// A choice of endpoints by facts. An empty list fits every endpoint.
pub(super) struct Filter {
    /// Categories, any of which the endpoint has.
    pub(super) categories: &'static [&'static str],
    /// Words, one of which is in the id. Those with `-` or `/` may be anywhere in it.
    pub(super) words: &'static [&'static str],
    /// Parameters, one of which the endpoint takes.
    pub(super) parameters: &'static [&'static str],
}

impl Filter {
    pub(super) const fn new(categories: &'static [&'static str], words: &'static [&'static str]) -> Self {
        Self { categories, words, parameters: &[] }
    }

    pub(super) const fn with_parameters(mut self, parameters: &'static [&'static str]) -> Self {
        self.parameters = parameters;
        self
    }

    pub(super) fn has(&self, endpoint: &ListedEndpoint) -> bool {
        let is_in_id = |word: &&str| {
            endpoint.id.split(['/', '-', '_']).any(|part| part == *word)
                || word.contains(['-', '/']) && endpoint.id.contains(*word)
        };
        let is_parameter = |name: &&str| endpoint.parameters.iter().any(|parameter| parameter == name);
        (self.categories.is_empty() || self.categories.contains(&endpoint.category.as_str()))
            && (self.words.is_empty() || self.words.iter().any(is_in_id))
            && (self.parameters.is_empty() || self.parameters.iter().any(is_parameter))
    }
}
