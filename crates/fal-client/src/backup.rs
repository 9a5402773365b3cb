//! fal's second domain, for when the first cannot be reached.

use url::Url;

/// Which hosts have a second name. A configured host has none, because only fal's own are listed.
#[derive(Debug, Clone, Default)]
pub(crate) struct Backups(Vec<(Url, Url)>);

impl Backups {
    /// Those of fal.
    pub(crate) fn fal() -> Self {
        Self::of([
            ("https://fal.run", "https://falrun.com"),
            ("https://queue.fal.run", "https://queue.falrun.com"),
        ])
    }

    pub(crate) fn of<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let parse = |(primary, backup)| Some((Url::parse(primary).ok()?, Url::parse(backup).ok()?));
        Self(pairs.into_iter().filter_map(parse).collect())
    }

    /// The same place on the second domain.
    pub(crate) fn of_url(&self, url: &Url) -> Option<Url> {
        let (_, backup) = self.0.iter().find(|(primary, _)| primary.origin() == url.origin())?;
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
    fn only_fals_own_hosts_have_a_second_name() {
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
            let found = backups.of_url(&Url::parse(url).unwrap());
            assert_eq!(found.as_ref().map(Url::as_str), expected, "{url}");
        }
    }
}
