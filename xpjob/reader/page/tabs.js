// The tabs: one for each view that an extension adds, and one for each table that none covers.

import { here, href, view } from "./address.js";
import { json, silent } from "./ask.js";
import { el, hidden, morph, number } from "./parts.js";
import { $, shell } from "./state.js";

const addresses = new Map();
const styles = new Map();
let described = { of: "", tabs: [] };
let seen = "";

// Return the tabs of the snapshot that is served. What a tab is made of, is in `of`.
export async function describe() {
  const { name, generatedAt } = shell.cluster;
  const of = `${name}\n${generatedAt}`;
  if (described.of === of) return described.tabs;
  const query = name ? new URLSearchParams({ cluster: name }) : undefined;
  const [schema, listed] = await Promise.all([json("schema.json", query), json("tables", query)]);
  const outcomes = new Map(listed.tables.map((each) => [each.key, each]));
  const views = schema.views
    .filter((each) => each.module && (!each.covers.length || each.covers.some((key) => outcomes.has(key))))
    .map(({ name: id, title, module, style, covers }) => ({ id, title, module, style, covers, of: module }));
  const covered = new Set(views.flatMap((each) => each.covers));
  const ids = new Set(views.map((each) => each.id));
  const tables = schema.tables.filter((each) => !covered.has(each.key)).map((table) => ({
    id: ids.has(table.key) ? `table.${table.key}` : table.key,
    title: table.title || table.key,
    module: "/table.js",
    table,
    outcome: outcomes.get(table.key) ?? { rows: 0, error: "", carriedSince: "" },
    reserved: schema.reserved,
    of: JSON.stringify(table),
  }));
  described = { of, tabs: [...views, ...tables] };
  return described.tabs;
}

export const known = () => described.tabs;
export const forget = () => { described = { of: "", tabs: described.tabs }; };

// Return the tab that the address names; the first where it names none.
export function chosen(tabs) {
  const wanted = view().get("tab");
  const found = tabs.find((each) => each.id === wanted);
  shell.gone = wanted && !found ? wanted : "";
  shell.empty = !tabs.length;
  return found ?? tabs[0];
}

// Return the module of a tab, once its style is there too: nothing moves when it comes.
export async function load(tab) {
  const [module] = await Promise.all([import(`.${tab.module}`).catch(silent), tab.style ? styled(tab.style) : null]);
  return module;
}

function styled(path) {
  if (!styles.has(path)) {
    const link = el("link", { rel: "stylesheet", href: path.slice(1) });
    styles.set(path, new Promise((done) => { link.addEventListener("load", done); link.addEventListener("error", done); }));
    document.head.append(link);
  }
  return styles.get(path);
}

// Remember what a tab is asked for, so that whoever comes back finds it as it was left.
export function remember(tab) {
  addresses.set(tab.id, view());
}

export function addressOf(tab) {
  const to = new URLSearchParams(addresses.get(tab.id));
  for (const name of ["tab", "cluster"]) to.delete(name);
  if (tab !== described.tabs[0]) to.set("tab", tab.id);
  if (here().get("cluster")) to.set("cluster", here().get("cluster"));
  return to;
}

export function drawTabs(open) {
  const { tabs } = described;
  const several = Boolean(open) && tabs.length > 1;
  $("tabs").hidden = !several;
  const panel = several ? { role: "tabpanel", "aria-labelledby": "tab-open" } : {};
  for (const name of ["role", "aria-labelledby"]) {
    if (panel[name]) $("panel").setAttribute(name, panel[name]);
    else $("panel").removeAttribute(name);
  }
  if (!several) return;
  morph($("tabs"), tabs.map((tab) => {
    const on = tab.id === open.id;
    const bad = tab.outcome?.error;
    return el("a", {
      role: "tab", class: "tab", href: href(addressOf(tab)), id: on ? "tab-open" : null, "data-tab": tab.id, "data-key": tab.id,
      "aria-selected": String(on), "aria-controls": on ? "panel" : null, tabindex: on ? "0" : "-1",
    }, el("span", {}, tab.title), tab.outcome ? el("span", { class: "count" }, number(tab.outcome.rows)) : null,
    bad ? el("span", { class: "flag", title: bad }, el("span", { "aria-hidden": "true" }, "!"), hidden("not from this run")) : null);
  }));
  if (seen !== open.id) reveal($("tab-open"), $("tabs"));
  seen = open.id;
}

// Scroll the bar, and nothing else, until the tab can be seen.
function reveal(tab, bar) {
  const [inner, outer] = [tab.getBoundingClientRect(), bar.getBoundingClientRect()];
  bar.scrollLeft += Math.min(0, inner.left - outer.left - 24) + Math.max(0, inner.right - outer.right + 24);
}

// Arrow keys move along the bar; Enter and the space bar open.
export function walk(event) {
  const all = [...$("tabs").children];
  const at = all.indexOf(event.target.closest("[role=tab]"));
  const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: -1 }[event.key];
  if (at < 0 || event.ctrlKey || event.altKey || event.metaKey) return;
  if (event.key === " ") all[at].click();
  else if (to === undefined) return;
  else all.at(to % all.length).focus();
  event.preventDefault();
}

