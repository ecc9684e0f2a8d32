// Rows by the tree that they are part of: a line for each root, the worst first, with its rows below.

import { link, query, toSearch } from "./address.js";
import { badge, lateness, lateWord, plain, refText } from "./cells.js";
import { columnOf, nameOf, reason } from "./columns.js";
import { listing } from "./listing.js";
import { count, el, number } from "./parts.js";
import { since } from "./state.js";

const WORST = ["long", "late", "recent", ""];

export const wantsGroups = (table) => Boolean(table.parents?.length) && query().get("by") === "tree";

// The topmost parent that a row names; the row itself where it names none.
function rootOf(table, row) {
  const refs = table.parents.map((name) => row[name]).filter((value) => value && typeof value === "object" && value.name);
  if (refs.length) return { title: refText(refs.at(-1)), href: toSearch(refs.at(-1).name) };
  return { title: [plain(row.kind), nameOf(table, row)].filter(Boolean).join(" "), href: null };
}

function grouped(table, rows) {
  const made = new Map();
  for (const row of rows) {
    const root = rootOf(table, row);
    const key = row.tree || root.title;
    if (!made.has(key)) made.set(key, { ...root, key, rows: [] });
    made.get(key).rows.push(row);
  }
  for (const each of made.values()) {
    const rank = (row) => { const at = WORST.indexOf(lateness(table, row)); return at < 0 ? WORST.length : at; };
    each.rows.sort((one, other) => rank(one) - rank(other));
    [each.worst] = each.rows;
    each.rank = rank(each.worst);
    each.late = each.rows.filter((row) => rank(row) < 2).length;
  }
  return [...made.values()].sort((one, other) => one.rank - other.rank || other.late - one.late || other.rows.length - one.rows.length);
}

export function groups(table, { rows, total }, cells, details) {
  const made = grouped(table, rows);
  const part = total > rows.length ? ` Of the first ${number(rows.length)} of ${number(total)} rows.` : "";
  return el("div", { class: "groups" },
    el("p", { class: "left" }, `${count(made.length, "tree")}, ${count(rows.length, "row")}.${part}`),
    ...made.map((each) => group(table, each, cells, details)));
}

function group(table, { key, title, href, rows, worst, late, rank }, cells, details) {
  const word = late ? `${number(late)} late` : rank === 2 ? "recent" : "ok";
  const kind = ["alarm", "bad", "idle", "good"][rank] ?? "";
  const state = columnOf(table, table.since) ? el("span", { class: "when" }, lateWord(table, worst), " ", since(worst[table.since])) : null;
  return el("details", { class: "group", "data-key": key, "data-own": "" },
    el("summary", {}, badge(kind, word), " ", el("strong", {}, title), " ", el("span", { class: "dim" }, count(rows.length, "row")), late ? state : null,
      late ? reason(table, worst) : null),
    href ? el("p", { class: "more" }, link(href, {}, `Find ${title}`)) : null,
    listing(table, rows, cells, { label: title, details }));
}
