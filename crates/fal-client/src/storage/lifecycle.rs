//! How long fal keeps a file.

use std::{fmt, time::Duration};

use serde::{Deserialize, Serialize};

/// How long fal keeps files, and who may see them. Printed as the JSON that fal's headers take.
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

/// Who may read a file, from and for [`Storage`](crate::storage::Storage).
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

/// Who may see a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Access {
    /// Whoever has the URL.
    Allow,
    /// Nobody, and it says so (403).
    Forbid,
    /// Nobody, and it looks as if there were no file (404).
    Hide,
}

impl Lifecycle {
    /// Deletes files this long after they are made. Whole seconds, rounded up.
    #[must_use]
    pub fn expires_after(mut self, time: Duration) -> Self {
        let more = u64::from(time.subsec_nanos() > 0);
        self.expiration_duration_seconds = Some(time.as_secs().saturating_add(more));
        self
    }

    /// How long files live, if that is said.
    #[must_use]
    pub fn expiration(&self) -> Option<Duration> {
        self.expiration_duration_seconds.map(Duration::from_secs)
    }

    /// Who may see files, if that is said.
    #[must_use]
    pub fn acl(&self) -> Option<&Acl> {
        self.initial_acl.as_ref()
    }

    /// What those may do for whom there is no rule.
    #[must_use]
    pub fn access(mut self, access: Access) -> Self {
        self.initial_acl.get_or_insert_default().default = Some(access);
        self
    }

    /// What one user may do, by the user's id.
    #[must_use]
    pub fn access_for(mut self, user: impl Into<String>, access: Access) -> Self {
        self.initial_acl = Some(self.initial_acl.unwrap_or_default().rule(user, access));
        self
    }
}

impl Acl {
    /// What those may do for whom there is no rule.
    #[must_use]
    pub fn new(default: Access) -> Self {
        Self { default: Some(default), rules: Vec::new() }
    }

    /// What one user may do, by the user's id.
    #[must_use]
    pub fn rule(mut self, user: impl Into<String>, access: Access) -> Self {
        self.rules.push(Rule { user: user.into(), decision: access });
        self
    }

    /// What those may do for whom there is no rule; the account's own setting when `None`.
    #[must_use]
    pub fn default_access(&self) -> Option<Access> {
        self.default
    }

    /// The users with a rule of their own, and what they may do.
    pub fn rules(&self) -> impl Iterator<Item = (&str, Access)> {
        self.rules.iter().map(|rule| (rule.user.as_str(), rule.decision))
    }
}

impl fmt::Display for Lifecycle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&serde_json::to_string(self).map_err(|_| fmt::Error)?)
    }
}
