// Builds a form for the input of a model from its schema.

/** Returns a schema with its references resolved and its `null` alternatives removed. */
const resolve = (schema, schemas, hops = 0) => {
  if (!schema || hops > 8) return {};
  if (schema.$ref) {
    const { $ref, ...beside } = schema;
    const target = schemas?.[$ref.split("/").pop()] ?? {};
    return { ...resolve(target, schemas, hops + 1), ...beside };
  }
  if (schema.allOf?.length === 1) return { ...resolve(schema.allOf[0], schemas, hops + 1), ...schema, allOf: undefined };
  const branches = (schema.anyOf ?? schema.oneOf)?.map((branch) => resolve(branch, schemas, hops + 1));
  if (!branches) return schema;
  const real = branches.filter((branch) => branch.type !== "null");
  const { anyOf, oneOf, ...beside } = schema;
  // An alternative with a list of values makes the best field.
  const chosen = real.find((branch) => branch.enum) ?? real[0] ?? {};
  return { ...chosen, ...beside, others: real.length > 1 };
};

const isFile = (name) => /(^|_)urls?(_[0-9]+)?$/.test(name) && name !== "callback_url";

const upload = async (file) => {
  const body = JSON.stringify({ file_name: file.name, content_type: file.type || "application/octet-stream" });
  const place = await (await call("/rest/storage/upload/initiate", { method: "POST", body })).json();
  await fetch(place.upload_url, { method: "PUT", body: file, headers: { "content-type": file.type } });
  return place.file_url;
};

/** Returns a control and a function that reads its value; `undefined` leaves the parameter out. */
const control = (name, schema) => {
  const kind = Array.isArray(schema.type) ? schema.type.find((type) => type !== "null") : schema.type;
  const text = (value) => (value === null ? "" : textOf(value));
  if (Array.isArray(schema.enum)) {
    const select = make("select", {}, make("option", { value: "" }, "–"), schema.enum.map((value) => make("option", { value: JSON.stringify(value) }, textOf(value))));
    if (schema.default !== undefined) select.value = JSON.stringify(schema.default);
    return [select, () => (["", JSON.stringify(schema.default)].includes(select.value) ? undefined : JSON.parse(select.value))];
  }
  if (kind === "boolean") {
    const box = make("input", { type: "checkbox", checked: schema.default === true });
    return [box, () => (box.checked === (schema.default ?? false) ? undefined : box.checked)];
  }
  if (kind === "integer" || kind === "number") {
    const low = schema.minimum ?? schema.exclusiveMinimum;
    const high = schema.maximum ?? schema.exclusiveMaximum;
    const input = make("input", { type: "number", step: kind === "integer" ? "1" : "any", min: low, max: high, placeholder: text(schema.default) });
    return [input, () => (input.value === "" ? undefined : Number(input.value))];
  }
  if (kind === "string" && isFile(name)) {
    const input = make("input", { type: "text", placeholder: "https://… or choose a file" });
    const chooser = make("input", { type: "file", "aria-label": `${name}: file`, onchange: async () => {
      if (chooser.files.length > 0) input.value = await upload(chooser.files[0]);
    } });
    return [make("span", {}, input, chooser), () => input.value || undefined];
  }
  if (kind === "string") {
    const long = /prompt|text|script|lyrics/.test(name);
    const input = make(long ? "textarea" : "input", { placeholder: text(schema.default) });
    if (name === "prompt") input.value = text(schema.examples?.[0]);
    return [input, () => (input.value === "" ? undefined : input.value)];
  }
  const input = make("textarea", { class: "mono", placeholder: text(schema.default ?? (kind === "array" ? [] : {})), spellcheck: false });
  return [input, () => (input.value.trim() === "" ? undefined : JSON.parse(input.value))];
};

const bounds = (schema) => {
  const parts = [];
  if (schema.minimum !== undefined || schema.maximum !== undefined) parts.push(`${schema.minimum ?? "…"} to ${schema.maximum ?? "…"}`);
  if (schema.default !== undefined && schema.default !== null) parts.push(`default ${JSON.stringify(schema.default)}`);
  return parts.join(", ");
};

/** Returns the fields of a model, a function that reads them, and one that shows validation errors at them. */
const fields = (model) => {
  const schema = resolve(model.input, model.schemas);
  const properties = schema.properties ?? {};
  const required = new Set(Array.isArray(schema.required) ? schema.required : []);
  const order = schema["x-fal-order-properties"];
  const names = [...new Set([...(Array.isArray(order) ? order : []), ...Object.keys(properties)])].filter((name) => Object.hasOwn(properties, name));
  const made = names.map((name) => {
    const property = resolve(properties[name], model.schemas);
    const [element, read] = control(name, property);
    const problem = make("span", { class: "problem", role: "alert" });
    const about = [property.description, bounds(property)].filter((text) => text && typeof text === "string").join(" · ");
    const label = make("label", {}, name, required.has(name) && " *", about && make("span", { class: "faint about" }, about), element, problem);
    return { name, read, problem, label };
  });
  const shown = made.filter(({ name }) => required.has(name));
  const more = made.filter(({ name }) => !required.has(name));
  const elements = [
    ...shown.map(({ label }) => label),
    more.length > 0 && make("details", { open: shown.length === 0 }, make("summary", {}, `${more.length} more parameters`), more.map(({ label }) => label)),
  ];
  const mark = (problems) => {
    for (const { name, problem } of made) {
      problem.textContent = visible(problems.filter((found) => found?.loc?.[1] === name).map((found) => textOf(found.msg)).join("; "));
      if (problem.textContent) problem.closest("details")?.setAttribute("open", "");
    }
  };
  /** Returns the input, or `undefined` after marking the fields that cannot be read. */
  const read = () => {
    const input = {};
    const problems = [];
    for (const { name, read: value } of made) {
      try {
        const got = value();
        if (got !== undefined) input[name] = got;
      } catch (error) {
        problems.push({ loc: ["body", name], msg: `Not JSON: ${error.message}` });
      }
    }
    mark(problems);
    return problems.length > 0 ? undefined : input;
  };
  return { elements, read, mark };
};
