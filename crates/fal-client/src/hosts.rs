//! The base URLs of fal's services.

use std::{fmt, net::ToSocketAddrs};

use url::{Host, Url};

use crate::{Error, ErrorKind, Result, env::Env};

/// The base URLs of fal's services, which are the only places that a key is sent to.
///
/// URLs have no trailing slash. `Debug` leaves out their queries.
#[derive(Clone, PartialEq, Eq)]
pub struct Hosts {
    pub(crate) run: Url,
    pub(crate) queue: Url,
    pub(crate) rest: Url,
    pub(crate) cdn: Url,
    pub(crate) ws: Url,
    pub(crate) platform: Url,
}

/// The use of plain `http`, which shows the key to everyone on the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PlainHttp {
    /// To this machine only.
    LoopbackOnly,
    /// To any host, because the caller has allowed it.
    Allowed,
}

/// A service of fal.
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
    /// Returns the hosts of fal itself.
    pub(crate) fn fal() -> Result<Self> {
        let parse = |url| parse_host(url, PlainHttp::LoopbackOnly);
        Ok(Self {
            run: parse("https://fal.run")?,
            queue: parse("https://queue.fal.run")?,
            rest: parse("https://rest.fal.ai")?,
            cdn: parse("https://v3.fal.media")?,
            ws: parse("https://ws.fal.run")?,
            platform: parse("https://api.fal.ai")?,
        })
    }

    /// Returns the hosts of an emulator, which tells services apart by the first segment of the path.
    pub(crate) fn emulator(url: &str, plain_http: PlainHttp) -> Result<Self> {
        let mut base = parse_host(url, plain_http)?;
        // Emulators on this machine speak plain HTTP.
        if !url.contains("://") && is_loopback(&base) {
            base = parse_host(&format!("http://{}", url.trim()), plain_http)?;
        }
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

    /// Applies `FAL_RUN_HOST` and `FAL_QUEUE_RUN_HOST`.
    ///
    /// Follows the official client: the queue is at `queue.` in front of the run host.
    pub(crate) fn apply_env(&mut self, env: &Env, plain_http: PlainHttp) -> Result<()> {
        let queue = env.var("FAL_QUEUE_RUN_HOST");
        if let Some(run) = env.var("FAL_RUN_HOST") {
            self.run = parse_host(&run, plain_http).map_err(|error| error.with_context("FAL_RUN_HOST"))?;
            match subdomains(&self.run) {
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
            let parsed = parse_host(&queue, plain_http);
            self.queue = parsed.map_err(|error| error.with_context("FAL_QUEUE_RUN_HOST"))?;
        }
        Ok(())
    }

    pub(crate) fn set(&mut self, service: Service, url: &str, plain_http: PlainHttp) -> Result<()> {
        let base = match service {
            Service::Run => &mut self.run,
            Service::Queue => &mut self.queue,
            Service::Rest => &mut self.rest,
            Service::Cdn => &mut self.cdn,
            Service::Ws => &mut self.ws,
            Service::Platform => &mut self.platform,
        };
        *base = match service {
            Service::Run | Service::Queue | Service::Ws => parse_base(url, plain_http)?,
            _ => parse_host(url, plain_http)?,
        };
        Ok(())
    }

    /// Returns true if a URL from a response may be called: by `https`, on this machine, or at a service for which the
    /// builder allows plain `http`.
    pub(crate) fn is_safe(&self, url: &Url) -> bool {
        let is_service = || self.all().into_iter().any(|base| has_same_origin(base, url));
        url.scheme() == "https" || (url.scheme() == "http" && (self.is_local(url) || is_service()))
    }

    /// Returns the base URL of a service.
    pub(crate) fn base(&self, service: Service) -> &Url {
        match service {
            Service::Run => &self.run,
            Service::Queue => &self.queue,
            Service::Rest => &self.rest,
            Service::Cdn => &self.cdn,
            Service::Ws => &self.ws,
            Service::Platform => &self.platform,
        }
    }

    /// Returns true if every service is on this machine.
    pub(crate) fn are_local(&self) -> bool {
        self.all().into_iter().all(is_loopback)
    }

    /// Returns true if `url` is at one of the services, so that the key may be sent there.
    pub(crate) fn contains(&self, url: &Url) -> bool {
        self.all().into_iter().any(|base| is_below(base, url))
    }

    /// Returns true if a URL from a response may be used with plain `http`, because it is on this machine: an address, or
    /// a name that was configured. Any other name below `.localhost` is up to the resolver.
    pub(crate) fn is_local(&self, url: &Url) -> bool {
        let is_known =
            |name: &str| name == "localhost" || self.all().iter().any(|base| base.domain() == Some(name));
        is_loopback(url) && url.domain().is_none_or(is_known)
    }

    /// Returns the URLs in the order of the fields.
    pub(crate) fn all(&self) -> [&Url; 6] {
        [&self.run, &self.queue, &self.rest, &self.cdn, &self.ws, &self.platform]
    }

    /// Returns the URL of direct calls, streams and realtime connections; `https://fal.run`.
    #[must_use]
    pub fn run(&self) -> &str {
        without_slash(&self.run)
    }

    /// Returns the URL of the queue; `https://queue.fal.run`.
    #[must_use]
    pub fn queue(&self) -> &str {
        without_slash(&self.queue)
    }

    /// Returns the URL of tokens and the start of uploads; `https://rest.fal.ai`.
    #[must_use]
    pub fn rest(&self) -> &str {
        without_slash(&self.rest)
    }

    /// Returns the URL of files; `https://v3.fal.media`.
    #[must_use]
    pub fn cdn(&self) -> &str {
        without_slash(&self.cdn)
    }

    /// Returns the URL of calls over a WebSocket; `https://ws.fal.run`.
    #[must_use]
    pub fn ws(&self) -> &str {
        without_slash(&self.ws)
    }

    /// Returns the URL of the platform API, without its version; `https://api.fal.ai`.
    #[must_use]
    pub fn platform(&self) -> &str {
        without_slash(&self.platform)
    }
}

impl fmt::Debug for Hosts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = ["run", "queue", "rest", "cdn", "ws", "platform"];
        let mut debug = f.debug_struct("Hosts");
        for (name, url) in names.into_iter().zip(self.all()) {
            debug.field(name, &redact_url(without_slash(url)));
        }
        debug.finish()
    }
}

