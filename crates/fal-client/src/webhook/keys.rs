//! The public keys of a JSON Web Key Set.

use base64::{
    Engine,
    alphabet::URL_SAFE,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use ring::signature::{ED25519, UnparsedPublicKey};
use serde::Deserialize;

use crate::{Error, ErrorKind, Result};

/// The largest number of keys in a set. A forged delivery is checked against every key, which takes time.
const MAX_KEYS: usize = 32;

/// Base64 with or without padding, because sets are written in both ways.
const BASE64URL: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The Ed25519 keys of a set, at least one.
pub(super) struct Keys(Vec<UnparsedPublicKey<Vec<u8>>>);

#[derive(Deserialize)]
struct KeySet {
    keys: Vec<Key>,
}

/// A key. `kty` and `crv` may be missing, because fal's documentation shows `x` alone.
#[derive(Deserialize)]
struct Key {
    kty: Option<String>,
    crv: Option<String>,
    x: Option<String>,
}

impl Keys {
    /// Parses a set. Keys of other kinds are ignored.
    pub(super) fn parse(json: &[u8]) -> Result<Self> {
        let invalid = |reason: String| {
            let kind = ErrorKind::Decode { path: "keys".to_owned() };
            Error::new(kind, format!("this is not a set of webhook keys: {reason}"))
        };
        let set: KeySet = serde_json::from_slice(json).map_err(|error| invalid(error.to_string()))?;
        let keys: Vec<_> = set.keys.iter().filter_map(Key::ed25519).take(MAX_KEYS + 1).collect();
        match keys.len() {
            0 => Err(invalid("it holds no Ed25519 key".to_owned())),
            1..=MAX_KEYS => {
                Ok(Self(keys.into_iter().map(|key| UnparsedPublicKey::new(&ED25519, key)).collect()))
            }
            _ => Err(invalid(format!("it holds more than {MAX_KEYS} keys"))),
        }
    }

    /// Returns true if `signature` is that of one of the keys for `message`. The time may depend on the key, because all
    /// of them are public.
    pub(super) fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        self.0.iter().any(|key| key.verify(message, signature).is_ok())
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

impl Key {
    /// Returns the bytes of an Ed25519 key.
    fn ed25519(&self) -> Option<Vec<u8>> {
        let is = |field: &Option<String>, wanted: &str| field.as_deref().is_none_or(|value| value == wanted);
        if !is(&self.kty, "OKP") || !is(&self.crv, "Ed25519") {
            return None;
        }
        BASE64URL.decode(self.x.as_deref()?).ok().filter(|key| key.len() == 32)
    }
}
