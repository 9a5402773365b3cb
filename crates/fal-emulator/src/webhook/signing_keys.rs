//! The keys that sign webhooks: Ed25519, published as a JSON Web Key Set.

use std::sync::Mutex;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use serde_json::{Value, json};

use crate::hex::{hex, sha256};
use crate::sync::lock;

/// The signing keys, the current one last.
pub(crate) struct SigningKeys(Mutex<Vec<Ed25519KeyPair>>);

impl SigningKeys {
    pub(super) fn new() -> Self {
        Self(Mutex::new(new_key().into_iter().collect()))
    }

    pub(super) fn with_seed(seed: &[u8; 32]) -> Self {
        Self(Mutex::new(Ed25519KeyPair::from_seed_unchecked(seed).into_iter().collect()))
    }

    pub(super) fn rotate(&self) {
        lock(&self.0).extend(new_key());
    }

    pub(super) fn forget_old(&self) {
        let mut keys = lock(&self.0);
        let old = keys.len().saturating_sub(1);
        keys.drain(..old);
    }

    /// Returns the public keys as a JSON Web Key Set, the current one first.
    pub(crate) fn to_jwks(&self) -> Value {
        let key = |key: &Ed25519KeyPair| {
            let x = URL_SAFE_NO_PAD.encode(key.public_key());
            json!({"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig", "kid": x[..8], "x": x})
        };
        json!({"keys": lock(&self.0).iter().rev().map(key).collect::<Vec<_>>()})
    }

    /// Signs a delivery with the current key. Returns the signature in hexadecimal digits.
    pub(super) fn sign(&self, request_id: &str, user_id: &str, timestamp: u64, body: &[u8]) -> String {
        let sum = sha256(body);
        let message = format!("{request_id}\n{user_id}\n{timestamp}\n{sum}");
        lock(&self.0).last().map(|key| hex(key.sign(message.as_bytes()))).unwrap_or_default()
    }
}

/// Creates a key from a seed with 244 random bits. `None` would mean a seed of the wrong length.
fn new_key() -> Option<Ed25519KeyPair> {
    let seed = [uuid::Uuid::new_v4().into_bytes(), uuid::Uuid::new_v4().into_bytes()].concat();
    Ed25519KeyPair::from_seed_unchecked(&seed).ok()
}

#[cfg(test)]
mod tests {
    use ring::signature::{ED25519, UnparsedPublicKey};

    use super::*;

    /// Returns true if a key of the set verifies the signature, by the rules that receivers follow.
    fn verifies(set: &Value, signature: &str, request_id: &str, timestamp: u64, body: &[u8]) -> bool {
        let signature: Vec<u8> =
            (0..64).map(|byte| u8::from_str_radix(&signature[byte * 2..byte * 2 + 2], 16).unwrap()).collect();
        let sum = sha256(body);
        let message = format!("{request_id}\nme\n{timestamp}\n{sum}");
        set["keys"].as_array().unwrap().iter().any(|key| {
            let public = URL_SAFE_NO_PAD.decode(key["x"].as_str().unwrap()).unwrap();
            UnparsedPublicKey::new(&ED25519, public).verify(message.as_bytes(), &signature).is_ok()
        })
    }

    #[test]
    fn only_the_signed_message_verifies_with_the_key_set() {
        let keys = SigningKeys::new();
        let signature = keys.sign("r", "me", 5, b"body");
        assert!(verifies(&keys.to_jwks(), &signature, "r", 5, b"body"));
        assert!(!verifies(&keys.to_jwks(), &signature, "r", 6, b"body"));
        assert!(!verifies(&keys.to_jwks(), &signature, "r", 5, b"Body"));
        assert!(!verifies(&SigningKeys::new().to_jwks(), &signature, "r", 5, b"body"));
    }

    #[test]
    fn a_rotated_key_verifies_until_old_keys_are_forgotten() {
        let keys = SigningKeys::new();
        let before = keys.sign("r", "me", 5, b"");
        keys.rotate();
        let after = keys.sign("r", "me", 5, b"");
        assert_ne!(before, after);
        assert_eq!(keys.to_jwks()["keys"].as_array().unwrap().len(), 2);
        assert!(
            verifies(&keys.to_jwks(), &before, "r", 5, b"") && verifies(&keys.to_jwks(), &after, "r", 5, b"")
        );
        keys.forget_old();
        assert!(
            !verifies(&keys.to_jwks(), &before, "r", 5, b"")
                && verifies(&keys.to_jwks(), &after, "r", 5, b"")
        );
    }
}
