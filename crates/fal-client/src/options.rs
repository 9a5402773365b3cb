//! The options that calls share.

use std::time::{Duration, Instant};

use http::{HeaderMap, HeaderName, HeaderValue, Method};
use url::Url;

use crate::{
    Client, Error, ErrorKind, Result, Retry,
    headers::custom_header,
    hosts::redact_url,
    input::Checks,
    queue::ServerRetries,
    storage::{UploadOptions, UploadPolicy},
    timeout::{deadline, now},
};

mod tags;

/// The header of `start_timeout`, and the deprecated one before it, which services that do not know the first one
/// read. fal ignores the second one if both are sent.
const START_TIMEOUT: [&str; 2] = ["x-fal-request-start-timeout", "x-fal-request-timeout"];

/// The parameter of the webhook's URL.
const WEBHOOK: &str = "fal_webhook";

/// A start timeout must be longer than this.
const MIN_START_TIMEOUT: Duration = Duration::from_millis(100);

/// The options of one call, as its setters have collected them.
#[derive(Debug, Clone, Default)]
pub(crate) struct CallOptions {
    pub(crate) timeout: Option<Duration>,
    pub(crate) retry: Option<Retry>,
    /// The idle timeout of the call, if it sets one; `Some(None)` is no limit.
    pub(crate) idle_timeout: Option<Option<Duration>>,
    pub(crate) skip_validation: bool,
    /// `None` for the option of the client.
    pub(crate) check_files: Option<bool>,
    /// `true` if fal drops a request that has not started by the end of the call's time limit.
    pub(crate) drop_unstarted: bool,
    /// The options for the files of the input, if the call sets its own.
    pub(crate) uploads: Option<UploadOptions>,
    /// `POST` by default.
    pub(crate) method: Option<Method>,
    /// A path below the endpoint.
    pub(crate) path: Option<String>,
    pub(crate) query: Vec<(&'static str, String)>,
    /// Headers set by name with `header`.
    custom_headers: HeaderMap,
    /// Headers set by an option of their own. These win over custom ones.
    option_headers: HeaderMap,
    /// The first invalid option. Setters cannot fail, so awaiting the call does.
    invalid: Option<String>,
}

impl CallOptions {
    pub(crate) fn set_header(&mut self, name: &str, value: &str) {
        match custom_header(name, value) {
            Ok((name, value)) => {
                self.custom_headers.insert(name, value);
            }
            Err(message) => self.set_invalid(message),
        }
    }

    /// Sets the header `name` of an option. It wins over a custom header of that name.
    pub(crate) fn set_option_header(&mut self, name: &'static str, value: &str) {
        match HeaderValue::try_from(value) {
            Ok(value) => {
                self.option_headers.insert(name, value);
            }
            Err(_) => self.set_invalid(format!("`{}` cannot be sent as `{name}`", value.escape_debug())),
        }
    }

    pub(crate) fn set_server_retries(&mut self, retries: ServerRetries) {
        for name in [ServerRetries::NO_RETRY, ServerRetries::RETRY_CONFIG] {
            self.option_headers.remove(name);
        }
        match retries.to_header() {
            Ok(Some((name, value))) => self.set_option_header(name, &value),
            Ok(None) => {}
            Err(message) => self.set_invalid(message),
        }
    }

    pub(crate) fn set_start_timeout(&mut self, timeout: Duration) {
        if timeout <= MIN_START_TIMEOUT {
            self.set_invalid(format!("a start timeout is longer than 0.1 s, not {timeout:?}"));
        }
        self.option_headers.extend(start_timeout_headers(timeout));
    }

    /// Returns true if the rest of the call's time limit is its start timeout, because it has none of its own.
    fn is_dropped_unstarted(&self) -> bool {
        self.drop_unstarted && !START_TIMEOUT.iter().any(|name| self.option_headers.contains_key(*name))
    }

