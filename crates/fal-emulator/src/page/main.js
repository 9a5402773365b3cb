// The views, their addresses, and the feed that keeps them up to date.

const tabs = () => [...document.querySelectorAll("[role=tab]")];

const view = (name) => {
  for (const tab of tabs()) {
    const chosen = tab.dataset.view === name;
    tab.setAttribute("aria-selected", String(chosen));
    // One stop for the Tab key; arrow keys move within.
    tab.tabIndex = chosen ? 0 : -1;
    // Not by scrollIntoView, after which the Tab key would start behind the tabs.
    if (chosen) tab.parentElement.scrollLeft = tab.offsetLeft - (tab.parentElement.clientWidth - tab.offsetWidth) / 2;
  }
  for (const section of document.querySelectorAll("main > section")) section.hidden = section.id !== name;
};

const decode = (text) => {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
};

/** Shows what the address names: `#/calls`, `#/calls/<request id>`, `#/try/<endpoint id>` and so on. */
const followAddress = (event) => {
  const [name, ...rest] = location.hash.replace(/^#\/?/, "").split("/");
  const detail = rest.length > 0 ? decode(rest.join("/")) : undefined;
  const chosen = tabs().some((tab) => tab.dataset.view === name) ? name : "calls";
  view(chosen);
  showCall(chosen === "calls" ? detail : undefined);
  // The link that was followed may be gone.
  if (event && chosen === "calls" && detail !== undefined) byId("call").querySelector("a")?.focus();
  if (chosen === "try") showTry(detail);
};

/** Moves to another tab by keyboard. */
const moveTab = (event) => {
  const all = tabs();
  const index = all.indexOf(document.activeElement);
  const last = all.length - 1;
  const target = { ArrowRight: index === last ? 0 : index + 1, ArrowLeft: index === 0 ? last : index - 1, Home: 0, End: last }[event.key];
  if (index < 0 || target === undefined) return;
  event.preventDefault();
  location.hash = `#/${all[target].dataset.view}`;
  all[target].focus();
};

/** Shows if the emulator answers. Changes are announced to screen readers. */
const showConnection = (on) => {
  const alive = byId("alive");
  const text = on ? "Connected" : "Not connected";
  if (alive.textContent === text) return;
  alive.textContent = text;
  alive.dataset.on = String(on);
};

const lists = makeLists();
const [callList, webhookList, requestList] = lists;

/** Shows the cost that fal would have charged so far. */
const showCost = ({ usd, calls, invented_part: inventedPart }) => {
  const text = calls > 0 ? `Would have cost $${usd.toFixed(2)} for ${plural(calls, "call")}${inventedPart && `, ${inventedPart}`}` : "";
  const place = byId("cost");
  if (place.textContent !== text) place.textContent = text;
};

let isFirst = true;

const showFeed = (feed) => {
  if (byId("url").textContent !== feed.url) byId("url").textContent = feed.url;
  for (const [name, list] of [["calls", callList], ["webhooks", webhookList], ["requests", requestList]]) {
    list.show(feed[name], feed.matching[name], feed.totals[name]);
  }
  const title = feed.open > 0 ? `${feed.open} running · fal-emulator` : "fal-emulator";
  if (document.title !== title) document.title = title;
  showUnknown(feed.unknown_models);
  showClock(feed);
  showCost(feed.cost);
  if (isFirst) showConnect(feed);
  isFirst = false;
  single.refresh?.();
};

let latest = 0;

/** Reads the feed and shows it. Of several readings at once, the last one is shown. */
const refreshNow = async () => {
  const turn = (latest += 1);
  const query = new URLSearchParams(lists.flatMap((list) => list.query()));
  let feed;
  try {
    const reply = await call(`/_emulator/page/feed?${query}`);
    feed = reply.ok ? await reply.json() : undefined;
  } catch {
    // The emulator is gone, which the next line shows.
  }
  if (turn !== latest) return;
  showConnection(feed !== undefined);
  if (feed !== undefined) guarded(byId("trouble"), () => (showFeed(feed), byId("trouble").replaceChildren()));
};

const keepFresh = async () => {
  await refreshNow();
  setTimeout(keepFresh, document.hidden ? 3000 : 500);
};

for (const tab of tabs()) tab.addEventListener("click", () => (location.hash = `#/${tab.dataset.view}`));
document.querySelector("[role=tablist]").addEventListener("keydown", moveTab);
byId("calls").append(make("div", { id: "call" }));
byId("calls-count").before(make("div", { id: "unknown" }));
showScenario();
models.ready = loadModels().catch((error) => byId("try").replaceChildren(problem(`The models cannot be read: ${error.message}`)));
window.addEventListener("hashchange", followAddress);
followAddress();
keepFresh();
