//! The options that calls share.

use std::{
    pin::Pin,
    time::{Duration, Instant},
};

use http::{HeaderMap, HeaderName, HeaderValue, Method, header};

use crate::{Client, Error, ErrorKind, Result, Retry};

mod tags;

/// What the setters of a call have collected.
#[derive(Debug, Clone, Default)]
pub(crate) struct CallOptions {
    pub(crate) timeout: Option<Duration>,
    pub(crate) retry: Option<Retry>,
    pub(crate) skip_validation: bool,
    /// `POST` unless the caller says otherwise.
    pub(crate) method: Option<Method>,
    /// Below the endpoint.
    pub(crate) path: Option<String>,
    pub(crate) query: Vec<(&'static str, String)>,
    /// By `header`.
    custom: HeaderMap,
    /// By the setters with a name. These win.
    named: HeaderMap,
    /// The first thing that was wrong. Setters cannot fail, so awaiting the call does.
    wrong: Option<String>,
}

impl CallOptions {
    pub(crate) fn header(&mut self, name: &str, value: &str) {
        match custom_header(name, value) {
            Ok((name, value)) => {
                self.custom.insert(name, value);
            }
            Err(message) => self.wrong(message),
        }
    }

    pub(crate) fn named(&mut self, name: &'static str, value: &str) {
        match HeaderValue::try_from(value) {
            Ok(value) => {
                self.named.insert(name, value);
            }
            Err(_) => self.wrong(format!("`{}` cannot be sent as `{name}`", value.escape_debug())),
        }
    }

    /// Tells fal whether to try a failed request again on another runner.
    pub(crate) fn set_server_retries(&mut self, retry: bool) {
        if retry {
            self.named.remove("x-fal-no-retry");
        } else {
            self.named("x-fal-no-retry", "1");
        }
    }

    pub(crate) fn start_timeout(&mut self, timeout: Duration) {
        // Both official clients refuse a second or less.
        if timeout <= Duration::from_secs(1) {
            self.wrong(format!("a start timeout is longer than 1 s, not {timeout:?}"));
        }
        self.named("x-fal-request-timeout", &timeout.as_secs_f64().to_string());
    }

    pub(crate) fn query(&mut self, name: &'static str, value: String) {
        self.query.retain(|(given, _)| *given != name);
        self.query.push((name, value));
    }

    pub(crate) fn tag(&mut self, key: &str, value: &str) {
        match tags::with(self.named.get(tags::HEADER), key, value) {
            Ok(tags) => {
                self.named.insert(tags::HEADER, tags);
            }
            Err(why) => self.wrong(format!("`{}` is not a tag: {why}", key.escape_debug())),
        }
    }

    pub(crate) fn wrong(&mut self, message: String) {
        self.wrong.get_or_insert(message);
    }

    /// What the setters made of the headers. To be taken once.
    pub(crate) fn headers(&mut self) -> Result<HeaderMap> {
        if let Some(message) = self.wrong.take() {
            return Err(Error::new(ErrorKind::Config, message));
        }
        let mut headers = std::mem::take(&mut self.custom);
        headers.extend(std::mem::take(&mut self.named));
        Ok(headers)
    }

    pub(crate) fn retry(&self, client: &Client) -> Retry {
        self.retry.clone().unwrap_or_else(|| client.0.retry.clone())
    }

    pub(crate) fn timeout(&self, client: &Client) -> Option<Duration> {
        self.timeout.or(client.0.timeout)
    }

