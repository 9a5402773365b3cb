//! Uploads of outputs to a bucket of the caller.

use std::{collections::BTreeMap, fmt};

use serde::Serialize;
use url::Url;

/// The longest URL that fal accepts, in bytes.
const MAX_URL: usize = 2048;

/// A presigned POST policy of S3, with which fal writes the files of an output to your bucket.
///
/// The response then holds the URLs of the objects in the bucket. A model that does not support this ignores the policy,
/// and its files go to fal's CDN as usual. An upload may end after the response, and fal retries it for five minutes.
///
/// ```
/// use fal_client::storage::UploadPolicy;
///
/// let policy = UploadPolicy::new("https://bucket.s3.eu-central-1.amazonaws.com/")
///     .field("key", "outputs/${filename}")
///     .field("policy", "…")
///     .field("x-amz-signature", "…");
/// ```
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct UploadPolicy {
    url: String,
    fields: BTreeMap<String, String>,
}

impl UploadPolicy {
    /// Creates a policy for the bucket at this URL, which must be `https` and an endpoint of S3.
    #[must_use]
    pub fn new(url: impl Into<String>) -> Self {
        Self { url: url.into(), fields: BTreeMap::new() }
    }

    /// Sets a field of the form. `key` is required, and must contain `${filename}`, which stands for the name of a file.
    #[must_use]
    pub fn field(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.fields.insert(name.into(), value.into());
        self
    }

    /// Sets several fields of the form, such as those that an S3 library returns.
    #[must_use]
    pub fn fields<N: Into<String>, V: Into<String>>(
        mut self,
        fields: impl IntoIterator<Item = (N, V)>,
    ) -> Self {
        self.fields.extend(fields.into_iter().map(|(name, value)| (name.into(), value.into())));
        self
    }

    /// Returns the policy as the JSON of its header.
    ///
    /// # Errors
    ///
    /// Returns a message, without the signature, if fal would refuse the policy.
    pub(crate) fn to_header(&self) -> Result<String, String> {
        self.check().map_err(|problem| format!("an upload policy {problem}"))?;
        let json = serde_json::to_string(self).map_err(|error| error.to_string())?;
        Ok(escape_non_ascii(&json))
    }

    fn check(&self) -> Result<(), &'static str> {
        if self.url.len() > MAX_URL {
            return Err("has a URL of at most 2048 bytes");
        }
        let url = Url::parse(&self.url).map_err(|_| "has a valid URL")?;
        if url.scheme() != "https" || url.port().is_some() || !url.host_str().is_some_and(is_s3) {
            return Err("has an https URL of S3, on port 443");
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err("has a URL without a user name and password");
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err("has a URL without a query and fragment");
        }
        let is_key = |name: &&String| name.trim().eq_ignore_ascii_case("key");
        if self.fields.keys().filter(is_key).count() > 1 {
            return Err("has one field `key`");
        }
        if !self.fields.get("key").is_some_and(|key| key.contains("${filename}")) {
            return Err("has a field `key` that contains `${filename}`");
        }
        Ok(())
    }
}

/// Returns true for hosts of S3 in any region and form, also for those of a bucket.
fn is_s3(host: &str) -> bool {
    let host = host.trim_end_matches('.');
    let Some(name) = host.strip_suffix(".amazonaws.com").or_else(|| host.strip_suffix(".amazonaws.com.cn"))
    else {
        return false;
    };
    let is_service =
        |label: &str| label == "s3" || label.starts_with("s3-") || label.starts_with("s3express-");
    name.split('.').any(is_service) && !name.ends_with(".vpce")
}

/// Writes characters that a header cannot carry as escapes of JSON. They occur only within its strings.
fn escape_non_ascii(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for character in json.chars() {
        if character.is_ascii() && character != '\u{7f}' {
            out.push(character);
        } else {
            for unit in character.encode_utf16(&mut [0; 2]) {
                out.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    out
}

/// Leaves out the values of the fields, which let their bearer write to the bucket.
impl fmt::Debug for UploadPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UploadPolicy")
            .field("url", &self.url)
            .field("fields", &self.fields.keys().collect::<Vec<_>>())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(url: &str) -> UploadPolicy {
        UploadPolicy::new(url).field("key", "out/${filename}").field("x-amz-signature", "secret")
    }

    #[test]
    fn valid_policies_are_the_json_of_s3() {
        for url in [
            "https://bucket.s3.eu-central-1.amazonaws.com/",
            "https://bucket.s3.amazonaws.com",
            "https://bucket.s3.dualstack.us-east-1.amazonaws.com:443/",
            "https://s3.us-west-2.amazonaws.com/bucket",
            "https://bucket.s3-accelerate.amazonaws.com/",
            "https://my.bucket.s3.cn-north-1.amazonaws.com.cn/",
        ] {
            assert!(policy(url).to_header().is_ok(), "{url}");
        }
        let header = policy("https://b.s3.amazonaws.com/").field("acl", "ä\u{1f600}").to_header().unwrap();
        let json = r#"{"url":"https://b.s3.amazonaws.com/","fields":{"acl":"\u00e4\ud83d\ude00","key":"out/${filename}","x-amz-signature":"secret"}}"#;
        assert_eq!(header, json);
        assert_eq!(
            serde_json::from_str::<serde_json::Value>(&header).unwrap()["fields"]["acl"],
            "ä\u{1f600}"
        );
    }

    #[test]
    fn invalid_policies_are_refused_without_their_secrets() {
        let long = format!("https://b.s3.amazonaws.com/{}", "x".repeat(2048));
        for url in [
            "bucket",
            "http://b.s3.amazonaws.com/",
            "https://b.s3.amazonaws.com:8443/",
            "https://b.example/",
            "https://b.s3.amazonaws.com.example/",
            "https://x.s3.us-east-1.vpce.amazonaws.com/",
            "https://u:p@b.s3.amazonaws.com/",
            "https://b.s3.amazonaws.com/?a=b",
            long.as_str(),
        ] {
            let error = policy(url).to_header().unwrap_err();
            assert!(error.starts_with("an upload policy has ") && !error.contains("secret"), "{error}");
        }
        let bucket = "https://b.s3.amazonaws.com/";
        assert!(UploadPolicy::new(bucket).to_header().is_err());
        assert!(UploadPolicy::new(bucket).field("key", "fixed").to_header().is_err());
        assert!(policy(bucket).field("Key", "x/${filename}").to_header().is_err());
        assert!(!format!("{:?}", policy(bucket)).contains("secret"));
    }
}