    pub(crate) fn set_fallback(&mut self, allow: bool) {
        const HEADER: &str = "x-app-fal-disable-fallback";
        if allow {
            self.option_headers.remove(HEADER);
        } else {
            self.set_option_header(HEADER, "1");
        }
    }

    pub(crate) fn set_upload_policy(&mut self, policy: &UploadPolicy) {
        match policy.to_header().map(HeaderValue::try_from) {
            Ok(Ok(mut value)) => {
                // The policy lets its bearer write to the bucket.
                value.set_sensitive(true);
                self.option_headers.insert("x-app-fal-upload-policy", value);
            }
            Ok(Err(_)) => self.set_invalid("the upload policy cannot be sent in a header".to_owned()),
            Err(message) => self.set_invalid(message),
        }
    }

    pub(crate) fn set_query(&mut self, name: &'static str, value: String) {
        self.query.retain(|(existing, _)| *existing != name);
        self.query.push((name, value));
    }

    /// Sets the URL of the webhook. An unusable one is refused, because the result of a paid request would never arrive.
    pub(crate) fn set_webhook(&mut self, url: String) {
        let is_http = |url: &Url| matches!(url.scheme(), "https" | "http") && url.has_host();
        // The parser mends spaces, backslashes and missing slashes, and fal may not.
        let is_whole = url.split_once("://").is_some_and(|(_, rest)| !rest.starts_with('/'))
            && !url.contains(|letter: char| letter.is_whitespace() || letter.is_control() || letter == '\\');
        if is_whole && Url::parse(&url).is_ok_and(|url| is_http(&url)) {
            self.set_query(WEBHOOK, url);
        } else {
            self.set_invalid(format!(
                "`{}` is not a URL for a webhook: it must be http(s)",
                redact_url(&url)
            ));
        }
    }

    /// Returns the URL of the webhook.
    pub(crate) fn webhook(&self) -> Option<&str> {
        self.query.iter().find(|(name, _)| *name == WEBHOOK).map(|(_, url)| url.as_str())
    }

    pub(crate) fn add_tag(&mut self, key: &str, value: &str) {
        match tags::append(self.option_headers.get(tags::HEADER), key, value) {
            Ok(tags) => {
                self.option_headers.insert(tags::HEADER, tags);
            }
            Err(why) => self.set_invalid(format!("`{}` is not a tag: {why}", key.escape_debug())),
        }
    }

    fn set_invalid(&mut self, message: String) {
        self.invalid.get_or_insert(message);
    }

    /// Checks the options of a call that must be done at `deadline`.
    ///
    /// # Errors
    ///
    /// `Config` for the first invalid option of any kind.
    pub(crate) fn check(&self, deadline: Option<Instant>) -> Result<()> {
        let message = match &self.invalid {
            Some(message) => message,
            None if deadline.is_none() && self.is_dropped_unstarted() => {
                "`drop_unstarted` needs a `timeout` of the call or of the client"
            }
            None => return Ok(()),
        };
        Err(Error::new(ErrorKind::Config, message))
    }

    /// Returns the headers that the options of a call stand for that must be done at `deadline`.
    ///
    /// # Errors
    ///
    /// As [`check`](Self::check).
    pub(crate) fn headers(&self, deadline: Option<Instant>) -> Result<HeaderMap> {
        self.check(deadline)?;
        let mut headers = self.custom_headers.clone();
        for (name, value) in &self.option_headers {
            headers.insert(name, value.clone());
        }
        if let Some(deadline) = deadline.filter(|_| self.is_dropped_unstarted()) {
            // Uploads have taken their part of the time already.
            let left = deadline.saturating_duration_since(now()).as_millis().max(101);
            let left = Duration::from_millis(left.try_into().unwrap_or(u64::MAX));
            headers.extend(start_timeout_headers(left));
        }
        Ok(headers)
    }

