//! The ways in which fal changes a document, each with the right verdict.

use serde_json::{Map, Value, json};

/// A way to change a record.
pub(crate) struct Way {
    pub(crate) name: &'static str,
    /// The level of the change for users. `None` for a change that nobody notices.
    pub(crate) level: Option<&'static str>,
    /// Part of the line about the change.
    pub(crate) phrase: &'static str,
    /// Changes the record, and returns the name of the parameter or field. `None` if the record has nothing to change.
    pub(crate) apply: fn(&mut Record) -> Option<String>,
}

pub(crate) const WAYS: [Way; 18] = [
    Way {
        name: "narrower bounds",
        level: Some("breaking"),
        phrase: ", was ",
        apply: |record| record.move_maximum(-1),
    },
    Way {
        name: "wider bounds",
        level: Some("minor"),
        phrase: ", was ",
        apply: |record| record.move_maximum(1),
    },
    Way {
        name: "new parameter",
        level: Some("minor"),
        phrase: "is a new parameter",
        apply: |record| record.add_parameter("magic_dust", false),
    },
    Way {
        name: "new required parameter",
        level: Some("breaking"),
        phrase: "is a new required parameter",
        apply: |record| record.add_parameter("moon_phase", true),
    },
    Way {
        name: "removed parameter",
        level: Some("breaking"),
        phrase: "was removed",
        apply: |record| record.remove_parameter().map(|(name, _)| name),
    },
    Way {
        name: "renamed parameter",
        level: Some("breaking"),
        phrase: "was removed",
        apply: |record| {
            let (name, schema) = record.remove_parameter()?;
            record.input().insert(format!("{name}_of_late"), schema);
            Some(name)
        },
    },
    Way {
        name: "removed value",
        level: Some("breaking"),
        phrase: "no longer accepts",
        apply: |record| {
            record.change_input(|schema| {
                let default = schema.get("default").cloned();
                let values = schema.get_mut("enum")?.as_array_mut().filter(|values| values.len() > 2)?;
                let index =
                    values.iter().position(|value| value.is_string() && Some(value) != default.as_ref())?;
                Some(values.remove(index))
            })
        },
    },
    Way {
        name: "new value",
        level: Some("minor"),
        phrase: "also accepts",
        apply: |record| {
            record.change_input(|schema| {
                let values = schema.get_mut("enum")?.as_array_mut()?;
                values.iter().all(Value::is_string).then(|| values.push(json!("panorama_9")))
            })
        },
    },
    Way {
        name: "another default",
        level: Some("patch"),
        phrase: "has the default",
        apply: |record| {
            record.change_input(|schema| {
                let default = whole_number(schema)?;
                let maximum = schema.get("maximum")?.as_i64()?;
                (default < maximum).then(|| schema.insert("default".to_owned(), json!(default + 1)))
            })
        },
    },
    Way {
        name: "no default",
        level: Some("breaking"),
        phrase: "has no default",
        apply: |record| {
            record.change_input(|schema| whole_number(schema).map(|_| schema.shift_remove("default")))
        },
    },
    Way {
        name: "another type",
        level: Some("breaking"),
        phrase: "is now ",
        apply: |record| {
            record.change_input(|schema| {
                whole_number(schema)?;
                Some(schema.insert("type".to_owned(), json!("number")))
            })
        },
    },
    Way {
        name: "deprecated endpoint",
        level: Some("minor"),
        phrase: "s deprecated now",
        apply: |record| {
            record.0["metadata"]["status"] = json!("deprecated");
            Some(String::new())
        },
    },
    Way {
        name: "removed field",
        level: Some("breaking"),
        phrase: "was removed",
        apply: |record| {
            let fields = record.properties(OUTPUT).filter(|fields| fields.len() > 1)?;
            let is_plain = |schema: &Value| schema.get("type").is_some_and(|ty| ty != "array");
            let name = fields.iter().find(|(_, schema)| is_plain(schema))?.0.clone();
            fields.shift_remove(&name);
            let mut required = record.required(OUTPUT);
            required.retain(|other| *other != name);
            record.component(OUTPUT)?.insert("required".to_owned(), json!(required));
            Some(name)
        },
    },
    Way {
        name: "new field",
        level: Some("minor"),
        phrase: "is a new field",
        apply: |record| {
            let fields = record.properties(OUTPUT)?;
            fields.insert(
                "moon_phase".to_owned(),
                json!({ "type": "string", "description": "The phase of the moon." }),
            );
            Some("moon_phase".to_owned())
        },
    },
    Way {
        name: "bounds that exclude every value",
        level: None,
        phrase: "",
        apply: |record| record.change_input(|schema| set_beyond_maximum(schema, "minimum")),
    },
    Way {
        name: "default outside of its bounds",
        level: None,
        phrase: "",
        apply: |record| record.change_input(|schema| set_beyond_maximum(schema, "default")),
    },
    Way {
        name: "category that is not known",
        level: None,
        phrase: "",
        apply: |record| {
            record.0["metadata"]["category"] = json!("image-to-dream");
            Some(String::new())
        },
    },
    Way {
        name: "another text",
        level: None,
        phrase: "",
        apply: |record| {
            record.0["metadata"]["description"] = json!("Somebody wrote another text.");
            record.change_input(|schema| {
                Some(schema.insert("description".to_owned(), json!("Somebody wrote another text.")))
            })
        },
    },
];

