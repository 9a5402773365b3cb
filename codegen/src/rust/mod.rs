//! Stage 4: plans the crates, modules and types of the bindings, and all their names.
//!
//! An object that fal names becomes one type per crate, in the module `types`. An enum or a range that a parameter
//! defines belongs to the module of its endpoint, because fal may change it for that endpoint only.

mod about;
mod core_types;
mod file_limits;
pub(crate) mod json_schemas;
pub mod names;
mod owner;
mod plan;
mod rules;
mod shared_types;
mod structural_eq;
pub(crate) mod tasks;
mod tuples;
mod type_builder;
mod unions;
mod wording;
mod wordings;

pub(crate) use about::{about_event, about_output, split_about};
pub(crate) use plan::plan;
pub use wording::{Counted, describe_length, describe_range, describe_requirement};
pub use wordings::Described;

use serde_json::Value;

use crate::{model::Direction, normalize, type_names::CrateNames};

/// A crate of generated bindings.
#[derive(Debug, Clone)]
pub struct Crate {
    /// The name of the package, such as `fal-flux`.
    pub name: String,
    /// The app, as `owner/alias`.
    pub app: String,
    /// The title of the family of models.
    pub title: String,
    /// The version of the crate in a workspace of several versions.
    pub version: String,
    /// The manifest that lists the endpoints of the crate, if there is one.
    pub source: Option<String>,
    /// The root module. It has an endpoint if the app itself is one.
    pub root: Module,
    /// The types that several endpoints use.
    pub types: Vec<Item>,
    /// Some of these types in the words of other endpoints.
    pub described: Vec<Described>,
    /// The names of the shared types, for the record.
    pub names: CrateNames,
}

impl Crate {
    /// Returns the name of the crate in Rust code.
    #[must_use]
    pub fn lib_name(&self) -> String {
        self.name.replace('-', "_")
    }

    /// Returns true if a parameter must match a regular expression, for which `fal-core` has a feature.
    pub(crate) fn has_patterns(&self) -> bool {
        self.types.iter().any(Item::has_patterns) || self.root.has_patterns()
    }
}

/// A module for a segment of an endpoint id.
#[derive(Debug, Clone, Default)]
pub struct Module {
    /// The path in the crate. Empty for the root.
    pub path: Vec<String>,
    /// The endpoint id up to the segment of the module.
    pub id: String,
    /// The endpoint with that id, if there is one.
    pub endpoint: Option<Endpoint>,
    /// The child modules.
    pub children: Vec<Module>,
}

impl Module {
    fn has_patterns(&self) -> bool {
        let own = self.endpoint.as_ref().is_some_and(|endpoint| {
            endpoint.input.as_ref().is_some_and(Struct::has_patterns)
                || endpoint.types().any(Item::has_patterns)
        });
        own || self.children.iter().any(Self::has_patterns)
    }
}

/// An endpoint and its types.
#[derive(Debug, Clone)]
pub struct Endpoint {
    /// The document, for the first line of the generated file.
    pub file: String,
    /// The id.
    pub id: String,
    /// The display name.
    pub title: String,
    /// The description.
    pub description: String,
    /// The category, such as `text-to-image`.
    pub category: Option<String>,
    /// The day on which fal published it, such as `2025-06-04`.
    pub date: Option<String>,
    /// The struct of the parameters. `None` if the input is a union, which is the type `Input` of `input_types`.
    pub input: Option<Struct>,
    /// Types that only the parameters use.
    pub input_types: Vec<Item>,
    /// The output.
    pub output: Output,
    /// Types that only the output uses.
    pub output_types: Vec<Item>,
    /// An event of the stream, if the endpoint streams. An alias of `Output` if that is the same type.
    pub event: Option<Output>,
    /// Types that only the event uses.
    pub event_types: Vec<Item>,
    /// `true` if inputs and outputs are messages over one connection.
    pub realtime: bool,
    /// The protocol of the session whose messages these are. No call reaches such an endpoint.
    pub session: Option<String>,
    /// `true` if the endpoint is in fal's catalogue, which has a page about it.
    pub is_published: bool,
    /// The warning that the endpoint may stop to be served.
    pub deprecated: Option<String>,
    /// The shared types that the module re-exports.
    pub shared: Vec<String>,
}

