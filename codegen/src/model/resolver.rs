//! Resolves the schema of an input or output into a [`TypeGraph`].

use std::{
    borrow::Borrow,
    collections::{BTreeSet, HashMap, HashSet},
};

use indexmap::IndexMap;
use openapiv3::{
    AdditionalProperties, ReferenceOr, Schema, SchemaKind, StringFormat, Type as Kind,
    VariantOrUnknownOrEmpty,
};
use serde::Deserialize as _;
use serde_json::Value;

use super::{
    ComponentName, Direction, FileLimits, Item, List, Object, Others, Property, Text, Type, TypeGraph,
    defaults::{coerce_default, has_no_value},
    members::visit_type,
    one_of::OneOf,
    types::{FILE_INPUT, LIMITS},
};
use crate::{
    error::{Error, pointer},
    normalize::{
        Normalized, PREFIX_ITEMS, REQUIREMENTS,
        references::SCHEMAS,
        requirements::{Condition, Requirement, Test},
    },
};

impl TypeGraph {
    /// Reads the types of `schema`. A property that cannot be read is left out and adds to `errors`.
    pub(super) fn read(
        document: &Normalized,
        schema: Option<&ReferenceOr<Schema>>,
        at: &str,
        direction: Direction,
        errors: &mut Vec<Error>,
    ) -> Self {
        let mut resolver = Resolver {
            document,
            direction,
            objects: IndexMap::new(),
            untyped: Vec::new(),
            oddities: Vec::new(),
            unenforced: Vec::new(),
            one_ofs: Vec::new(),
            errors,
            aliases: Vec::new(),
            resolved: HashMap::new(),
            owner: String::new(),
            depth: 0,
            nodes: 0,
            numbers: HashMap::new(),
            tags: BTreeSet::new(),
            places: HashMap::new(),
            unnamed: HashMap::new(),
        };
        let root = schema.map(|schema| resolver.resolve(schema_ref(schema), None, at));
        let any = Item { ty: Type::Any, nullable: false };
        let Item { ty: root, nullable } = root.unwrap_or(Ok(any.clone())).unwrap_or_else(|error| {
            resolver.errors.push(error);
            any
        });
        resolver.report_unlisted_tags();
        let root =
            if direction.is_input() && !nullable { resolver.name_root_map(root, schema, at) } else { root };
        for union in &resolver.one_ofs {
            if union.have_common_values(&resolver.objects) {
                resolver
                    .unenforced
                    .push(format!("{}: a value that fits several of these is accepted", union.at));
            }
        }
        let mut graph = Self {
            root,
            nullable,
            objects: resolver.objects,
            untyped: resolver.untyped,
            oddities: resolver.oddities,
            unenforced: resolver.unenforced,
        };
        graph.complete_members(direction);
        graph
    }
}

/// The state of reading one [`TypeGraph`].
pub(super) struct Resolver<'a> {
    pub(super) document: &'a Normalized,
    pub(super) direction: Direction,
    objects: IndexMap<String, Object>,
    /// JSON pointers of constructs that the model has no type for.
    pub(super) untyped: Vec<String>,
    /// Irregularities that a rule resolved.
    pub(super) oddities: Vec<String>,
    /// Rules that the types do not enforce.
    pub(super) unenforced: Vec<String>,
    /// The unions of which a value may fit one member alone, which are judged when all objects have been read.
    pub(super) one_ofs: Vec<OneOf>,
    /// Errors of properties, which are left out.
    errors: &'a mut Vec<Error>,
    /// Components other than objects that are being resolved, to detect cycles.
    aliases: Vec<String>,
    /// The types of components other than objects, each with its number of nodes.
    resolved: HashMap<String, (Item, usize)>,
    /// The object whose properties are being resolved, which names the unnamed objects inside it.
    owner: String,
    depth: usize,
    /// The number of schemas read, with those inside every use of a component.
    nodes: usize,
    /// The next number to try for the name of an unnamed object.
    numbers: HashMap<String, usize>,
    /// The members of unions, each with the property that identifies it.
    pub(super) tags: BTreeSet<(String, String)>,
    /// The JSON pointers of the objects.
    places: HashMap<String, String>,
    /// The names of the unnamed objects that are being resolved, by JSON pointer.
    unnamed: HashMap<String, String>,
}

