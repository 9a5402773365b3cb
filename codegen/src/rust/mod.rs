//! Stage 4, plan: the model with Rust decided. Names are the last decision, made here and nowhere else.
//!
//! Objects that fal names are one type a crate, in its `types` module; what a parameter alone defines
//! (its enum, its range) belongs to the module of its endpoint, because fal changes it there alone.

mod alike;
mod cycles;
mod fields;
mod known;
pub mod names;
mod plan;
mod rules;
pub(crate) mod schemas;
mod shapes;
mod unions;
mod values;

pub(crate) use plan::plan;
pub use values::{length, range};

use serde_json::Value;

use crate::model::Direction;

/// A crate of generated bindings.
#[derive(Debug, Clone)]
pub struct Crate {
    /// Its package name, such as `fal-flux`.
    pub name: String,
    /// The `owner/alias` it covers.
    pub app: String,
    /// What the family is.
    pub title: String,
    /// The file that says what belongs to it, if one does.
    pub source: Option<String>,
    /// The modules; the root is the crate's own and has an endpoint if the app itself is one.
    pub root: Module,
    /// The types that endpoints share.
    pub types: Vec<Item>,
}

impl Crate {
    /// The name under which Rust code uses it.
    #[must_use]
    pub fn lib_name(&self) -> String {
        self.name.replace('-', "_")
    }
}

/// A module, one a segment of an endpoint id.
#[derive(Debug, Clone, Default)]
pub struct Module {
    /// Its path inside the crate. Empty for the root.
    pub path: Vec<String>,
    /// The endpoint id, or the part of one, that the module stands for.
    pub id: String,
    /// The endpoint itself, if the segments make up one.
    pub endpoint: Option<Endpoint>,
    /// The modules inside.
    pub children: Vec<Module>,
}

/// What is generated for one endpoint.
#[derive(Debug, Clone)]
pub struct Endpoint {
    /// The document, for the first line of the file.
    pub file: String,
    /// Its id.
    pub id: String,
    /// The name for people.
    pub title: String,
    /// What it does.
    pub description: String,
    /// Such as `text-to-image`.
    pub category: Option<String>,
    /// Its parameters.
    pub input: Struct,
    /// Types that only the parameters use.
    pub input_types: Vec<Item>,
    /// What it gives.
    pub output: Output,
    /// Types that only the output uses.
    pub output_types: Vec<Item>,
    /// One event of its stream, if it has one. `Output` where that is the same.
    pub event: Option<Output>,
    /// Types that only the event uses.
    pub event_types: Vec<Item>,
    /// Whether it exchanges its input and output over one connection.
    pub realtime: bool,
    /// Shared types that the module offers again under its own path.
    pub shared: Vec<String>,
}

/// What an endpoint gives.
#[derive(Debug, Clone)]
pub enum Output {
    /// An object of its own.
    Struct(Struct),
    /// Something else, which needs no type of its own.
    Alias(Ty),
}

/// A type with a name.
#[derive(Debug, Clone, PartialEq)]
pub enum Item {
    /// A struct.
    Struct(Struct),
    /// An enum of texts.
    TextEnum(TextEnum),
    /// An enum of integers.
    IntegerEnum(IntegerEnum),
    /// One of several kinds.
    Union(Union),
    /// A number with bounds.
    Number(Number),
    /// A rule for a length, which has no type of its own.
    Length(LengthRule),
}

impl Item {
    /// The name of the type. A rule has none.
    pub(crate) fn name(&self) -> Option<&str> {
        match self {
            Self::Struct(item) => Some(&item.ident),
            Self::TextEnum(item) => Some(&item.ident),
            Self::IntegerEnum(item) => Some(&item.ident),
            Self::Union(item) => Some(&item.ident),
            Self::Number(item) => Some(&item.ident),
            Self::Length(_) => None,
        }
    }
}

/// A Rust type, as it stands in a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ty {
    /// `String`
    Text,
    /// `File`
    File,
    /// `i64`
    Integer,
    /// `f64`
    Number,
    /// `bool`
    Boolean,
    /// `Value`
    Json,
    /// A type of the module or a shared one.
    Named(String),
    /// `Vec<T>`
    List(Box<Ty>),
    /// `BTreeMap<String, T>`
    Map(Box<Ty>),
    /// `(A, B)`
    Tuple(Vec<Ty>),
    /// `Option<T>`
    Option(Box<Ty>),
    /// `Box<T>`, where a type would contain itself.
    Boxed(Box<Ty>),
}

/// A struct.
#[derive(Debug, Clone, PartialEq)]
pub struct Struct {
    /// Its name.
    pub ident: String,
    /// The name that fal gives it.
    pub component: String,
    /// What it is.
    pub description: String,
    /// Its fields, in fal's own order.
    pub fields: Vec<Field>,
    /// The direction it travels in. A struct of an input has a builder and checks.
    pub direction: Direction,
    /// Whether it allows no other fields.
    pub closed: bool,
    /// How messages name it: the endpoint id, or a shared type and its app.
    pub owner: String,
    /// The type of `fal_core::media` that is the same and stands for it.
    pub known: Option<&'static str>,
}

