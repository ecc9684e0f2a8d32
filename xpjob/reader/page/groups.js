// Rows by the tree that they are part of: a line for each root, the worst first, its rows on opening.

import { api, link, query, tablePath, toRecord, toTable } from "./address.js";
import { json } from "./ask.js";
import { badge, MOOD, parameter } from "./cells.js";
import { columnOf } from "./columns.js";
import { listing } from "./listing.js";
import { count, dim, dotted, el, number } from "./parts.js";
import { toggleOpen } from "./record.js";
import { PAGE, shell, since } from "./state.js";

export const wantsGroups = (table) => Boolean(table.parents?.length) && !columnOf(table, "tree") && query().get("by") === "tree";

const opening = (tree) => `tree ${tree}`;

// Show the rows of a tree, or hide them.
export async function openTree(table, tree, context) {
  await toggleOpen(opening(tree), () => {
    const to = new URLSearchParams(shell.data.asked);
    to.delete("tree");
    for (const [name, value] of [["tree", tree], ["sort", table.since || table.sort], ["limit", PAGE]]) if (value) to.append(name, value);
    return json(api(tablePath(table.key), to));
  }, context);
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
      el("span", { class: "states" }, badge(MOOD[lateness] ?? "bad", word)),
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
  const to = new URLSearchParams(asked);
  to.set(parameter("tree"), tree);
  return [
    listing(table, found.rows, cells, { label: title, details }),
    more ? el("p", { class: "more" }, link(toTable(table.key, to), {}, `All ${count(found.total, "row")}`)) : null,
  ];
}
