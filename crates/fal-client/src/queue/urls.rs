//! The URLs of a request.

use url::Url;

use crate::{
    Client, Result,
    endpoint_id::EndpointId,
    hosts::{is_below, join},
    server_urls::ServerUrls,
};

/// The URLs at which a request is followed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RequestUrls {
    pub(super) status: Url,
    pub(super) result: Url,
    pub(super) cancel: Url,
}

impl RequestUrls {
    /// Builds the URLs from the ids.
    pub(super) fn from_ids(client: &Client, endpoint: &str, request_id: &str) -> Result<Self> {
        let result = EndpointId::parse(endpoint)?.request_url(&client.hosts().queue, request_id)?;
        Ok(Self { status: join(&result, ["status"]), cancel: join(&result, ["cancel"]), result })
    }

    /// Replaces the URLs by those of the server that are below the configured queue, and by those of fal's own queue at the
    /// configured one: a gateway may pass them through, and only they name the app that an alias stands for.
    ///
    /// Others are ignored, because the key is sent to them, and a response may be forged, or rewritten by a proxy.
    pub(super) fn or_server_urls(self, client: &Client, server: &ServerUrls) -> Self {
        let base = &client.hosts().queue;
        let request_id = self.result.path_segments().and_then(Iterator::last).unwrap_or_default().to_owned();
        let choose = |server: &Option<String>, from_ids: Url| {
            let url = server.as_deref().and_then(|text| Url::parse(text).ok());
            let own = url.and_then(|url| match is_below(base, &url) {
                true => Some(url),
                false => move_to(base, &url, &request_id),
            });
            own.unwrap_or(from_ids)
        };
        Self {
            status: choose(&server.status, self.status),
            result: choose(&server.result, self.result),
            cancel: choose(&server.cancel, self.cancel),
        }
    }

    /// Returns the URLs that differ from `other`.
    pub(super) fn difference(&self, other: &Self) -> ServerUrls {
        let differs = |url: &Url, other: &Url| (url != other).then(|| url.to_string());
        ServerUrls {
            status: differs(&self.status, &other.status),
            result: differs(&self.result, &other.result),
            cancel: differs(&self.cancel, &other.cancel),
        }
    }
}

/// Returns the URL of a request at fal's own queue as one at the queue `base`; `None` for any other URL.
fn move_to(base: &Url, url: &Url, request_id: &str) -> Option<Url> {
    let is_fal = url.scheme() == "https"
        && matches!(url.host_str(), Some("queue.fal.run" | "queue.falrun.com"))
        && url.port().is_none();
    let is_of_request = url.path_segments()?.any(|segment| segment == request_id);
    let mut moved = base.clone();
    moved.set_path(&format!("{}{}", base.path().trim_end_matches('/'), url.path()));
    let query: Vec<&str> = [base.query(), url.query()].into_iter().flatten().collect();
    moved.set_query((!query.is_empty()).then(|| query.join("&")).as_deref());
    (is_fal && is_of_request && is_below(base, &moved)).then_some(moved)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client() -> Client {
        Client::builder().emulator("http://127.0.0.1:9").build().unwrap()
    }

    fn status_url(from_server: &str) -> String {
        let urls = RequestUrls::from_ids(&client(), "acme/app/path", "r1").unwrap();
        let server = ServerUrls { status: Some(from_server.to_owned()), ..ServerUrls::default() };
        urls.or_server_urls(&client(), &server).status.to_string()
    }

    #[test]
    fn server_urls_outside_the_queue_are_ignored() {
        let from_ids = "http://127.0.0.1:9/queue/acme/app/requests/r1/status";
        let good = "http://127.0.0.1:9/queue/acme/app/path/requests/r1/status?x=1";
        assert_eq!(status_url(good), good);
        for bad in [
            "https://evil.example/queue/acme/app/requests/r1/status",
            "http://127.0.0.1:10/queue/acme/app/requests/r1/status",
            "https://127.0.0.1:9/queue/acme/app/requests/r1/status",
            "http://127.0.0.1:9/rest/acme/app/requests/r1/status",
            "http://127.0.0.1:9/queue/../rest/x",
            "/acme/app/requests/r1/status",
            "",
        ] {
            assert_eq!(status_url(bad), from_ids, "{bad}");
        }
    }

    #[test]
    fn urls_of_fal_s_own_queue_are_those_of_the_gateway() {
        let base = "http://127.0.0.1:9/queue";
        for (from_server, path) in [
            ("https://queue.fal.run/other/name/requests/r1/status?x=1", "/other/name/requests/r1/status?x=1"),
            ("https://queue.falrun.com/other/name/requests/r1/status", "/other/name/requests/r1/status"),
            // Those of another request, or of another service, are ignored.
            ("https://queue.fal.run/other/name/requests/r2/status", "/acme/app/requests/r1/status"),
            ("https://fal.run/other/name/requests/r1/status", "/acme/app/requests/r1/status"),
            ("http://queue.fal.run/other/name/requests/r1/status", "/acme/app/requests/r1/status"),
            ("https://queue.fal.run:8443/other/requests/r1/status", "/acme/app/requests/r1/status"),
            ("https://queue.fal.run.evil.example/other/requests/r1/status", "/acme/app/requests/r1/status"),
        ] {
            assert_eq!(status_url(from_server), format!("{base}{path}"), "{from_server}");
        }
    }

    #[test]
    fn query_of_the_gateway_is_in_every_url() {
        let host = "http://127.0.0.1:9/fal?_subdomain=queue";
        let client = Client::builder().key("a:b").queue_host(host).build().unwrap();
        let urls = RequestUrls::from_ids(&client, "acme/app", "r1").unwrap();
        assert_eq!(
            urls.cancel.as_str(),
            "http://127.0.0.1:9/fal/acme/app/requests/r1/cancel?_subdomain=queue"
        );
        let server = |status: &str| {
            let server = ServerUrls { status: Some(status.to_owned()), ..ServerUrls::default() };
            urls.clone().or_server_urls(&client, &server).status.to_string()
        };
        let status = "http://127.0.0.1:9/fal/acme/alias/requests/r1/status?_subdomain=queue";
        assert_eq!(server("https://queue.fal.run/acme/alias/requests/r1/status"), status);
        assert_eq!(
            server("https://queue.fal.run/acme/alias/requests/r1/status?x=1"),
            format!("{status}&x=1")
        );
    }

    #[test]
    fn difference_contains_only_urls_that_the_ids_do_not_make() {
        let urls = RequestUrls::from_ids(&client(), "acme/app", "r1").unwrap();
        assert_eq!(urls.difference(&urls), ServerUrls::default());
        let cancel = Some("http://127.0.0.1:9/queue/other".to_owned());
        let server = ServerUrls { cancel: cancel.clone(), ..ServerUrls::default() };
        let chosen = urls.clone().or_server_urls(&client(), &server);
        assert_eq!(chosen.difference(&urls), ServerUrls { cancel, ..ServerUrls::default() });
    }
}