    /// Returns the retry policy of the call, or else that of the client.
    pub(crate) fn retry(&self, client: &Client) -> Retry {
        self.retry.clone().unwrap_or_else(|| client.0.retry.clone())
    }

    /// Returns the checks of the input.
    pub(crate) fn checks(&self, client: &Client) -> Checks {
        let files = self.check_files.unwrap_or(client.0.check_files);
        Checks { rules: !self.skip_validation, files: files && !self.skip_validation }
    }

    /// Returns the options for the files of the input: those of the call, or else of the client.
    pub(crate) fn uploads(&self, client: &Client) -> UploadOptions {
        self.uploads.clone().unwrap_or_else(|| client.0.uploads.clone())
    }

    /// Returns the time limit of the call, or else that of the client.
    pub(crate) fn timeout(&self, client: &Client) -> Option<Duration> {
        self.timeout.or(client.0.timeout)
    }

    /// Returns the moment at which a call that starts now must be done.
    pub(crate) fn deadline(&self, client: &Client) -> Option<Instant> {
        deadline(self.timeout(client))
    }
}

/// Returns the headers of a start timeout.
fn start_timeout_headers(timeout: Duration) -> impl Iterator<Item = (HeaderName, HeaderValue)> {
    let seconds = HeaderValue::try_from(timeout.as_secs_f64().to_string()).ok();
    let names = START_TIMEOUT.into_iter().map(HeaderName::from_static);
    names.filter_map(move |name| Some((name, seconds.clone()?)))
}

/// Implements the setters of a call that sends an input. The type has a field `options: CallOptions`.
macro_rules! input_options {
    ($call:ident) => {
        input_options!([E: ::fal_core::Endpoint] $call<E>);
    };
    ([$($generics:tt)*] $call:ty) => {
        impl<$($generics)*> $call {
            /// Limits the whole call, uploads and retries included.
            ///
            /// Defaults to the client's timeout, and to no limit without one.
            #[doc(alias = "client_timeout")]
            pub fn timeout(mut self, timeout: ::std::time::Duration) -> Self {
                self.options.timeout = Some(timeout);
                self
            }

            /// Limits the time that the request may wait for a runner, counted from its arrival at fal.
            ///
            /// Must be longer than 0.1 s. A request that waits longer fails with `Timeout` and status 504. Sent in
            /// seconds as `X-Fal-Request-Start-Timeout`, and as the deprecated `X-Fal-Request-Timeout`.
            #[doc(alias("startTimeout", "X-Fal-Request-Timeout"))]
            pub fn start_timeout(mut self, timeout: ::std::time::Duration) -> Self {
                self.options.set_start_timeout(timeout);
                self
            }

            /// Tells fal to drop the request if it has not started by the end of [`timeout`](Self::timeout), when nobody
            /// waits for it any more. Off by default.
            ///
            /// Unlike the cancel that follows a timeout, this also holds when the process is killed or the line is
            /// down. The rest of the limit when the request is sent becomes the
            /// [`start_timeout`](Self::start_timeout), unless that is set. Without a limit it is a `Config` error.
            pub fn drop_unstarted(mut self) -> Self {
                self.options.drop_unstarted = true;
                self
            }

            /// Sets the retry policy of this call. Defaults to that of the client.
            pub fn retry(mut self, retry: $crate::Retry) -> Self {
                self.options.retry = Some(retry);
                self
            }

            /// Adds a header to the request, such as `x-fal-store-io: 0`.
            ///
            /// An option of its own, such as [`runner_hint`](Self::runner_hint), wins over the header that it
            /// sets. `Authorization` is refused.
            #[doc(alias = "headers")]
            pub fn header(mut self, name: impl AsRef<str>, value: impl AsRef<str>) -> Self {
                self.options.set_header(name.as_ref(), value.as_ref());
                self
            }

            /// Prefers the runner that served earlier requests with the same hint, if it is free.
            ///
            /// Sent as `X-Fal-Runner-Hint`.
            #[doc(alias("hint", "X-Fal-Runner-Hint"))]
            pub fn runner_hint(mut self, hint: impl AsRef<str>) -> Self {
                self.options.set_option_header("x-fal-runner-hint", hint.as_ref());
                self
            }

            /// Sets whether fal keeps the input and the output for its dashboard.
            ///
            /// Defaults to the setting of the account, which is 30 days at first. fal keeps a result that it does not
            /// store for an hour, and for six minutes from 10 kB on. Sent as `X-Fal-Store-IO`.
            #[doc(alias("X-Fal-Store-IO", "storageSettings"))]
            pub fn store_io(mut self, store: bool) -> Self {
                self.options.set_option_header("x-fal-store-io", if store { "1" } else { "0" });
                self
            }

            /// Sets how long fal keeps the files that the model makes, and who may read them.
            ///
            /// Defaults to the account's own setting. Sent as `X-Fal-Object-Lifecycle-Preference`.
            #[doc(alias("objectLifecycle", "X-Fal-Object-Lifecycle-Preference", "expiration"))]
            pub fn lifecycle(mut self, lifecycle: $crate::storage::Lifecycle) -> Self {
                self.options.set_option_header("x-fal-object-lifecycle-preference", &lifecycle.to_string());
                self
            }

            /// Writes the files that the model makes to a bucket of your own. Sent as `x-app-fal-upload-policy`.
            ///
            /// A policy that fal would refuse is an error of the call.
            pub fn upload_policy(mut self, policy: $crate::storage::UploadPolicy) -> Self {
                self.options.set_upload_policy(&policy);
                self
            }

            /// Sets whether fal may serve the request from another endpoint while this one is unhealthy.
            ///
            /// On by default; `false` is sent as `x-app-fal-disable-fallback`.
            pub fn fallback(mut self, allow: bool) -> Self {
                self.options.set_fallback(allow);
                self
            }

            /// Adds a tag for fal's dashboard and usage reports. Sent as `X-Fal-Tags`.
            ///
            /// A request has at most 10 tags. A key has 1 to 64 of `a-z 0-9 . _ -` and does not begin with
            /// `fal.`; a value has 1 to 256 printable ASCII characters without a comma.
            #[doc(alias = "X-Fal-Tags")]
            pub fn tag(mut self, key: impl AsRef<str>, value: impl AsRef<str>) -> Self {
                self.options.add_tag(key.as_ref(), value.as_ref());
                self
            }

            /// Sets the options for the local files of the input. Defaults to those of the client.
            ///
            /// `UploadOptions::default().inline_up_to(100_000)` sends files of up to 100 kB inside the request;
            /// [`File::inline`](crate::File::inline) does so for one file.
            pub fn uploads(mut self, options: $crate::storage::UploadOptions) -> Self {
                self.options.uploads = Some(options);
                self
            }

            /// Calls a path below the endpoint, such as `/v2/edit` of an app with several routes.
            pub fn path(mut self, path: impl Into<String>) -> Self {
                self.options.path = Some(path.into());
                self
            }

            /// Sets the HTTP method. Defaults to `POST`.
            ///
            /// `GET` and `HEAD` have no body, so the parameters go into the query: texts as they are, other
            /// values as JSON, and `null` not at all.
            pub fn method(mut self, method: ::http::Method) -> Self {
                self.options.method = Some(method);
                self
            }

            /// Sends the input without checking it first, nor its files.
            ///
            /// For a service whose rules are newer than the model crate.
            pub fn skip_validation(mut self) -> Self {
                self.options.skip_validation = true;
                self
            }

            /// Sets whether local files are checked against the limits of the endpoint before anything is sent.
            ///
            /// Defaults to [`ClientBuilder::check_files`]($crate::ClientBuilder::check_files), which is on.
            pub fn check_files(mut self, check: bool) -> Self {
                self.options.check_files = Some(check);
                self
            }
        }
    };
}

/// Implements the setters of a call that goes through the queue. The type has a field `options: CallOptions`.
macro_rules! queue_options {
    ($call:ident) => {
        queue_options!([E: ::fal_core::Endpoint] $call<E>);
    };
    ([$($generics:tt)*] $call:ty) => {
        impl<$($generics)*> $call {
            /// Sets the priority among the requests that wait for the same endpoint.
            ///
            /// The option can only lower the priority of the account. Sent as `X-Fal-Queue-Priority`.
            #[doc(alias = "X-Fal-Queue-Priority")]
            pub fn priority(mut self, priority: $crate::queue::Priority) -> Self {
                self.options.set_option_header("x-fal-queue-priority", &priority.to_string());
                self
            }

            /// Sets the retries that fal makes on other runners when the first one fails: `false` for none, or a number
            /// for each kind of failure.
            ///
            /// By default fal makes up to ten attempts. Sent as `X-Fal-No-Retry` or `X-Fal-Retry-Config`. The retries
            /// of this client are set with [`retry`](Self::retry).
            #[doc(alias("X-Fal-No-Retry", "X-Fal-Retry-Config"))]
            pub fn server_retries(mut self, retries: impl Into<$crate::queue::ServerRetries>) -> Self {
                self.options.set_server_retries(retries.into());
                self
            }

            /// Sends the result to this URL when the request is completed. Sent as `fal_webhook`.
            ///
            /// The module `webhook` receives it.
            #[doc(alias("webhook_url", "webhookUrl", "fal_webhook"))]
            pub fn webhook(mut self, url: impl Into<String>) -> Self {
                self.options.set_webhook(url.into());
                self
            }

            /// Refuses the request, with `RateLimited`, if more than this many already wait for the endpoint.
            ///
            /// Sent as `fal_max_queue_length`.
            #[doc(alias = "fal_max_queue_length")]
            pub fn max_queue_length(mut self, requests: u32) -> Self {
                self.options.set_query("fal_max_queue_length", requests.to_string());
                self
            }
        }
    };
}

/// Implements `Debug` of a call: its type and its endpoint. The type has a method `endpoint`.
macro_rules! debug_call {
    ($call:ident) => {
        debug_call!([E: ::fal_core::Endpoint] $call<E>);
    };
    ([$($generics:tt)*] $call:ident<$($parameters:ident),*>) => {
        impl<$($generics)*> ::std::fmt::Debug for $call<$($parameters),*> {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.debug_struct(stringify!($call)).field("endpoint", &self.endpoint()).finish_non_exhaustive()
            }
        }
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn option_headers_win_over_custom_headers() {
        let mut options = CallOptions::default();
        options.set_option_header("x-fal-runner-hint", "session");
        options.set_header("X-Fal-Runner-Hint", "other");
        options.set_header("x-fal-store-io", "0");
        options.set_start_timeout(Duration::from_millis(2500));
        options.add_tag("team", "a");
        options.add_tag("Run", "7");
        let headers = options.headers(None).unwrap();
        assert_eq!(headers["x-fal-tags"], "team=a,run=7");
        assert_eq!(headers["x-fal-runner-hint"], "session");
        assert_eq!(headers["x-fal-store-io"], "0");
        for name in START_TIMEOUT {
            assert_eq!(headers[name], "2.5");
        }
    }

    #[test]
    fn webhook_that_is_no_http_url_is_refused() {
        for bad in [
            "",
            " ",
            "not a url",
            "/path",
            "example.com/x",
            "ftp://example.com",
            "file:///x",
            "https://",
            "https:example.com",
            "https:/example.com",
            "https:///example.com",
            "https:\\\\example.com",
            "https://example.com\\@other.example",
            " https://example.com",
            "https://example.com\n",
            "https://example.com/a b",
            "https://exam\tple.com",
            "https://example.com:99999",
            "https://[::1",
            "https://user@",
            "https://?a=b",
            "wss://example.com",
            "javascript:alert(1)",
            "data:,x",
        ] {
            let mut options = CallOptions::default();
            options.set_webhook(bad.to_owned());
            assert!(options.headers(None).unwrap_err().is_config(), "{bad}");
        }
        let mut options = CallOptions::default();
        options.set_webhook("https://me.example/?a=b".to_owned());
        assert_eq!(options.query, [("fal_webhook", "https://me.example/?a=b".to_owned())]);
        options.set_webhook("ftp://me:hunter2@me.example".to_owned());
        assert!(!options.headers(None).unwrap_err().to_string().contains("hunter2"));
    }

    #[test]
    fn start_timeout_in_whole_seconds_has_no_decimals() {
        let mut options = CallOptions::default();
        options.set_start_timeout(Duration::from_secs(30));
        assert_eq!(options.headers(None).unwrap()["x-fal-request-start-timeout"], "30");
    }

    #[tokio::test(start_paused = true)]
    async fn rest_of_the_time_limit_is_the_start_timeout() {
        let header = |change: fn(&mut CallOptions), left: Option<u64>| {
            let mut options = CallOptions { drop_unstarted: true, ..CallOptions::default() };
            change(&mut options);
            let headers = options.headers(left.map(|left| now() + Duration::from_millis(left)))?;
            Ok::<f64, Error>(headers[START_TIMEOUT[0]].to_str().unwrap().parse().unwrap())
        };
        assert!((header(|_| {}, Some(60_000)).unwrap() - 60.0).abs() < 1e-9);
        // Never less than fal accepts.
        assert!((header(|_| {}, Some(0)).unwrap() - 0.101).abs() < 1e-9);
        let own = header(|options| options.set_start_timeout(Duration::from_secs(5)), Some(60_000)).unwrap();
        assert!((own - 5.0).abs() < 1e-9);
        assert!(header(|_| {}, None).unwrap_err().to_string().contains("needs a `timeout`"));
    }

    #[test]
    fn last_setting_of_server_retries_and_fallback_counts() {
        let mut options = CallOptions::default();
        options.set_server_retries(false.into());
        options.set_server_retries(ServerRetries::default().timeout(1));
        options.set_fallback(false);
        let headers = options.headers(None).unwrap();
        assert_eq!(headers["x-fal-retry-config"], r#"{"timeout":{"retries":1}}"#);
        assert_eq!(
            (headers.len(), &headers["x-app-fal-disable-fallback"]),
            (2, &HeaderValue::from_static("1"))
        );
        options.set_server_retries(true.into());
        options.set_fallback(true);
        assert!(options.headers(None).unwrap().is_empty());
    }

    #[test]
    fn first_invalid_option_is_reported() {
        type Set = fn(&mut CallOptions);
        let invalid: [(Set, &str); 8] = [
            (|options| options.set_header("authorization", "Key other"), "client's own"),
            (|options| options.set_header("a b", "x"), "`a b`"),
            (|options| options.add_tag("fal.x", "y"), "`fal.x` is not a tag"),
            (|options| options.set_header("a", "x\r\ny: z"), "`a`"),
            (|options| options.set_option_header("x-fal-runner-hint", "x\n"), "x-fal-runner-hint"),
            (|options| options.set_start_timeout(MIN_START_TIMEOUT), "longer than 0.1 s"),
            (|options| options.set_server_retries(ServerRetries::default().timeout(10)), "at most 9"),
            (|options| options.set_upload_policy(&UploadPolicy::new("https://x.example")), "of S3"),
        ];
        for (set, part) in invalid {
            let mut options = CallOptions::default();
            set(&mut options);
            options.set_header("b c", "later");
            let error = options.headers(None).unwrap_err();
            assert!(error.is_config() && error.to_string().contains(part), "{error}");
        }
    }
}
