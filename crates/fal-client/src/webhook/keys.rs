//! The public keys, as a JSON Web Key Set gives them.

use base64::{
    Engine,
    alphabet::URL_SAFE,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use ring::signature::{ED25519, UnparsedPublicKey};
use serde::Deserialize;

use crate::{Error, ErrorKind, Result};

/// A set that holds more keys than this is not fal's: every key costs time on every forged delivery.
const MOST: usize = 32;

/// Sets are written with padding and without.
const BASE64URL: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The Ed25519 keys of a set. Never empty.
pub(super) struct Keys(Vec<UnparsedPublicKey<Vec<u8>>>);

#[derive(Deserialize)]
struct Set {
    keys: Vec<Key>,
}

/// What is not said is taken to be right: fal's documentation shows `x` alone.
#[derive(Deserialize)]
struct Key {
    kty: Option<String>,
    crv: Option<String>,
    x: Option<String>,
}

impl Keys {
    /// Reads a set. Keys of other kinds are passed over.
    pub(super) fn read(json: &[u8]) -> Result<Self> {
        let bad = |why: String| {
            let kind = ErrorKind::Decode { path: "keys".to_owned() };
            Error::new(kind, format!("this is not a set of webhook keys: {why}"))
        };
        let set: Set = serde_json::from_slice(json).map_err(|error| bad(error.to_string()))?;
        let keys: Vec<_> = set.keys.iter().filter_map(Key::bytes).take(MOST + 1).collect();
        match keys.len() {
            0 => Err(bad("it holds no Ed25519 key".to_owned())),
            1..=MOST => Ok(Self(keys.into_iter().map(|key| UnparsedPublicKey::new(&ED25519, key)).collect())),
            _ => Err(bad(format!("it holds more than {MOST} keys"))),
        }
    }

    /// Whether one of the keys made `signature` for `message`. Everything here is public, so there is no
    /// secret that timing could give away.
    pub(super) fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        self.0.iter().any(|key| key.verify(message, signature).is_ok())
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

impl Key {
    fn bytes(&self) -> Option<Vec<u8>> {
        let is = |said: &Option<String>, wanted: &str| said.as_deref().is_none_or(|said| said == wanted);
        if !is(&self.kty, "OKP") || !is(&self.crv, "Ed25519") {
            return None;
        }
        BASE64URL.decode(self.x.as_deref()?).ok().filter(|key| key.len() == 32)
    }
}