fn without_slash(url: &Url) -> &str {
    url.as_str().trim_end_matches('/')
}

/// Parses `host`, `host:port` or a URL. Without a scheme it is `https`, as in the official clients.
pub(crate) fn parse_host(host: &str, plain_http: PlainHttp) -> Result<Url> {
    let url = parse_base(host, plain_http)?;
    if url.query().is_some() {
        return Err(invalid(host, "it must end with the path"));
    }
    Ok(url)
}

fn invalid(host: &str, why: &str) -> Error {
    let shown = redact_url(host);
    Error::new(ErrorKind::Config, format!("`{shown}` is not a host, host:port or http(s) URL: {why}"))
}

/// Parses the same, or a URL with a query, which every URL of the service then has.
fn parse_base(host: &str, plain_http: PlainHttp) -> Result<Url> {
    let host = host.trim();
    let invalid = |why: &str| invalid(host, why);
    let with_scheme = if host.contains("://") { host.to_owned() } else { format!("https://{host}") };
    let mut url = Url::parse(&with_scheme).map_err(|error| invalid(&error.to_string()))?;
    match url.scheme() {
        "https" => {}
        "http" if plain_http == PlainHttp::Allowed || is_loopback(&url) => {}
        "http" => {
            return Err(invalid(
                "plain http would show the key to everyone on the way; it is for this machine only, \
                 unless the builder allows it by `allow_plain_http`",
            ));
        }
        _ => return Err(invalid("the scheme must be https")),
    }
    // Slips such as `https:/me:secret@host` are URLs of a host `https`, with the password in their path.
    let is_slip = !host.contains("://") && host.contains('@');
    if is_slip || !url.username().is_empty() || url.password().is_some() {
        // Not echoed, because it contains a password.
        return Err(Error::new(ErrorKind::Config, "the URL of a service must not contain a password"));
    }
    if url.fragment().is_some() {
        return Err(invalid("it must not have a fragment"));
    }
    let path = url.path().trim_end_matches('/').to_owned();
    url.set_path(&path);
    Ok(url)
}