/// A schema of a document, or a reference to a component.
#[derive(Debug, Clone, Copy)]
pub(super) enum SchemaRef<'a> {
    Reference(&'a str),
    Item(&'a Schema),
}

/// Borrows `schema`, which may be in a box.
pub(super) fn schema_ref<S: Borrow<Schema>>(schema: &ReferenceOr<S>) -> SchemaRef<'_> {
    match schema {
        ReferenceOr::Reference { reference } => SchemaRef::Reference(reference),
        ReferenceOr::Item(schema) => SchemaRef::Item(schema.borrow()),
    }
}

/// The maximum depth of nested schemas, including references. Real documents reach 6.
const MAX_DEPTH: usize = 128;

/// The maximum number of required properties of an object of an input. The setters of a builder, each of which names
/// all required fields, would be too much code otherwise: 1 MB for 150.
const MAX_REQUIRED: usize = 150;

/// The maximum number of nodes of one input or output. A component counts once for each use, because each use is
/// code of its own unless it is an object.
const MAX_NODES: usize = 20_000;

impl<'a> Resolver<'a> {
    pub(super) fn error(&self, at: &str, message: impl Into<String>) -> Error {
        Error::new(&self.document.file, message).with_pointer(at)
    }

    /// Returns the component that a reference names, and its JSON pointer.
    pub(super) fn component(
        &self,
        reference: &str,
        at: &str,
    ) -> Result<(&'a str, &'a Schema, String), Error> {
        let mut reference = reference.to_owned();
        // A component may itself be a reference; a chain longer than the components is a cycle.
        let schemas = self.document.openapi.components.as_ref().map(|components| &components.schemas);
        for _ in 0..=schemas.map_or(0, IndexMap::len) {
            let name = reference.strip_prefix(SCHEMAS);
            let found = name.and_then(|name| schemas?.get_key_value(name));
            match found {
                Some((name, ReferenceOr::Item(schema))) => {
                    let base = &self.document.base;
                    return Ok((name, schema, pointer(&format!("{base}/components/schemas"), name)));
                }
                Some((_, ReferenceOr::Reference { reference: next })) => reference.clone_from(next),
                None => {
                    if let Some(error) = name.and_then(|name| self.document.invalid.get(name)) {
                        return Err(error.clone());
                    }
                    let error = if reference.starts_with('#') {
                        self.error(at, format!("`{reference}` leads nowhere")).with_help(
                            "add the missing schema to `components/schemas`, with `--overlay` if the document is not yours",
                        )
                    } else {
                        self.error(at, format!("`{reference}` is outside the document")).with_help(
                            "copy the schema into `components/schemas`; other files and URLs are never read",
                        )
                    };
                    return Err(error);
                }
            }
        }
        let name = reference.rsplit('/').next().unwrap_or_default();
        Err(self
            .error(
                &pointer(&format!("{}/components/schemas", self.document.base), name),
                format!("`{reference}` leads back to itself"),
            )
            .with_help(
                "describe the schema; fal writes such a reference for a realtime route whose model contains itself: \
                 give that route a model of its own with the recursive one as a field",
            ))
    }

    /// Reads a component once, however often it is referred to.
    pub(super) fn resolve_reference(&mut self, reference: &str, at: &str) -> Result<Item, Error> {
        let (name, schema, at) = self.component(reference, at)?;
        let is_object = matches!(&schema.schema_kind, SchemaKind::Type(Kind::Object(object)) if !object.properties.is_empty());
        if is_object {
            if !self.objects.contains_key(name) {
                self.report_ignored(schema, &at);
            }
            let ty = self.resolve_named_object(name, schema, &at)?;
            return Ok(Item { ty, nullable: schema.schema_data.nullable });
        }
        if self.aliases.iter().any(|alias| alias == name) {
            // Only objects are read once, so the inner value of another type that contains itself is raw JSON.
            if !self.untyped.contains(&at) {
                self.untyped.push(at);
            }
            return Ok(Item { ty: Type::Any, nullable: false });
        }
        if let Some((ty, nodes)) = self.resolved.get(name).cloned() {
            self.count_nodes(nodes, &at)?;
            return Ok(ty);
        }
        let before = self.nodes;
        self.aliases.push(name.to_owned());
        let ty = self.resolve_schema(schema, None, &at);
        self.aliases.pop();
        let mut ty = ty?;
        if self.untyped.contains(&at) && is_any_json(&ty) {
            self.untyped.retain(|untyped| *untyped != at);
            ty = Item { ty: Type::Any, nullable: false };
        }
        let description = schema.schema_data.description.clone().unwrap_or_default();
        if let Type::TextEnum(_, component)
        | Type::IntegerEnum(_, component)
        | Type::Union(_, component)
        | Type::Tagged(_, _, component) = &mut ty.ty
        {
            *component = Some(ComponentName { name: name.to_owned(), description });
        }
        self.resolved.insert(name.to_owned(), (ty.clone(), self.nodes - before));
        Ok(ty)
    }

