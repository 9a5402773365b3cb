//! The keys of the emulator's account, which the platform API creates and deletes.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::SystemTime;

use crate::sync::lock;

/// The largest number of keys.
const MOST: usize = 1_000;

/// The keys that were created and not deleted.
#[derive(Default)]
pub(crate) struct AccountKeys(Mutex<BTreeMap<String, AccountKey>>);

/// A key.
#[derive(Clone)]
pub(crate) struct AccountKey {
    pub(crate) id: String,
    pub(crate) alias: String,
    pub(crate) created_at: SystemTime,
    secret: String,
}

impl AccountKey {
    /// Returns the secret part of the key.
    pub(crate) fn secret(&self) -> &str {
        &self.secret
    }
}

impl AccountKeys {
    /// Creates a key. Returns `None` if there are too many.
    pub(crate) fn create(&self, alias: &str) -> Option<AccountKey> {
        let mut keys = lock(&self.0);
        if keys.len() >= MOST {
            return None;
        }
        let key = AccountKey {
            id: uuid::Uuid::new_v4().to_string(),
            alias: alias.to_owned(),
            created_at: SystemTime::now(),
            secret: uuid::Uuid::new_v4().simple().to_string(),
        };
        keys.insert(key.id.clone(), key.clone());
        Some(key)
    }

    pub(crate) fn delete(&self, id: &str) {
        lock(&self.0).remove(id);
    }

    /// Returns the keys, the oldest first.
    pub(crate) fn list(&self) -> Vec<AccountKey> {
        let mut keys: Vec<_> = lock(&self.0).values().cloned().collect();
        keys.sort_by_key(|key| key.created_at);
        keys
    }

    /// Returns true if `key` is `<id>:<secret>` of a key of the account.
    pub(crate) fn accepts(&self, key: &str) -> bool {
        let Some((id, secret)) = key.split_once(':') else { return false };
        lock(&self.0).get(id).is_some_and(|known| known.secret == secret)
    }

    /// Returns the name of the key with this id.
    pub(crate) fn alias(&self, id: &str) -> Option<String> {
        lock(&self.0).get(id).map(|key| key.alias.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_accepted_until_it_is_deleted() {
        let keys = AccountKeys::default();
        let key = keys.create("ci").unwrap();
        let whole = format!("{}:{}", key.id, key.secret());
        assert!(keys.accepts(&whole) && !keys.accepts(&key.id) && !keys.accepts(&format!("{whole}x")));
        assert_eq!(keys.alias(&key.id).as_deref(), Some("ci"));
        keys.delete(&key.id);
        assert!(!keys.accepts(&whole) && keys.list().is_empty());
    }
}