/// Returns true if plain `http` to `url` does not leave the machine.
pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// Returns the names of this machine among the hosts that are called by plain `http`: `localhost`, and those below it.
pub(crate) fn local_names<'a>(urls: impl IntoIterator<Item = &'a Url>) -> Vec<String> {
    let names = urls.into_iter().filter(|url| url.scheme() == "http" && is_loopback(url));
    let mut names: Vec<String> = names.filter_map(|url| url.domain()).map(str::to_owned).collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// Returns an error if the system's resolver takes one of these names for another machine.
///
/// Only for an HTTP client that the caller built: the default one knows the addresses of these names by itself.
pub(crate) fn check_local_names(names: &[String]) -> Result<()> {
    for name in names {
        let addresses = (name.as_str(), 0).to_socket_addrs();
        let is_local = addresses.is_ok_and(|mut all| all.all(|address| address.ip().is_loopback()));
        if !is_local {
            let message = format!(
                "`{name}` is not known to be this machine, so plain http could show the key to others: \
                 use 127.0.0.1 or localhost"
            );
            return Err(Error::new(ErrorKind::Config, message));
        }
    }
    Ok(())
}

/// Returns a URL, or text that was meant as one, without the parts that may be secret: user, password, query and
/// fragment.
pub(crate) fn redact_url(text: &str) -> String {
    let (scheme, rest) = text.split_once("://").map_or(("", text), |(scheme, rest)| (scheme, rest));
    // The text may be no URL, and a password may hold any character, so everything up to the last `@` is hidden.
    let (hidden, rest) = rest.rsplit_once('@').map_or(("", rest), |(_, rest)| ("…@", rest));
    let end = rest.find(['?', '#']).unwrap_or(rest.len());
    let mut shown = String::new();
    if !scheme.is_empty() {
        shown.push_str(scheme);
        shown.push_str("://");
    }
    shown.push_str(hidden);
    shown.push_str(rest.get(..end).unwrap_or_default());
    if end < rest.len() {
        shown.push_str("?…");
    }
    shown
}

/// Returns `queue.` and `ws.` in front of the run host, or `None` for an address.
fn subdomains(run: &Url) -> Option<[Url; 2]> {
    let Some(Host::Domain(name)) = run.host() else { return None };
    let with = |prefix: &str| {
        let mut url = run.clone();
        url.set_host(Some(&format!("{prefix}.{name}"))).ok()?;
        Some(url)
    };
    Some([with("queue")?, with("ws")?])
}

/// Returns `base` with more segments, each percent-encoded.
pub(crate) fn join<'a>(base: &Url, segments: impl IntoIterator<Item = &'a str>) -> Url {
    let mut url = base.clone();
    // Only URLs such as `mailto:` have no segments, and `parse_host` accepts none of them.
    if let Ok(mut path) = url.path_segments_mut() {
        path.pop_if_empty().extend(segments);
    }
    url
}

/// Returns true if two URLs of HTTP or WebSockets have the same scheme, host and port.
///
/// Compares the parts in place, because [`Url::origin`] copies them, and every request for fal is checked.
pub(crate) fn has_same_origin(one: &Url, other: &Url) -> bool {
    one.scheme() == other.scheme()
        && one.host() == other.host()
        && one.port_or_known_default() == other.port_or_known_default()
}