    /// Adds to the number of nodes, and fails beyond the maximum.
    fn count_nodes(&mut self, nodes: usize, at: &str) -> Result<(), Error> {
        self.nodes = self.nodes.saturating_add(nodes);
        if self.nodes <= MAX_NODES {
            return Ok(());
        }
        Err(self
            .error(at, format!("the schemas of one input or output have more than {MAX_NODES} parts here"))
            .with_help("name the repeated parts as objects in `components/schemas`, which count once"))
    }

    /// Resolves an object that is not a component. Its name is its title, or is made from its position.
    pub(super) fn resolve_inline_object(
        &mut self,
        schema: &Schema,
        property: Option<&str>,
        at: &str,
    ) -> Result<Type, Error> {
        // A component that contains itself through this object.
        if let Some(name) = self.unnamed.get(at) {
            return Ok(Type::Object(name.clone()));
        }
        let title = schema.schema_data.title.as_deref().map(str::trim).filter(|title| !title.is_empty());
        let positional = || match (self.owner.as_str(), property) {
            ("", None) => self.aliases.last().map_or("Root".to_owned(), |alias| format!("{alias}_form")),
            ("", Some(property)) => property.to_owned(),
            (owner, property) => format!("{owner}_{}", property.unwrap_or("item")),
        };
        let wanted = title.map_or_else(positional, str::to_owned);
        let components = self.document.openapi.components.as_ref();
        let taken = |name: &str| {
            self.objects.contains_key(name) || components.is_some_and(|all| all.schemas.contains_key(name))
        };
        let mut name = wanted.clone();
        let mut number = self.numbers.get(&wanted).copied().unwrap_or(2);
        while taken(&name) {
            name = format!("{wanted}_{number}");
            number += 1;
        }
        self.numbers.insert(wanted, number);
        self.unnamed.insert(at.to_owned(), name.clone());
        let object = self.resolve_named_object(&name, schema, at);
        self.unnamed.remove(at);
        object
    }

    /// Makes an object without described properties of an input that is a map, because an input has its own type.
    fn name_root_map(&mut self, root: Type, schema: Option<&ReferenceOr<Schema>>, at: &str) -> Type {
        let is_closed = matches!(&root, Type::Map(_, entries) if entries.length.max == Some(0));
        let item = match root {
            Type::Map(item, entries) if item.ty != Type::Any || !entries.is_open() => {
                if !entries.is_open() && !is_closed {
                    let at = pointer(at, "propertyNames");
                    self.unenforced
                        .push(format!("{at}: the number and the names of parameters are not checked"));
                }
                item
            }
            root => return root,
        };
        let mut name = "Input".to_owned();
        let mut description = String::new();
        if let Some(ReferenceOr::Reference { reference }) = schema
            && let Ok((component, schema, _)) = self.component(reference, "")
        {
            component.clone_into(&mut name);
            description = schema.schema_data.description.clone().unwrap_or_default();
        }
        while self.objects.contains_key(&name) {
            name.push('_');
        }
        let secret_others = schema.is_some_and(|schema| self.is_secret(schema_ref(schema)));
        let (properties, others) =
            (Vec::new(), if is_closed { Others::Refused } else { Others::Kept(*item) });
        let object = Object {
            name: name.clone(),
            description,
            properties,
            others,
            secret_others,
            requirements: Vec::new(),
        };
        self.objects.insert(name.clone(), object);
        Type::Object(name)
    }

