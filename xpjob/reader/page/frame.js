// What every listing has: a title, a search, chips, a table that sorts, and pages.

import { here, view } from "./address.js";
import { el, hidden, morph, number } from "./parts.js";
import { $, PAGE, shell } from "./state.js";

const TYPING = 250;

// `search` is what the search box says of itself; without it there is none.
export function frame({ title, search, controls = [] }, go) {
  let typing;
  const type = ({ target }) => {
    clearTimeout(typing);
    const text = target.value.trim();
    typing = setTimeout(() => target.isConnected && go((to) => (text ? to.set("q", text) : to.delete("q")), { push: false }), TYPING);
  };
  const order = ({ target }) => go((to) => (target.value ? to.set("sort", target.value) : to.delete("sort")));
  const sort = el("select", { id: "sort", onchange: order });
  const box =
    search &&
    el(
      "label",
      { class: "field search" },
      hidden(search),
      el("input", {
        type: "search",
        id: "q",
        maxlength: 120,
        placeholder: `${search} …`,
        autocomplete: "off",
        spellcheck: "false",
        oninput: type,
      }),
    );
  return el(
    "section",
    { class: "records", id: "records", tabindex: "-1", "aria-labelledby": "records-title" },
    el(
      "div",
      { class: "bar" },
      el("h2", { id: "records-title" }, title),
      ...controls,
      el("label", { class: "field sorting" }, "Sort by ", sort),
      box || null,
    ),
    el("div", { class: "chips", id: "chips", role: "group", "aria-label": "Filters in force" }),
    el(
      "div",
      { class: "scroll", id: "scroll", tabindex: "0", role: "region", "aria-label": "Table of records" },
      el(
        "table",
        { role: "table" },
        el("caption", { class: "hidden" }, "Records; the column headers sort"),
        el("thead", { role: "rowgroup" }, el("tr", { id: "head", role: "row" })),
        el("tbody", { id: "body", role: "rowgroup" }),
      ),
    ),
    el("p", { class: "nothing", id: "nothing", hidden: true }),
    el(
      "div",
      { class: "foot" },
      el("p", { id: "count", role: "status" }),
      el(
        "nav",
        { class: "pager", "aria-label": "Pages" },
        el("button", { type: "button", id: "previous" }, "Previous"),
        el("button", { type: "button", id: "next" }, "Next"),
      ),
      el("p", { class: "links" }, "Exactly this, as ", el("a", { id: "as-json" }, "JSON"), " or ", el("a", { id: "as-csv" }, "CSV"),
        el("span", { id: "as-all-box", hidden: true }, ", or as ", el("a", { id: "as-all" }, "CSV of all clusters"))),
    ),
  );
}

// The controls that say what the address says. `filters` are parameters, each with its title;
// `stored`: without an order, rows come as they lie in the snapshot.
export function follow({ columns, filters, sorting, path, asked, stored = false }) {
  const from = view();
  const search = $("q");
  if (search && document.activeElement !== search) search.value = from.get("q") ?? "";
  const orders = columns
    .filter((column) => column.sort)
    .flatMap((column) => [
      el("option", { value: column.sort }, `${column.title} ↑`),
      el("option", { value: `-${column.sort}` }, `${column.title} ↓`),
    ]);
  morph($("sort"), stored ? [el("option", { value: "" }, "(as stored)"), ...orders] : orders);
  $("sort").value = sorting;
  const chips = filters.flatMap(([name, title, say = (value) => value]) =>
    from
      .getAll(name)
      .map((value) =>
        el(
          "button",
          { type: "button", class: "chip", "data-filter": name, "data-value": value },
          hidden("Remove filter "),
          el("span", { class: "key" }, title),
          " ",
          say(value) || "(none)",
          el("span", { "aria-hidden": "true" }, " ×"),
        ),
      ),
  );
  if (chips.length > 1) chips.push(el("button", { type: "button", class: "chip clear", "data-clear": "yes" }, "Clear all"));
  morph($("chips"), chips);
  const link = new URLSearchParams(asked);
  if (sorting) link.append("sort", sorting);
  $("as-json").href = `${path}?${link}`;
  link.append("format", "csv");
  $("as-csv").href = `${path}?${link}`;
  $("as-all-box").hidden = !path.startsWith("tables/") || !(shell.found?.clusters.length > 1);
  link.set("cluster", "*");
  $("as-all").href = `${path}?${link}`;
}

// The parameters of one page of what is asked for.
export function paged(asked, sorting) {
  const query = new URLSearchParams(asked);
  if (sorting) query.append("sort", sorting);
  query.append("limit", PAGE);
  const token = shell.tokens.at(-1);
  if (token) query.append("continue", token);
  return query;
}

export function drawHead(columns, sorting) {
  const [first] = sorting.split(",");
  const [key, down] = [first.replace(/^-/, ""), first.startsWith("-")];
  morph(
    $("head"),
    columns.map((column) => {
      const sorted = Boolean(key) && column.sort === key;
      const arrow = el("span", { class: "arrow", "aria-hidden": "true" }, sorted ? (down ? "↓" : "↑") : "");
      const inner = column.sort ? el("button", { type: "button", "data-sort": column.sort }, column.title, arrow) : column.title;
      const order = down ? "descending" : "ascending";
      return el(
        "th",
        { scope: "col", role: "columnheader", class: column.class, title: column.help, "aria-sort": sorted ? order : null },
        inner,
      );
    }),
  );
}

// One row; `cell` gives the content of a column, `none()` where there is nothing.
export function row(key, columns, cell) {
  return el(
    "tr",
    { role: "row", "data-key": key },
    ...columns.map((column) => {
      const content = cell(column).filter(Boolean);
      const empty = content.every((each) => each.className === "none");
      const attributes = { role: "cell", class: column.class, "data-label": column.title, "data-empty": empty };
      return el("td", attributes, el("div", {}, ...content));
    }),
  );
}

export function details(key, columns, ...content) {
  const inner = el("div", { class: "open" }, ...content);
  return el(
    "tr",
    { class: "detail", role: "row", "data-key": `open ${key}` },
    el("td", { colspan: columns.length, role: "cell" }, inner),
  );
}

// What stands under the table, or instead of it.
export function drawFoot(rows, total, nothing) {
  $("nothing").hidden = !nothing || rows > 0;
  $("nothing").textContent = nothing ?? "";
  $("scroll").hidden = !rows;
  const first = (shell.tokens.length - 1) * PAGE;
  $("count").textContent = rows ? `${number(first + 1)}–${number(first + rows)} of ${number(total)}` : "";
  $("previous").disabled = shell.tokens.length < 2;
  $("next").disabled = !shell.next;
}

// Whether something narrows down, the tab and the cluster apart.
export const narrowed = (asked) => [...asked.keys()].some((name) => !here().has(name));