impl Endpoint {
    /// Returns the id for docs, with a link to its page if there is one.
    pub(crate) fn link(&self) -> String {
        match self.is_published {
            true => format!("[`{0}`](https://fal.ai/models/{0})", self.id),
            false => format!("`{}`", self.id),
        }
    }

    /// Returns the types of the module other than `Input`, `Output` and `Event`.
    pub(crate) fn types(&self) -> impl Iterator<Item = &Item> {
        self.input_types.iter().chain(&self.output_types).chain(&self.event_types)
    }
}

/// The output or event of an endpoint.
#[derive(Debug, Clone)]
pub enum Output {
    /// A struct of its own.
    Struct(Box<Struct>),
    /// An alias of another type, or a union of that name among the types.
    Alias(Ty),
}

/// A type with a name.
#[derive(Debug, Clone, PartialEq)]
pub enum Item {
    /// A struct.
    Struct(Struct),
    /// An enum of strings.
    TextEnum(TextEnum),
    /// An enum of integers.
    IntegerEnum(IntegerEnum),
    /// A union of several types.
    Union(Union),
    /// A list with a type for each of its first positions.
    Tuple(TupleStruct),
    /// A number with bounds.
    Number(Number),
    /// A rule for a length, which has a marker type and no type of its own.
    Length(LengthRule),
}

impl Item {
    /// Returns the name of the type. A length rule has none.
    pub(crate) fn name(&self) -> Option<&str> {
        match self {
            Self::Struct(item) => Some(&item.ident),
            Self::TextEnum(item) => Some(&item.ident),
            Self::IntegerEnum(item) => Some(&item.ident),
            Self::Union(item) => Some(&item.ident),
            Self::Tuple(item) => Some(&item.ident),
            Self::Number(item) => Some(&item.ident),
            Self::Length(_) => None,
        }
    }

    fn has_patterns(&self) -> bool {
        match self {
            Self::Struct(item) => item.has_patterns(),
            Self::Union(item) => item.variants.iter().any(|variant| match &variant.kind {
                VariantKind::Value { rule, .. } => rule.has_patterns(),
                VariantKind::Text(_) => false,
            }),
            Self::Tuple(item) => item.positions().any(|position| position.rule.has_patterns()),
            _ => false,
        }
    }
}

/// The Rust type of a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ty {
    /// `String`
    Text,
    /// `File`
    File,
    /// `Integer`
    Integer,
    /// `f64`
    Number,
    /// `bool`
    Boolean,
    /// `()`, which is `null` in JSON.
    Null,
    /// `Value`
    Json,
    /// A type of the module, or a shared type.
    Named(String),
    /// `Vec<T>`
    List(Box<Ty>),
    /// `BTreeMap<String, T>`
    Map(Box<Ty>),
    /// `(A, B)`
    Tuple(Vec<Ty>),
    /// `Option<T>`
    Option(Box<Ty>),
    /// `Box<T>`, for a type that would contain itself.
    Boxed(Box<Ty>),
}

/// A struct.
#[derive(Debug, Clone, PartialEq)]
pub struct Struct {
    /// The name.
    pub ident: String,
    /// The name of the component in the document.
    pub component: String,
    /// The description.
    pub description: String,
    /// The description by the author of an app, for an input or output. The docs repeat it after their own description.
    pub note: String,
    /// The fields, in fal's order.
    pub fields: Vec<Field>,
    /// The properties that have one value, which is written without being asked for.
    pub constants: Vec<Constant>,
    /// The direction. A struct of an input has a builder and checks.
    pub direction: Direction,
    /// `true` if other fields are not allowed.
    pub closed: bool,
    /// The other fields, if they are kept.
    pub extra: Option<Box<Extra>>,
    /// The rules about the fields that it has together.
    pub requirements: Vec<Requirement>,
    /// The name of the owner in messages: the endpoint id, or a shared type and its app.
    pub owner: String,
    /// The type of `fal_core::media` that replaces it, if there is one.
    pub core_type: Option<&'static str>,
    /// The variables of the code that reads it.
    pub locals: Locals,
    /// The warning that the owner may stop to be served.
    pub deprecated: Option<String>,
}

