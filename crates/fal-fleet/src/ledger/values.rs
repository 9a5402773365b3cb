//! Values in the form that PostgreSQL and this crate share.

use fal_client::Usd;

use crate::{Error, ErrorKind, Result};

/// Returns an amount as decimal text, such as `12.50`.
pub(crate) fn usd_text(amount: Usd) -> String {
    amount.to_string().trim_start_matches('$').to_owned()
}

/// Returns a hash as text.
pub(crate) fn hex(hash: &[u8]) -> String {
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Returns the amount of a decimal text of the database.
pub(super) fn parse_usd(text: &str) -> Result<Usd> {
    text.parse().map_err(|_| Error::new(ErrorKind::Database, format!("`{text}` is not an amount of money")))
}

/// Returns the amount of a decimal text that may be missing.
pub(super) fn parse_optional_usd(text: Option<&str>) -> Result<Option<Usd>> {
    text.map(parse_usd).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_survive_the_database() {
        for text in ["0.00", "12.50", "0.000000000000000001", "123456789.125"] {
            assert_eq!(usd_text(parse_usd(text).unwrap()), text);
        }
        assert!(parse_usd("-1").is_err() && parse_usd("NaN").is_err());
    }
}
