//! fal's second domain, for calls when the first cannot be reached.

use url::Url;

use crate::hosts::has_same_origin;

/// The hosts that can also be reached at a second domain. Only fal's own are listed, so a configured host has no
/// backup.
#[derive(Debug, Clone, Default)]
pub(crate) struct Backups(Vec<(Url, Url)>);

impl Backups {
    /// Returns the backups of fal's own hosts.
    pub(crate) fn fal() -> Self {
        Self::new([
            ("https://fal.run", "https://falrun.com"),
            ("https://queue.fal.run", "https://queue.falrun.com"),
        ])
    }

    pub(crate) fn new<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let parse = |(primary, backup)| Some((Url::parse(primary).ok()?, Url::parse(backup).ok()?));
        Self(pairs.into_iter().filter_map(parse).collect())
    }

    /// Returns the same URL at the second domain.
    pub(crate) fn backup_url(&self, url: &Url) -> Option<Url> {
        let (_, backup) = self.0.iter().find(|(primary, _)| has_same_origin(primary, url))?;
        let mut url = url.clone();
        url.set_host(backup.host_str()).ok()?;
        url.set_port(backup.port()).ok()?;
        Some(url)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_fals_own_hosts_have_a_backup() {
        let backups = Backups::fal();
        let table = [
            ("https://fal.run/acme/app?x=1", Some("https://falrun.com/acme/app?x=1")),
            ("https://queue.fal.run/a/b/requests/1", Some("https://queue.falrun.com/a/b/requests/1")),
            ("https://queue.fal.run:8443/a/b", None),
            ("https://ws.fal.run/a/b", None),
            ("https://rest.fal.ai/storage", None),
            ("https://fal.run.example/a/b", None),
            ("http://fal.run/a/b", None),
        ];
        for (url, expected) in table {
            let found = backups.backup_url(&Url::parse(url).unwrap());
            assert_eq!(found.as_ref().map(Url::as_str), expected, "{url}");
        }
    }
}
