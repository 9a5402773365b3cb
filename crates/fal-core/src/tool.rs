//! An endpoint as a tool of a language model. With the feature `schemars`.

mod arguments;
mod schema;
#[cfg(test)]
mod tests;

use std::{fmt, marker::PhantomData};

use schemars::{JsonSchema, generate::SchemaSettings};
use serde::{Deserialize as _, Serialize, Serializer, de::DeserializeOwned, ser::SerializeStruct};
use serde_json::{Value, json};

use crate::{Endpoint, Violation, Violations, validate};

/// Returns the tool that calls the endpoint `E`, whose crate has the feature `schemars`.
#[must_use]
pub fn tool<E: Endpoint<Input: JsonSchema + DeserializeOwned>>() -> Tool<E> {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.inline_subschemas = true;
        settings.meta_schema = None;
    });
    let schema = settings.into_generator().into_root_schema_for::<E::Input>();
    let input_schema = schema::close(schema.to_value());
    let mut name: String = E::ID
        .chars()
        .map(|character| if character.is_ascii_alphanumeric() || character == '-' { character } else { '_' })
        .collect();
    // The limit of the APIs of language models.
    name.truncate(64);
    let category = E::CATEGORY.map_or(String::new(), |category| format!(" ({category})"));
    let description = format!("{}{category}. {}", E::TITLE, E::DESCRIPTION).trim_end().to_owned();
    Tool { name, description, input_schema, endpoint: PhantomData }
}

/// An endpoint as a tool of a language model: a name, a description and the schema of its arguments, from [`tool`].
///
/// It is serialized as `{"name", "description", "input_schema"}`, in the form of Anthropic's API;
/// [`to_openai`](Self::to_openai) is the form of OpenAI's.
pub struct Tool<E: Endpoint> {
    name: String,
    description: String,
    input_schema: Value,
    endpoint: PhantomData<fn() -> E>,
}

impl<E: Endpoint<Input: DeserializeOwned>> Tool<E> {
    /// Returns the name: the id of the endpoint with `_` in place of `/` and `.`, at most 64 characters.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the title, category and description of the endpoint.
    #[must_use]
    pub fn description(&self) -> &str {
        &self.description
    }

    /// Sets another name, for a model that has several tools of one kind.
    #[must_use]
    pub fn with_name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// Sets another description.
    #[must_use]
    pub fn with_description(mut self, description: impl Into<String>) -> Self {
        self.description = description.into();
        self
    }

    /// Returns the JSON Schema of the arguments.
    ///
    /// It is inlined, without `$ref`, `$defs` and `allOf`, and closed: no object has other properties than it names. Rules
    /// about arguments that belong together are in its description, and [`parse`](Self::parse) checks them.
    #[must_use]
    pub fn input_schema(&self) -> &Value {
        &self.input_schema
    }

    /// Returns the schema in the part of JSON Schema that the strict modes of OpenAI and Anthropic and the
    /// `parametersJsonSchema` of Gemini have in common.
    ///
    /// Every object is closed. Every property is required, and one that the endpoint does not require may be null instead.
    /// Bounds and defaults are in the descriptions, and [`parse`](Self::parse) checks them. An optional property with free
    /// content is left out. An endpoint that requires free content has no strict form; [`is_strict`](Self::is_strict)
    /// tells.
    #[must_use]
    pub fn strict_schema(&self) -> Value {
        schema::strict(&self.input_schema)
    }

    /// Returns true if strict modes take [`strict_schema`](Self::strict_schema): every argument that is required has a form,
    /// and is not any object or list.
    #[must_use]
    pub fn is_strict(&self) -> bool {
        schema::is_expressible(&self.input_schema)
    }

    /// Returns the tool as OpenAI's API takes it, in its strict mode if the endpoint [has one](Self::is_strict).
    #[must_use]
    pub fn to_openai(&self) -> Value {
        let is_strict = self.is_strict();
        json!({
            "type": "function",
            "function": {
                "name": self.name,
                "description": self.description,
                "parameters": if is_strict { self.strict_schema() } else { self.input_schema.clone() },
                "strict": is_strict,
            },
        })
    }

    /// Reads the arguments that a language model wrote.
    ///
    /// Null stands for an optional argument that is left out.
    ///
    /// # Errors
    ///
    /// Returns all mistakes at once, unknown names included, in words that the model can act on.
    pub fn parse(&self, arguments: &Value) -> Result<E::Input, Violations> {
        let mut arguments = arguments.clone();
        arguments::drop_nulls(&self.input_schema, &mut arguments);
        let mut found = Vec::new();
        arguments::check(&self.input_schema, &arguments, "body", &mut found);
        if let Some(violations) = Violations::from_vec(found) {
            return Err(violations);
        }
        let input = E::Input::deserialize(&arguments)
            .map_err(|error| Violation::new("body", error.to_string(), arguments.clone()))?;
        validate(&input).map(|()| input)
    }

    /// Reads arguments that are JSON in text, as OpenAI's API gives them.
    ///
    /// # Errors
    ///
    /// As [`parse`](Self::parse), and for text that is not JSON.
    pub fn parse_text(&self, arguments: &str) -> Result<E::Input, Violations> {
        let parsed = serde_json::from_str(arguments).map_err(|error| {
            Violation::new("body", format!("the arguments must be a JSON object: {error}"), arguments.into())
        })?;
        self.parse(&parsed)
    }
}

impl<E: Endpoint> Clone for Tool<E> {
    fn clone(&self) -> Self {
        let Self { name, description, input_schema, endpoint } = self;
        let (name, description, input_schema) = (name.clone(), description.clone(), input_schema.clone());
        Self { name, description, input_schema, endpoint: *endpoint }
    }
}

impl<E: Endpoint> fmt::Debug for Tool<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tool").field("name", &self.name).finish_non_exhaustive()
    }
}

impl<E: Endpoint> Serialize for Tool<E> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut tool = serializer.serialize_struct("Tool", 3)?;
        tool.serialize_field("name", &self.name)?;
        tool.serialize_field("description", &self.description)?;
        tool.serialize_field("input_schema", &self.input_schema)?;
        tool.end()
    }
}
