//! Calls of endpoints that have no crate, with JSON or types of your own in and out.
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
//! Types of your own take the place of JSON in every call: any `Serialize` goes in, with local [`File`]s at any depth, and any
//! `Deserialize` comes out.
//!
//! ```no_run
//! use fal_client::{Client, File, untyped};
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Serialize)]
//! struct Request {
//!     image_url: File,
//!     scale: u32,
//! }
//!
//! #[derive(Deserialize)]
//! struct Answer {
//!     area: f64,
//! }
//!
//! # async fn example(client: Client) -> fal_client::Result<()> {
//! let request = Request { image_url: File::path("cat.png"), scale: 4 };
//! let input = untyped::input("my-user/my-app", request).with_output::<Answer>();
//! println!("{}", client.subscribe(input).await?.area);
//! # Ok(())
//! # }
//! ```
//!
//! An app that is called in many places is an [`endpoint!`](crate::endpoint) of its own.
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

use std::{borrow::Cow, convert::Infallible, fmt, marker::PhantomData};

use fal_core::{Endpoint, File, IntoInput, Streams, collect_local_files};
use serde::{Serialize, Serializer, de::DeserializeOwned, ser::Error as _};
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

/// Any endpoint whose output is an `O` and whose events are `V`s, which serde reads. Its inputs, jobs and tickets carry its
/// id.
#[derive(Debug)]
pub struct Typed<O, V = Value>(Infallible, PhantomData<fn() -> (O, V)>);

impl<O: DeserializeOwned + Send + 'static, V: 'static> Endpoint for Typed<O, V> {
    const ID: &'static str = "";
    type Input = Parameters;
    type Output = O;
}

impl<O, V> Streams for Typed<O, V>
where
    O: DeserializeOwned + Send + 'static,
    V: DeserializeOwned + Send + 'static,
{
    type Event = V;
}

/// Any endpoint with realtime messages: takes messages of type `S` and sends messages of type `R`.
#[cfg(feature = "realtime")]
#[derive(Debug)]
pub struct Messages<S, R>(Infallible, PhantomData<fn(S) -> R>);

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
    /// The reason why a value of the caller could not be written as JSON.
    invalid: Option<String>,
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
/// The parameters are JSON, or anything that serde can write. Local [`File`]s in it are uploaded when the request is sent.
/// Nothing else is checked before; a value that cannot be written is an `Encode` error of the call.
#[doc(alias = "arguments")]
pub fn input(endpoint_id: impl Into<String>, parameters: impl Serialize) -> Input {
    let parameters = Parameters::new(&parameters);
    Input { endpoint_id: without_url(endpoint_id.into()), parameters }
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

impl Input {
    /// Gives the output a type of your own, in place of JSON.
    #[must_use]
    pub fn with_output<O>(self) -> TypedInput<O> {
        TypedInput { input: self, types: PhantomData }
    }
}

/// The input of an endpoint that has no crate, with an output of type `O` and, if it streams, events of type `V`. From
/// [`Input::with_output`].
pub struct TypedInput<O, V = Value> {
    input: Input,
    types: PhantomData<fn() -> (O, V)>,
}

impl<O, V> TypedInput<O, V> {
    /// Puts a file into the JSON, like [`Input::file`].
    #[must_use]
    pub fn file(self, place: impl Into<String>, file: impl Into<File>) -> Self {
        Self { input: self.input.file(place, file), types: PhantomData }
    }

    /// Gives the events of a stream a type of your own, in place of JSON.
    #[must_use]
    pub fn with_events<W>(self) -> TypedInput<O, W> {
        TypedInput { input: self.input, types: PhantomData }
    }
}

impl<O, V> IntoInput for TypedInput<O, V>
where
    O: DeserializeOwned + Send + 'static,
    V: 'static,
{
    type Endpoint = Typed<O, V>;

    fn into_input(self) -> Parameters {
        self.input.parameters
    }

    fn endpoint_id(&self) -> Cow<'static, str> {
        self.input.endpoint_id()
    }
}

impl<O, V> Clone for TypedInput<O, V> {
    fn clone(&self) -> Self {
        Self { input: self.input.clone(), types: PhantomData }
    }
}

impl<O, V> fmt::Debug for TypedInput<O, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.input.fmt(f)
    }
}

impl Parameters {
    /// Writes a value as JSON, and takes the local files out of it.
    fn new(value: &impl Serialize) -> Self {
        let (json, local) = collect_local_files(|| serde_json::to_value(value));
        let mut json = match json {
            Ok(json) => json,
            Err(error) => return Self { invalid: Some(error.to_string()), ..Self::default() },
        };
        let mut files = Vec::with_capacity(local.len());
        if !local.is_empty() {
            take_files(&mut json, &mut String::new(), &local, &mut files);
        }
        Self { json, files, invalid: None }
    }

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
        Self { json, files: Vec::new(), invalid: None }
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
        if let Some(why) = &self.invalid {
            return Err(S::Error::custom(why));
        }
        if self.files.is_empty() {
            return self.json.serialize(serializer);
        }
        self.to_json().map_err(S::Error::custom)?.serialize(serializer)
    }
}

/// Replaces the texts of local files by null, and adds the files with their JSON Pointers.
fn take_files(
    json: &mut Value,
    pointer: &mut String,
    local: &[(String, File)],
    files: &mut Vec<(String, File)>,
) {
    let length = pointer.len();
    let mut visit = |name: &str, json: &mut Value| {
        pointer.push('/');
        pointer.push_str(&name.replace('~', "~0").replace('/', "~1"));
        take_files(json, pointer, local, files);
        pointer.truncate(length);
    };
    match json {
        Value::Object(object) => object.iter_mut().for_each(|(name, value)| visit(name, value)),
        Value::Array(items) => {
            items.iter_mut().enumerate().for_each(|(index, value)| visit(&index.to_string(), value));
        }
        Value::String(text) => {
            if let Some((_, file)) = local.iter().find(|(mark, _)| mark == text) {
                files.push((pointer.clone(), file.clone()));
                *json = Value::Null;
            }
        }
        _ => {}
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
pub fn workflow(endpoint_id: impl Into<String>, parameters: impl Serialize) -> WorkflowInput {
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
    fn local_files_are_taken_out_of_values_of_any_type() {
        #[derive(Serialize)]
        struct Layer {
            mask_url: File,
        }
        #[derive(Serialize)]
        struct Request<'a> {
            prompt: &'a str,
            image_url: Option<File>,
            layers: Vec<Layer>,
            other: File,
        }
        let request = Request {
            prompt: "fal-local-file",
            image_url: Some(File::path("cat.png")),
            layers: vec![Layer { mask_url: File::bytes(b"m", "image/png") }],
            other: File::url("https://x/y"),
        };
        let Parameters { json, files, .. } = input("a/b", &request).parameters;
        let expected = json!({
            "prompt": "fal-local-file", "image_url": null, "layers": [{ "mask_url": null }], "other": "https://x/y",
        });
        assert_eq!(json, expected);
        let places: Vec<_> = files.iter().map(|(place, _)| place.as_str()).collect();
        assert_eq!(places, ["/image_url", "/layers/0/mask_url"]);
        // Outside of an input they cannot be written, as before.
        assert!(serde_json::to_value(&request).is_err());
        let unwritable = std::collections::BTreeMap::from([((1, 2), 3)]);
        let error = serde_json::to_string(&input("a/b", unwritable).parameters).unwrap_err();
        assert!(error.to_string().contains("key must be a string"), "{error}");
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
