// What stands above and below rows: columns, width, groups; pages, and the same as JSON and CSV.

import { api, query, tablePath } from "./address.js";
import { isWide } from "./columns.js";
import { el, number, printButton } from "./parts.js";
import { shell } from "./state.js";

export function toolbar(table, { grouped }) {
  const all = isWide();
  const made = [];
  if (table.parents?.length) {
    made.push(el("button", { type: "button", class: "quiet", "aria-pressed": String(Boolean(grouped)), "data-group": grouped ? "" : "tree" }, "By tree"));
  }
  made.push(el("button", { type: "button", class: "quiet", id: "wide", "data-wide": "yes", "aria-pressed": String(all) }, "Wide"), columns(table));
  made.push(printButton());
  return [el("div", { class: "tools" }, ...made)];
}

function columns(table) {
  const items = table.columns.map(({ name, title, help }) => el("li", {}, el("label", { class: "check", title: help || null },
    el("input", { type: "checkbox", "data-change": "columns", "data-columns": name }), title || name)));
  return el("details", { class: "columns", "data-own": "" }, el("summary", { class: "quiet" }, "Columns"),
    el("div", { class: "sheet" }, el("ul", {}, ...items), el("button", { type: "button", class: "more", "data-columns": "" }, "As usual")));
}

export function bottom(table, data) {
  const { rows, total, asked, sorting, next, grouped } = data;
  const first = (shell.tokens.length - 1) * shell.limit;
  const shown = grouped ? grouped.trees.length : rows.length;
  const place = shown ? `${number(first + 1)}–${number(first + shown)} of ${number(grouped ? grouped.total : total)}${grouped ? " trees" : ""}` : "";
  return el("div", { class: "foot" },
    el("p", { id: "count" }, place),
    pager(next),
    links(table, asked, sorting));
}

// The page before and the next one, where there is more than one; `next` is the token of the next.
export function pager(next) {
  if (shell.tokens.length < 2 && !next) return null;
  return el("nav", { class: "pager", "aria-label": "Pages" },
    el("button", { type: "button", class: "quiet", id: "previous", "data-pages": "previous", disabled: shell.tokens.length < 2 }, "Previous"),
    el("button", { type: "button", class: "quiet", id: "next", "data-pages": "next", disabled: !next }, "Next"));
}

function links(table, asked, sorting) {
  const to = new URLSearchParams(asked);
  if (query().get("cluster")) to.set("cluster", query().get("cluster"));
  if (sorting) to.append("sort", sorting);
  const path = tablePath(table.key);
  const as = (name, id, more) => el("a", { id, href: api(path, with_(to, more)) }, name);
  const all = shell.clusters.filter((each) => each.generatedAt).length > 1 ? [", or as ", as("CSV of all clusters", "as-all", { format: "csv", cluster: "*" })] : [];
  return el("p", { class: "links" }, "Exactly this, as ", as("JSON", "as-json", {}), " or ", as("CSV", "as-csv", { format: "csv" }), ...all);
}

// A query with other parameters set.
export function with_(to, more) {
  const made = new URLSearchParams(to);
  for (const [name, value] of Object.entries(more)) made.set(name, value);
  return made;
}
