//! The addresses that deliveries come from.

use std::net::IpAddr;

use http::Method;
use ipnet::IpNet;
use serde::Deserialize;

use crate::{Client, Error, ErrorKind, Result, hosts::join, retry::RetryClass, transport::Request};

/// The addresses that fal's deliveries come from, for a firewall or as a first look. They are no substitute
/// for [verifying](super::Verifier) deliveries, and they change: fetch them again now and then.
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
    /// Asks the platform API, `GET /v1/meta`.
    ///
    /// # Errors
    ///
    /// As a call; `Decode` when a range is not one.
    pub async fn fetch(client: &Client) -> Result<Self> {
        let url = join(&client.hosts().platform, ["v1", "meta"]);
        let mut request = Request::to_fal(Method::GET, url, RetryClass::Idempotent);
        request.retry = client.0.retry.clone();
        let meta: Meta = client.0.transport.send(&request).await?.json()?;
        Self::parse(meta.webhook_ip_ranges)
    }

    /// Of ranges in CIDR notation, such as `203.0.113.7/32`; an address alone stands for itself.
    ///
    /// # Errors
    ///
    /// `Decode`, naming the one that is not a range.
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

    /// Whether an address is one of fal's. An IPv4 address written as IPv6 (`::ffff:203.0.113.7`) is the same
    /// address.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|range| range.contains(&address))
    }

    /// The ranges in CIDR notation.
    pub fn iter(&self) -> impl Iterator<Item = String> + '_ {
        self.0.iter().map(ToString::to_string)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_in_ranges_or_not() {
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
    fn what_is_no_range_is_named() {
        for bad in ["", "203.0.113.7/33", "203.0.113/8", "example.com", "1.2.3.4/-1", "1.2.3.4/"] {
            let error = IpRanges::parse(["10.0.0.0/8", bad]).unwrap_err();
            assert!(error.is_decode() && error.to_string().contains(bad), "{error}");
            let ErrorKind::Decode { path, .. } = error.kind() else { panic!("{error:?}") };
            assert_eq!(path, "webhook_ip_ranges[1]");
        }
    }
}