/// Returns the default of a plain whole number with bounds.
fn whole_number(schema: &Map<String, Value>) -> Option<i64> {
    let is_plain = schema.get("type")? == "integer"
        && schema.get("maximum").is_some()
        && schema.get("nullable").is_none();
    schema.get("default")?.as_i64().filter(|_| is_plain)
}

/// Sets a bound or the default of a plain whole number to a value beyond its maximum.
fn set_beyond_maximum(schema: &mut Map<String, Value>, key: &str) -> Option<Option<Value>> {
    whole_number(schema)?;
    let maximum = schema.get("maximum")?.as_i64()?;
    Some(schema.insert(key.to_owned(), json!(maximum + 1)))
}

/// The way to the schema of an input or an output.
type Route = (&'static str, &'static str, &'static str);

const INPUT: Route = ("", "post", "/requestBody/content/application~1json/schema/$ref");
const OUTPUT: Route =
    ("/requests/{request_id}", "get", "/responses/200/content/application~1json/schema/$ref");

/// A record of the platform API.
pub(crate) struct Record(pub(crate) Value);

impl Record {
    pub(crate) fn id(&self) -> String {
        self.0["endpoint_id"].as_str().unwrap_or_default().to_owned()
    }

    fn component(&mut self, (path, method, pointer): Route) -> Option<&mut Map<String, Value>> {
        let path = format!("/{}{path}", self.id());
        let reference = self.0["openapi"]["paths"].get(path)?.get(method)?.pointer(pointer)?.as_str()?;
        let name = reference.rsplit('/').next()?.to_owned();
        self.0["openapi"]["components"]["schemas"].get_mut(name)?.as_object_mut()
    }

    fn properties(&mut self, route: Route) -> Option<&mut Map<String, Value>> {
        self.component(route)?.get_mut("properties")?.as_object_mut()
    }

    fn required(&mut self, route: Route) -> Vec<String> {
        let names = self.component(route).and_then(|schema| schema.get("required")?.as_array().cloned());
        names.into_iter().flatten().filter_map(|name| Some(name.as_str()?.to_owned())).collect()
    }

    /// Returns true if the record describes an input with parameters.
    pub(crate) fn has_input(&mut self) -> bool {
        self.properties(INPUT).is_some_and(|properties| !properties.is_empty())
    }

    fn input(&mut self) -> &mut Map<String, Value> {
        self.properties(INPUT).expect("only records with an input are changed")
    }

    /// Changes the first parameter that can be changed, and returns its name.
    pub(crate) fn change_input<T>(
        &mut self,
        change: impl Fn(&mut Map<String, Value>) -> Option<T>,
    ) -> Option<String> {
        let parameters = self.input().iter_mut();
        parameters
            .filter_map(|(name, schema)| Some((name, schema.as_object_mut()?)))
            .find_map(|(name, schema)| change(schema).map(|_| name.clone()))
    }

    fn move_maximum(&mut self, by: i64) -> Option<String> {
        self.change_input(|schema| {
            let default = whole_number(schema)?;
            let maximum = schema.get("maximum")?.as_i64()?;
            let is_inside = maximum + by >= default && schema.get("multipleOf").is_none();
            is_inside.then(|| schema.insert("maximum".to_owned(), json!(maximum + by)))
        })
    }

    fn add_parameter(&mut self, name: &str, is_required: bool) -> Option<String> {
        self.input()
            .insert(name.to_owned(), json!({ "type": "string", "description": "Not described here yet." }));
        if is_required {
            let mut required = self.required(INPUT);
            required.push(name.to_owned());
            self.component(INPUT)?.insert("required".to_owned(), json!(required));
        }
        Some(name.to_owned())
    }

    /// Removes an optional parameter of a plain type, and returns its name and its schema.
    fn remove_parameter(&mut self) -> Option<(String, Value)> {
        let required = self.required(INPUT);
        let parameters = self.input();
        let is_plain = |schema: &Value| schema.get("type").is_some_and(|ty| ty != "array" && ty != "object");
        let name =
            parameters.iter().find(|(name, schema)| is_plain(schema) && !required.contains(name))?.0.clone();
        let schema = parameters.shift_remove(&name)?;
        Some((name, schema))
    }
}
