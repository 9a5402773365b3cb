//! Where each of fal's services is.

use url::{Host, Url};

use crate::{Error, ErrorKind, Result, config::Lookup};

/// The base URLs of fal's services, which are the only places a key is sent to.
///
/// Every URL is without a trailing slash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hosts {
    pub(crate) run: Url,
    pub(crate) queue: Url,
    pub(crate) rest: Url,
    pub(crate) cdn: Url,
    pub(crate) ws: Url,
    pub(crate) platform: Url,
}

/// Where plain `http` may be spoken, which shows the key to everyone on the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PlainHttp {
    /// On this machine.
    LoopbackOnly,
    /// Anywhere: the caller said so.
    Allowed,
}

/// One of the services of [`Hosts`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Service {
    Run,
    Queue,
    Rest,
    Cdn,
    Ws,
    Platform,
}

impl Hosts {
    /// fal itself.
    pub(crate) fn fal() -> Result<Self> {
        Ok(Self {
            run: parse("https://fal.run", PlainHttp::LoopbackOnly)?,
            queue: parse("https://queue.fal.run", PlainHttp::LoopbackOnly)?,
            rest: parse("https://rest.fal.ai", PlainHttp::LoopbackOnly)?,
            cdn: parse("https://v3.fal.media", PlainHttp::LoopbackOnly)?,
            ws: parse("https://ws.fal.run", PlainHttp::LoopbackOnly)?,
            platform: parse("https://api.fal.ai", PlainHttp::LoopbackOnly)?,
        })
    }

    /// Every service of one emulator, told apart by the first segment of the path.
    pub(crate) fn emulator(url: &str, plain_http: PlainHttp) -> Result<Self> {
        let base = parse(url, plain_http)?;
        let service = |name: &str| join(&base, [name]);
        Ok(Self {
            run: service("run"),
            queue: service("queue"),
            rest: service("rest"),
            cdn: service("cdn"),
            ws: service("ws"),
            platform: service("platform"),
        })
    }

    /// What `FAL_RUN_HOST` and `FAL_QUEUE_RUN_HOST` say, with the official client's rule that the queue
    /// is `queue.` in front of the run host.
    pub(crate) fn set_from_env(&mut self, lookup: &Lookup, plain_http: PlainHttp) -> Result<()> {
        let read = |name: &str| lookup(name).filter(|value| !value.trim().is_empty());
        let queue = read("FAL_QUEUE_RUN_HOST");
        if let Some(run) = read("FAL_RUN_HOST") {
            self.run = parse(&run, plain_http).map_err(|error| error.with_context("FAL_RUN_HOST"))?;
            match prefixed(&self.run) {
                Some([queue, ws]) => (self.queue, self.ws) = (queue, ws),
                None if queue.is_some() => {}
                None => {
                    return Err(Error::new(
                        ErrorKind::Config,
                        format!(
                            "FAL_RUN_HOST is an address ({}), so the queue's host cannot be told from it: \
                             set FAL_QUEUE_RUN_HOST too",
                            self.run
                        ),
                    ));
                }
            }
        }
        if let Some(queue) = queue {
            self.queue =
                parse(&queue, plain_http).map_err(|error| error.with_context("FAL_QUEUE_RUN_HOST"))?;
        }
        Ok(())
    }

    pub(crate) fn set(&mut self, service: Service, url: &str, plain_http: PlainHttp) -> Result<()> {
        let slot = match service {
            Service::Run => &mut self.run,
            Service::Queue => &mut self.queue,
            Service::Rest => &mut self.rest,
            Service::Cdn => &mut self.cdn,
            Service::Ws => &mut self.ws,
            Service::Platform => &mut self.platform,
        };
        *slot = parse(url, plain_http)?;
        Ok(())
    }

    /// `true` when every service is on this machine.
    pub(crate) fn are_local(&self) -> bool {
        self.all().into_iter().all(is_loopback)
    }

    /// `true` when `url` is at one of the services, so that the key may go there.
    pub(crate) fn contains(&self, url: &Url) -> bool {
        self.all().into_iter().any(|base| is_below(base, url))
    }