/// A rule about the fields that a struct has together, which is checked at run time.
#[derive(Debug, Clone, PartialEq)]
pub struct Requirement {
    /// The rule, with the fields by their names in JSON.
    pub rule: normalize::requirements::Requirement,
    /// The rule in words, without a full stop.
    pub words: String,
    /// The message about an input that breaks it.
    pub message: String,
}

/// The fields that a struct keeps beside those that it names.
#[derive(Debug, Clone, PartialEq)]
pub struct Extra {
    /// The type of a value.
    pub ty: Ty,
    /// The rule for a value that is checked at run time.
    pub rule: Rule,
    /// `true` if a value can contain files.
    pub has_files: bool,
    /// The limits of the files of a value, if there are any.
    pub limits: Limits,
    /// `true` if the values must not be in `Debug` output.
    pub secret: bool,
    /// The JSON Schema of a value, which refers to another generated type as `{"$type": <name>}`.
    pub schema: Value,
}

impl Extra {
    /// Returns other fields that may be anything.
    pub(crate) fn any() -> Self {
        Self {
            ty: Ty::Json,
            rule: Rule::None,
            has_files: false,
            limits: Limits::None,
            secret: false,
            schema: Value::Object(serde_json::Map::new()),
        }
    }
}

/// Variables of the code that reads a struct, beside one for each field. No field hides them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Locals {
    /// The reader of the object.
    pub object: String,
    /// The name of the property that is read.
    pub key: String,
}

/// A property of a struct that has one value and therefore no field.
#[derive(Debug, Clone, PartialEq)]
pub struct Constant {
    /// The name in JSON.
    pub json_name: String,
    /// The value.
    pub value: Value,
    /// `true` if the property has to be present.
    pub required: bool,
    /// The variable of the code that reads it.
    pub local: String,
    /// The JSON Schema.
    pub schema: Value,
}

/// A field of a struct.
#[derive(Debug, Clone, PartialEq)]
pub struct Field {
    /// The Rust name.
    pub ident: String,
    /// The name in JSON.
    pub json_name: String,
    /// The description.
    pub description: String,
    /// Facts for the docs, such as the default and the range.
    pub facts: Vec<String>,
    /// The type, without the `Option` or `Nullable` of `presence`.
    pub ty: Ty,
    /// The way that the field may be absent.
    pub presence: Presence,
    /// The rule that is checked at run time.
    pub rule: Rule,
    /// `true` if the value can contain files.
    pub has_files: bool,
    /// The limits of the files of the value, if there are any.
    pub limits: Limits,
    /// `true` if `null` is allowed.
    pub nullable: bool,
    /// `true` if the field is deprecated.
    pub deprecated: bool,
    /// `true` if the value must not be in `Debug` output.
    pub secret: bool,
    /// The form of a text, such as "A date and time (RFC 3339)", if the document names a known one.
    pub format: Option<&'static str>,
    /// `true` if the field has to be present.
    pub required: bool,
    /// An example value of the document, for examples in docs.
    pub example: Option<Value>,
    /// The JSON Schema, which refers to another generated type as `{"$type": <name>}`.
    pub schema: Value,
}

/// The limits of the files of a value.
#[derive(Debug, Clone, PartialEq)]
pub enum Limits {
    /// No limits.
    None,
    /// Limits of the value itself, or of its items.
    Own(Box<FileLimits>),
    /// Limits that the type of the value knows.
    Nested,
}

