//! Calls of endpoints that have no crate, with JSON in and out.
//!
//! ```no_run
//! use fal_client::{Client, untyped};
//! use serde_json::json;
//!
//! # async fn example(client: Client) -> fal_client::Result<()> {
//! let reply = client.run(untyped::input("my-user/my-app", json!({ "scale": 4 }))).await?;
//! println!("{}", reply["image"]["url"]);
//! # Ok(())
//! # }
//! ```
//!
//! An output that is not JSON becomes JSON: a text a string, lines of JSON a list, and anything else, such as a picture,
//! `{"url": "data:…", "content_type": "…"}`. [`Reply::raw`](crate::Reply::raw) has the bytes themselves.
//!
//! Local files are named by their place in the JSON, with [`Input::file`]. The client uploads them when it sends the
//! request:
//!
//! ```no_run
//! # use fal_client::{Client, File, untyped};
//! # use serde_json::json;
//! # async fn example(client: Client) -> fal_client::Result<()> {
//! let input = untyped::input("my-user/my-app", json!({ "prompt": "a hat", "layers": [{}] }))
//!     .file("image_url", File::path("cat.png"))
//!     .file("/layers/0/mask_url", File::path("mask.png").inline());
//! let reply = client.run(input).await?;
//! # Ok(())
//! # }
//! ```

use std::{borrow::Cow, fmt};

use fal_core::{Endpoint, File, IntoInput, Streams};
use serde::{Serialize, Serializer, ser::Error as _};
use serde_json::{Value, map::Entry};

pub use crate::endpoint_id::EndpointId;
use crate::{
    endpoint_id::without_url,
    redact::{MAX_DEBUG, Secrets, Shown, fmt_struct},
    stream::WorkflowEvent,
};

/// Any endpoint, with JSON in and out. Its inputs, jobs and tickets carry its id.
#[derive(Debug)]
pub enum Any {}

impl Endpoint for Any {
    const ID: &'static str = "";
    type Input = Parameters;
    type Output = Value;
}

impl Streams for Any {
    type Event = Value;
}

/// Any workflow, whose events are [`WorkflowEvent`]s. Its inputs, jobs and tickets carry its id.
#[derive(Debug)]
pub enum Workflow {}

impl Endpoint for Workflow {
    const ID: &'static str = "";
    type Input = Parameters;
    type Output = Value;
}

impl Streams for Workflow {
    type Event = WorkflowEvent;
}

/// Any endpoint with realtime messages: takes messages of type `S` and sends messages of type `R`.
#[cfg(feature = "realtime")]
#[derive(Debug)]
pub struct Messages<S, R>(std::convert::Infallible, std::marker::PhantomData<fn(S) -> R>);

#[cfg(feature = "realtime")]
impl<S: 'static, R: 'static> Endpoint for Messages<S, R> {
    const ID: &'static str = "";
    type Input = Value;
    type Output = Value;
}

#[cfg(feature = "realtime")]
impl<S, R> fal_core::Realtime for Messages<S, R>
where
    S: serde::Serialize + Send + 'static,
    R: serde::de::DeserializeOwned + Send + 'static,
{
    type Send = S;
    type Receive = R;
}

/// The input of an endpoint that has no crate, from [`input`].
///
/// `Debug` prints at most 2,000 bytes, with encoded files counted and secrets hidden.
#[derive(Clone, PartialEq)]
pub struct Input {
    endpoint_id: String,
    parameters: Parameters,
}

/// The parameters of an input as JSON, with the local files in it.
///
/// `Debug` prints at most 2,000 bytes, with encoded files counted and secrets hidden.
#[derive(Clone, PartialEq, Default)]
pub struct Parameters {
    json: Value,
    /// The places of files, and the files.
    files: Vec<(String, File)>,
}

impl fmt::Debug for Parameters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (json, files) = (&self.json, &self.files);
        match files.as_slice() {
            [] => Shown::new(json, MAX_DEBUG).fmt(f),
            _ => Shown::new(&(json, files), MAX_DEBUG).fmt(f),
        }
    }
}

impl fmt::Debug for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fields: [(_, &dyn fmt::Debug); 2] =
            [("endpoint_id", &self.endpoint_id), ("parameters", &self.parameters)];
        fmt_struct(f, &Secrets::default(), "Input", &fields)
    }
}

/// Creates an input for the endpoint `endpoint_id`, such as `my-user/my-app` or `fal-ai/flux/dev`. The URL of a model's
/// page is one too, and that of its calls.
///
/// Nothing is checked before it is sent.
pub fn input(endpoint_id: impl Into<String>, parameters: Value) -> Input {
    Input { endpoint_id: without_url(endpoint_id.into()), parameters: parameters.into() }
}

impl Input {
    /// Puts a file into the JSON, which is uploaded when the request is sent, or sent inside it with
    /// [`File::inline`].
    ///
    /// `place` is the name of a parameter, or a JSON Pointer such as `/layers/0/mask_url`. Its last part may be new; `-`
    /// appends to a list, which is created if there is none. A place that the JSON does not have is an `Encode` error of
    /// the call.
    #[must_use]
    pub fn file(mut self, place: impl Into<String>, file: impl Into<File>) -> Self {
        self.parameters.files.push((place.into(), file.into()));
        self
    }
}

impl Parameters {
    /// Returns the JSON, with the URLs of its files.
    fn to_json(&self) -> Result<Value, String> {
        let mut json = self.json.clone();
        for (place, file) in &self.files {
            let url = file.as_url().ok_or("a local file has no URL before it is uploaded")?;
            insert(&mut json, place, url)?;
        }
        Ok(json)
    }
}

impl From<Value> for Parameters {
    fn from(json: Value) -> Self {
        Self { json, files: Vec::new() }
    }
}