    fn resolve_named_object(&mut self, name: &str, schema: &Schema, at: &str) -> Result<Type, Error> {
        if !self.objects.contains_key(name) {
            let placeholder = Object {
                name: name.to_owned(),
                description: String::new(),
                properties: Vec::new(),
                others: Others::Ignored,
                secret_others: false,
                requirements: Vec::new(),
            };
            self.objects.insert(name.to_owned(), placeholder);
            self.places.insert(name.to_owned(), at.to_owned());
            let owner = std::mem::replace(&mut self.owner, name.to_owned());
            // An object has a name in Rust, so a type that contains itself inside of one needs none.
            let aliases = std::mem::take(&mut self.aliases);
            let object = self.resolve_object(name, schema, at);
            (self.owner, self.aliases) = (owner, aliases);
            self.objects.insert(name.to_owned(), object?);
        }
        Ok(Type::Object(name.to_owned()))
    }

    /// Reports the members of an input's unions that do not list the values of the property that identifies them.
    ///
    /// Such a member may hold the values of others, which `oneOf` forbids. An object without the property is one of it too, and
    /// is written with the value that the union lists.
    fn report_unlisted_tags(&mut self) {
        for (name, tag) in std::mem::take(&mut self.tags) {
            let properties = self.objects.get(&name).map(|object| &object.properties);
            let property = properties.into_iter().flatten().find(|property| property.name == tag);
            let is_listed = property.is_some_and(|property| matches!(property.ty, Type::TextEnum(..)));
            if self.direction == Direction::Input && !is_listed {
                let at = self.places.get(&name).map_or("", String::as_str);
                self.oddities.push(format!(
                    "{at}: a union identifies this object by `{tag}`, whose values it does not list; an object without it is \
                     written with the one that the union lists"
                ));
            }
        }
    }

    /// Runs `read` one level deeper, and fails beyond the maximum depth.
    pub(super) fn with_depth<T>(
        &mut self,
        at: &str,
        read: impl FnOnce(&mut Self) -> Result<T, Error>,
    ) -> Result<T, Error> {
        if self.depth == MAX_DEPTH {
            return Err(self
                .error(at, format!("schemas nest deeper than {MAX_DEPTH} levels here"))
                .with_help("no model does; check where the document comes from"));
        }
        self.count_nodes(1, at)?;
        self.depth += 1;
        let read = read(self);
        self.depth -= 1;
        read
    }

    fn resolve_object(&mut self, name: &str, schema: &Schema, at: &str) -> Result<Object, Error> {
        let SchemaKind::Type(Kind::Object(object)) = &schema.schema_kind else {
            return Err(self.error(at, "not an object"));
        };
        let order: Vec<&str> = schema
            .schema_data
            .extensions
            .get("x-fal-order-properties")
            .and_then(Value::as_array)
            .map(|names| names.iter().filter_map(Value::as_str).collect())
            .unwrap_or_default();
        let position = |name: &str| order.iter().position(|known| *known == name).unwrap_or(usize::MAX);
        let mut names: Vec<&String> = object.properties.keys().collect();
        names.sort_by_key(|name| position(name));

        let mut properties = Vec::with_capacity(names.len());
        for property in names {
            let at = pointer(&format!("{at}/properties"), property);
            let required = object.required.contains(property);
            match self.resolve_property(property, schema_ref(&object.properties[property]), required, &at) {
                Ok(property) => properties.push(property),
                Err(error) => self.errors.push(error),
            }
        }
        let required = properties.iter().filter(|property| property.required).count();
        if self.direction == Direction::Input && required > MAX_REQUIRED {
            let message = format!("`{name}` has {required} required properties, more than {MAX_REQUIRED}");
            return Err(self
                .error(&pointer(at, "required"), message)
                .with_help("give some of them a default, or make objects of those that belong together"));
        }
        let description = schema.schema_data.description.clone().unwrap_or_default();
        let others = match &object.additional_properties {
            None => Others::Ignored,
            Some(AdditionalProperties::Any(false)) => Others::Refused,
            Some(AdditionalProperties::Any(true)) => Others::any(),
            // A reply stays readable whatever is new in it.
            Some(AdditionalProperties::Schema(_)) if self.direction == Direction::Output => Others::any(),
            Some(AdditionalProperties::Schema(values)) => {
                let at = pointer(at, "additionalProperties");
                self.resolve(schema_ref(values), None, &at).map_or_else(
                    |error| {
                        self.errors.push(error);
                        Others::any()
                    },
                    Others::Kept,
                )
            }
        };
        let unlisted = object.required.iter().filter(|name| !object.properties.contains_key(*name));
        for name in unlisted {
            self.unenforced.push(format!("{at}/required: `{name}` is required but not described"));
        }
        let requirements = self.read_requirements(schema, &properties, at);
        let secret_others = match &object.additional_properties {
            Some(AdditionalProperties::Schema(values)) => self.is_secret(schema_ref(values)),
            _ => false,
        };
        Ok(Object { name: name.to_owned(), description, properties, others, secret_others, requirements })
    }

