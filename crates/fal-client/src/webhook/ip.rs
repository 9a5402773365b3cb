//! The addresses from which fal sends deliveries.

use std::net::IpAddr;

use http::Method;
use ipnet::IpNet;
use serde::Deserialize;

use crate::{Client, Error, ErrorKind, Result, hosts::join, retry::RetryClass, transport::Request};

/// The addresses from which fal sends deliveries, for a firewall. They do not replace the
/// [verification](super::Verifier) of deliveries, and they change, so fetch them regularly.
///
/// ```no_run
/// # use fal_client::{Client, webhook::IpRanges};
/// # async fn example(client: Client, peer: std::net::IpAddr) -> fal_client::Result<()> {
/// let ranges = IpRanges::fetch(&client).await?;
/// if !ranges.contains(peer) {
///     println!("{peer} is not fal");
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IpRanges(Vec<IpNet>);

#[derive(Deserialize)]
struct Meta {
    webhook_ip_ranges: Vec<String>,
}

impl IpRanges {
    /// Fetches the ranges from the platform API, `GET /v1/meta`.
    ///
    /// # Errors
    ///
    /// Fails like any call; `Decode` if a range is invalid.
    pub async fn fetch(client: &Client) -> Result<Self> {
        let url = join(&client.hosts().platform, ["v1", "meta"]);
        let mut request = Request::to_fal(Method::GET, url, RetryClass::Idempotent);
        request.retry = client.0.retry.clone();
        let meta: Meta = client.0.transport.send(&request).await?.json()?;
        Self::parse(meta.webhook_ip_ranges)
    }

    /// Parses ranges in CIDR notation, such as `203.0.113.7/32`, or single addresses.
    ///
    /// # Errors
    ///
    /// `Decode` with the first range that is invalid.
    pub fn parse<T: AsRef<str>>(ranges: impl IntoIterator<Item = T>) -> Result<Self> {
        let range = |(index, text): (usize, T)| {
            let text = text.as_ref().trim();
            text.parse().or_else(|_| text.parse().map(|address: IpAddr| IpNet::from(address))).map_err(|_| {
                let kind = ErrorKind::Decode { path: format!("webhook_ip_ranges[{index}]") };
                Error::new(kind, format!("`{}` is not a range of addresses", text.escape_debug()))
            })
        };
        Ok(Self(ranges.into_iter().enumerate().map(range).collect::<Result<_>>()?))
    }

    /// Returns true if an address is in one of the ranges. An IPv4 address may be written as IPv6
    /// (`::ffff:203.0.113.7`).
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|range| range.contains(&address))
    }

    /// Returns the ranges in CIDR notation.
    pub fn iter(&self) -> impl Iterator<Item = String> + '_ {
        self.0.iter().map(ToString::to_string)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contains_knows_ipv4_ipv6_and_mapped_addresses() {
        let ranges =
            IpRanges::parse(["203.0.113.7/32", " 198.51.100.0/24", "2001:db8::/32", "192.0.2.1"]).unwrap();
        for (address, expected) in [
            ("203.0.113.7", true),
            ("203.0.113.8", false),
            ("198.51.100.255", true),
            ("198.51.101.0", false),
            ("2001:db8:1::5", true),
            ("2001:db9::", false),
            ("192.0.2.1", true),
            ("::ffff:203.0.113.7", true),
            ("::ffff:203.0.113.8", false),
        ] {
            assert_eq!(ranges.contains(address.parse().unwrap()), expected, "{address}");
        }
        assert_eq!(ranges.iter().next().as_deref(), Some("203.0.113.7/32"));
    }

    #[test]
    fn an_invalid_range_is_named_in_the_error() {
        for bad in ["", "203.0.113.7/33", "203.0.113/8", "example.com", "1.2.3.4/-1", "1.2.3.4/"] {
            let error = IpRanges::parse(["10.0.0.0/8", bad]).unwrap_err();
            assert!(error.is_decode() && error.to_string().contains(bad), "{error}");
            let ErrorKind::Decode { path, .. } = error.kind() else { panic!("{error:?}") };
            assert_eq!(path, "webhook_ip_ranges[1]");
        }
    }
}
