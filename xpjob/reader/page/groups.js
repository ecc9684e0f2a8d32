// Rows by the tree that they are part of: a line for each root, the worst first, its rows on opening.

import { api, link, query, tablePath, toRecord, toTable } from "./address.js";
import { json } from "./ask.js";
import { badge, parameter } from "./cells.js";
import { columnOf } from "./columns.js";
import { listing } from "./listing.js";
import { count, dim, dotted, el, number } from "./parts.js";
import { PAGE, shell, since } from "./state.js";

const TONE = { long: "alarm", late: "bad", recent: "idle", "": "good" };

export const wantsGroups = (table) => Boolean(table.parents?.length) && !columnOf(table, "tree") && query().get("by") === "tree";

const opening = (tree) => `tree ${tree}`;

// Show the rows of a tree, or hide them.
export async function openTree(table, tree, asked, context) {
  const key = opening(tree);
  if (shell.open.delete(key)) { context.redraw(); return; }
  const held = { found: null, error: "" };
  shell.open.set(key, held);
  context.redraw();
  const to = new URLSearchParams(asked);
  to.delete("tree");
  for (const [name, value] of [["tree", tree], ["sort", table.since || table.sort], ["limit", PAGE]]) if (value) to.append(name, value);
  try {
    held.found = await json(api(tablePath(table.key), to));
  } catch (error) {
    if (error.status === undefined) throw error;
    held.error = error.message;
  }
  context.redraw();
}

export function groups(table, { trees, total, troubled, matching, asked }, cells, details) {
  const said = [troubled ? `${count(troubled, "tree")} in trouble` : "No tree is in trouble", `${number(total)} in all`, count(matching, "row")];
  return el("div", { class: "groups" }, el("p", { class: "left" }, `${said.join(", ")}.`),
    ...trees.map((each) => group(table, each, asked, cells, details)));
}

function group(table, each, asked, cells, details) {
  const { tree, table: key, id, title, kind, state, ok, rows, late, lateness, since: time, why, blocker } = each;
  const held = shell.open.get(opening(tree));
  const word = late ? `${number(late)} late` : lateness || "ok";
  const name = [kind, title].filter(Boolean).join(" ") || "(none)";
  return el("section", { class: "group", "data-key": tree, "aria-label": name },
    el("div", { class: "root" },
      el("button", { type: "button", class: "fold", "data-tree": tree, "aria-expanded": String(Boolean(held)), "aria-label": `${held ? "Close" : "Open"} ${name}` }, held ? "▾" : "▸"),
      el("span", { class: "states" }, badge(TONE[lateness] ?? "bad", word)),
      el("span", { class: "what" }, link(toRecord(key, id), { class: "name", title: name }, kind && title ? el("span", { class: "in" }, `${kind} `) : null, ...dotted(title || name)),
        dim(` ${[state || (ok === null ? "" : ok ? "ok" : "not ok"), count(rows, "row")].filter(Boolean).join(" · ")}`)),
      why ? el("span", { class: "line why", title: `${blocker}: ${why}` }, blocker === name ? why : `${blocker}: ${why}`) : null,
      time ? el("span", { class: "when" }, since(time)) : null),
    held ? el("div", { class: "members" }, ...members(table, each, held, asked, cells, details)) : null);
}

function members(table, { tree, title }, { found, error }, asked, cells, details) {
  if (error) return [el("p", { class: "dim" }, `Its rows cannot be shown: ${error}.`)];
  if (!found) return [el("p", { class: "dim" }, "Loading …")];
  const more = found.total > found.rows.length;
  const filters = {};
  for (const name of new Set(asked.keys())) filters[name] = asked.getAll(name);
  return [
    listing(table, found.rows, cells, { label: title, details }),
    more ? el("p", { class: "more" }, link(toTable(table.key, { ...filters, [parameter("tree")]: tree }), {}, `All ${count(found.total, "row")}`)) : null,
  ];
}