    /// Returns the rules about the properties that an input has together. Others are not checked.
    fn read_requirements(&mut self, schema: &Schema, properties: &[Property], at: &str) -> Vec<Requirement> {
        let found = schema.schema_data.extensions.get(REQUIREMENTS).map(Vec::<Requirement>::deserialize);
        let mut requirements = found.and_then(Result::ok).unwrap_or_default();
        if !self.direction.is_input() {
            return Vec::new();
        }
        let is_known = |condition: &Condition| {
            let property = properties.iter().find(|property| property.name == condition.property);
            property.is_some_and(|property| match &condition.test {
                Test::Present | Test::NotNull => true,
                Test::Is(value) | Test::IsOrAbsent(value) => match (&property.ty, value) {
                    (Type::Boolean, Value::Bool(_)) => true,
                    (Type::TextEnum(values, _), Value::String(text)) => values.contains(text),
                    _ => false,
                },
            })
        };
        requirements.retain(|requirement| {
            let is_checked = requirement.conditions().all(is_known);
            if !is_checked {
                let rule = requirement.to_schema();
                self.unenforced.push(format!("{at}: the rule {rule} is not checked"));
            }
            is_checked
        });
        requirements
    }

    fn resolve_property(
        &mut self,
        name: &str,
        schema: SchemaRef<'_>,
        required: bool,
        at: &str,
    ) -> Result<Property, Error> {
        let Item { mut ty, nullable } = self.resolve(schema, Some(name), at)?;
        let none = openapiv3::SchemaData::default();
        let data = match schema {
            SchemaRef::Item(schema) => &schema.schema_data,
            SchemaRef::Reference(_) => &none,
        };
        let limits = data.extensions.get(LIMITS).cloned().unwrap_or_default();
        if let Some(is_file) = data.extensions.get(FILE_INPUT).and_then(Value::as_bool)
            && self.direction == Direction::Input
        {
            mark_files(&mut ty, is_file);
        }
        limit_files(&mut ty, &limits);
        if has_no_value(&ty) {
            self.oddities.push(format!("{at}: its bounds exclude every value"));
        }
        let examples = data.extensions.get("x-examples").and_then(Value::as_array).cloned();
        let description = match (&data.description, &ty) {
            (Some(description), _) => Some(description.clone()),
            (None, Type::Object(name)) => {
                Some(self.objects[name].description.clone()).filter(|description| !description.is_empty())
            }
            (None, _) => None,
        };
        let published = data.default.as_ref();
        let default = published.cloned().and_then(|default| coerce_default(default, &ty));
        if let Some(published) = published.filter(|published| default.as_ref() != Some(published)) {
            let outcome =
                default.as_ref().map_or("left out".to_owned(), |default| format!("read as {default}"));
            self.oddities
                .push(format!("{at}: the default {published} is not a value of its type; {outcome}"));
        }
        let mut format = None;
        self.visit_value_schemas(schema, &mut HashSet::new(), &mut |schema| {
            format = format.take().or_else(|| format_of(schema))
        });
        let is_text = matches!(ty, Type::Text(_));
        Ok(Property {
            secret: self.is_secret(schema),
            format: format.filter(|_| is_text),
            name: name.to_owned(),
            description,
            ty,
            nullable,
            required,
            default,
            examples: examples.unwrap_or_else(|| data.example.iter().cloned().collect()),
            deprecated: data.deprecated,
            constant: None,
            limits,
        })
    }
}