    /// When a call that starts now has to be done.
    pub(crate) fn deadline(&self, client: &Client) -> Option<Instant> {
        deadline(self.timeout(client))
    }
}

/// When what starts now, and may take so long, has to be done.
pub(crate) fn deadline(limit: Option<Duration>) -> Option<Instant> {
    // A limit beyond the end of time is none.
    Instant::now().checked_add(limit?)
}

/// A header that a caller may set.
pub(crate) fn custom_header(name: &str, value: &str) -> Result<(HeaderName, HeaderValue), String> {
    let Ok(header) = HeaderName::try_from(name) else {
        return Err(format!("`{}` is not the name of a header", name.escape_debug()));
    };
    if [header::AUTHORIZATION, header::HOST, header::CONTENT_LENGTH, header::TRANSFER_ENCODING]
        .contains(&header)
    {
        return Err(format!("the header `{header}` is the client's own"));
    }
    match HeaderValue::try_from(value) {
        Ok(value) => Ok((header, value)),
        Err(_) => Err(format!("the value given for the header `{header}` is not one")),
    }
}

/// Awaits `future` for no longer than `limit`.
// Pinned where it is made: each time it is passed on by value, the future around it would hold it once more.
pub(crate) async fn within<T>(
    limit: Option<Duration>,
    endpoint: &str,
    future: Pin<&mut (impl Future<Output = Result<T>> + ?Sized)>,
) -> Result<T> {
    let Some(limit) = limit else { return future.await };
    match tokio::time::timeout(limit, future).await {
        Ok(result) => result,
        Err(_) => Err(timed_out(limit, endpoint)),
    }
}

pub(crate) fn timed_out(limit: Duration, endpoint: &str) -> Error {
    Error::new(ErrorKind::Timeout, format!("no answer within {limit:?}")).with_endpoint(endpoint)
}

/// The setters of every call that sends an input. The type has a field `options: CallOptions`.
macro_rules! input_options {
    ($call:ident) => {
        input_options!($call: ::fal_core::Endpoint);
    };
    ($call:ident: $bound:path) => {
        impl<E: $bound> $call<E> {
            /// How long the whole call may take, uploads and retries included.
            ///
            /// No limit unless the client has one.
            pub fn timeout(mut self, timeout: ::std::time::Duration) -> Self {
                self.options.timeout = Some(timeout);
                self
            }

            /// How long the request may wait for a runner before fal gives up on it, counted from its
            /// arrival; longer than 1 s. The error is then `Timeout` with status 504. Sent as
            /// `X-Fal-Request-Timeout`, in seconds.
            pub fn start_timeout(mut self, timeout: ::std::time::Duration) -> Self {
                self.options.start_timeout(timeout);
                self
            }

            /// When requests of this call are sent again.
            pub fn retry(mut self, retry: $crate::Retry) -> Self {
                self.options.retry = Some(retry);
                self
            }

            /// Sends one more header, such as `x-fal-store-io: 0`. An option of its own, such as
            /// [`runner_hint`](Self::runner_hint), wins over the header it stands for. `Authorization` is refused.
            pub fn header(mut self, name: impl AsRef<str>, value: impl AsRef<str>) -> Self {
                self.options.header(name.as_ref(), value.as_ref());
                self
            }

            /// Prefers the runner that served earlier requests with the same hint, when it is free.
            /// Sent as `X-Fal-Runner-Hint`.
            pub fn runner_hint(mut self, hint: impl AsRef<str>) -> Self {
                self.options.named("x-fal-runner-hint", hint.as_ref());
                self
            }

            /// Keeps fal from trying the request again on another runner when the first fails. Sent as
            /// `X-Fal-No-Retry`. What this client sends again is a matter of [`retry`](Self::retry).
            pub fn server_retries(mut self, retry: bool) -> Self {
                self.options.set_server_retries(retry);
                self
            }

            /// Whether fal keeps the input and the output for its dashboard, as it does for 30 days when
            /// nothing is said. Sent as `X-Fal-Store-IO`.
            pub fn store_io(mut self, store: bool) -> Self {
                self.options.named("x-fal-store-io", if store { "1" } else { "0" });
                self
            }

            /// How long the files that the model makes are kept, and who may see them. Sent as
            /// `X-Fal-Object-Lifecycle-Preference`.
            pub fn lifecycle(mut self, lifecycle: $crate::storage::Lifecycle) -> Self {
                self.options.named("x-fal-object-lifecycle-preference", &lifecycle.to_string());
                self
            }

            /// Marks the request for fal's dashboard and usage reports, once for each tag. Sent as
            /// `X-Fal-Tags`.
            ///
            /// At most 10 tags. A key has 1 to 64 of `a-z 0-9 . _ -` and does not begin with `fal.`; a
            /// value has 1 to 256 printable ASCII characters without a comma.
            pub fn tag(mut self, key: impl AsRef<str>, value: impl AsRef<str>) -> Self {
                self.options.tag(key.as_ref(), value.as_ref());
                self
            }

            /// Calls a path below the endpoint, such as `/v2/edit` of an app with several routes.
            pub fn path(mut self, path: impl Into<String>) -> Self {
                self.options.path = Some(path.into());
                self
            }

            /// Calls with this method instead of `POST`. With `GET` and `HEAD`, which have no body, the
            /// parameters go into the query: texts as they are, other values as JSON, `null` not at all.
            pub fn method(mut self, method: ::http::Method) -> Self {
                self.options.method = Some(method);
                self
            }

            /// Leaves checking the input to the service, when its rules are newer than the model crate.
            pub fn skip_validation(mut self) -> Self {
                self.options.skip_validation = true;
                self
            }
        }
    };
}

/// The setter of every call that goes through the queue.
macro_rules! queue_options {
    ($call:ident) => {
        impl<E: ::fal_core::Endpoint> $call<E> {
            /// How soon the request is served, of those waiting for the same endpoint. Sent as
            /// `X-Fal-Queue-Priority`.
            pub fn priority(mut self, priority: $crate::queue::Priority) -> Self {
                self.options.named("x-fal-queue-priority", &priority.to_string());
                self
            }

            /// Has the result sent to this URL when the request is completed. Sent as `fal_webhook`.
            pub fn webhook(mut self, url: impl Into<String>) -> Self {
                self.options.query("fal_webhook", url.into());
                self
            }

            /// Refuses the request, with `RateLimited`, when more than this many are waiting for the
            /// endpoint already. Sent as `fal_max_queue_length`.
            pub fn max_queue_length(mut self, requests: u32) -> Self {
                self.options.query("fal_max_queue_length", requests.to_string());
                self
            }
        }
    };
}

/// `Debug` of a call: which one, and to which endpoint. The type has a method `endpoint`.
macro_rules! debug_call {
    ($call:ident) => {
        debug_call!($call: ::fal_core::Endpoint);
    };
    ($call:ident: $bound:path) => {
        impl<E: $bound> ::std::fmt::Debug for $call<E> {
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
    fn options_with_a_name_win_over_headers() {
        let mut options = CallOptions::default();
        options.named("x-fal-runner-hint", "session");
        options.header("X-Fal-Runner-Hint", "other");
        options.header("x-fal-store-io", "0");
        options.start_timeout(Duration::from_millis(2500));
        options.tag("team", "a");
        options.tag("Run", "7");
        let headers = options.headers().unwrap();
        assert_eq!(headers["x-fal-tags"], "team=a,run=7");
        assert_eq!(headers["x-fal-runner-hint"], "session");
        assert_eq!(headers["x-fal-store-io"], "0");
        assert_eq!(headers["x-fal-request-timeout"], "2.5");
    }

    #[test]
    fn a_whole_start_timeout_has_no_decimals() {
        let mut options = CallOptions::default();
        options.start_timeout(Duration::from_secs(30));
        assert_eq!(options.headers().unwrap()["x-fal-request-timeout"], "30");
    }

    #[test]
    fn the_first_mistake_is_reported() {
        type Set = fn(&mut CallOptions);
        let wrong: [(Set, &str); 6] = [
            (|options| options.header("authorization", "Key other"), "client's own"),
            (|options| options.header("a b", "x"), "`a b`"),
            (|options| options.tag("fal.x", "y"), "`fal.x` is not a tag"),
            (|options| options.header("a", "x\r\ny: z"), "`a`"),
            (|options| options.named("x-fal-runner-hint", "x\n"), "x-fal-runner-hint"),
            (|options| options.start_timeout(Duration::from_secs(1)), "longer than 1 s"),
        ];
        for (set, part) in wrong {
            let mut options = CallOptions::default();
            set(&mut options);
            options.header("b c", "later");
            let error = options.headers().unwrap_err();
            assert!(error.is_config() && error.to_string().contains(part), "{error}");
        }
    }
}
