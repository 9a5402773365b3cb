// Controls for the values of an input. A control has an element, and functions that read its value, write one into it
// and show problems at it. A value of `undefined` leaves the parameter out.

/** Creates a control without parts, at which problems are not shown by itself. */
const plainControl = (element, read, write) => ({ element, read, write, mark: (problems) => problems, single: true });

/** Names a control that has no label. */
const nameControl = ({ element, single }, name) => {
  if (!single) element.setAttribute("role", "group");
  element.setAttribute("aria-label", name);
};

const choiceControl = (values, fallback) => {
  const none = fallback === undefined || fallback === null ? "–" : `default: ${textOf(fallback)}`;
  const options = values.map((value) => make("option", { value: toJson(value) }, textOf(value)));
  const select = make("select", {}, make("option", { value: "" }, none), options);
  const read = () => (select.value === "" ? undefined : JSON.parse(select.value));
  const write = (value) => {
    select.value = value === undefined || value === null ? "" : toJson(value);
    if (select.selectedIndex < 0) throw new Error(`${textOf(value)} is none of the values`);
  };
  return plainControl(select, read, write);
};

const checkboxControl = (fallback) => {
  const box = make("input", { type: "checkbox", checked: fallback });
  const read = () => (box.checked === fallback ? undefined : box.checked);
  const write = (value) => {
    if (!["boolean", "undefined"].includes(typeof value)) throw new Error("This is no boolean");
    box.checked = value ?? fallback;
  };
  return plainControl(box, read, write);
};

const numberControl = (schema) => {
  const input = make("input", {
    type: "number",
    step: typeOf(schema) === "integer" ? "1" : "any",
    min: schema.minimum ?? schema.exclusiveMinimum,
    max: schema.maximum ?? schema.exclusiveMaximum,
    placeholder: textOf(schema.default ?? undefined),
  });
  const read = () => {
    if (input.validity.badInput) throw new Error("This is no number");
    if (input.value === "") return undefined;
    return /^-?[1-9][0-9]{15,}$/.test(input.value) ? new ExactNumber(input.value) : Number(input.value);
  };
  const write = (value) => {
    if (value !== undefined && !hasType(value, "number")) throw new Error("This is no number");
    input.value = value instanceof ExactNumber ? value.digits : (value ?? "");
  };
  return plainControl(input, read, write);
};

const textControl = (name, schema) => {
  const isLong = /prompt|text|script|lyrics/.test(name);
  const input = make(isLong ? "textarea" : "input", { placeholder: textOf(schema.default ?? undefined) });
  if (name === "prompt" && typeof schema.examples?.[0] === "string") input.value = schema.examples[0];
  const write = (value) => {
    if (!["string", "undefined"].includes(typeof value)) throw new Error("This is no text");
    input.value = value ?? "";
  };
  return plainControl(input, () => (input.value === "" ? undefined : input.value), write);
};

const upload = async (file) => {
  const type = file.type || "application/octet-stream";
  const started = await post("/rest/storage/upload/initiate", JSON.stringify({ file_name: file.name, content_type: type }));
  if (!started.ok) throw new Error(`the upload was refused: ${started.status}`);
  const place = await started.json();
  const sent = await fetch(place.upload_url, { method: "PUT", body: file, headers: { "content-type": type } });
  if (!sent.ok) throw new Error(`the upload was refused: ${sent.status}`);
  return place.file_url;
};

/** Creates a chooser of files that uploads them, and calls `done` with the URL of each. */
const fileChooser = (label, multiple, done) => {
  const chooser = make("input", { type: "file", multiple, "aria-label": label });
  chooser.addEventListener("change", async () => {
    for (const file of chooser.files) {
      try {
        done(await upload(file));
      } catch (error) {
        announce(`${file.name} could not be uploaded: ${error.message}`);
      }
    }
    chooser.value = "";
  });
  return chooser;
};

const fileControl = (name) => {
  const input = make("input", { type: "text", placeholder: "https://… or choose a file", inputMode: "url" });
  const chooser = fileChooser(`${name}: choose a file`, false, (url) => (input.value = url));
  const write = (value) => {
    if (!["string", "undefined"].includes(typeof value)) throw new Error("This is no URL");
    input.value = value ?? "";
  };
  return { ...plainControl(input, () => input.value || undefined, write), beside: chooser };
};

const jsonControl = (schema) => {
  const example = schema.default ?? (typeOf(schema) === "array" ? [] : {});
  const input = make("textarea", { class: "mono", placeholder: textOf(example), spellcheck: false });
  const read = () => {
    if (input.value.trim() === "") return undefined;
    try {
      return parseJson(input.value);
    } catch (error) {
      throw new Error(`This is not JSON: ${error.message}`);
    }
  };
  return plainControl(input, read, (value) => (input.value = value === undefined ? "" : toJson(value)));
};

