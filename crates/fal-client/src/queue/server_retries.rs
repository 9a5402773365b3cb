//! The retries that fal makes itself.

use serde::Serialize;

/// The highest number of retries that fal makes: ten attempts, the first one included.
const MAX_RETRIES: u32 = 9;

/// The retries that fal itself makes when a runner fails, for each kind of failure.
///
/// By default fal makes up to ten attempts. Numbers are respected by apps of your own account; others ignore them.
/// `false` stands for [`none`](Self::none), and `true` for the default.
///
/// ```
/// use fal_client::queue::ServerRetries;
///
/// // Two more attempts after a failure of the runner, and none after a timeout.
/// let retries = ServerRetries::default().server_error(2).timeout(0);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize)]
pub struct ServerRetries {
    #[serde(skip)]
    none: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    server_error: Option<Retries>,
    #[serde(skip_serializing_if = "Option::is_none")]
    timeout: Option<Retries>,
    #[serde(skip_serializing_if = "Option::is_none")]
    connection_error: Option<Retries>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
struct Retries {
    retries: u32,
}

impl ServerRetries {
    /// Makes one attempt, for apps of any account. Wins over the numbers for each kind of failure.
    #[must_use]
    pub fn none() -> Self {
        Self { none: true, ..Self::default() }
    }

    /// Sets the number of retries after the runner failed with a 5xx status, at most 9.
    #[must_use]
    pub fn server_error(mut self, retries: u32) -> Self {
        self.server_error = Some(Retries { retries });
        self
    }

    /// Sets the number of retries after the run took too long, at most 9.
    #[must_use]
    pub fn timeout(mut self, retries: u32) -> Self {
        self.timeout = Some(Retries { retries });
        self
    }

    /// Sets the number of retries after the connection to the runner failed, at most 9.
    #[must_use]
    pub fn connection_error(mut self, retries: u32) -> Self {
        self.connection_error = Some(Retries { retries });
        self
    }

    /// Returns the header that stands for these retries, and its value. `None` stands for the default.
    ///
    /// # Errors
    ///
    /// Returns a message if a number is too high, which fal would ignore without a word.
    pub(crate) fn to_header(self) -> Result<Option<(&'static str, String)>, String> {
        let numbers = [self.server_error, self.timeout, self.connection_error];
        if let Some(Retries { retries }) =
            numbers.into_iter().flatten().find(|number| number.retries > MAX_RETRIES)
        {
            return Err(format!("fal retries at most {MAX_RETRIES} times, not {retries}"));
        }
        if self.none {
            return Ok(Some((Self::NO_RETRY, "1".to_owned())));
        }
        if numbers.iter().all(Option::is_none) {
            return Ok(None);
        }
        let config = serde_json::to_string(&self).map_err(|error| error.to_string())?;
        Ok(Some((Self::RETRY_CONFIG, config)))
    }

    pub(crate) const NO_RETRY: &str = "x-fal-no-retry";
    pub(crate) const RETRY_CONFIG: &str = "x-fal-retry-config";
}

impl From<bool> for ServerRetries {
    fn from(retry: bool) -> Self {
        if retry { Self::default() } else { Self::none() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_sent_as_json_and_checked() {
        let header = |retries: ServerRetries| retries.to_header();
        assert_eq!(header(true.into()), Ok(None));
        assert_eq!(header(false.into()), Ok(Some(("x-fal-no-retry", "1".to_owned()))));
        let some = ServerRetries::default().server_error(9).timeout(0);
        let json = r#"{"server_error":{"retries":9},"timeout":{"retries":0}}"#;
        assert_eq!(header(some), Ok(Some(("x-fal-retry-config", json.to_owned()))));
        let refused = header(some.connection_error(10)).unwrap_err();
        assert_eq!(refused, "fal retries at most 9 times, not 10");
    }
}