/// Returns true if `url` has the origin of `base`, and its path is below that of `base`.
pub(crate) fn is_below(base: &Url, url: &Url) -> bool {
    let path = base.path().trim_end_matches('/');
    has_same_origin(base, url)
        && url.username().is_empty()
        && url.password().is_none()
        && url.path().strip_prefix(path).is_some_and(|rest| rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts<const N: usize>(variables: [(&'static str, &'static str); N]) -> Result<Hosts> {
        let mut hosts = Hosts::fal()?;
        hosts.apply_env(&Env::fixed(variables), PlainHttp::LoopbackOnly)?;
        Ok(hosts)
    }

    #[test]
    fn queue_host_follows_the_run_host() {
        let found = hosts([("FAL_RUN_HOST", "fal.example:8443")]).unwrap();
        assert_eq!(found.run(), "https://fal.example:8443");
        assert_eq!(found.queue(), "https://queue.fal.example:8443");
        assert_eq!(found.ws(), "https://ws.fal.example:8443");
        assert_eq!(found.rest(), "https://rest.fal.ai");
        let found = hosts([("FAL_RUN_HOST", "fal.example"), ("FAL_QUEUE_RUN_HOST", "http://127.0.0.1:9/q/")]);
        assert_eq!(found.unwrap().queue(), "http://127.0.0.1:9/q");
    }

    #[test]
    fn run_host_that_is_an_address_needs_a_queue_host() {
        let error = hosts([("FAL_RUN_HOST", "http://127.0.0.1:9")]).unwrap_err().to_string();
        assert!(error.contains("FAL_QUEUE_RUN_HOST"), "{error}");
        let both = [("FAL_RUN_HOST", "http://127.0.0.1:9"), ("FAL_QUEUE_RUN_HOST", "http://[::1]:9")];
        assert_eq!(hosts(both).unwrap().queue(), "http://[::1]:9");
    }

    #[test]
    fn unsafe_urls_are_refused() {
        for good in [
            "fal.run",
            "https://x.example/base",
            "http://localhost:1",
            "http://127.9.9.9",
            "http://a.localhost",
        ] {
            assert!(parse_host(good, PlainHttp::LoopbackOnly).is_ok(), "{good}");
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
            assert!(parse_host(bad, PlainHttp::LoopbackOnly).unwrap_err().is_config(), "{bad}");
        }
        assert!(parse_host("http://fal.example:80", PlainHttp::Allowed).is_ok());
        assert!(parse_host("ftp://fal.example", PlainHttp::Allowed).is_err());
        for secret in [
            "https://me:hunter2@fal.run",
            "http://me:hunter2@fal.run",
            "https://me:hunter2@fal.run:99999",
            "ftp://me:hunter2@fal.run",
            "me:hunter2@fal.run",
            "https:/me:hunter2@fal.run",
            "https:me:hunter2@fal.run",
            r"https:\me:hunter2@fal.run",
            "http:/me:hunter2@fal.run",
            "//me:hunter2@fal.run",
            "https:///me:hunter2@fal.run",
            "https://me%3Ahunter2@fal.run",
            "https://me:a/hunter2@fal.run",
            "https://me:a@hunter2@fal.run",
            "https://fal.run?password=hunter2",
        ] {
            let error = parse_host(secret, PlainHttp::LoopbackOnly).unwrap_err();
            assert!(!format!("{error} {error:?}").contains("hunter2"), "{secret}: {error}");
            let builder = crate::Client::builder().emulator(secret).proxy_url(secret).run_host(secret);
            let builder = builder.queue_host(secret).trusted_host(secret);
            assert!(!format!("{builder:?}").contains("hunter2"), "{secret}");
            assert!(
                !format!("{:?}", builder.key("a:b").build().unwrap_err()).contains("hunter2"),
                "{secret}"
            );
        }
    }

    #[test]
    fn queries_of_services_are_kept_and_not_printed() {
        let client = crate::Client::builder()
            .key("a:b")
            .run_host("https://gateway.example/fal?code=hunter2")
            .queue_host("https://gateway.example/fal?_subdomain=queue&code=hunter2")
            .build()
            .unwrap();
        assert_eq!(client.hosts().queue(), "https://gateway.example/fal?_subdomain=queue&code=hunter2");
        assert!(!format!("{client:?} {:?}", client.hosts()).contains("hunter2"));
        for builder in [
            crate::Client::builder().rest_host("https://gateway.example/?a=1"),
            crate::Client::builder().emulator("http://127.0.0.1:9/?a=1"),
            crate::Client::builder().run_host("https://gateway.example/#a"),
        ] {
            assert!(builder.key("a:b").build().unwrap_err().is_config());
        }
    }

    #[test]
    fn emulator_services_differ_by_path() {
        let hosts = Hosts::emulator("http://127.0.0.1:8080/", PlainHttp::LoopbackOnly).unwrap();
        assert_eq!(hosts.queue(), "http://127.0.0.1:8080/queue");
        assert_eq!(hosts.platform(), "http://127.0.0.1:8080/platform");
        assert!(hosts.are_local());
        assert!(!Hosts::fal().unwrap().are_local());
        for (text, queue) in [
            ("localhost:8787", "http://localhost:8787/queue"),
            (" 127.0.0.1:443", "http://127.0.0.1:443/queue"),
            ("emulator.test:8787", "https://emulator.test:8787/queue"),
        ] {
            assert_eq!(Hosts::emulator(text, PlainHttp::LoopbackOnly).unwrap().queue(), queue);
        }
    }

    #[test]
    fn is_below_compares_origin_and_path() {
        let base = parse_host("https://queue.fal.run/q", PlainHttp::LoopbackOnly).unwrap();
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
