//! Where a request is followed.

use url::Url;

use crate::{
    Client, Result,
    endpoint_id::EndpointId,
    hosts::{is_below, join},
};

/// The three URLs of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Urls {
    pub(super) status: Url,
    pub(super) result: Url,
    pub(super) cancel: Url,
}

/// URLs as the service, or a ticket, gives them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Given {
    pub(super) status: Option<String>,
    pub(super) result: Option<String>,
    pub(super) cancel: Option<String>,
}

impl Urls {
    /// Those made from the ids.
    pub(super) fn made(client: &Client, endpoint: &str, request_id: &str) -> Result<Self> {
        let result = EndpointId::parse(endpoint)?.request_url(&client.hosts().queue, request_id)?;
        Ok(Self { status: join(&result, ["status"]), cancel: join(&result, ["cancel"]), result })
    }

    /// Those given, where they are at the configured queue. A key follows no URL to anywhere else, and
    /// an answer may be forged or come through a proxy that rewrites it.
    pub(super) fn prefer(self, client: &Client, given: &Given) -> Self {
        let base = &client.hosts().queue;
        let choose = |given: &Option<String>, made: Url| {
            let given = given.as_deref().and_then(|text| Url::parse(text).ok());
            given.filter(|url| is_below(base, url)).unwrap_or(made)
        };
        Self {
            status: choose(&given.status, self.status),
            result: choose(&given.result, self.result),
            cancel: choose(&given.cancel, self.cancel),
        }
    }

    /// What a ticket has to say: the URLs that cannot be made from the ids.
    pub(super) fn beyond(&self, made: &Self) -> Given {
        let differs = |url: &Url, made: &Url| (url != made).then(|| url.to_string());
        Given {
            status: differs(&self.status, &made.status),
            result: differs(&self.result, &made.result),
            cancel: differs(&self.cancel, &made.cancel),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client() -> Client {
        Client::builder().emulator("http://127.0.0.1:9").build().unwrap()
    }

    fn status(given: &str) -> String {
        let made = Urls::made(&client(), "acme/app/path", "r1").unwrap();
        let given = Given { status: Some(given.to_owned()), ..Given::default() };
        made.prefer(&client(), &given).status.to_string()
    }

    #[test]
    fn only_urls_at_the_queue_are_followed() {
        let made = "http://127.0.0.1:9/queue/acme/app/requests/r1/status";
        let good = "http://127.0.0.1:9/queue/acme/app/path/requests/r1/status?x=1";
        assert_eq!(status(good), good);
        for bad in [
            "https://evil.example/queue/acme/app/requests/r1/status",
            "http://127.0.0.1:10/queue/acme/app/requests/r1/status",
            "https://127.0.0.1:9/queue/acme/app/requests/r1/status",
            "http://127.0.0.1:9/rest/acme/app/requests/r1/status",
            "http://127.0.0.1:9/queue/../rest/x",
            "/acme/app/requests/r1/status",
            "",
        ] {
            assert_eq!(status(bad), made, "{bad}");
        }
    }

    #[test]
    fn a_ticket_has_only_what_the_ids_do_not_say() {
        let made = Urls::made(&client(), "acme/app", "r1").unwrap();
        assert_eq!(made.beyond(&made), Given::default());
        let cancel = Some("http://127.0.0.1:9/queue/other".to_owned());
        let given = Given { cancel: cancel.clone(), ..Given::default() };
        let chosen = made.clone().prefer(&client(), &given);
        assert_eq!(chosen.beyond(&made), Given { cancel, ..Given::default() });
    }
}