/** Creates a control for alternatives: values to choose from, and others with a control of their own. */
const unionControl = (name, schema, schemas, depth) => {
  const values = schema.branches.flatMap((branch) => valuesOf(branch) ?? []);
  const others = schema.branches.filter((branch) => valuesOf(branch) === undefined);
  if (others.length === 0) return choiceControl(values, schema.default);
  const describe = (branch) => `custom: ${textOf(branch.title ?? typeOf(branch) ?? "JSON")}`;
  const none = schema.default === undefined || schema.default === null ? "–" : `default: ${textOf(schema.default)}`;
  const select = make("select", { "aria-label": name, onchange: () => choose(select.value) },
    make("option", { value: "" }, none),
    values.map((value) => make("option", { value: toJson(value) }, textOf(value))),
    others.map((branch, index) => make("option", { value: `branch ${index}` }, describe(branch))));
  const place = make("div");
  let inner;
  const choose = (option) => {
    const branch = /^branch ([0-9]+)$/.exec(option);
    select.value = option;
    inner = branch && control(name, others[branch[1]], schemas, depth + 1);
    if (inner) nameControl(inner, name);
    fill(place, inner?.element, inner?.beside);
  };
  const read = () => {
    if (inner) return inner.read() ?? (typeOf(others[select.value.slice(7)]) === "object" ? {} : undefined);
    return select.value === "" ? undefined : JSON.parse(select.value);
  };
  const write = (value) => {
    if (value === undefined || value === null) return choose("");
    const text = toJson(value);
    if ([...select.options].some((option) => option.value === text)) return choose(text);
    for (const [index, branch] of others.entries()) {
      if (!hasType(value, typeOf(branch))) continue;
      choose(`branch ${index}`);
      try {
        return inner.write(value);
      } catch {
        // Another alternative may hold it.
      }
    }
    throw new Error("No alternative holds this value");
  };
  // The path of a problem names the alternative, which the control inside does not know.
  const mark = (problems) => {
    if (!inner) return problems;
    const names = new Set(problems.map(({ path }) => path[0]));
    const isInside = (path) => schema.branches.some((branch) => Object.hasOwn(branch.properties ?? {}, path[0]));
    const stripped = problems.map((found) => (names.size > 0 && !isInside(found.path) && found.path.length > 1 ? { ...found, path: found.path.slice(1) } : found));
    return inner.mark(stripped);
  };
  return { element: make("div", { class: "union" }, select, place), read, write, mark };
};

const listControl = (name, schema, schemas, depth) => {
  const item = resolve(schema.items ?? {}, schemas);
  let rows = [];
  const list = make("div", { class: "nested" });
  const add = (value) => {
    const made = control(name, item, schemas, depth + 1);
    const trouble = make("span", { class: "problem" });
    const remove = button("Remove", () => {
      rows = rows.filter((row) => row !== entry);
      entry.element.remove();
      renumber();
      adder.focus();
    });
    nameControl(made, name);
    const element = make("div", { class: "item" }, make("div", { class: "grow" }, made.element, made.beside, trouble), remove);
    const entry = { made, element, remove, trouble };
    if (value !== undefined) made.write(value);
    rows.push(entry);
    list.append(element);
    renumber();
    return entry;
  };
  const renumber = () => rows.forEach(({ remove }, index) => remove.setAttribute("aria-label", `Remove ${name} ${index + 1}`));
  const adder = button(`Add to ${name}`, () => add().element.querySelector("input, select, textarea")?.focus());
  const isFiles = typeOf(item) === "string" && takesFile(name);
  const chooser = isFiles && fileChooser(`${name}: choose files`, true, (url) => add(url));
  const empty = typeOf(item) === "object" ? {} : typeOf(item) === "array" ? [] : "";
  const read = () => (rows.length === 0 ? undefined : rows.map(({ made }) => made.read() ?? empty));
  const write = (value) => {
    if (value !== undefined && !Array.isArray(value)) throw new Error("This is no list");
    rows = [];
    list.replaceChildren();
    for (const item of value ?? []) add(item);
  };
  const mark = (problems) => {
    rows.forEach(({ made, trouble }, index) => {
      const own = problems.filter(({ path }) => path[0] === index).map((found) => ({ ...found, path: found.path.slice(1) }));
      const left = made.mark(own);
      trouble.textContent = visible(left.map(({ text }) => text).join("; "));
    });
    return problems.filter(({ path }) => !(path[0] in rows));
  };
  return { element: make("div", {}, list, make("div", { class: "row" }, adder, chooser)), read, write, mark };
};

const objectControl = (schema, schemas, depth) => {
  const inner = fields(schema, schemas, depth + 1);
  return { ...inner, element: make("div", { class: "nested" }, inner.elements) };
};

/** Creates the control for a resolved schema. */
const control = (name, schema, schemas, depth = 0) => {
  if (depth > MAX_DEPTH) return jsonControl(schema);
  if (schema.branches) return unionControl(name, schema, schemas, depth);
  const values = valuesOf(schema);
  if (values) return choiceControl(values, schema.default);
  const type = typeOf(schema);
  if (type === "boolean") return typeof schema.default === "boolean" ? checkboxControl(schema.default) : choiceControl([true, false]);
  if (type === "integer" || type === "number") return numberControl(schema);
  if (type === "string") return takesFile(name) ? fileControl(name) : textControl(name, schema);
  if (type === "array" && schema.items) return listControl(name, schema, schemas, depth);
  if (type === "object" && Object.keys(schema.properties ?? {}).length > 0) return objectControl(schema, schemas, depth);
  return jsonControl(schema);
};
