// What came, went, broke and healed between two snapshots.

import { link, toRecord, toWord } from "./address.js";
import { badge } from "./cells.js";
import { dim, dotted, el, number } from "./parts.js";

const WORDS = [["broke", "broke", "bad"], ["went", "went", "idle"], ["came", "came", ""], ["healed", "healed", "good"], ["changed", "changed", ""]];
const FEW = 5;

const said = (value) => (value === null || value === undefined || value === "" ? "–" : typeof value === "boolean" ? (value ? "yes" : "no") : typeof value === "object" ? JSON.stringify(value) : String(value));

export function counts(table) {
  const known = WORDS.filter(([name]) => table[name]);
  return known.length ? known.map(([name, word]) => `${number(table[name])} ${word}`).join(", ") : "nothing changed";
}

// Home: a line for each table, and what broke first.
export function changeLines(changes) {
  const tables = changes.tables.filter((table) => WORDS.some(([name]) => table[name]));
  if (!tables.length) return [el("p", { class: "dim" }, "Nothing came, went or changed.")];
  const first = tables.flatMap((table) => table.entries.map((entry) => ({ ...entry, table: table.table })))
    .sort((one, other) => rank(one) - rank(other)).slice(0, FEW);
  return [
    el("ul", { class: "plain" }, ...tables.map((each) => el("li", { "data-key": each.table },
      link(toWord("changes", { table: each.table }), {}, each.title || each.table), dim(` ${counts(each)}`)))),
    el("ul", { class: "plain changes" }, ...first.map((entry) => change(entry.table, entry))),
  ];
}

const rank = ({ what }) => WORDS.findIndex(([name]) => name === what);

export function change(table, { id, title, what, was = {}, is = {} }) {
  const [, word, tone] = WORDS.find(([name]) => name === what) ?? ["", what, ""];
  const columns = [...new Set([...Object.keys(was ?? {}), ...Object.keys(is ?? {})])];
  const how = what === "came" || what === "went" ? "" : columns.filter((name) => said(was?.[name]) !== said(is?.[name])).map((name) => `${name} ${said(was?.[name])} → ${said(is?.[name])}`).join(", ");
  return el("li", { "data-key": `${table} ${id} ${what}`, "data-row": "" }, badge(tone, word), " ",
    what === "went" ? el("span", {}, ...dotted(title)) : link(toRecord(table, id), { class: "name" }, ...dotted(title)), how ? dim(` ${how}`) : null);
}
