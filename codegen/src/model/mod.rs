//! Stage 3: a model of endpoints and the types of their inputs and outputs.
//!
//! The model is independent of Rust and of OpenAPI. It has no `$ref`, no `allOf` and no union with null: each
//! property has one [`Type`] and a flag for null. Objects have names and types refer to them by name, so that
//! types can be recursive.

mod defaults;
mod members;
mod one_of;
mod operation;
mod overlaps;
mod pattern;
mod resolver;
mod routes;
mod type_graph;
mod types;

use serde_json::Value;

use crate::normalize::requirements::Requirement;

pub(crate) use members::listed_values;
pub use pattern::Pattern;
pub(crate) use routes::{OPENS_SESSION, is_openai_stream, read_routes};
pub use routes::{Routes, SkippedRoute};
pub use type_graph::TypeGraph;

/// An endpoint: a model that can be called.
#[derive(Debug, Clone)]
pub struct Endpoint {
    /// The file of the document that describes it, as the caller named it.
    pub file: String,
    /// The id, such as `fal-ai/flux/dev`.
    pub id: String,
    /// The display name.
    pub title: String,
    /// The description.
    pub description: String,
    /// The category, such as `text-to-image`.
    pub category: Option<String>,
    /// The day on which fal published it, such as `2025-06-04`.
    pub date: Option<String>,
    /// The types of the input.
    pub input: TypeGraph,
    /// The types of the output.
    pub output: TypeGraph,
    /// The types of an event of the stream, if the endpoint streams.
    pub event: Option<TypeGraph>,
    /// `true` if inputs and outputs are messages over one connection.
    pub realtime: bool,
    /// The protocol of the session whose messages these are. No call reaches such an endpoint.
    pub session: Option<String>,
    /// `true` if the endpoint is in fal's catalogue, which has a page about it.
    pub is_published: bool,
    /// `true` if the endpoint may stop to be served.
    pub deprecated: bool,
}

/// The direction of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    /// To the service. Users build such values, so they have builders and checks.
    Input,
    /// From the service. Such values are only read, so they keep what is newer than the schema.
    Output,
}

impl Direction {
    /// Returns true for [`Direction::Input`].
    #[must_use]
    pub fn is_input(self) -> bool {
        self == Self::Input
    }
}

/// An object with named properties.
#[derive(Debug, Clone, PartialEq)]
pub struct Object {
    /// The name of the component.
    pub name: String,
    /// The description.
    pub description: String,
    /// The properties, in fal's order.
    pub properties: Vec<Property>,
    /// The properties that it does not describe.
    pub others: Others,
    /// `true` if the values of those properties are secrets.
    pub secret_others: bool,
    /// The rules about the properties that it has together. Those of outputs are not kept.
    pub requirements: Vec<Requirement>,
}

/// The properties of an object that its schema does not describe one by one.
#[derive(Debug, Clone, PartialEq)]
pub enum Others {
    /// The schema does not mention them. They are not read.
    Ignored,
    /// They are not allowed.
    Refused,
    /// They have a type, and are kept.
    Kept(Item),
}

impl Others {
    /// Returns the kept properties of any type.
    pub(crate) fn any() -> Self {
        Self::Kept(Item { ty: Type::Any, nullable: false })
    }

    /// Returns the type of kept properties.
    pub(crate) fn kept(&self) -> Option<&Item> {
        match self {
            Self::Kept(item) => Some(item),
            Self::Ignored | Self::Refused => None,
        }
    }
}

/// A property of an object.
#[derive(Debug, Clone, PartialEq)]
pub struct Property {
    /// The name in JSON.
    pub name: String,
    /// The description, which may be empty, if there is one.
    pub description: Option<String>,
    /// The type of the values.
    pub ty: Type,
    /// `true` if `null` is allowed.
    pub nullable: bool,
    /// `true` if the property has to be present.
    pub required: bool,
    /// The value that the service uses if the property is absent.
    pub default: Option<Value>,
    /// Example values of the document.
    pub examples: Vec<Value>,
    /// `true` if the property is deprecated.
    pub deprecated: bool,
    /// The only value of a property that identifies the object, and is therefore written without being asked for.
    pub constant: Option<Value>,
    /// The limits of the files or image sizes in the property (`x-fal`). Null if there are none.
    pub limits: FileLimits,
    /// `true` if values are secrets (`format: password`), or are never sent back (`writeOnly`).
    pub secret: bool,
    /// The `format` of a string, such as `date-time`, if there is one.
    pub format: Option<String>,
}

