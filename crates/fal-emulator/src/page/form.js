// Builds a form for the input of a model from its schema.

/** The longest description of a parameter, in characters. */
const MAX_DESCRIPTION = 600;

/** Creates the field of one property: its name, what it means, its control and its problems. */
const field = (name, property, isRequired, schemas, depth) => {
  const schema = resolve(property, schemas);
  const made = control(name, schema, schemas, depth);
  const texts = [schema.description, boundsText(schema)].filter((text) => text && typeof text === "string");
  const about = texts.map((text) => (text.length > MAX_DESCRIPTION ? `${text.slice(0, MAX_DESCRIPTION)}…` : text)).join(" · ");
  const ids = { label: newId(), about: newId(), problem: newId() };
  const trouble = make("span", { class: "problem", id: ids.problem });
  const described = [about && ids.about, ids.problem].filter(Boolean).join(" ");
  const title = [name, isRequired && " *"];
  if (made.single) {
    made.element.id = newId();
    made.element.setAttribute("aria-describedby", described);
    if (isRequired) made.element.setAttribute("aria-required", "true");
  }
  const heading = made.single ? make("label", { id: ids.label, for: made.element.id }, title) : make("span", { class: "name", id: ids.label }, title);
  const group = made.single ? {} : { role: "group", "aria-labelledby": ids.label, "aria-describedby": described };
  const element = make("div", { class: "field", ...group }, heading, about && make("span", { class: "faint", id: ids.about }, about), made.element, made.beside, trouble);
  const show = (problems) => {
    const left = made.mark(problems);
    trouble.textContent = visible(left.map(({ text }) => text).join("; "));
    if (made.single) made.element.setAttribute("aria-invalid", String(left.length > 0));
    // A problem is seen even if its field was folded away.
    if (problems.length > 0) for (let fold = element.closest("details"); fold; fold = fold.parentElement.closest("details")) fold.open = true;
  };
  return { name, element, read: made.read, write: made.write, show };
};

/** Creates the fields of an object. The required ones and the prompt come first; the others are folded. */
const fields = (schema, schemas, depth = 0) => {
  const required = new Set(Array.isArray(schema.required) ? schema.required : []);
  const made = propertiesOf(schema).map(([name, property]) => field(name, property, required.has(name), schemas, depth));
  const elementsOf = (all) => all.map(({ element }) => element);
  const isFirst = ({ name }) => required.has(name) || name === "prompt";
  const first = made.filter(isFirst);
  const more = made.filter((one) => !isFirst(one));
  const folded = more.length > 0 && make("details", { open: first.length === 0 || more.length < 3 }, make("summary", {}, `${more.length} more parameters`), elementsOf(more));
  const read = () => {
    const object = Object.create(null);
    for (const { name, read: value, show } of made) {
      try {
        const got = value();
        if (got !== undefined) object[name] = got;
      } catch (error) {
        show([{ path: [], text: error.message }]);
        throw error;
      }
    }
    return Object.keys(object).length > 0 ? object : undefined;
  };
  const write = (value) => {
    if (value !== undefined && (value === null || typeof value !== "object" || Array.isArray(value))) throw new Error("This is no object");
    const object = value ?? {};
    const unknown = Object.keys(object).find((name) => !made.some((field) => field.name === name));
    if (unknown !== undefined) throw new Error(`${unknown} is no parameter`);
    for (const { name, write: set } of made) set(Object.hasOwn(object, name) ? object[name] : undefined);
  };
  const mark = (problems) => {
    for (const { name, show } of made) show(problems.filter(({ path }) => path[0] === name).map((found) => ({ ...found, path: found.path.slice(1) })));
    return problems.filter(({ path }) => !made.some(({ name }) => name === path[0]));
  };
  return { elements: [elementsOf(first), folded], read, write, mark };
};

/** Creates the editor of an input: fields, or its JSON. Without a schema there is only JSON. */
const inputEditor = (model) => {
  const schema = model ? resolve(model.input, model.schemas) : {};
  const form = propertiesOf(schema).length > 0 ? fields(schema, model.schemas) : undefined;
  const trouble = make("p", { class: "problem", role: "alert" });
  const text = make("textarea", { class: "mono tall", spellcheck: false, "aria-label": "Input as JSON", value: "{}" });
  const place = make("div");
  const toggle = button("", () => (isJson ? showForm() : showText()));
  let isJson = false;
  const showText = (value) => {
    try {
      text.value = value ?? toJson(form?.read() ?? {});
    } catch {
      return;
    }
    isJson = true;
    toggle.textContent = "Edit as a form";
    fill(place, text);
  };
  const showForm = () => {
    try {
      form.write(parseJson(text.value));
    } catch (error) {
      trouble.textContent = visible(`The form cannot hold this input: ${error.message}`);
      return;
    }
    trouble.textContent = "";
    isJson = false;
    toggle.textContent = "Edit as JSON";
    fill(place, form.elements);
  };
  if (form) {
    toggle.textContent = "Edit as JSON";
    fill(place, form.elements);
  } else showText("{}");
  return {
    element: make("div", {}, place, trouble),
    toggle: form && toggle,
    /** Returns the input as JSON, or `undefined` after showing what cannot be read. */
    read: () => {
      trouble.textContent = "";
      form?.mark([]);
      try {
        if (!isJson) return toJson(form.read() ?? {});
        JSON.parse(text.value);
        return text.value;
      } catch (error) {
        trouble.textContent = visible(isJson ? `This is not JSON: ${error.message}` : "A field cannot be read.");
        return undefined;
      }
    },
    /** Shows an input in the form, or as JSON if the form cannot hold it. */
    write: (input) => {
      text.value = input;
      if (form) showForm();
      if (!form || trouble.textContent) showText(input);
    },
    /** Shows the problems of a refusal at their fields. */
    mark: (detail) => {
      const problems = (Array.isArray(detail) ? detail : []).filter((found) => found && typeof found === "object");
      const listed = problems.map((found) => ({ path: Array.isArray(found.loc) ? found.loc.slice(1) : [], text: textOf(found.msg) }));
      const left = isJson ? listed : form.mark(listed);
      trouble.textContent = visible(left.map(({ path, text }) => [path.map(textOf).join("."), text].filter(Boolean).join(": ")).join("; "));
    },
  };
};
