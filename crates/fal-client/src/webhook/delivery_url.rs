//! URLs of webhooks that carry what deliveries do not contain.

use http::Uri;
use url::{Url, form_urlencoded};

use crate::{Error, ErrorKind, Result, spans::is_traceparent};

/// The query parameter with the endpoint.
const ENDPOINT: &str = "fal_endpoint";

/// The query parameter with the span of the submit.
const TRACEPARENT: &str = "traceparent";

/// Returns `base` with the id of an endpoint in its query, for
/// [`SubmitRequest::webhook`](crate::queue::SubmitRequest::webhook).
///
/// A delivery does not contain its endpoint, so the URL has to.
///
/// # Errors
///
/// `Config` if `base` is not an `https` or `http` URL.
///
/// ```
/// # use fal_client::{untyped::Any, webhook};
/// let url = webhook::url_with_endpoint("https://my-app.example/fal?tenant=7", "fal-ai/flux/dev")?;
/// assert_eq!(url, "https://my-app.example/fal?tenant=7&fal_endpoint=fal-ai%2Fflux%2Fdev");
/// assert_eq!(webhook::endpoint_from_url(&url.parse().unwrap()).as_deref(), Some("fal-ai/flux/dev"));
/// # Ok::<(), fal_client::Error>(())
/// ```
pub fn url_with_endpoint(base: &str, endpoint: &str) -> Result<String> {
    with_query_value(base, ENDPOINT, endpoint)
}

/// Returns the id of the endpoint in a URL that [`url_with_endpoint`] returned.
///
/// fal does not sign the URL. Within five minutes, someone who has seen a delivery could send it again to the URL of
/// another endpoint, so handlers should expect outputs that cannot be decoded.
#[must_use]
pub fn endpoint_from_url(uri: &Uri) -> Option<String> {
    query_value(uri, ENDPOINT)
}

/// Returns `base` with a `traceparent` of the [W3C](https://www.w3.org/TR/trace-context/) in its query, so that the handler of
/// the delivery continues the trace of the submit.
///
/// fal sends no header of the caller with a delivery, so the URL has to carry it.
///
/// # Errors
///
/// `Config` if `base` is not an `https` or `http` URL, or `traceparent` is not one.
///
/// ```
/// # use fal_client::webhook;
/// let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
/// let url = webhook::url_with_traceparent("https://my-app.example/fal", parent)?;
/// assert_eq!(webhook::traceparent_from_url(&url.parse().unwrap()).as_deref(), Some(parent));
/// # Ok::<(), fal_client::Error>(())
/// ```
pub fn url_with_traceparent(base: &str, traceparent: &str) -> Result<String> {
    if !is_traceparent(traceparent) {
        let message = format!(
            "`{}` is no traceparent such as `00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01`",
            traceparent.escape_debug()
        );
        return Err(Error::new(ErrorKind::Config, message));
    }
    with_query_value(base, TRACEPARENT, traceparent)
}

/// Returns the `traceparent` in a URL that [`url_with_traceparent`] returned, or `None` if there is no valid one.
///
/// fal does not sign the URL, so anyone may choose it.
#[must_use]
pub fn traceparent_from_url(uri: &Uri) -> Option<String> {
    query_value(uri, TRACEPARENT).filter(|value| is_traceparent(value))
}

fn with_query_value(base: &str, name: &str, value: &str) -> Result<String> {
    let url = Url::parse(base).ok().filter(|url| matches!(url.scheme(), "https" | "http"));
    let Some(mut url) = url else {
        let message = format!("`{}` is not a URL that a webhook can be sent to", base.escape_debug());
        return Err(Error::new(ErrorKind::Config, message));
    };
    url.query_pairs_mut().append_pair(name, value);
    Ok(url.into())
}

fn query_value(uri: &Uri, name: &str) -> Option<String> {
    let mut pairs = form_urlencoded::parse(uri.query()?.as_bytes());
    pairs.find(|(known, _)| known == name).map(|(_, value)| value.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_valid_traceparent_is_sent_and_taken() {
        let trace = "0af7651916cd43dd8448eb211c80319c";
        let valid = format!("00-{trace}-b7ad6b7169203331-01");
        let url = url_with_traceparent("https://a.example/fal?tenant=7", &valid).unwrap();
        assert_eq!(url, format!("https://a.example/fal?tenant=7&traceparent={valid}"));
        for bad in [
            String::new(),
            "00".to_owned(),
            format!("ff-{trace}-b7ad6b7169203331-01"),
            format!("00-{}-b7ad6b7169203331-01", "0".repeat(32)),
            format!("00-{trace}-{}-01", "0".repeat(16)),
            format!("00-{}-b7ad6b7169203331-01", trace.to_uppercase()),
            format!("00-{trace}-b7ad6b7169203331-01-more"),
            format!("00-{trace}-b7ad6b7169203331-\u{e9}"),
        ] {
            let error = url_with_traceparent("https://a.example/fal", &bad).unwrap_err();
            assert!(error.is_config(), "{bad}");
            let mut url = Url::parse("https://a.example/fal").unwrap();
            url.query_pairs_mut().append_pair("traceparent", &bad);
            assert_eq!(traceparent_from_url(&url.as_str().parse().unwrap()), None, "{bad}");
        }
    }
}
