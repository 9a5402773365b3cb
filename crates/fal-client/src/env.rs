//! Environment variables.

/// The source of environment variables: the process's own, or a table in tests.
pub(crate) struct Env(Box<Lookup>);

type Lookup = dyn Fn(&str) -> Option<String> + Send + Sync;

impl Env {
    /// Returns the environment of this process.
    pub(crate) fn process() -> Self {
        Self(Box::new(|name| std::env::var(name).ok()))
    }

    #[cfg(test)]
    pub(crate) fn fixed<const N: usize>(variables: [(&'static str, &'static str); N]) -> Self {
        Self(Box::new(move |name| {
            variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
        }))
    }

    /// Returns the variable `name`, unless it is unset or blank.
    pub(crate) fn var(&self, name: &str) -> Option<String> {
        self.raw(name).filter(|value| !value.trim().is_empty())
    }

    /// Returns the variable `name` as it is set.
    pub(crate) fn raw(&self, name: &str) -> Option<String> {
        (self.0)(name)
    }
}