impl Resolver<'_> {
    /// Returns true if a value is a secret, or holds one outside of objects with properties of their own.
    fn is_secret(&self, schema: SchemaRef<'_>) -> bool {
        let mut found = false;
        self.visit_value_schemas(schema, &mut HashSet::new(), &mut |schema| {
            found |= schema.schema_data.write_only || format_of(schema).as_deref() == Some("password");
        });
        found
    }

    /// Calls `visit` for the schema of a value, its alternatives, and those of its items, but not for the properties of
    /// objects, which have types of their own.
    fn visit_value_schemas(
        &self,
        schema: SchemaRef<'_>,
        seen: &mut HashSet<String>,
        visit: &mut impl FnMut(&Schema),
    ) {
        let schema = match schema {
            SchemaRef::Item(schema) => schema,
            SchemaRef::Reference(reference) => match self.component(reference, "") {
                // A component may contain itself many times.
                Ok((name, schema, _)) if seen.insert(name.to_owned()) => schema,
                _ => return,
            },
        };
        visit(schema);
        match &schema.schema_kind {
            SchemaKind::AllOf { all_of: branches }
            | SchemaKind::AnyOf { any_of: branches }
            | SchemaKind::OneOf { one_of: branches } => {
                for branch in branches {
                    self.visit_value_schemas(schema_ref(branch), seen, visit);
                }
            }
            SchemaKind::Type(Kind::Array(array)) => {
                if let Some(items) = &array.items {
                    self.visit_value_schemas(schema_ref(items), seen, visit);
                }
                let positions = schema.schema_data.extensions.get(PREFIX_ITEMS).and_then(Value::as_array);
                for position in positions.into_iter().flatten() {
                    if let Ok(position) = ReferenceOr::<Schema>::deserialize(position) {
                        self.visit_value_schemas(schema_ref(&position), seen, visit);
                    }
                }
            }
            SchemaKind::Type(Kind::Object(object)) => {
                if let Some(AdditionalProperties::Schema(values)) = &object.additional_properties {
                    self.visit_value_schemas(schema_ref(values), seen, visit);
                }
            }
            _ => {}
        }
    }
}

/// Returns the `format` of a string.
fn format_of(schema: &Schema) -> Option<String> {
    let SchemaKind::Type(Kind::String(text)) = &schema.schema_kind else { return None };
    match &text.format {
        VariantOrUnknownOrEmpty::Item(format) => {
            let name = match format {
                StringFormat::Date => "date",
                StringFormat::DateTime => "date-time",
                StringFormat::Password => "password",
                StringFormat::Byte => "byte",
                StringFormat::Binary => "binary",
            };
            Some(name.to_owned())
        }
        VariantOrUnknownOrEmpty::Unknown(name) => Some(name.clone()),
        VariantOrUnknownOrEmpty::Empty => None,
    }
}

/// Returns true for a union that lists every kind of JSON value, with any values inside lists and objects.
fn is_any_json(item: &Item) -> bool {
    let Type::Union(kinds, _) = &item.ty else { return false };
    let is_any = |item: &Item| item.ty == Type::Any;
    let lists = |kind: &dyn Fn(&Type) -> bool| kinds.iter().any(kind);
    item.nullable
        && lists(&|kind| *kind == Type::Boolean)
        && lists(&|kind| matches!(kind, Type::Text(text) if *text == Text::default()))
        && lists(&|kind| matches!(kind, Type::Number(bounds) if bounds.is_open()))
        && lists(&|kind| matches!(kind, Type::List(item, list) if is_any(item) && *list == List::default()))
        && lists(&|kind| matches!(kind, Type::Map(item, entries) if is_any(item) && entries.is_open()))
}

/// Makes files of the strings of a type, or strings of its files.
fn mark_files(ty: &mut Type, is_file: bool) {
    visit_type(ty, &mut |ty| match ty {
        Type::Text(rules) if is_file => *ty = Type::File(std::mem::take(rules), FileLimits::Null),
        Type::File(rules, _) if !is_file => *ty = Type::Text(std::mem::take(rules)),
        _ => {}
    });
}

/// Gives the limits of a property to its files. The limits of the files themselves come first.
fn limit_files(ty: &mut Type, limits: &FileLimits) {
    let Some(limits) = limits.as_object() else { return };
    visit_type(ty, &mut |ty| {
        let Type::File(_, own) = ty else { return };
        if own.is_null() {
            *own = Value::Object(serde_json::Map::new());
        }
        if let Some(own) = own.as_object_mut() {
            for (name, limit) in limits {
                own.entry(name).or_insert_with(|| limit.clone());
            }
        }
    });
}
