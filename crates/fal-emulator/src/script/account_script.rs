//! The account that calls are made for, as a test scripts it.

use std::sync::{Arc, Mutex};

use axum::http::{HeaderValue, StatusCode};

use super::request_kind::RequestKind;
use crate::reply::{NEEDS_RETRY, Reply};
use crate::sync::lock;

/// The reason for a lock without another.
pub(crate) const EXHAUSTED_BALANCE: &str =
    "Exhausted balance. Top up your balance at fal.ai/dashboard/billing.";

/// The failures of an account.
#[derive(Debug, Default)]
pub(crate) struct AccountScript {
    failures: Mutex<Failures>,
    /// The account whose failures hold if this one has none, in a scope.
    base: Option<Arc<AccountScript>>,
}

#[derive(Debug, Default)]
struct Failures {
    /// The reason for which the account is locked.
    lock: Option<String>,
    /// The number of calls that are still to be refused because others run.
    rate_limited: usize,
}

impl AccountScript {
    /// Creates the account of a scope, whose failures come before those that hold everywhere.
    pub(crate) fn above(base: &Arc<Self>) -> Self {
        Self { failures: Mutex::default(), base: Some(Arc::clone(base)) }
    }

    /// Locks the account, or unlocks it if there is no reason.
    pub(crate) fn set_lock(&self, reason: Option<&str>) {
        lock(&self.failures).lock = reason.map(str::to_owned);
    }

    /// Sets the number of calls to refuse from now on.
    pub(crate) fn set_rate_limited(&self, calls: usize) {
        lock(&self.failures).rate_limited = calls;
    }

    pub(crate) fn reset(&self) {
        *lock(&self.failures) = Failures::default();
    }

    /// Returns the reply that refuses a request, and uses up a refusal. `None` if the request is served.
    pub(crate) fn refuse(&self, kind: RequestKind) -> Option<Reply> {
        use RequestKind::{Realtime, Run, Stream, Submit, UploadInitiate, WebSocket};

        if !matches!(kind, Run | Stream | Submit | Realtime | WebSocket | UploadInitiate) {
            return None;
        }
        let own = lock(&self.failures).refuse(kind);
        own.or_else(|| self.base.as_ref()?.refuse(kind))
    }
}

impl Failures {
    fn refuse(&mut self, kind: RequestKind) -> Option<Reply> {
        if let Some(reason) = &self.lock {
            return Some(Reply::detail(StatusCode::FORBIDDEN, format!("User is locked. Reason: {reason}")));
        }
        let is_call = matches!(kind, RequestKind::Run | RequestKind::Stream | RequestKind::Submit);
        self.rate_limited = self.rate_limited.checked_sub(1).filter(|_| is_call)?;
        Some(too_many_requests("The account runs as many requests as it may; wait, or use the queue"))
    }
}

/// Creates the reply to a call for which there is no runner, because too many others run.
pub(crate) fn too_many_requests(text: &str) -> Reply {
    Reply::failure(StatusCode::TOO_MANY_REQUESTS, "concurrent_requests_limit", text)
        .with_header(NEEDS_RETRY, HeaderValue::from_static("1"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn statuses(account: &AccountScript, kind: RequestKind) -> Vec<u16> {
        (0..3).map(|_| account.refuse(kind).map_or(200, |reply| reply.status.as_u16())).collect()
    }

    #[test]
    fn a_lock_refuses_what_costs_money_and_nothing_else() {
        let account = AccountScript::default();
        account.set_lock(Some("Admin lock"));
        let reply = account.refuse(RequestKind::Submit).unwrap();
        assert_eq!(reply.body["detail"], "User is locked. Reason: Admin lock");
        assert_eq!(statuses(&account, RequestKind::UploadInitiate), [403; 3]);
        for kind in [RequestKind::Status, RequestKind::Result, RequestKind::Media, RequestKind::Platform] {
            assert_eq!(statuses(&account, kind), [200; 3], "{kind:?}");
        }
        account.set_lock(None);
        assert_eq!(statuses(&account, RequestKind::Submit), [200; 3]);
    }

    #[test]
    fn a_rate_limit_refuses_so_many_calls() {
        let account = AccountScript::default();
        account.set_rate_limited(2);
        assert_eq!(statuses(&account, RequestKind::UploadInitiate), [200; 3]);
        assert_eq!(statuses(&account, RequestKind::Run), [429, 429, 200]);
    }

    #[test]
    fn a_scope_has_failures_of_its_own_and_those_of_the_base() {
        let base = Arc::new(AccountScript::default());
        let (one, two) = (AccountScript::above(&base), AccountScript::above(&base));
        one.set_rate_limited(1);
        base.set_rate_limited(1);
        assert_eq!(statuses(&one, RequestKind::Run), [429, 429, 200]);
        one.set_lock(Some("x"));
        assert_eq!(statuses(&two, RequestKind::Run), [200; 3]);
        one.reset();
        assert_eq!(statuses(&one, RequestKind::Run), [200; 3]);
    }
}
