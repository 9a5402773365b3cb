//! The keys that deliveries are signed with: Ed25519, published as a JSON Web Key Set.

use std::sync::{Mutex, MutexGuard, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest;
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use serde_json::{Value, json};

/// The keys, the one in use last.
pub(crate) struct Keys(Mutex<Vec<Ed25519KeyPair>>);

impl Keys {
    pub(super) fn new() -> Self {
        Self(Mutex::new(new_key().into_iter().collect()))
    }

    pub(super) fn rotate(&self) {
        self.lock().extend(new_key());
    }

    pub(super) fn forget_old(&self) {
        let mut keys = self.lock();
        let old = keys.len().saturating_sub(1);
        keys.drain(..old);
    }

    /// The public halves, the one in use first.
    pub(crate) fn set(&self) -> Value {
        let key = |key: &Ed25519KeyPair| {
            let x = URL_SAFE_NO_PAD.encode(key.public_key());
            json!({"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig", "kid": x[..8], "x": x})
        };
        json!({"keys": self.lock().iter().rev().map(key).collect::<Vec<_>>()})
    }

    pub(super) fn sign(&self, request_id: &str, user_id: &str, timestamp: u64, body: &[u8]) -> String {
        let sum = hex(digest::digest(&digest::SHA256, body).as_ref());
        let message = format!("{request_id}\n{user_id}\n{timestamp}\n{sum}");
        self.lock().last().map(|key| hex(key.sign(message.as_bytes()).as_ref())).unwrap_or_default()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Ed25519KeyPair>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A new key; its seed has 244 random bits. Only a seed of the wrong length gives none.
fn new_key() -> Option<Ed25519KeyPair> {
    let seed = [uuid::Uuid::new_v4().into_bytes(), uuid::Uuid::new_v4().into_bytes()].concat();
    Ed25519KeyPair::from_seed_unchecked(&seed).ok()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use ring::signature::{ED25519, UnparsedPublicKey};

    use super::*;

    /// Whether a key of the set verifies a signature, by the rules that receivers follow.
    fn verifies(set: &Value, signature: &str, request_id: &str, timestamp: u64, body: &[u8]) -> bool {
        let signature: Vec<u8> =
            (0..64).map(|at| u8::from_str_radix(&signature[at * 2..at * 2 + 2], 16).unwrap()).collect();
        let sum = hex(digest::digest(&digest::SHA256, body).as_ref());
        let message = format!("{request_id}\nme\n{timestamp}\n{sum}");
        set["keys"].as_array().unwrap().iter().any(|key| {
            let public = URL_SAFE_NO_PAD.decode(key["x"].as_str().unwrap()).unwrap();
            UnparsedPublicKey::new(&ED25519, public).verify(message.as_bytes(), &signature).is_ok()
        })
    }

    #[test]
    fn signatures_verify_with_the_set_and_nothing_else_does() {
        let keys = Keys::new();
        let signature = keys.sign("r", "me", 5, b"body");
        assert!(verifies(&keys.set(), &signature, "r", 5, b"body"));
        assert!(!verifies(&keys.set(), &signature, "r", 6, b"body"));
        assert!(!verifies(&keys.set(), &signature, "r", 5, b"Body"));
        assert!(!verifies(&Keys::new().set(), &signature, "r", 5, b"body"));
    }

    #[test]
    fn rotation_keeps_old_keys_until_they_are_forgotten() {
        let keys = Keys::new();
        let before = keys.sign("r", "me", 5, b"");
        keys.rotate();
        let after = keys.sign("r", "me", 5, b"");
        assert_ne!(before, after);
        assert_eq!(keys.set()["keys"].as_array().unwrap().len(), 2);
        assert!(verifies(&keys.set(), &before, "r", 5, b"") && verifies(&keys.set(), &after, "r", 5, b""));
        keys.forget_old();
        assert!(!verifies(&keys.set(), &before, "r", 5, b"") && verifies(&keys.set(), &after, "r", 5, b""));
    }
}
