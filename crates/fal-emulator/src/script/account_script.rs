//! The account that calls are made for, as a test scripts it.

use std::sync::{Arc, Mutex};

use axum::http::{HeaderValue, StatusCode};

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
    /// The lock that a script has set or ended. `None` if no script has.
    lock: Option<AccountLock>,
    /// The number of calls that are still to be refused because others run.
    rate_limited: usize,
}

/// The lock of an account, as a script sets it.
#[derive(Clone, Debug)]
enum AccountLock {
    /// The account is not locked, whatever holds outside of the scope.
    Open,
    /// The account is locked for this reason.
    Locked(String),
}

impl AccountScript {
    /// Creates the account of a scope, whose failures come before those that hold everywhere.
    pub(crate) fn above(base: &Arc<Self>) -> Self {
        Self { failures: Mutex::default(), base: Some(Arc::clone(base)) }
    }

    /// Locks the account.
    pub(crate) fn lock(&self, reason: &str) {
        lock(&self.failures).lock = Some(AccountLock::Locked(reason.to_owned()));
    }

    /// Ends a lock of the account, also one that was set outside of the scope.
    pub(crate) fn unlock(&self) {
        lock(&self.failures).lock = Some(AccountLock::Open);
    }

    /// Sets the number of calls to refuse from now on.
    pub(crate) fn set_rate_limited(&self, calls: usize) {
        lock(&self.failures).rate_limited = calls;
    }

    pub(crate) fn reset(&self) {
        *lock(&self.failures) = Failures::default();
    }

    /// Checks that the account may make a call, and uses up a refusal of the rate limit.
    ///
    /// # Errors
    ///
    /// Returns a 403 if the account is locked, or a 429.
    pub(crate) fn admit_call(&self) -> Result<(), Reply> {
        self.check_lock()?;
        if self.use_up_refusal() {
            return Err(too_many_requests(
                "The account runs as many requests as it may; wait, or use the queue",
            ));
        }
        Ok(())
    }

    /// Checks that the account is not locked.
    ///
    /// # Errors
    ///
    /// Returns a 403.
    pub(crate) fn check_lock(&self) -> Result<(), Reply> {
        match self.effective_lock() {
            Some(AccountLock::Locked(reason)) => {
                Err(Reply::detail(StatusCode::FORBIDDEN, format!("User is locked. Reason: {reason}")))
            }
            _ => Ok(()),
        }
    }

    /// Returns the lock of the scope, or the one that holds outside if the scope has set none.
    fn effective_lock(&self) -> Option<AccountLock> {
        let own = lock(&self.failures).lock.clone();
        own.or_else(|| self.base.as_ref()?.effective_lock())
    }

    /// Uses up a refusal of the rate limit. Returns false if there is none.
    fn use_up_refusal(&self) -> bool {
        let own = {
            let mut failures = lock(&self.failures);
            let remaining = failures.rate_limited.checked_sub(1);
            failures.rate_limited = remaining.unwrap_or_default();
            remaining.is_some()
        };
        own || self.base.as_ref().is_some_and(|base| base.use_up_refusal())
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

    /// Returns the statuses of three calls.
    fn calls(account: &AccountScript) -> [u16; 3] {
        [(); 3].map(|()| account.admit_call().map_or_else(|refusal| refusal.status.as_u16(), |()| 200))
    }

    #[test]
    fn a_lock_refuses_calls_with_its_reason_until_it_ends() {
        let account = AccountScript::default();
        account.set_rate_limited(1);
        account.lock("Admin lock");
        assert_eq!(account.check_lock().unwrap_err().body["detail"], "User is locked. Reason: Admin lock");
        assert_eq!(calls(&account), [403; 3]);
        account.unlock();
        assert!(account.check_lock().is_ok());
        assert_eq!(calls(&account), [429, 200, 200], "a lock uses up no refusal");
    }

    #[test]
    fn a_scope_has_failures_of_its_own_and_those_of_the_base() {
        let base = Arc::new(AccountScript::default());
        let (one, two) = (AccountScript::above(&base), AccountScript::above(&base));
        one.set_rate_limited(1);
        base.set_rate_limited(1);
        assert_eq!(calls(&one), [429, 429, 200]);
        one.lock("x");
        assert_eq!(calls(&two), [200; 3]);
        one.reset();
        assert_eq!(calls(&one), [200; 3]);
    }

    #[test]
    fn a_scope_can_end_a_lock_from_outside_of_it_until_it_is_reset() {
        let base = Arc::new(AccountScript::default());
        let (one, two) = (AccountScript::above(&base), AccountScript::above(&base));
        base.lock("everywhere");
        one.unlock();
        assert_eq!(calls(&one), [200; 3]);
        assert_eq!(calls(&two), [403; 3]);
        one.lock("own");
        assert_eq!(one.check_lock().unwrap_err().body["detail"], "User is locked. Reason: own");
        one.unlock();
        base.set_rate_limited(1);
        assert_eq!(calls(&one), [429, 200, 200]);
        one.reset();
        assert_eq!(calls(&one), [403; 3]);
    }
}
