//! The trust store of Java, which reads no PEM.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::digest;

/// The password of the store, which is Java's own default. It protects nothing: the store has no secrets.
pub(super) const PASSWORD: &str = "changeit";
const MAGIC: u32 = 0xFEED_FEED;
const VERSION: u32 = 2;
/// The tag of an entry that is a trusted certificate.
const TRUSTED: u32 = 2;
/// The words that the format appends to the password before it hashes.
const WHITENER: &[u8] = b"Mighty Aphrodite";

/// Returns the certificates of a PEM file as a store in Java's own format (JKS), which every version of Java reads.
pub(super) fn java_trust_store(pem: &str) -> Vec<u8> {
    let certificates = decode_certificates(pem);
    let mut store = Vec::new();
    put_number(&mut store, MAGIC);
    put_number(&mut store, VERSION);
    put_number(&mut store, u32::try_from(certificates.len()).unwrap_or_default());
    for (number, certificate) in certificates.iter().enumerate() {
        put_number(&mut store, TRUSTED);
        put_text(&mut store, &format!("certificate-{number}"));
        store.extend([0; 8]); // the time of the entry, which nothing reads
        put_text(&mut store, "X.509");
        put_number(&mut store, u32::try_from(certificate.len()).unwrap_or_default());
        store.extend(certificate);
    }
    let mut sum = digest::Context::new(&digest::SHA1_FOR_LEGACY_USE_ONLY);
    let password: Vec<u8> = PASSWORD.encode_utf16().flat_map(u16::to_be_bytes).collect();
    for part in [password.as_slice(), WHITENER, &store] {
        sum.update(part);
    }
    store.extend(sum.finish().as_ref());
    store
}

/// Returns the certificates of a PEM file as DER. What cannot be decoded is left out.
fn decode_certificates(pem: &str) -> Vec<Vec<u8>> {
    pem.split("-----BEGIN CERTIFICATE-----")
        .filter_map(|rest| rest.split_once("-----END CERTIFICATE-----"))
        .map(|(text, _)| text.split_whitespace().collect::<String>())
        .filter_map(|text| STANDARD.decode(text).ok())
        .collect()
}

fn put_number(store: &mut Vec<u8>, number: u32) {
    store.extend(number.to_be_bytes());
}

/// Adds a text after its length. All texts of a store are short and ASCII.
fn put_text(store: &mut Vec<u8>, text: &str) {
    store.extend(u16::try_from(text.len()).unwrap_or_default().to_be_bytes());
    store.extend(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_holds_every_certificate_and_ends_with_its_sum() {
        let one = "-----BEGIN CERTIFICATE-----\nAQID\nBA==\n-----END CERTIFICATE-----\n";
        let store = java_trust_store(&format!("text\n{one}{one}-----BEGIN CERTIFICATE-----\n?"));
        assert_eq!(store[..12], [0xFE, 0xED, 0xFE, 0xED, 0, 0, 0, 2, 0, 0, 0, 2]);
        let entry = b"\0\0\0\x02\0\x0dcertificate-0\0\0\0\0\0\0\0\0\0\x05X.509\0\0\0\x04\x01\x02\x03\x04";
        assert_eq!(&store[12..12 + entry.len()], entry);
        assert_eq!(store.len(), 12 + 2 * entry.len() + 20);
        assert_eq!(java_trust_store("").len(), 12 + 20);
    }
}