/// The type of a value.
#[derive(Debug, Clone, PartialEq)]
pub enum Type {
    /// A string.
    Text(Text),
    /// A string with the URL of a file.
    File(Text, FileLimits),
    /// An integer.
    Integer(Bounds<i64>),
    /// An integer with bounds that may be larger than `i64::MAX`.
    WideInteger(Bounds<i128>),
    /// A floating-point number.
    Number(Bounds<f64>),
    /// One of several floating-point numbers.
    NumberEnum(Vec<f64>),
    /// `true` or `false`.
    Boolean,
    /// The boolean that is the only one allowed.
    BooleanConstant(bool),
    /// `null`.
    Null,
    /// One of several strings, and the name that the document gives the enum, if any.
    TextEnum(Vec<String>, Option<ComponentName>),
    /// One of several integers, and the name that the document gives the enum, if any.
    IntegerEnum(Vec<i64>, Option<ComponentName>),
    /// An object, by its name in [`TypeGraph::objects`].
    Object(String),
    /// An object with arbitrary keys.
    Map(Box<Item>, Entries),
    /// A list.
    List(Box<Item>, List),
    /// A list with a type for each of its first positions.
    Tuple(Tuple),
    /// A value of one of several types, and the name that the document gives the union, if any.
    Union(Vec<Type>, Option<ComponentName>),
    /// One of several objects, identified by the value of a property. Holds the name of the property, the objects with
    /// its values, and the name that the document gives the union, if any.
    Tagged(String, Vec<Member>, Option<ComponentName>),
    /// Any value.
    Any,
}

/// The name of an enum or a union that is a component of the document, so that several properties can have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ComponentName {
    /// The name of the component.
    pub name: String,
    /// The description of the component.
    pub description: String,
}

/// A member of a union that is identified by the value of a property.
#[derive(Debug, Clone, PartialEq)]
pub struct Member {
    /// The values of the property. Never empty.
    pub tags: Vec<String>,
    /// The object, by its name in [`TypeGraph::objects`].
    pub object: String,
    /// `true` if the union writes the property, because the object does not.
    pub writes_tag: bool,
}

/// The type of the items of a list, a map or a tuple.
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    /// The type of the values.
    pub ty: Type,
    /// `true` if `null` is allowed.
    pub nullable: bool,
}

/// A list with a type for each of its first positions.
#[derive(Debug, Clone, PartialEq)]
pub struct Tuple {
    /// The types of the first positions.
    pub items: Vec<Item>,
    /// The number of items that have to be present.
    pub required: usize,
    /// The type and the number of the items after the first ones, if there may be more.
    pub rest: Option<(Box<Item>, Length)>,
}

impl Tuple {
    /// Returns all types of items.
    pub fn types(&self) -> impl Iterator<Item = &Type> {
        self.items.iter().chain(self.rest.as_ref().map(|(item, _)| &**item)).map(|item| &item.ty)
    }

    /// Returns true if the number of items is fixed.
    #[must_use]
    pub fn is_fixed(&self) -> bool {
        self.required == self.items.len() && self.rest.is_none()
    }
}

/// The bounds of a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds<T> {
    /// The lower bound.
    pub min: Option<T>,
    /// `true` if the lower bound is exclusive.
    pub above_min: bool,
    /// The upper bound.
    pub max: Option<T>,
    /// `true` if the upper bound is exclusive.
    pub below_max: bool,
    /// The number that every value has to be a multiple of.
    pub multiple_of: Option<T>,
}

impl<T: PartialEq> Bounds<T> {
    /// Returns true if every number is allowed.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.min.is_none() && self.max.is_none() && self.multiple_of.is_none()
    }
}

/// The constraints of a string.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Text {
    /// The length in characters.
    pub length: Length,
    /// A regular expression that has to match somewhere in the string.
    pub pattern: Option<Pattern>,
}

impl Text {
    /// Returns the pattern, if values are checked against it.
    #[must_use]
    pub fn checked_pattern(&self) -> Option<&Pattern> {
        self.pattern.as_ref().filter(|pattern| pattern.is_checked())
    }
}

/// The constraints of a list.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct List {
    /// The number of items.
    pub length: Length,
    /// `true` if items must not repeat.
    pub unique: bool,
}

/// The constraints of an object with arbitrary keys.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Entries {
    /// The number of keys.
    pub length: Length,
    /// The constraints of every key.
    pub keys: Keys,
}

/// The keys that an object allows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Keys {
    /// Strings with these constraints.
    Text(Text),
    /// One of several strings.
    OneOf(Vec<String>),
}

impl Entries {
    /// Returns true if every object is allowed.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.length.is_open() && self.keys.is_open()
    }
}

impl Keys {
    /// Returns true if every key is allowed, or keys are not checked.
    #[must_use]
    pub fn is_open(&self) -> bool {
        match self {
            Self::Text(text) => text.length.is_open() && text.checked_pattern().is_none(),
            Self::OneOf(_) => false,
        }
    }
}

impl Default for Keys {
    fn default() -> Self {
        Self::Text(Text::default())
    }
}

/// The `x-fal` extension with the limits of a file, as fal publishes it.
pub type FileLimits = Value;

/// The bounds of the length of a string, in Unicode scalar values, or of a list.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Length {
    /// The minimum length.
    pub min: Option<usize>,
    /// The maximum length.
    pub max: Option<usize>,
}

impl Length {
    /// Returns true if every length is allowed.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.min.unwrap_or(0) == 0 && self.max.is_none()
    }

    /// Returns true if no length is allowed.
    pub(crate) fn is_empty(&self) -> bool {
        self.max.is_some_and(|max| self.min.unwrap_or(0) > max)
    }

    /// Returns true if a length is allowed.
    pub(crate) fn allows(&self, length: usize) -> bool {
        self.min.is_none_or(|min| length >= min) && self.max.is_none_or(|max| length <= max)
    }
}
