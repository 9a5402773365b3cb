//! The hosts that files may be fetched from.

use url::{Host, Url};

use super::refused;
use crate::Result;

/// The hosts that files may be fetched from. All by default.
#[derive(Debug, Clone, Default)]
pub(in crate::storage) struct AllowedHosts(Option<Vec<String>>);

impl AllowedHosts {
    pub(in crate::storage) fn new(hosts: impl IntoIterator<Item: Into<String>>) -> Self {
        let normalize = |host: String| host.trim().trim_matches(['.', '[', ']']).to_ascii_lowercase();
        Self(Some(hosts.into_iter().map(|host| normalize(host.into())).collect()))
    }

    /// Returns an error if `url` is not at one of the hosts.
    pub(super) fn check(&self, url: &Url) -> Result<()> {
        if self.contains(url) {
            return Ok(());
        }
        let host = url.host_str().unwrap_or_default();
        Err(refused(&format!("`{host}` is not one of the hosts to fetch from")))
    }

    /// Returns true if `url` is at one of the hosts, or at a subdomain of one.
    fn contains(&self, url: &Url) -> bool {
        let Some(allowed) = &self.0 else { return true };
        match url.host() {
            Some(Host::Domain(name)) => {
                let name = name.trim_end_matches('.');
                allowed.iter().any(|host| {
                    name.strip_suffix(host.as_str())
                        .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
                        && !host.is_empty()
                })
            }
            Some(Host::Ipv4(address)) => allowed.contains(&address.to_string()),
            Some(Host::Ipv6(address)) => allowed.contains(&address.to_string()),
            None => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subdomains_are_allowed_and_lookalikes_are_not() {
        let hosts = AllowedHosts::new(["Fal.media", "127.0.0.1", "[::1]"]);
        let contains = |url: &str| hosts.contains(&Url::parse(url).unwrap());
        for good in
            ["https://fal.media/a", "https://V3.fal.media./a", "http://127.0.0.1:9/a", "http://[::1]:9/a"]
        {
            assert!(contains(good), "{good}");
        }
        for bad in [
            "https://notfal.media/a",
            "https://fal.media.evil.example/a",
            "https://fal.media@evil.example/a",
            "http://169.254.169.254/latest",
            "http://1.127.0.0.1.example/a",
        ] {
            assert!(!contains(bad), "{bad}");
        }
        assert!(!AllowedHosts::new([""]).contains(&Url::parse("https://fal.media/a").unwrap()));
        assert!(!AllowedHosts::new([] as [&str; 0]).contains(&Url::parse("https://fal.media/a").unwrap()));
        assert!(AllowedHosts::default().contains(&Url::parse("https://anywhere.example").unwrap()));
    }
}