    fn all(&self) -> [&Url; 6] {
        [&self.run, &self.queue, &self.rest, &self.cdn, &self.ws, &self.platform]
    }

    /// Direct calls, streams and realtime; `https://fal.run`.
    #[must_use]
    pub fn run(&self) -> &str {
        text(&self.run)
    }

    /// The queue; `https://queue.fal.run`.
    #[must_use]
    pub fn queue(&self) -> &str {
        text(&self.queue)
    }

    /// Tokens and the start of uploads; `https://rest.fal.ai`.
    #[must_use]
    pub fn rest(&self) -> &str {
        text(&self.rest)
    }

    /// Files; `https://v3.fal.media`.
    #[must_use]
    pub fn cdn(&self) -> &str {
        text(&self.cdn)
    }

    /// HTTP over one WebSocket; `https://ws.fal.run`.
    #[must_use]
    pub fn ws(&self) -> &str {
        text(&self.ws)
    }

    /// The platform API, without its version; `https://api.fal.ai`.
    #[must_use]
    pub fn platform(&self) -> &str {
        text(&self.platform)
    }
}

fn text(url: &Url) -> &str {
    url.as_str().trim_end_matches('/')
}

/// Reads `host`, `host:port` or a whole URL. Without a scheme it is `https`, as in the official clients.
pub(crate) fn parse(given: &str, plain_http: PlainHttp) -> Result<Url> {
    let given = given.trim();
    let wrong = |why: &str| {
        Error::new(ErrorKind::Config, format!("`{given}` is not a host, host:port or http(s) URL: {why}"))
    };
    let whole = if given.contains("://") { given.to_owned() } else { format!("https://{given}") };
    let mut url = Url::parse(&whole).map_err(|error| wrong(&error.to_string()))?;
    match url.scheme() {
        "https" => {}
        "http" if plain_http == PlainHttp::Allowed || is_loopback(&url) => {}
        "http" => {
            return Err(wrong(
                "plain http would show the key to everyone on the way; it is for this machine only, \
                 unless the builder is told to `allow_plain_http`",
            ));
        }
        _ => return Err(wrong("the scheme must be https")),
    }
    if !url.username().is_empty() || url.password().is_some() {
        // Not echoed: what was given contains a password.
        return Err(Error::new(ErrorKind::Config, "the URL of a service must not contain a password"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(wrong("it must end with the path"));
    }
    let path = url.path().trim_end_matches('/').to_owned();
    url.set_path(&path);
    Ok(url)
}

/// `true` when plain `http` does not leave the machine.
pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

fn prefixed(run: &Url) -> Option<[Url; 2]> {
    let Some(Host::Domain(name)) = run.host() else { return None };
    let with = |prefix: &str| {
        let mut url = run.clone();
        url.set_host(Some(&format!("{prefix}.{name}"))).ok()?;
        Some(url)
    };
    Some([with("queue")?, with("ws")?])
}

/// `base` with more segments, each percent-encoded.
pub(crate) fn join<'a>(base: &Url, segments: impl IntoIterator<Item = &'a str>) -> Url {
    let mut url = base.clone();
    // Only URLs such as `mailto:` have no segments, and `parse` lets none through.
    if let Ok(mut path) = url.path_segments_mut() {
        path.pop_if_empty().extend(segments);
    }
    url
}

/// Whether the two have the same scheme, host and port. Unlike `origin`, this copies no hosts.
pub(crate) fn is_same_place(one: &Url, other: &Url) -> bool {
    (one.scheme(), one.host(), one.port_or_known_default())
        == (other.scheme(), other.host(), other.port_or_known_default())
}

/// `true` when `url` has the scheme, host and port of `base` and its path lies below that of `base`.
pub(crate) fn is_below(base: &Url, url: &Url) -> bool {
    let path = base.path().trim_end_matches('/');
    is_same_place(base, url)
        && url.username().is_empty()
        && url.password().is_none()
        && url.path().strip_prefix(path).is_some_and(|rest| rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts(variables: &'static [(&'static str, &'static str)]) -> Result<Hosts> {
        let lookup: Lookup = Box::new(move |name| {
            variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
        });
        let mut hosts = Hosts::fal()?;
        hosts.set_from_env(&lookup, PlainHttp::LoopbackOnly)?;
        Ok(hosts)
    }

    #[test]
    fn the_queue_follows_the_run_host() {
        let found = hosts(&[("FAL_RUN_HOST", "fal.example:8443")]).unwrap();
        assert_eq!(found.run(), "https://fal.example:8443");
        assert_eq!(found.queue(), "https://queue.fal.example:8443");
        assert_eq!(found.ws(), "https://ws.fal.example:8443");
        assert_eq!(found.rest(), "https://rest.fal.ai");
        let found =
            hosts(&[("FAL_RUN_HOST", "fal.example"), ("FAL_QUEUE_RUN_HOST", "http://127.0.0.1:9/q/")]);
        assert_eq!(found.unwrap().queue(), "http://127.0.0.1:9/q");
    }

    #[test]
    fn an_address_has_no_subdomains() {
        let error = hosts(&[("FAL_RUN_HOST", "http://127.0.0.1:9")]).unwrap_err().to_string();
        assert!(error.contains("FAL_QUEUE_RUN_HOST"), "{error}");
        let both = [("FAL_RUN_HOST", "http://127.0.0.1:9"), ("FAL_QUEUE_RUN_HOST", "http://[::1]:9")];
        let both: &'static [_] = Box::leak(Box::new(both));
        assert_eq!(hosts(both).unwrap().queue(), "http://[::1]:9");
    }

    #[test]
    fn only_safe_urls_are_hosts() {
        for good in [
            "fal.run",
            "https://x.example/base",
            "http://localhost:1",
            "http://127.9.9.9",
            "http://a.localhost",
        ] {
            assert!(parse(good, PlainHttp::LoopbackOnly).is_ok(), "{good}");
        }
        for bad in [
            "",
            "http://fal.run",
            "http://127.0.0.1.example",
            "ftp://fal.run",
            "https://fal.run?x=1",
            "a b",
            "x:99999",
        ] {
            assert!(parse(bad, PlainHttp::LoopbackOnly).unwrap_err().is_config(), "{bad}");
        }
        assert!(parse("http://fal.example:80", PlainHttp::Allowed).is_ok());
        assert!(parse("ftp://fal.example", PlainHttp::Allowed).is_err());
        let error = parse("https://me:hunter2@fal.run", PlainHttp::LoopbackOnly).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("hunter2"));
    }

    #[test]
    fn an_emulator_tells_services_apart_by_prefix() {
        let hosts = Hosts::emulator("http://127.0.0.1:8080/", PlainHttp::LoopbackOnly).unwrap();
        assert_eq!(hosts.queue(), "http://127.0.0.1:8080/queue");
        assert_eq!(hosts.platform(), "http://127.0.0.1:8080/platform");
        assert!(hosts.are_local());
        assert!(!Hosts::fal().unwrap().are_local());
    }

    #[test]
    fn below_means_same_origin_and_deeper() {
        let base = parse("https://queue.fal.run/q", PlainHttp::LoopbackOnly).unwrap();
        let below = |text: &str| is_below(&base, &Url::parse(text).unwrap());
        assert!(below("https://queue.fal.run/q/acme/app/requests/1"));
        assert!(below("https://queue.fal.run:443/q/acme"));
        for other in [
            "https://queue.fal.run/qq/acme",
            "https://queue.fal.run/other",
            "https://queue.fal.run/q/../other",
            "http://queue.fal.run/q/acme",
            "https://queue.fal.run:444/q/acme",
            "https://queue.fal.run.evil.example/q/acme",
            "https://queue.fal.run@evil.example/q/acme",
            "https://user@queue.fal.run/q/acme",
        ] {
            assert!(!below(other), "{other}");
        }
    }
}
