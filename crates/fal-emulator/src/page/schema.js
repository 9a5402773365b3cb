// Reads the schema of an input.

/** The deepest nesting for which fields are made. Deeper values are edited as JSON. */
const MAX_DEPTH = 5;

/** Returns the schema that a reference means, with what stands beside the reference. */
const follow = (schema, schemas, hops = 0) => {
  if (!schema || typeof schema !== "object" || hops > 8) return {};
  if (typeof schema.$ref === "string") {
    const { $ref, ...beside } = schema;
    const name = $ref.split("/").pop();
    const target = schemas && Object.hasOwn(schemas, name) ? schemas[name] : {};
    return { title: name, ...follow(target, schemas, hops + 1), ...beside };
  }
  if (Array.isArray(schema.allOf) && schema.allOf.length === 1) {
    const { allOf, ...beside } = schema;
    return { ...follow(allOf[0], schemas, hops + 1), ...beside };
  }
  return schema;
};

/** Returns a schema without references and without null. Alternatives, if any are left, are under `branches`. */
const resolve = (schema, schemas) => {
  const followed = follow(schema, schemas);
  const alternatives = followed.anyOf ?? followed.oneOf;
  if (!Array.isArray(alternatives)) return followed;
  const { anyOf, oneOf, ...beside } = followed;
  const branches = alternatives.map((branch) => resolve(branch, schemas)).flatMap((branch) => branch.branches ?? [branch]);
  const real = branches.filter((branch) => branch.type !== "null");
  return real.length === 1 ? { ...real[0], ...beside } : { ...beside, branches: real };
};

/** Returns the values of an enum or a constant. */
const valuesOf = (schema) => {
  if (Array.isArray(schema.enum)) return schema.enum.filter((value) => value !== null);
  return Object.hasOwn(schema, "const") ? [schema.const] : undefined;
};

const typeOf = (schema) => {
  if (Array.isArray(schema.type)) return schema.type.find((type) => type !== "null");
  return schema.type ?? (schema.properties ? "object" : undefined);
};

/** Returns true if a JSON value may be of a type. */
const hasType = (value, type) => {
  if (value instanceof ExactNumber) return type === "integer" || type === "number";
  if (Array.isArray(value)) return type === "array";
  if (type === "integer") return Number.isInteger(value);
  return type === undefined || type === typeof value;
};

/** Returns true for parameters that take the URL of a file. */
const takesFile = (name) => /(^|_)urls?(_[0-9]+)?$/.test(name) && name !== "callback_url";

/** Returns the properties of an object in fal's order, each with its name. */
const propertiesOf = (schema) => {
  const properties = schema.properties ?? {};
  const order = Array.isArray(schema["x-fal-order-properties"]) ? schema["x-fal-order-properties"] : [];
  const names = [...new Set([...order, ...Object.keys(properties)])];
  return names.filter((name) => Object.hasOwn(properties, name)).map((name) => [name, properties[name]]);
};

const boundsText = (schema) => {
  const low = schema.minimum ?? schema.exclusiveMinimum;
  const high = schema.maximum ?? schema.exclusiveMaximum;
  const parts = [];
  if (low !== undefined || high !== undefined) parts.push(`${textOf(low ?? "…")} to ${textOf(high ?? "…")}`);
  if (schema.default !== undefined && schema.default !== null) parts.push(`default ${JSON.stringify(schema.default)}`);
  return parts.join(", ").slice(0, 300);
};
