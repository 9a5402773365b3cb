//! Stage 3, mean: what an endpoint takes and gives. Knows neither Rust nor JSON text.
//!
//! No `$ref`, `allOf` or union with null is left here: a property has one [`Type`], and says whether it
//! may be null. Objects are named, and a type refers to them by name, so that recursion is possible.

mod paths;
mod resolve;
mod types;

use indexmap::IndexMap;
use serde_json::Value;

pub use paths::{Routes, routes};

/// One callable model.
#[derive(Debug, Clone)]
pub struct Endpoint {
    /// The document that describes it, as the caller named it.
    pub file: String,
    /// Its id, such as `fal-ai/flux/dev`.
    pub id: String,
    /// The name for people.
    pub title: String,
    /// What it does.
    pub description: String,
    /// Such as `text-to-image`.
    pub category: Option<String>,
    /// What it takes.
    pub input: Side,
    /// What it gives.
    pub output: Side,
    /// One event of its stream, if it has one.
    pub event: Option<Side>,
    /// Whether it exchanges its input and output over one connection.
    pub realtime: bool,
}

/// The direction that a value travels in.
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

/// The types of one direction.
#[derive(Debug, Clone, PartialEq)]
pub struct Side {
    /// The whole of the input or output. An object in all but a few documents.
    pub root: Type,
    /// Every object that can be reached from the root, by component name.
    pub objects: IndexMap<String, Object>,
    /// JSON pointers of constructs that are [`Type::Any`] because there is no type for them here.
    pub untyped: Vec<String>,
    /// What is odd in the document and was read by a rule, with JSON pointers.
    pub oddities: Vec<String>,
}

/// An object with named properties.
#[derive(Debug, Clone, PartialEq)]
pub struct Object {
    /// The name of the component.
    pub name: String,
    /// What it is.
    pub description: String,
    /// Its properties, in fal's own order.
    pub properties: Vec<Property>,
    /// Whether it allows no others.
    pub closed: bool,
}

/// A property of an object.
#[derive(Debug, Clone, PartialEq)]
pub struct Property {
    /// Its name on the wire.
    pub name: String,
    /// What it means.
    pub description: String,
    /// What its values are.
    pub ty: Type,
    /// Whether `null` is a value.
    pub nullable: bool,
    /// Whether it must be given.
    pub required: bool,
    /// What the service takes when it is not given.
    pub default: Option<Value>,
    /// Values that the document shows.
    pub examples: Vec<Value>,
    /// Whether it should not be used any more.
    pub deprecated: bool,
}

/// A kind of value.
#[derive(Debug, Clone, PartialEq)]
pub enum Type {
    /// A text.
    Text(Text),
    /// A text that holds the URL of a file.
    File(Text, FileLimits),
    /// An integer.
    Integer(Bounds<i64>),
    /// A floating-point number.
    Number(Bounds<f64>),
    /// `true` or `false`.
    Boolean,
    /// One of some texts.
    TextEnum(Vec<String>),
    /// One of some integers.
    IntegerEnum(Vec<i64>),
    /// An object, by its name in [`Side::objects`].
    Object(String),
    /// An object whose names are values.
    Map(Box<Item>),
    /// A list.
    List(Box<Item>, List),
    /// A list whose every position has a type of its own.
    Tuple(Vec<Item>),
    /// One of several kinds.
    Union(Vec<Type>),
    /// One of several objects, told apart by the value of one property.
    Tagged(String, Vec<(String, Type)>),
    /// Anything.
    Any,
}

/// What stands in a list, a map or a tuple.
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    /// What its values are.
    pub ty: Type,
    /// Whether `null` is a value.
    pub nullable: bool,
}

/// Bounds of a number.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bounds<T> {
    /// The least value.
    pub min: Option<T>,
    /// Whether the least value itself is refused.
    pub above_min: bool,
    /// The greatest value.
    pub max: Option<T>,
    /// Whether the greatest value itself is refused.
    pub below_max: bool,
    /// What every value is a multiple of.
    pub multiple_of: Option<T>,
}

impl<T: PartialEq> Bounds<T> {
    /// Whether every number is allowed.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.min.is_none() && self.max.is_none() && self.multiple_of.is_none()
    }
}

/// What a text must be.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Text {
    /// How long it is.
    pub length: Length,
    /// A regular expression that matches somewhere in it.
    pub pattern: Option<String>,
}

/// What a list must be.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct List {
    /// How long it is.
    pub length: Length,
    /// Whether no item may occur twice.
    pub unique: bool,
}

/// fal's `x-fal` limits of a file, as published.
pub type FileLimits = Value;

/// Bounds of the length of a text (in Unicode scalar values) or a list.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Length {
    /// The least length.
    pub min: Option<usize>,
    /// The greatest length.
    pub max: Option<usize>,
}

impl Length {
    /// Whether every length is allowed.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.min.unwrap_or(0) == 0 && self.max.is_none()
    }
}
