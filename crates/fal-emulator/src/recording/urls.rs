//! URLs of fal in replies to callers that do not use fal's names.

use axum::http::{HeaderMap, header};

use super::request_key::fal_host;
use crate::hosts;

/// Returns a text in which the URLs of fal's services are those of the emulator, for a caller that reached it by its own
/// address. `None` if nothing changes.
pub(super) fn localize(text: &str, headers: &HeaderMap, scheme: &str) -> Option<String> {
    if fal_host(headers).is_some() {
        return None;
    }
    let authority = headers.get(header::HOST)?.to_str().ok()?;
    let mut local = text.to_owned();
    for name in ["queue.fal.run", "rest.fal.ai", "rest.alpha.fal.ai", "api.fal.ai", "v3.fal.media", "fal.run"]
    {
        let prefix = hosts::service_prefix(name)?;
        for sent in [format!("https://{name}/"), format!("http://{name}/")] {
            if local.contains(&sent) {
                local = local.replace(&sent, &format!("{scheme}://{authority}{prefix}/"));
            }
        }
    }
    (local != text).then_some(local)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_callers_by_the_own_address_get_other_urls() {
        let text = r#"{"a":"https://queue.fal.run/x/y","b":"https://v3.fal.media/files/z","c":"https://h/fal.run/"}"#;
        let local = |host: &str| {
            let headers = HeaderMap::from_iter([(header::HOST, host.parse().unwrap())]);
            localize(text, &headers, "http")
        };
        assert_eq!(local("fal.run"), None);
        let expected = r#"{"a":"http://127.0.0.1:1/queue/x/y","b":"http://127.0.0.1:1/cdn/files/z","c":"https://h/fal.run/"}"#;
        assert_eq!(local("127.0.0.1:1").as_deref(), Some(expected));
    }
}
