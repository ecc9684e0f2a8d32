// The header: search, cluster, and what there is to go to.

import { allowsAll, here, link, query, toHome, toSearch, toTable, toTeams, toUsage, toWord } from "./address.js";
import { morph } from "./morph.js";
import { el, hidden, number } from "./parts.js";
import { $, shell, thisMonth } from "./state.js";

const TYPING = 250;

export function wireHeader(context) {
  let typing;
  $("skip").addEventListener("click", () => { $("main").focus(); $("main").scrollIntoView(); });
  $("find").addEventListener("submit", (event) => {
    event.preventDefault();
    clearTimeout(typing);
    context.open(toSearch($("search").value.trim()));
  });
  $("search").addEventListener("input", () => {
    clearTimeout(typing);
    const text = $("search").value.trim();
    if (shell.route?.view !== "search") return;
    typing = setTimeout(() => context.go((to) => (text ? to.set("q", text) : to.delete("q")), { push: false }), TYPING);
  });
  $("cluster").addEventListener("change", ({ target }) => {
    const to = query();
    to.set("cluster", target.value);
    context.open(here(to));
  });
}

export function drawHeader() {
  const { overview, route, version } = shell;
  const clusters = shell.clusters.filter((each) => each.generatedAt);
  $("brand").href = toHome();
  $("to-runs").href = toWord("runs");
  $("version").textContent = `xpjob ${overview?.version ?? version?.version ?? ""}`;
  if (document.activeElement !== $("search")) $("search").value = route?.view === "search" ? query().get("q") ?? "" : "";
  $("cluster-box").hidden = clusters.length < 2;
  const all = allowsAll(route?.view) ? [el("option", { value: "*" }, "all clusters")] : [];
  morph($("cluster"), [...clusters.map(({ name }) => el("option", { value: name }, name || "(no name)")), ...all]);
  $("cluster").value = query().get("cluster") ?? overview?.cluster ?? "";
  if (!route) return;
  const open = overview?.collectors?.find((each) => each.tables.some(({ key }) => key === route.table));
  morph($("tabs"), tabs(overview, route, open));
  const several = open && open.tables.length > 1;
  $("tables").hidden = !several;
  morph($("tables"), several ? open.tables.map((table) => tableTab(table, route)) : []);
  reveal($("tabs"));
  reveal($("tables"));
}

function tab(key, href, title, on, ...more) {
  return link(href, { class: "tab", "data-key": `tab ${key}`, "aria-current": on ? "page" : null }, title, ...more);
}

function tabs(overview, route, open) {
  const collectors = (overview?.collectors ?? []).filter((each) => each.tables.length);
  return [
    tab("home", toHome(), "Home", route.view === "home"),
    ...collectors.map((each) => tab(each.name, toTable(each.tables[0].key), each.title || each.name, each === open, flag(each))),
    overview?.teams ? tab("teams", toTeams(), "Teams", ["teams", "team"].includes(route.view)) : null,
    overview?.usage ? tab("usage", toUsage({ month: thisMonth() }), "Usage", route.view === "usage") : null,
    tab("search", toSearch(), "Search", route.view === "search"),
  ].filter(Boolean);
}

function tableTab({ key, title, rows, error, carriedSince }, route) {
  const on = key === route.table;
  return link(toTable(key), { class: "tab", "data-key": `table ${key}`, "aria-current": on ? (route.view === "table" ? "page" : "true") : null },
    title || key, el("span", { class: "count" }, number(rows)), flag({ error, carriedSince }));
}

// What runs and has failed keeps its tab, with a mark.
function flag({ error, carriedSince }) {
  if (!error && !carriedSince) return null;
  return el("span", { class: "flag", title: error || `kept from ${carriedSince}` }, el("span", { "aria-hidden": "true" }, "!"), hidden(" not from this run"));
}

const seen = new WeakMap();

// Scroll the bar, and nothing else, until the tab can be seen; once for each tab.
function reveal(bar) {
  const on = bar.querySelector("[aria-current]");
  if (!on || seen.get(bar) === on.dataset.key) return;
  seen.set(bar, on.dataset.key);
  const [inner, outer] = [on.getBoundingClientRect(), bar.getBoundingClientRect()];
  bar.scrollLeft += Math.min(0, inner.left - outer.left - 24) + Math.max(0, inner.right - outer.right + 24);
}
