// Lists of numbered items that a feed keeps up to date, and cards that read their details when they are opened.

/** Returns a function that shows a list of numbered items as elements, the latest on top. Known elements stay. */
const numberedList = (place, create, update) => {
  const known = new Map();
  return (items) => {
    const present = new Set(items.map(({ number }) => number));
    for (const [number, { element }] of known) {
      if (present.has(number)) continue;
      element.remove();
      known.delete(number);
    }
    let next = place.firstElementChild;
    for (const item of items) {
      const text = JSON.stringify(item);
      const entry = known.get(item.number) ?? { element: create(item) };
      if (entry.text !== text) guarded(entry.element, () => update(entry.element, item));
      if (entry.element === next) next = next.nextElementSibling;
      else place.insertBefore(entry.element, next);
      known.set(item.number, { element: entry.element, text });
    }
  };
};

/**
 * Creates a part that reads its details by `load` and shows them below its actions, which stay when details change.
 */
const detailsPart = (load, drawDetails, drawActions) => {
  const [actions, body] = [make("div"), make("div", { class: "body" })];
  let shown;
  const refresh = async () => {
    try {
      const details = await load();
      const text = JSON.stringify(details);
      if (text === shown) return;
      if (shown === undefined && drawActions) guarded(actions, () => fill(actions, drawActions(details)));
      shown = text;
      guarded(body, () => fill(body, drawDetails(details)));
    } catch (error) {
      fill(body, problem(`The details could not be read: ${error.message}`));
    }
  };
  return { elements: [actions, body], refresh };
};

/** Creates a card that reads its details from `path` when it is opened, and again when its item changes. */
const makeCard = (path, drawDetails, drawActions) => {
  const { elements, refresh } = detailsPart(() => readJson(path), drawDetails, drawActions);
  const card = make("details", { class: "card" }, make("summary"), elements);
  card.load = () => card.open && refresh();
  card.addEventListener("toggle", card.load);
  return card;
};

const updateCard = (drawSummary) => (card, item) => {
  fill(card.querySelector("summary"), drawSummary(item));
  card.load();
};

const plural = (count, noun) => `${count.toLocaleString("en")} ${noun}${count === 1 ? "" : "s"}`;

/**
 * Fills a view with a search field and a list. Searching is done by the emulator, which keeps more items than are
 * listed. `name` is that of the view and of its part in the feed.
 */
const listView = ({ name, noun, states, empty, create, update }) => {
  const filter = { search: "", state: "", after: 0 };
  const list = make("div", { class: "list" });
  const count = make("p", { class: "faint grow", id: `${name}-count` });
  const search = make("input", {
    type: "search", class: "search", placeholder: `Search ${noun}s`, "aria-label": `Search ${noun}s`, "aria-describedby": count.id, maxLength: 200,
    oninput: () => {
      filter.search = search.value.trim();
      refreshNow();
    },
  });
  const choice = states && make("select", { "aria-label": "State", onchange: () => {
    filter.state = choice.value;
    refreshNow();
  } }, states.map(([value, text]) => make("option", { value }, text)));
  let total = 0;
  const clear = button("Clear", () => {
    filter.after = total;
    refreshNow();
  }, { title: "Hide what is listed now. Nothing is deleted." });
  const restore = button("Show hidden", () => {
    filter.after = 0;
    refreshNow();
    clear.focus();
  }, { hidden: true });
  const bar = make("div", { class: "row tools" }, make("div", { class: "grow" }, search), choice, clear, restore);
  const none = make("p", { class: "empty", hidden: true });
  byId(name).replaceChildren(bar, count, list, none);
  const show = numberedList(list, create, update);

  const describe = (items, matching) => {
    const hidden = filter.after > 0 ? ` ${filter.after.toLocaleString("en")} earlier ones are hidden.` : "";
    if (filter.search || filter.state) return `${items.length.toLocaleString("en")} of ${plural(matching, `matching ${noun}`)}.${hidden}`;
    const listed = matching > items.length ? `Last ${items.length.toLocaleString("en")} of ${plural(matching, noun)}.` : `${plural(items.length, noun)}.`;
    return listed + hidden;
  };
  return {
    query: () => [["search", filter.search], ["state", filter.state], ["after", filter.after || ""]].filter(([, value]) => value !== "").map(([key, value]) => [`${name}_${key}`, String(value)]),
    show: (items, matching, all) => {
      // After a restart the numbers begin again.
      if (all < filter.after) filter.after = 0;
      total = all;
      show(items);
      const text = items.length === 0 && all === 0 ? "" : describe(items, matching);
      if (count.textContent !== text) count.textContent = text;
      restore.hidden = filter.after === 0;
      clear.disabled = items.length === 0;
      const state = items.length > 0 ? "" : all === 0 ? "none" : filter.search || filter.state ? "no match" : "cleared";
      if (none.dataset.state !== state) fill(none, { none: empty, "no match": () => [`No ${noun} matches.`], cleared: () => ["Nothing new since the list was cleared."] }[state]?.() ?? []);
      none.dataset.state = state;
      none.hidden = state === "";
      showBadge(name, items, all);
    },
  };
};

/** Shows at the tab how many items there are, and how many of them are listed. */
const showBadge = (name, items, all) => {
  const badge = byId(`count-${name}`);
  const text = all > items.length ? `${items.length.toLocaleString("en")} of ${all.toLocaleString("en")}` : String(items.length);
  if (badge.textContent !== text) badge.textContent = text;
};