/// The limits of a file, by the fields of `fal_core::FileLimits`.
#[derive(Debug, Clone, PartialEq)]
pub struct FileLimits {
    /// The limits that are whole numbers.
    pub whole: Vec<(&'static str, u64)>,
    /// The limits that may be fractions.
    pub decimal: Vec<(&'static str, f64)>,
    /// The limits of all files of a list together.
    pub combined: Option<Box<Self>>,
}

impl Field {
    /// Returns true if `None` stands for null and for an absent field, so that the struct has to remember which it is.
    pub(crate) fn keeps_null(&self) -> bool {
        let holds_null = matches!(self.ty, Ty::Null | Ty::Json);
        self.presence == Presence::Optional && self.nullable && !holds_null
    }
}

/// The way that a field may be absent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// `T`
    Required,
    /// `Option<T>`
    Optional,
    /// `Option<Nullable<T>>`, if `null` and an absent field mean different things.
    TriState,
}

/// A rule that is checked at run time, because the type does not enforce it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rule {
    /// No rule.
    None,
    /// A rule for a string.
    Text {
        /// The marker type of the length.
        length: Option<String>,
        /// A regular expression, and the message for a string that does not match.
        pattern: Option<Box<PatternRule>>,
    },
    /// A rule for a file's URL.
    File {
        /// The marker type of the length.
        length: Option<String>,
        /// A regular expression, and the message for a URL that does not match.
        pattern: Option<Box<PatternRule>>,
    },
    /// A rule for a list.
    List {
        /// The marker type of the length.
        length: Option<String>,
        /// The message for repeated items, if they are not allowed.
        unique: Option<String>,
        /// The rule for each item.
        items: Box<Rule>,
    },
    /// A rule for a map.
    Map {
        /// The marker type of the number of keys.
        length: Option<String>,
        /// The rule for each key, which is [`Rule::Text`] or [`Rule::OneOf`].
        keys: Box<Rule>,
        /// The rule for each value.
        values: Box<Rule>,
    },
    /// A rule for a value that may be null, if it is not.
    Nullable(Box<Rule>),
    /// The only numbers, booleans or keys that are allowed, and the message for another one.
    OneOf(Vec<Value>, String),
    /// The rules of the type itself.
    Nested,
}

impl Struct {
    /// Returns the types of the fields, and of the other fields that it keeps.
    pub(crate) fn types(&self) -> impl Iterator<Item = &Ty> {
        self.fields.iter().map(|field| &field.ty).chain(self.extra.iter().map(|extra| &extra.ty))
    }

    /// Returns true if a value can contain files.
    pub(crate) fn has_files(&self) -> bool {
        self.fields.iter().any(|field| field.has_files)
            || self.extra.as_ref().is_some_and(|extra| extra.has_files)
    }

    /// Returns true if a value has rules that are checked at run time.
    pub(crate) fn has_rules(&self) -> bool {
        !self.requirements.is_empty() || self.rules().any(|rule| *rule != Rule::None)
    }

    fn rules(&self) -> impl Iterator<Item = &Rule> {
        self.fields.iter().map(|field| &field.rule).chain(self.extra.iter().map(|extra| &extra.rule))
    }

    /// Returns true if it remembers which of its fields were null, and which of its constants were absent, when it was
    /// read.
    pub(crate) fn keeps_nulls(&self) -> bool {
        self.fields.iter().any(Field::keeps_null) || self.constants.iter().any(|constant| !constant.required)
    }

    fn has_patterns(&self) -> bool {
        self.rules().any(Rule::has_patterns)
    }
}

impl Rule {
    fn has_patterns(&self) -> bool {
        match self {
            Self::Text { pattern, .. } | Self::File { pattern, .. } => pattern.is_some(),
            Self::List { items: inner, .. } | Self::Nullable(inner) => inner.has_patterns(),
            Self::Map { keys, values, .. } => keys.has_patterns() || values.has_patterns(),
            Self::None | Self::OneOf(..) | Self::Nested => false,
        }
    }
}

/// A rule for the characters of a string.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PatternRule {
    /// Regular expressions that have to match.
    pub required: Vec<String>,
    /// Regular expressions that must not match.
    pub excluded: Vec<String>,
    /// The error message.
    pub message: String,
}

/// A rule for the length of a string or list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LengthRule {
    /// The name of the marker type.
    pub marker: String,
    /// The minimum length.
    pub min: usize,
    /// The maximum length.
    pub max: Option<usize>,
    /// The error message.
    pub message: String,
}

/// An enum of strings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextEnum {
    /// The name.
    pub ident: String,
    /// The description, which names the parameter or field.
    pub description: String,
    /// The names and JSON values of the variants.
    pub variants: Vec<(String, String)>,
    /// `true` if unknown values are kept.
    pub open: bool,
    /// The error message for a literal that is not one of the values.
    pub message: String,
}

/// An enum of integers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IntegerEnum {
    /// The name.
    pub ident: String,
    /// The description, which names the parameter or field.
    pub description: String,
    /// The names and JSON values of the variants.
    pub variants: Vec<(String, i64)>,
    /// The error message for a literal that is not one of the values.
    pub message: String,
}

