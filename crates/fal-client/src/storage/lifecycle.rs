//! Lifecycles and access rules of files.

use std::{fmt, time::Duration};

use serde::{Deserialize, Serialize};

/// The time for which fal keeps files, and their access rules. Its `Display` is the JSON of fal's headers.
///
/// ```
/// use std::time::Duration;
/// use fal_client::storage::{Access, Lifecycle};
///
/// let day = Lifecycle::default().expires_after(Duration::from_secs(86_400)).access(Access::Forbid);
/// let day = day.access_for("a-user-id", Access::Allow);
/// assert_eq!(
///     day.to_string(),
///     r#"{"expiration_duration_seconds":86400,"initial_acl":{"default":"forbid","rules":[{"user":"a-user-id","decision":"allow"}]}}"#,
/// );
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Lifecycle {
    #[serde(skip_serializing_if = "Option::is_none")]
    expiration_duration_seconds: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    initial_acl: Option<Acl>,
}

/// The access rules of a file, for [`Storage`](crate::storage::Storage) and [`Lifecycle`].
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Acl {
    #[serde(skip_serializing_if = "Option::is_none")]
    default: Option<Access>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    rules: Vec<Rule>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Rule {
    user: String,
    decision: Access,
}

/// An access rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Access {
    /// Everyone who has the URL may read the file.
    Allow,
    /// Requests are refused with status 403.
    Forbid,
    /// Requests are refused with status 404, as if there were no file.
    Hide,
}

impl Lifecycle {
    /// Sets the time after which files are deleted, in whole seconds, rounded up.
    #[must_use]
    pub fn expires_after(mut self, time: Duration) -> Self {
        let more = u64::from(time.subsec_nanos() > 0);
        self.expiration_duration_seconds = Some(time.as_secs().saturating_add(more));
        self
    }

    /// Returns the time after which files are deleted, if it is set.
    #[must_use]
    pub fn expiration(&self) -> Option<Duration> {
        self.expiration_duration_seconds.map(Duration::from_secs)
    }

    /// Returns the access rules, if there are any.
    #[must_use]
    pub fn acl(&self) -> Option<&Acl> {
        self.initial_acl.as_ref()
    }

    /// Sets the access of users without a rule of their own.
    #[must_use]
    pub fn access(mut self, access: Access) -> Self {
        self.initial_acl.get_or_insert_default().default = Some(access);
        self
    }

    /// Adds a rule for one user, by the user's id.
    #[must_use]
    pub fn access_for(mut self, user: impl Into<String>, access: Access) -> Self {
        self.initial_acl = Some(self.initial_acl.unwrap_or_default().rule(user, access));
        self
    }
}

impl Acl {
    /// Creates rules with this access for all users.
    #[must_use]
    pub fn new(default: Access) -> Self {
        Self { default: Some(default), rules: Vec::new() }
    }

    /// Adds a rule for one user, by the user's id.
    #[must_use]
    pub fn rule(mut self, user: impl Into<String>, access: Access) -> Self {
        self.rules.push(Rule { user: user.into(), decision: access });
        self
    }

    /// Returns the access of users without a rule of their own. `None` stands for the setting of the account.
    #[must_use]
    pub fn default_access(&self) -> Option<Access> {
        self.default
    }

    /// Returns the users with a rule of their own, and their access.
    pub fn rules(&self) -> impl Iterator<Item = (&str, Access)> {
        self.rules.iter().map(|rule| (rule.user.as_str(), rule.decision))
    }
}

impl fmt::Display for Lifecycle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&serde_json::to_string(self).map_err(|_| fmt::Error)?)
    }
}
