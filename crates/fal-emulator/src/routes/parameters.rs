//! The parameters of a query.

use serde::Deserialize;

/// The parameters of a query, in order. Extracted with `Query<Parameters>`, which accepts any query.
#[derive(Debug, Default, Deserialize)]
#[serde(transparent)]
pub(super) struct Parameters(Vec<(String, String)>);

impl Parameters {
    /// Returns the first value of a parameter.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.get_all(name).next()
    }

    /// Returns the names and values in their order.
    pub(super) fn pairs(&self) -> &[(String, String)] {
        &self.0
    }

    /// Returns all values of a parameter that may be repeated.
    pub(super) fn get_all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.0.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

#[cfg(test)]
mod tests {
    use axum::extract::Query;
    use axum::http::Uri;

    use super::*;

    #[test]
    fn escapes_are_decoded_and_broken_ones_are_kept() {
        let uri: Uri = "/?a=1&endpoint_id=x%2Fy&endpoint_id=p+q&b=100%&c=%zz&flag".parse().unwrap();
        let Query(parameters) = Query::<Parameters>::try_from_uri(&uri).unwrap();
        assert_eq!(parameters.get("a"), Some("1"));
        assert_eq!(parameters.get_all("endpoint_id").collect::<Vec<_>>(), ["x/y", "p q"]);
        assert_eq!(parameters.get("b"), Some("100%"));
        assert_eq!(parameters.get("c"), Some("%zz"));
        assert_eq!(parameters.get("flag"), Some(""));
        assert_eq!(parameters.get("e"), None);
    }
}