/// A list with a type for each of its first positions, where a Rust tuple cannot hold it to its rules.
#[derive(Debug, Clone, PartialEq)]
pub struct TupleStruct {
    /// The name.
    pub ident: String,
    /// The description, which names the parameter or field.
    pub description: String,
    /// The positions. Those that may be absent come last.
    pub items: Vec<Position>,
    /// The number of positions that have to be present.
    pub required: usize,
    /// The items after the positions, if there may be more.
    pub rest: Option<Position>,
    /// The marker type of the number of items after the positions.
    pub rest_length: Option<String>,
    /// The direction. A tuple of an input has checks.
    pub direction: Direction,
    /// The JSON Schema, which refers to another generated type as `{"$type": <name>}`.
    pub schema: Value,
}

impl TupleStruct {
    /// Returns the positions, and the items after them.
    pub fn positions(&self) -> impl Iterator<Item = &Position> {
        self.items.iter().chain(&self.rest)
    }
}

/// A position of a tuple.
#[derive(Debug, Clone, PartialEq)]
pub struct Position {
    /// The type.
    pub ty: Ty,
    /// The rule that is checked at run time.
    pub rule: Rule,
    /// `true` if a value can contain files.
    pub has_files: bool,
    /// The limits of the files of the value, if there are any.
    pub limits: Limits,
}

/// A union of several types.
#[derive(Debug, Clone, PartialEq)]
pub struct Union {
    /// The name.
    pub ident: String,
    /// The description, which names the parameter or field.
    pub description: String,
    /// The variants.
    pub variants: Vec<Variant>,
    /// The property whose value identifies the variant, if there is one.
    pub tag: Option<String>,
    /// The direction. A union of an output keeps values that fit no variant.
    pub direction: Direction,
    /// `true` if a value can fit several variants, so that the best one has to be chosen.
    pub is_ambiguous: bool,
    /// The variant that takes literals of numbers beside those of the strings, if there is one.
    pub number: Option<String>,
    /// The error message for a literal that is not one of the strings.
    pub message: String,
    /// The type of `fal_core::media` that replaces it, if there is one.
    pub core_type: Option<&'static str>,
}

/// A variant of a union.
#[derive(Debug, Clone, PartialEq)]
pub struct Variant {
    /// The name.
    pub ident: String,
    /// The description.
    pub description: String,
    /// The values of the variant.
    pub kind: VariantKind,
}

/// The values of a variant of a union.
#[derive(Debug, Clone, PartialEq)]
pub enum VariantKind {
    /// A single string.
    Text(String),
    /// Values of a type.
    Value {
        /// The type.
        ty: Ty,
        /// The properties by which an object, or a list of objects, is chosen.
        form: Option<Box<ObjectForm>>,
        /// The rule that is checked at run time.
        rule: Rule,
        /// `true` if a value can contain files.
        has_files: bool,
        /// The limits of the files of the value, if there are any.
        limits: Limits,
        /// The JSON Schema, which refers to another generated type as `{"$type": <name>}`.
        schema: Value,
    },
}

/// The properties by which a union recognizes an object, or the objects of a list.
#[derive(Debug, Clone, PartialEq)]
pub struct ObjectForm {
    /// The values of the union's tag for the object. Empty if the union has no tag.
    pub tags: Vec<String>,
    /// `true` if the union writes the tag, because the object does not.
    pub writes_tag: bool,
    /// `true` if the value is a list of such objects.
    pub is_list: bool,
    /// The names of the required properties.
    pub required: Vec<String>,
    /// The names of all properties.
    pub known: Vec<String>,
    /// The properties with a list of values, and the values.
    pub listed: Vec<(String, Vec<Value>)>,
}

/// A number with bounds.
#[derive(Debug, Clone, PartialEq)]
pub struct Number {
    /// The name of the type and of its marker type.
    pub ident: String,
    /// The description, which names the parameter.
    pub description: String,
    /// The bounds.
    pub bounds: Bounds,
    /// The error message.
    pub message: String,
}

/// The bounds of an integer or a float.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Bounds {
    /// Bounds of an integer.
    Integer(crate::model::Bounds<i64>),
    /// Bounds of an integer that `i64` does not hold.
    Wide(crate::model::Bounds<i128>),
    /// Bounds of a float.
    Number(crate::model::Bounds<f64>),
}
