// Which columns of a table are shown, in which cells: the name with what it is in, the reason in what
// is left of the line, and the others by their priority.

import { cell, isNumber, isRight, lateWord, plain, text } from "./cells.js";
import { link, query, rowId, toRecord } from "./address.js";
import { el, none } from "./parts.js";
import { keep, kept, since } from "./state.js";

export const titleOf = (table, name) => table.columns.find((column) => column.name === name)?.title || name;
export const columnOf = (table, name) => table.columns.find((column) => column.name === name);

const known = (table, names) => names.map((name) => columnOf(table, name)).filter(Boolean);

// The columns that somebody has chosen: in the address, else as kept on this device.
function chosen(table) {
  const said = query().get("cols") ?? kept(`cols.${table.key}`);
  const names = said ? known(table, said.split(",")).map(({ name }) => name) : [];
  return names.length ? names : null;
}

export function choose(table, names) {
  keep(`cols.${table.key}`, names ? names.join(",") : null);
}

export const isWide = () => kept("wide") === "yes";

// The names of columns that the title of a row is made of, its own name last.
export function naming(table) {
  const names = known(table, table.name?.length ? table.name : table.identity).map(({ name }) => name);
  return names.length ? names : table.columns.slice(0, 1).map(({ name }) => name);
}

export function nameOf(table, row) {
  return naming(table).map((name) => text(columnOf(table, name), row[name])).filter(Boolean).join("/") || "(none)";
}

export const idOf = (table, row) => (table.identity.length ? rowId(table.identity.map((name) => plain(row[name]))) : null);

// The cells of a line. Each has a `name` to sort by, a `title`, a `priority` and how to `draw` a row.
export function cells(table) {
  const names = naming(table);
  const wanted = chosen(table);
  let shown = wanted ?? (table.shown.length ? table.shown : table.columns.map(({ name }) => name));
  const reasons = wanted ? [] : known(table, table.why ?? []).filter(({ name, type }) => type === "text" && shown.includes(name)).map(({ name }) => name);
  if (!wanted && table.since && !shown.includes(table.since)) shown = [...shown, table.since];
  const made = [nameCell(table, names)];
  for (const column of known(table, shown)) {
    if (names.includes(column.name)) continue;
    if (column.name === reasons[0]) made.push(whyCell(table, columnOf(table, reasons[0])));
    if (reasons.includes(column.name)) continue;
    made.push({
      name: column.name, title: column.title || column.name, help: column.help, right: isRight(column), number: isNumber(column), column,
      priority: wanted || isWide() ? 1 : priority(table, column), rest: !reasons.length && ["message", "error"].includes(column.name),
      draw: (row) => (column.name === table.since ? late(table, column, row) : cell(column, row, table)),
    });
  }
  return made;
}

// Snapshots of earlier versions have no priorities: there, those that are shown first count most.
function priority(table, column) {
  if (table.columns.some((each) => each.priority)) return column.priority || 3;
  return Math.min(1 + Math.floor(table.shown.indexOf(column.name) / 3), 3);
}

function nameCell(table, names) {
  const own = columnOf(table, names.at(-1));
  const head = { name: own.name, title: own.title || own.name, help: own.help, priority: 1, column: own, primary: true, covers: names };
  return { ...head, draw: (row) => nameLink(table, row) };
}

export function nameLink(table, row) {
  const names = naming(table);
  const before = names.slice(0, -1).map((name) => text(columnOf(table, name), row[name])).filter(Boolean);
  const own = text(columnOf(table, names.at(-1)), row[names.at(-1)]) || "(none)";
  const id = idOf(table, row);
  const title = nameOf(table, row);
  const inner = [before.length ? el("span", { class: "in" }, `${before.join("/")}/`) : null, own];
  return id === null ? el("span", { class: "name", title }, ...inner) : link(toRecord(table.key, id), { class: "name", title }, ...inner);
}

const whyCell = (table, first) => ({
  name: first.name, title: "Why", help: first.help, priority: first.priority || 2, rest: true, column: first, draw: (row) => reason(table, row),
});

// Why a row is not ok: the best that is known.
export function reason(table, row) {
  const said = row[table.ok] === true ? "" : known(table, table.why ?? []).map((column) => text(column, row[column.name])).find(Boolean);
  return said ? el("span", { class: "line", title: said }, said) : none();
}

function late(table, column, row) {
  const word = lateWord(table, row);
  return word ? el("span", { class: "since" }, word, " ", since(row[column.name])) : since(row[column.name]);
}

// Numbers first with the largest, texts from A; then the other way round.
export function turned(sorting, { name, number }) {
  if (sorting === name) return `-${name}`;
  if (sorting === `-${name}`) return name;
  return number ? `-${name}` : name;
}
