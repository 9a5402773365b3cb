//! The conditions of a caller of the admin API for recorded requests.

use serde_json::Value;

use super::request::Request;
use super::request_kind::RequestKind;
use crate::endpoint_id;

/// The conditions for a recorded request. Those that are left out hold for every request.
#[derive(Clone, Debug, Default)]
pub(crate) struct RequestFilter {
    pub(crate) kind: Option<RequestKind>,
    pub(crate) endpoint: Option<String>,
    /// The status of the response, which must have ended.
    pub(crate) status: Option<u16>,
    /// A part of the JSON body: an object may have further members.
    pub(crate) json: Option<Value>,
}

impl RequestFilter {
    /// Parses the values of a query.
    ///
    /// # Errors
    ///
    /// Returns the problem of a value.
    pub(crate) fn from_query<'a>(get: impl Fn(&str) -> Option<&'a str>) -> Result<Self, String> {
        let kind = get("kind")
            .map(|kind| serde_json::from_value(Value::from(kind)).map_err(|error| format!("kind: {error}")));
        let status = get("status").map(|status| {
            status.parse().map_err(|_| format!("status: {status:?} is not the number of an HTTP status"))
        });
        Ok(Self {
            kind: kind.transpose()?,
            endpoint: get("endpoint").map(str::to_owned),
            status: status.transpose()?,
            json: None,
        })
    }

    pub(crate) fn matches(&self, request: &Request) -> bool {
        let status = || request.response.as_ref().map(|response| response.status.as_u16());
        self.kind.is_none_or(|kind| kind == request.kind)
            && self
                .endpoint
                .as_ref()
                .is_none_or(|id| request.endpoint.as_ref() == Some(&endpoint_id::canonical(id)))
            && self.status.is_none_or(|own| Some(own) == status())
            && self.json.as_ref().is_none_or(|part| contains(&request.json(), part))
    }

    /// Describes the conditions for a message: `submit requests to acme/app that were answered with 422`.
    pub(crate) fn describe(&self) -> String {
        let kind = self.kind.and_then(|kind| serde_json::to_value(kind).ok());
        let kind = kind.as_ref().and_then(Value::as_str).map_or_else(String::new, |kind| format!("{kind} "));
        let endpoint = self.endpoint.as_ref().map_or_else(String::new, |id| format!(" to {id}"));
        let body = self.json.as_ref().map_or_else(String::new, |json| format!(" with {json}"));
        let status =
            self.status.map_or_else(String::new, |status| format!(" that were answered with {status}"));
        format!("{kind}requests{endpoint}{body}{status}")
    }
}

/// Returns true if `value` is `part`, or an object whose members contain those of `part`.
fn contains(value: &Value, part: &Value) -> bool {
    match (value, part) {
        (Value::Object(value), Value::Object(part)) => {
            part.iter().all(|(name, part)| value.get(name).is_some_and(|value| contains(value, part)))
        }
        (Value::Array(values), Value::Array(parts)) => {
            values.len() == parts.len() && values.iter().zip(parts).all(|(value, part)| contains(value, part))
        }
        (Value::Number(value), Value::Number(part)) => value == part || value.as_f64() == part.as_f64(),
        _ => value == part,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::request::tests::request;
    use super::*;

    #[test]
    fn a_part_of_the_body_matches() {
        let whole = json!({"prompt": "a cat", "size": {"width": 16, "height": 16}, "loras": [{"path": "x", "scale": 1}]});
        for part in [
            json!({}),
            json!({"prompt": "a cat"}),
            json!({"size": {"width": 16.0}}),
            json!({"loras": [{"path": "x"}]}),
        ] {
            assert!(contains(&whole, &part), "{part}");
        }
        for part in [
            json!({"prompt": "a"}),
            json!({"seed": null}),
            json!({"loras": []}),
            json!({"size": {"width": "16"}}),
            json!(1),
        ] {
            assert!(!contains(&whole, &part), "{part}");
        }
    }

    #[test]
    fn conditions_of_a_query_are_checked() {
        let parse = |name: &'static str, value: &'static str| {
            RequestFilter::from_query(|asked| (asked == name).then_some(value))
        };
        let request = request(RequestKind::Run, "/run/acme/app", b"{}".to_vec());
        assert!(parse("kind", "run").unwrap().matches(&request));
        assert!(!parse("kind", "submit").unwrap().matches(&request));
        assert!(!parse("endpoint", "acme/other").unwrap().matches(&request));
        assert!(!parse("status", "200").unwrap().matches(&request), "there is no response yet");
        assert!(parse("kind", "dance").unwrap_err().contains("unknown variant `dance`"));
        assert!(parse("status", "ok").is_err());
        let filter = RequestFilter {
            kind: Some(RequestKind::Submit),
            endpoint: Some("a/b".to_owned()),
            status: Some(422),
            json: None,
        };
        assert_eq!(filter.describe(), "submit requests to a/b that were answered with 422");
    }
}
