//! The prices of endpoints: those that the user gives, and invented ones.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::endpoint_id;

/// The price of one unit.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Price {
    /// The name of the unit, such as `images`.
    pub(crate) unit: String,
    /// In US dollars.
    pub(crate) unit_price: f64,
    /// `true` if nobody gave the price.
    pub(crate) is_invented: bool,
}

/// The prices that the user gave.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Prices(BTreeMap<String, Price>);

/// An entry of a page of the platform API.
#[derive(Deserialize)]
struct PageEntry {
    endpoint_id: String,
    unit_price: f64,
    unit: String,
    #[serde(default = "dollars")]
    currency: String,
}

#[derive(Deserialize)]
struct Page {
    prices: Vec<PageEntry>,
}

/// The price of the endpoint that is the key of the entry.
#[derive(Deserialize)]
struct Entry {
    unit_price: f64,
    unit: String,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum File {
    Page(Page),
    Pages(Vec<Page>),
    ByEndpoint(BTreeMap<String, Entry>),
}

fn dollars() -> String {
    "USD".to_owned()
}

impl Prices {
    /// Parses a page `{"prices": […]}` of the platform API, a list of such pages, or `{"<endpoint id>": {"unit_price":
    /// 0.025, "unit": "images"}}`; JSON or TOML.
    ///
    /// # Errors
    ///
    /// Returns a message if the text is neither, or if a price is negative or not in US dollars.
    pub(crate) fn parse(text: &str, is_json: bool) -> Result<Self, String> {
        const EXPECTED: &str = "expected {\"prices\": [{endpoint_id, unit_price, unit}]} or {\"<endpoint id>\": {unit_price, unit}}";
        let file: File = if is_json {
            let value: serde_json::Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
            serde_json::from_value(value).map_err(|_| EXPECTED.to_owned())?
        } else {
            let value: toml::Table = toml::from_str(text).map_err(|error| error.to_string())?;
            value.try_into().map_err(|_| EXPECTED.to_owned())?
        };
        let entries = match file {
            File::ByEndpoint(entries) => {
                entries.into_iter().map(|(id, entry)| (id, entry.unit_price, entry.unit)).collect()
            }
            File::Page(page) => read_pages(vec![page])?,
            File::Pages(pages) => read_pages(pages)?,
        };
        let mut prices = BTreeMap::new();
        for (id, unit_price, unit) in entries {
            if !(unit_price.is_finite() && unit_price >= 0.0) {
                return Err(format!("the price of {id} is {unit_price}; expected 0 or more"));
            }
            prices.insert(endpoint_id::canonical(&id), Price { unit, unit_price, is_invented: false });
        }
        Ok(Self(prices))
    }

    /// Returns the price of an endpoint. One that nobody gave is invented by its category.
    pub(crate) fn get(&self, endpoint: &str, category: impl FnOnce() -> String) -> Price {
        self.0.get(endpoint).cloned().unwrap_or_else(|| {
            let (unit_price, unit) = match category().rsplit('-').next().unwrap_or_default() {
                "video" => (0.1, "seconds"),
                "image" => (0.01, "images"),
                "audio" | "speech" | "music" => (0.001, "seconds"),
                "text" => (0.0001, "seconds"),
                _ => (0.01, "requests"),
            };
            Price { unit: unit.to_owned(), unit_price, is_invented: true }
        })
    }
}

fn read_pages(pages: Vec<Page>) -> Result<Vec<(String, f64, String)>, String> {
    let entries = pages.into_iter().flat_map(|page| page.prices);
    entries
        .map(|entry| match entry.currency.as_str() {
            "USD" => Ok((entry.endpoint_id, entry.unit_price, entry.unit)),
            other => Err(format!("the price of {} is in {other}; expected USD", entry.endpoint_id)),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_and_tables_are_read() {
        let expected = Price { unit: "images".to_owned(), unit_price: 0.025, is_invented: false };
        let page = r#"{"prices": [{"endpoint_id": "a/b", "unit_price": 0.025, "unit": "images", "currency": "USD"}], "has_more": false}"#;
        for (text, is_json) in [
            (page.to_owned(), true),
            (format!("[{page}]"), true),
            (r#"{"a/b": {"unit_price": 0.025, "unit": "images"}}"#.to_owned(), true),
            ("[\"a/b\"]\nunit_price = 0.025\nunit = \"images\"".to_owned(), false),
        ] {
            assert_eq!(Prices::parse(&text, is_json).unwrap().get("a/b", String::new), expected, "{text}");
        }
        let invented = Prices::default().get("a/b", || "text-to-video".to_owned());
        assert_eq!((invented.unit.as_str(), invented.is_invented), ("seconds", true));
    }

    #[test]
    fn mistakes_are_named() {
        for (text, problem) in [
            ("[1]", "expected {"),
            ("{", "EOF"),
            (r#"{"a/b": {"unit_price": -1, "unit": "images"}}"#, "is -1; expected 0 or more"),
            (
                r#"{"prices": [{"endpoint_id": "a/b", "unit_price": 1, "unit": "x", "currency": "EUR"}]}"#,
                "in EUR",
            ),
        ] {
            let error = Prices::parse(text, true).unwrap_err();
            assert!(error.contains(problem), "{error}");
        }
    }
}