/// A field of a struct.
#[derive(Debug, Clone, PartialEq)]
pub struct Field {
    /// Its Rust name.
    pub ident: String,
    /// Its name on the wire.
    pub wire: String,
    /// What it means.
    pub description: String,
    /// Facts for its docs: default, range, allowed values.
    pub facts: Vec<String>,
    /// Its type, without what `presence` adds.
    pub ty: Ty,
    /// Whether and how it may be missing.
    pub presence: Presence,
    /// What is checked of its value at run time.
    pub rule: Rule,
    /// Whether its value holds files.
    pub files: bool,
    /// Whether `null` is a value.
    pub nullable: bool,
    /// Whether it should not be used any more.
    pub deprecated: bool,
    /// Whether it must be there.
    pub required: bool,
    /// A value that the document shows, for examples in docs.
    pub example: Option<Value>,
    /// Its JSON Schema; where another generated type belongs, `{"$type": <name>}`.
    pub schema: Value,
}

/// Whether and how a field may be missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// `T`
    Required,
    /// `Option<T>`
    Optional,
    /// `Option<Nullable<T>>`: leaving it out, and null, mean different things.
    TriState,
}

/// What is checked of a value at run time, because its type allows more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rule {
    /// Nothing.
    Free,
    /// Of a text.
    Text {
        /// The marker of its length.
        length: Option<String>,
        /// A regular expression, and what breaking it says.
        pattern: Option<(String, String)>,
    },
    /// Of the length of a file's URL, by its marker.
    File(String),
    /// Of a list.
    List {
        /// The marker of its length.
        length: Option<String>,
        /// What an item that occurs twice says.
        unique: Option<String>,
        /// Of each item.
        items: Box<Rule>,
    },
    /// Of each value of a map.
    Map(Box<Rule>),
    /// Of a value that may be null, where it is not.
    Null(Box<Rule>),
    /// Its own.
    Own,
}

/// A rule for the length of a text or list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LengthRule {
    /// The name of its marker type.
    pub marker: String,
    /// The least length.
    pub min: usize,
    /// The greatest length.
    pub max: Option<usize>,
    /// What breaking it says.
    pub message: String,
}

/// An enum of texts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextEnum {
    /// Its name.
    pub ident: String,
    /// Which parameter or field it belongs to.
    pub description: String,
    /// Names and wire values.
    pub variants: Vec<(String, String)>,
    /// Whether values that are not listed are kept.
    pub open: bool,
    /// What a literal that is none of them says.
    pub message: String,
}

/// An enum of integers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IntegerEnum {
    /// Its name.
    pub ident: String,
    /// Which parameter or field it belongs to.
    pub description: String,
    /// Names and wire values.
    pub variants: Vec<(String, i64)>,
    /// What a literal that is none of them says.
    pub message: String,
}

/// One of several kinds.
#[derive(Debug, Clone, PartialEq)]
pub struct Union {
    /// Its name.
    pub ident: String,
    /// Which parameter or field it belongs to.
    pub description: String,
    /// Its variants.
    pub variants: Vec<Variant>,
    /// The property that says which variant a value is, if one does.
    pub tag: Option<String>,
    /// The direction it travels in. A union of an output keeps values that no variant takes as they are.
    pub direction: Direction,
    /// What a literal that is none of its texts says.
    pub message: String,
    /// The type of `fal_core::media` that is the same and stands for it.
    pub known: Option<&'static str>,
}

/// A variant of a union.
#[derive(Debug, Clone, PartialEq)]
pub struct Variant {
    /// Its name.
    pub ident: String,
    /// What it is.
    pub description: String,
    /// What it stands for.
    pub kind: VariantKind,
}

/// What a variant of a union stands for.
#[derive(Debug, Clone, PartialEq)]
pub enum VariantKind {
    /// One text.
    Text(String),
    /// A value of a type.
    Value {
        /// The type.
        ty: Ty,
        /// The value of the union's tag that says so.
        tag: Option<String>,
        /// What is checked of it at run time.
        rule: Rule,
        /// Whether it holds files.
        files: bool,
        /// Its JSON Schema; where another generated type belongs, `{"$type": <name>}`.
        schema: Value,
    },
}

/// A number with bounds.
#[derive(Debug, Clone, PartialEq)]
pub struct Number {
    /// Its name, and that of its marker type.
    pub ident: String,
    /// Which parameter it belongs to.
    pub description: String,
    /// Its bounds.
    pub bounds: Bounds,
    /// What breaking them says.
    pub message: String,
}

/// Bounds of either kind of number.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Bounds {
    /// Of an integer.
    Integer(crate::model::Bounds<i64>),
    /// Of a float.
    Number(crate::model::Bounds<f64>),
}
