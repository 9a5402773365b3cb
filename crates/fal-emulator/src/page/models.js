// The field that chooses a model, with suggestions while one types.

/** The largest number of suggestions. */
const MAX_SUGGESTIONS = 40;

const wordsOf = (text) => text.toLowerCase().split(/[^a-z0-9]+/).filter(Boolean);

/** Returns the models that have every word of a text, those whose id begins with it first. */
const matchingModels = (models, text) => {
  const words = wordsOf(text);
  const rank = ({ id }) => (id === text ? 0 : id.startsWith(text) ? 1 : id.includes(text) ? 2 : 3);
  const matches = models.filter((model) => {
    const about = `${model.id} ${textOf(model.name ?? "")} ${textOf(model.category ?? "")}`.toLowerCase();
    return words.every((word) => about.includes(word));
  });
  return matches.map((model) => [rank(model), model]).sort(([a], [b]) => a - b).map(([, model]) => model);
};

const pairsOf = (text) => new Set(Array.from(text, (_, index) => text.slice(index, index + 2)).slice(0, -1));

/** Returns the models whose ids are most like an unknown id. */
const similarModels = (models, id) => {
  const words = new Set(wordsOf(id));
  const pairs = pairsOf(id.toLowerCase().slice(0, 200));
  const score = (model) => {
    const own = pairsOf(model.id.toLowerCase());
    const common = [...own].filter((pair) => pairs.has(pair)).length;
    const shared = wordsOf(model.id).filter((word) => words.has(word) && word !== "fal" && word !== "ai").length;
    return (2 * common) / (own.size + pairs.size + 1) + shared / 4;
  };
  const scored = models.map((model) => [score(model), model]).filter(([found]) => found > 0.45);
  return scored.sort(([a], [b]) => b - a).slice(0, 3).map(([, model]) => model);
};

/**
 * Creates the field. `choose` is called with the id of a known model, or with an unknown one after Enter.
 *
 * It follows the combobox pattern of ARIA: the focus stays in the field, and arrow keys move the active option.
 */
const modelField = (models, choose) => {
  const ids = { list: newId(), label: newId() };
  const list = make("ul", { id: ids.list, role: "listbox", class: "options", hidden: true, "aria-label": "Models" });
  const input = make("input", {
    class: "search", type: "text", role: "combobox", autocomplete: "off", spellcheck: false, placeholder: "fal-ai/…",
    "aria-autocomplete": "list", "aria-expanded": "false", "aria-controls": ids.list, "aria-labelledby": ids.label,
  });
  let shown = [];
  let active = -1;
  const close = () => {
    list.hidden = true;
    input.setAttribute("aria-expanded", "false");
    input.removeAttribute("aria-activedescendant");
  };
  const pick = (id) => {
    input.value = id;
    close();
    choose(id);
  };
  const activate = (index) => {
    active = index;
    for (const [at, option] of [...list.children].entries()) option.setAttribute("aria-selected", String(at === active));
    const option = list.children[active];
    if (!option) return;
    input.setAttribute("aria-activedescendant", option.id);
    option.scrollIntoView({ block: "nearest" });
  };
  const suggest = () => {
    shown = matchingModels(models, input.value.trim()).slice(0, MAX_SUGGESTIONS);
    list.replaceChildren(...shown.map((model) =>
      make("li", { role: "option", id: newId(), "aria-selected": "false", onmousedown: (event) => (event.preventDefault(), pick(model.id)) },
        model.id, make("span", { class: "faint" }, textOf(model.category ?? "")))));
    list.hidden = shown.length === 0;
    input.setAttribute("aria-expanded", String(shown.length > 0));
    input.removeAttribute("aria-activedescendant");
    active = -1;
  };
  input.addEventListener("input", () => {
    suggest();
    const id = input.value.trim();
    if (models.some((model) => model.id === id)) choose(id);
  });
  input.addEventListener("focus", () => input.select());
  input.addEventListener("blur", close);
  input.addEventListener("keydown", (event) => {
    if (["ArrowDown", "ArrowUp"].includes(event.key)) {
      event.preventDefault();
      if (list.hidden) suggest();
      if (shown.length > 0) activate((active + (event.key === "ArrowDown" ? 1 : shown.length - (active < 0 ? 0 : 1))) % shown.length);
    } else if (event.key === "Enter") {
      event.preventDefault();
      const id = list.hidden || active < 0 ? input.value.trim() : shown[active].id;
      if (id) pick(id);
    } else if (event.key === "Escape") close();
  });
  const label = make("label", { id: ids.label, class: "label" }, `Model: type to search ${models.length} endpoints`);
  input.id = newId();
  label.htmlFor = input.id;
  return { element: make("div", { class: "models" }, label, input, list), set: (id) => (input.value = id), isInUse: () => document.activeElement === input };
};