impl fal_core::Parameters for Parameters {
    fn visit_files(&mut self, visit: &mut dyn FnMut(&mut File)) {
        for (_, file) in &mut self.files {
            visit(file);
        }
    }

    fn check(&self, _: &mut fal_core::Check) {}
}

impl Serialize for Parameters {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.files.is_empty() {
            return self.json.serialize(serializer);
        }
        self.to_json().map_err(S::Error::custom)?.serialize(serializer)
    }
}

/// Sets a value at the name of a parameter, or at a JSON Pointer; fails with the reason.
fn insert(json: &mut Value, place: &str, url: &str) -> Result<(), String> {
    let pointer = match place.strip_prefix('/') {
        Some(pointer) => pointer,
        None => &place.replace('~', "~0").replace('/', "~1"),
    };
    let missing = |part: &str| {
        format!("no file can be put at `{}`: there is no `{}`", place.escape_debug(), part.escape_debug())
    };
    let (parents, last) = pointer.rsplit_once('/').map_or((None, pointer), |(head, last)| (Some(head), last));
    let mut parent = json;
    let mut parts = parents.into_iter().flat_map(|head| head.split('/')).peekable();
    while let Some(part) = parts.next() {
        let part = unescape(part);
        let is_list = parts.peek().is_none() && last == "-";
        parent = match parent {
            Value::Object(object) => match object.entry(part.clone()) {
                Entry::Occupied(entry) => entry.into_mut(),
                Entry::Vacant(entry) if is_list => entry.insert(Value::Array(Vec::new())),
                Entry::Vacant(_) => return Err(missing(&part)),
            },
            Value::Array(items) => {
                let item = part.parse().ok().and_then(|index: usize| items.get_mut(index));
                item.ok_or_else(|| missing(&part))?
            }
            _ => return Err(missing(&part)),
        };
    }
    let last = unescape(last);
    match parent {
        Value::Null => *parent = Value::Object([(last, url.into())].into_iter().collect()),
        Value::Object(object) => {
            object.insert(last, url.into());
        }
        Value::Array(items) if last == "-" => items.push(url.into()),
        Value::Array(items) => {
            let item = last.parse().ok().and_then(|index: usize| items.get_mut(index));
            *item.ok_or_else(|| missing(&last))? = url.into();
        }
        _ => return Err(missing(&last)),
    }
    Ok(())
}

/// Decodes a part of a JSON Pointer.
fn unescape(part: &str) -> String {
    part.replace("~1", "/").replace("~0", "~")
}

impl IntoInput for Input {
    type Endpoint = Any;

    fn into_input(self) -> Parameters {
        self.parameters
    }

    fn endpoint_id(&self) -> Cow<'static, str> {
        Cow::Owned(self.endpoint_id.clone())
    }
}

/// The input of a workflow, from [`workflow`].
#[derive(Debug, Clone, PartialEq)]
pub struct WorkflowInput(Input);

/// Creates an input for a workflow, such as `workflows/acme/poster`.
///
/// Nothing is checked before it is sent.
pub fn workflow(endpoint_id: impl Into<String>, parameters: Value) -> WorkflowInput {
    WorkflowInput(input(endpoint_id, parameters))
}

impl WorkflowInput {
    /// Puts a file into the JSON, like [`Input::file`].
    #[must_use]
    pub fn file(self, place: impl Into<String>, file: impl Into<File>) -> Self {
        Self(self.0.file(place, file))
    }
}

impl IntoInput for WorkflowInput {
    type Endpoint = Workflow;

    fn into_input(self) -> Parameters {
        self.0.parameters
    }

    fn endpoint_id(&self) -> Cow<'static, str> {
        self.0.endpoint_id()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn with_file(json: Value, place: &str) -> Result<Value, String> {
        input("a/b", json).file(place, File::url("u")).parameters.to_json()
    }

    #[test]
    fn files_are_put_at_names_and_pointers() {
        let table = [
            (json!({"prompt": "a"}), "image_url", json!({"prompt": "a", "image_url": "u"})),
            (json!({"image_url": null}), "/image_url", json!({"image_url": "u"})),
            (json!({"a": [{}, {"b": 1}]}), "/a/1/b", json!({"a": [{}, {"b": "u"}]})),
            (json!({"a": ["x", "y"]}), "/a/1", json!({"a": ["x", "u"]})),
            (json!({"a": ["x"]}), "/a/-", json!({"a": ["x", "u"]})),
            (json!({}), "/a/-", json!({"a": ["u"]})),
            (json!({"a/b": {"~": 1}}), "/a~1b/~0", json!({"a/b": {"~": "u"}})),
            (json!({}), "a/b", json!({"a/b": "u"})),
            (json!({}), "~1", json!({"~1": "u"})),
            (Value::Null, "image_url", json!({"image_url": "u"})),
            (json!({}), "/", json!({"": "u"})),
        ];
        for (json, place, expected) in table {
            assert_eq!(with_file(json, place).unwrap(), expected, "{place}");
        }
    }

    #[test]
    fn places_that_the_json_does_not_have_are_refused() {
        for (json, place, part) in [
            (json!({}), "/a/b", "`a`"),
            (json!({"a": []}), "/a/0", "`0`"),
            (json!({"a": []}), "/a/-/b", "`-`"),
            (json!({"a": [1]}), "/a/x", "`x`"),
            (json!({"a": "text"}), "/a/b", "`b`"),
            (json!([]), "image_url", "`image_url`"),
            (json!("text"), "image_url", "`image_url`"),
        ] {
            let error = with_file(json, place).unwrap_err();
            assert!(error.contains(place) && error.ends_with(part), "{error}");
        }
        assert!(input("a/b", json!({})).file("x", File::path("y")).parameters.to_json().is_err());
    }
}
