//! Predicates for the kinds of errors.

use std::borrow::Cow;

use http::StatusCode;

use super::{Error, ErrorKind, FieldError};
use crate::retry::says_never;

macro_rules! predicates {
    ($($(#[$doc:meta])* $name:ident => $kind:pat,)*) => {
        impl Error {
            $($(#[$doc])*
            #[must_use]
            pub fn $name(&self) -> bool {
                matches!(self.kind(), $kind)
            })*
        }
    };
}

predicates! {
    /// Returns true for [`ErrorKind::Config`].
    is_config => ErrorKind::Config,
    /// Returns true for [`ErrorKind::Auth`].
    is_auth => ErrorKind::Auth,
    /// Returns true for [`ErrorKind::Locked`].
    is_locked => ErrorKind::Locked { .. },
    /// Returns true for [`ErrorKind::InvalidInput`], which is found before anything is sent.
    is_invalid_input => ErrorKind::InvalidInput(_),
    /// Returns true for [`ErrorKind::Validation`], which the service reports.
    is_validation => ErrorKind::Validation(_),
    /// Returns true for [`ErrorKind::NotFound`].
    is_not_found => ErrorKind::NotFound,
    /// Returns true for [`ErrorKind::RateLimited`].
    is_rate_limited => ErrorKind::RateLimited,
    /// Returns true for [`ErrorKind::NotReady`].
    is_not_ready => ErrorKind::NotReady,
    /// Returns true for [`ErrorKind::Timeout`], of the client or of the service.
    is_timeout => ErrorKind::Timeout,
    /// Returns true for [`ErrorKind::InDoubt`].
    is_in_doubt => ErrorKind::InDoubt { .. },
    /// Returns true for [`ErrorKind::Unsent`].
    is_unsent => ErrorKind::Unsent,
    /// Returns true for [`ErrorKind::Cancelled`].
    is_cancelled => ErrorKind::Cancelled,
    /// Returns true for [`ErrorKind::Transport`].
    is_transport => ErrorKind::Transport,
    /// Returns true for [`ErrorKind::Decode`].
    is_decode => ErrorKind::Decode { .. },
    /// Returns true for [`ErrorKind::TooLarge`].
    is_too_large => ErrorKind::TooLarge { .. },
    /// Returns true for [`ErrorKind::File`].
    is_file => ErrorKind::File,
}

/// Predicates that decide what to do next.
impl Error {
    /// Returns true if every call with this key fails alike until somebody acts: pays, raises a limit, or replaces the
    /// key.
    ///
    /// True for [`ErrorKind::Locked`], and for [`ErrorKind::Auth`] unless only this endpoint is refused (403).
    #[must_use]
    pub fn is_account_wide(&self) -> bool {
        self.is_locked() || (self.is_auth() && self.status().is_none_or(|status| status != 403))
    }

    /// Returns true if the input is at fault, whoever found it: the conversion of a value, the client's checks, or fal.
    ///
    /// A server that passes on the input of its own callers answers such a failure with
    /// [`suggested_status`](Self::suggested_status) and [`field_errors`](Self::field_errors). Of other failures, its callers
    /// need not know more than that there was one.
    #[must_use]
    pub fn is_callers_fault(&self) -> bool {
        match self.kind() {
            ErrorKind::InvalidInput(_) | ErrorKind::Encode | ErrorKind::Validation(_) => true,
            ErrorKind::Api => {
                self.status().is_some_and(|status| matches!(status.as_u16(), 400 | 413 | 415 | 422))
            }
            _ => false,
        }
    }

    /// Returns the parameters that are wrong, whether the client or fal refused them.
    ///
    /// Empty if [`is_callers_fault`](Self::is_callers_fault) is false, or if the refusal names no parameter.
    ///
    /// ```
    /// use fal_client::try_input;
    /// use fal_flux::dev;
    ///
    /// let num_images: u8 = 9;
    /// let error = try_input!(dev { prompt: "a cat", num_images }).unwrap_err();
    /// let fields = error.field_errors();
    /// assert_eq!(fields[0].path, "body.num_images");
    /// assert_eq!(fields[0].input, Some(9.into()));
    /// assert_eq!(error.suggested_status(), 422);
    /// ```
    #[must_use]
    pub fn field_errors(&self) -> Cow<'_, [FieldError]> {
        match self.kind() {
            ErrorKind::Validation(fields) => Cow::Borrowed(fields),
            ErrorKind::InvalidInput(violations) => {
                Cow::Owned(violations.as_slice().iter().map(FieldError::from_violation).collect())
            }
            _ => Cow::Borrowed(&[]),
        }
    }

    /// Returns the HTTP status with which a server answers its own caller after this failure.
    ///
    /// | Failure | Status |
    /// |---|---|
    /// | an input that is at fault | 422; or 400, 413 or 415 if fal answered with it |
    /// | an endpoint or a request that does not exist | 404 |
    /// | a result that is not ready, or a job that was cancelled | 409 |
    /// | too many requests, a locked account, a batch that stopped | 503 |
    /// | a timeout | 504 |
    /// | a connection that broke, an answer that is an error or cannot be read | 502 |
    /// | the key, the configuration, or a local file of the server itself | 500 |
    #[must_use]
    pub fn suggested_status(&self) -> StatusCode {
        match self.kind() {
            ErrorKind::InvalidInput(_) | ErrorKind::Encode => StatusCode::UNPROCESSABLE_ENTITY,
            _ if self.is_callers_fault() => self.status().unwrap_or(StatusCode::UNPROCESSABLE_ENTITY),
            ErrorKind::NotFound => StatusCode::NOT_FOUND,
            ErrorKind::NotReady | ErrorKind::Cancelled => StatusCode::CONFLICT,
            ErrorKind::RateLimited
            | ErrorKind::Locked { .. }
            | ErrorKind::InDoubt { .. }
            | ErrorKind::Unsent => StatusCode::SERVICE_UNAVAILABLE,
            ErrorKind::Timeout => StatusCode::GATEWAY_TIMEOUT,
            ErrorKind::Config | ErrorKind::Auth | ErrorKind::File => StatusCode::INTERNAL_SERVER_ERROR,
            #[cfg(feature = "webhook")]
            ErrorKind::Webhook(_) => StatusCode::BAD_REQUEST,
            _ => StatusCode::BAD_GATEWAY,
        }
    }

    /// Returns true if the same call may succeed when it is made again, without a change of its input or of the account.
    ///
    /// The client has retried by then, as its [`Retry`](crate::Retry) says. For calls that are billed, ask
    /// [`has_ended`](Self::has_ended) and [`may_be_accepted`](Self::may_be_accepted) first: a call whose request may still be
    /// running is paid for twice if it is made again.
    #[doc(alias = "isRetryableError")]
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        if says_never(self.headers()) {
            return false;
        }
        match self.kind() {
            ErrorKind::RateLimited | ErrorKind::NotReady | ErrorKind::Timeout | ErrorKind::Transport => true,
            ErrorKind::Api => self.status().is_some_and(
                |status| matches!(status.as_u16(), 408 | 409 | 425 | 500 | 502..=504 | 506..=599),
            ),
            _ => false,
        }
    }

    /// Returns true if the request of a call that failed with this error may have been accepted, so that the work may be
    /// running and billed.
    ///
    /// True if the connection broke, or the time was up, after the request was sent; for a 5xx other than 503, which a
    /// load balancer may answer after it has passed the request on; for a success that could not be read; and for every
    /// failure to follow a request that is in the queue. False if nothing was sent, and for every refusal.
    ///
    /// Also true for a request that was accepted and is over with a 5xx of the model, such as "out of memory".
    /// [`has_ended`](Self::has_ended) tells it from the others, and is the first question before a call is made again:
    ///
    /// | `has_ended` | `was_accepted` | `may_be_accepted` | The request | The same call made again |
    /// |---|---|---|---|---|
    /// | true | true | | is over, without an output | is another request, and the only one that runs |
    /// | false | true | true | runs, or has an output | would be paid for as well: [wait](crate::Client::resume) for this one |
    /// | false | false | true | may have been accepted | may be paid for as well: [`reconcile`](Self::reconcile) asks fal |
    /// | false | false | false | was not accepted | is the only one |
    #[must_use]
    pub fn may_be_accepted(&self) -> bool {
        if self.was_accepted() && !self.has_ended() {
            return true;
        }
        match (self.status().map(|status| status.as_u16()), self.kind()) {
            (_, ErrorKind::TooLarge { .. } | ErrorKind::Decode { .. } | ErrorKind::InDoubt { .. }) => true,
            // With 503 the load balancer has not forwarded the request.
            (Some(status), _) => status >= 500 && status != 503,
            (None, ErrorKind::Timeout) => true,
            (None, _) => self.is_outcome_unknown(),
        }
    }

    /// Returns true if fal has accepted the request: it is in the queue or was, or [is over](Self::has_ended).
    ///
    /// True for every error of `subscribe` once its request is in the queue. True for every error of a
    /// [`Job`](crate::queue::Job) too: its id is taken to be one of the queue, also if the queue does not know it. Then
    /// [`reconcile`](Self::reconcile) gives the ticket of the request without asking fal.
    ///
    /// False for an error of `run`, even if it has a [`request_id`](Self::request_id), unless the request did not start in
    /// time. That one is over, and has no ticket.
    #[must_use]
    pub fn was_accepted(&self) -> bool {
        self.server_urls().is_some() || self.has_ended()
    }

    /// Returns true if it is certain that the request was accepted and is over, without an output: the model failed or
    /// refused the input, or the request was cancelled, or did not start in time.
    ///
    /// The same call made again is another request. It does not run beside this one, of which nothing is left to wait for.
    /// [`is_retryable`](Self::is_retryable) and [`is_callers_fault`](Self::is_callers_fault) say if it can succeed.
    ///
    /// False while that is not certain: for a 5xx of `run`, which may come from a server in front of the model, for a result
    /// that could not be fetched, and for an output that could not be read.
    ///
    /// ```no_run
    /// use fal_client::{Client, input};
    /// use fal_flux::dev;
    ///
    /// # async fn example(client: Client) -> fal_client::Result<()> {
    /// let mut attempts = 0;
    /// let reply = loop {
    ///     attempts += 1;
    ///     match client.subscribe(input!(dev { prompt: "a cat" })).await {
    ///         // Over, or not accepted: no request is running.
    ///         Err(error)
    ///             if error.is_retryable()
    ///                 && (error.has_ended() || !error.may_be_accepted())
    ///                 && attempts < 3 => {}
    ///         reply => break reply?,
    ///     }
    /// };
    /// # let _ = reply;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn has_ended(&self) -> bool {
        // A 504 of the kind `Timeout` is fal's own word that the request did not start.
        self.0.has_ended || (self.is_timeout() && self.status() == Some(StatusCode::GATEWAY_TIMEOUT))
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::{HeaderMap, StatusCode};

    use super::*;
    use crate::server_urls::ServerUrls;

    fn refused(status: u16, body: &'static str) -> Error {
        let body = Bytes::from_static(body.as_bytes());
        Error::from_response(StatusCode::from_u16(status).unwrap(), &HeaderMap::new(), body)
    }

    #[test]
    fn locks_are_told_from_bad_keys_and_forbidden_endpoints() {
        let locked = [
            (403, r#"{"detail":"User is locked. Reason: Exhausted balance. Top up at fal.ai/dashboard"}"#),
            (403, r#"{"detail":"User is locked. Reason: Admin lock"}"#),
            (403, r#"{"detail":"TOP_UP"}"#),
            (403, r#"{"detail":{"message":"Spending limit of the key reached","type":"forbidden"}}"#),
            (402, "{}"),
            (401, r#"{"message":"Your account has been locked"}"#),
            (423, "Locked"),
        ];
        for (status, body) in locked {
            let error = refused(status, body);
            assert!(error.is_locked() && error.is_account_wide(), "{body}: {error:?}");
            assert!(!error.is_auth() && !error.is_retryable() && !error.may_be_accepted(), "{body}");
        }
        let error = refused(403, locked[1].1);
        assert!(matches!(error.kind(), ErrorKind::Locked { reason } if reason == "Admin lock"), "{error:?}");
        for (status, body) in [
            (401, r#"{"detail":"Invalid key"}"#),
            (403, r#"{"detail":"Cannot access application"}"#),
            (403, "<html><title>The load balancer blocked it</title></html>"),
        ] {
            let error = refused(status, body);
            assert!(error.is_auth() && !error.is_locked(), "{body}");
            assert_eq!(error.is_account_wide(), status == 401, "{body}");
        }
        assert!(!refused(429, r#"{"detail":"locked"}"#).is_account_wide());
    }

    #[test]
    fn transient_errors_are_retryable() {
        for status in [408, 409, 425, 429, 500, 502, 503, 504, 520] {
            assert!(refused(status, "").is_retryable(), "{status}");
        }
        for status in [400, 401, 402, 403, 404, 422, 501, 505] {
            assert!(!refused(status, "").is_retryable(), "{status}");
        }
        let headers: HeaderMap =
            [("x-fal-needs-retry".parse().unwrap(), "0".parse().unwrap())].into_iter().collect();
        assert!(!Error::from_response(StatusCode::BAD_GATEWAY, &headers, Bytes::new()).is_retryable());
        assert!(Error::new(ErrorKind::Transport, "").is_retryable());
    }

    #[test]
    fn only_what_may_have_been_accepted_is_in_doubt() {
        for (status, expected) in
            [(500, true), (502, true), (504, true), (503, false), (429, false), (403, false)]
        {
            assert_eq!(refused(status, "").may_be_accepted(), expected, "{status}");
        }
        assert!(!Error::new(ErrorKind::Transport, "").may_be_accepted());
        assert!(Error::new(ErrorKind::Transport, "").with_unknown_outcome().may_be_accepted());
        assert!(Error::new(ErrorKind::Timeout, "").may_be_accepted());
        assert!(Error::new(ErrorKind::InDoubt { reason: None }, "").may_be_accepted());
    }

    #[test]
    fn request_in_the_queue_is_accepted_and_has_ended_only_with_its_own_failure() {
        let fate = |error: &Error| (error.has_ended(), error.was_accepted(), error.may_be_accepted());
        let queued = |error: Error| error.with_queued("acme/app", "r1", ServerUrls::default());
        let fetched =
            |status, is_reported| fate(&queued(refused(status, "")).with_end_of_result(is_reported));
        // A refusal is of the model, and a 5xx is if the queue has reported a failure.
        for status in [400, 405, 422, 499] {
            assert_eq!(fetched(status, false), (true, true, false), "{status}");
        }
        for (status, is_reported) in [(500, true), (502, true), (504, true)] {
            assert_eq!(fetched(status, is_reported), (true, true, true), "{status}");
        }
        assert_eq!(fetched(429, true), (true, true, false));
        // The result may be there later.
        for (status, is_reported) in [(500, false), (502, false), (429, false), (404, false), (401, true)] {
            assert_eq!(fetched(status, is_reported), (false, true, true), "{status}");
        }
        let unreachable = queued(Error::new(ErrorKind::Transport, "")).with_end_of_result(true);
        assert_eq!(
            fate(&unreachable),
            (false, true, true),
            "its result cannot be fetched, though the queue has reported a failure"
        );
        // Nothing is certain about a direct call, but that it did not start.
        assert_eq!(fate(&refused(500, "")), (false, false, true));
        assert_eq!(fate(&refused(422, "")), (false, false, false));
        let headers: HeaderMap =
            [("x-fal-request-timeout-type".parse().unwrap(), "user".parse().unwrap())].into_iter().collect();
        let late = Error::from_response(StatusCode::GATEWAY_TIMEOUT, &headers, Bytes::new());
        assert_eq!(fate(&late), (true, true, true));
    }
}
